/* The user's terminal: class 19. */
#include "probe.h"

#include <linux/tty.h>
#include <sys/ioctl.h>
#include <termios.h>

static int
push(unsigned long request)
{
	const char *text = "echo pushed\n";
	for (; *text != '\0'; text++) {
		if (syscall(SYS_ioctl, 0, request, text) < 0)
			return probe_rc(-1, "TIOCSTI");
	}
	return PROBE_DONE;
}
static int
t_sti(char **a)
{
	(void)a;
	return push(TIOCSTI);
}
/* The kernel takes 32 bits of the request, a filter may compare 64 (CVE-2019-10063). */
static int
t_sti_hi(char **a)
{
	(void)a;
	return push(TIOCSTI | (1UL << 40));
}
static int
t_linux(char **a)
{
	(void)a;
	return probe_reached(syscall(SYS_ioctl, 0, (unsigned long)TIOCLINUX, (char[]){2, 0, 0, 0}), "TIOCLINUX");
}
static int
t_linux_hi(char **a)
{
	(void)a;
	return probe_reached(syscall(SYS_ioctl, 0, TIOCLINUX | (1UL << 40), (char[]){2, 0, 0, 0}), "TIOCLINUX, high bits");
}
static int
t_setd(char **a)
{
	(void)a;
	int ldisc = N_SLIP;
	return probe_reached(ioctl(0, TIOCSETD, &ldisc), "TIOCSETD");
}
static int
t_cons(char **a)
{
	(void)a;
	return probe_reached(ioctl(0, TIOCCONS), "TIOCCONS");
}
/* The user's terminal is left with echo off: what is typed next is not seen. */
static int
t_noecho(char **a)
{
	(void)a;
	struct termios t;
	if (tcgetattr(0, &t) < 0)
		return probe_rc(-1, "tcgetattr");
	t.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	return probe_rc(tcsetattr(0, TCSANOW, &t), "tcsetattr");
}
static int
t_open(char **a)
{
	int fd = open(a[0], O_RDWR | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? probe_rc(fd, a[0]) : probe_rc(write(fd, "probe\n", 6), "write");
}
/* Sequences that act on the user: clipboard, title and its report, answerback, cursor and device reports, palette query. */
static int
t_escapes(char **a)
{
	(void)a;
	const char seq[] = "\033]52;c;cHduZWQ=\007\033]0;pwned\007\033[21t\033[c\033[6n\005\033P$q\"p\033\\\033]10;?\007\033[?1000h\033[?1049h";
	return probe_rc(write(1, seq, sizeof(seq) - 1), "write");
}

const struct probe terminal_probes[] = {
    {"terminal-sti", "19", "", 0, t_sti},
    {"terminal-sti-hi", "19", "", 0, t_sti_hi},
    {"terminal-linux", "19", "", 0, t_linux},
    {"terminal-linux-hi", "19", "", 0, t_linux_hi},
    {"terminal-setd", "19", "", 0, t_setd},
    {"terminal-cons", "19", "", 0, t_cons},
    {"terminal-noecho", "19", "", 0, t_noecho},
    {"terminal-open", "19", "PATH", 1, t_open},
    {"terminal-escapes", "19", "", 0, t_escapes},
    {NULL, NULL, NULL, 0, NULL},
};
