#include "doctor.h"

#include "base/cli.h"
#include "base/io.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

static struct result *
results(void)
{
	struct result *r = calloc(doctor_nattacks, sizeof(*r));
	for (size_t i = 0; r != NULL && i < doctor_nattacks; i++) {
		r[i].why = probe_cat("", "");
		r[i].line = probe_cat("", "");
	}
	return r;
}

static void
free_results(struct result *r)
{
	for (size_t i = 0; r != NULL && i < doctor_nattacks; i++) {
		free(r[i].why);
		free(r[i].line);
	}
	free(r);
}

/* From here on they are read from a descriptor, so that what was made is removed whenever they come. */
static int
hold_signals(void)
{
	sigset_t set;
	(void)sigemptyset(&set);
	const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	for (size_t i = 0; i < BR_ARRAY_LEN(ending); i++)
		(void)sigaddset(&set, ending[i]);
	(void)signal(SIGPIPE, SIG_IGN);
	return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -1 : signalfd(-1, &set, SFD_CLOEXEC);
}

static int
both_rounds(struct world *w, bool bare, struct result *wall, struct result *control, struct br_err *e)
{
	if (world_make(w, e) < 0)
		return -1;
	w->bare = true;
	if (round_run(w, bare ? wall : control, e) < 0)
		return -1;
	if (bare || w->ended != 0)
		return 0;
	world_clear(w);
	w->bare = false;
	return round_run(w, wall, e);
}

static int
attack(const char *brattice, bool json, bool bare)
{
	char self[PATH_MAX];
	struct br_err e = BR_ERR_INIT;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n < 0 ? 0 : n] = '\0';
	struct world w = {.dir = -1, .lock = -1, .signals = hold_signals(), .self = self, .brattice = brattice};
	struct result *wall = results(), *control = results();
	br_auto_buf out = {0};
	int64_t began = probe_now_ms();
	int status = BR_EXIT_FAILURE;
	/* What outlives the control becomes ours, and is ended. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (wall == NULL || control == NULL || w.signals < 0)
		(void)br_err_set(&e, errno, "cannot begin");
	else if (both_rounds(&w, bare, wall, control, &e) == 0)
		status = 0;
	world_remove(&w);
	if (w.ended != 0)
		status = 128 + w.ended;
	else if (status != 0)
		status = br_cli_fail(&e);
	else
		status = report_put(&out, wall, bare ? NULL : control, (double)(probe_now_ms() - began) / 1000, json, br_cli_colour(STDOUT_FILENO));
	free_results(wall);
	free_results(control);
	return out.len > 0 ? br_cli_put(&out, status) : status;
}

int
doctor_main(int argc, char **argv)
{
	bool json = false, bare = false;
	int i = 0;
	for (; i < argc && argv[i][0] == '-'; i++) {
		json = json || br_streq(argv[i], "--json");
		bare = bare || br_streq(argv[i], "--bare");
	}
	if (argc - i != 1 || argv[i][0] != '/') {
		fprintf(stderr, "usage: brattice-attack doctor [--json] [--bare] BRATTICE\n");
		return BR_EXIT_FAILURE;
	}
	return attack(argv[i], json, bare);
}
