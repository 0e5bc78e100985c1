/* Reads what the kernel has loaded, at the stop before its first instruction.
 *
 * The stack of a new image is the kernel's own work (fs/binfmt_elf.c, create_elf_tables), from the stack pointer up: argc, the
 * pointers of argv, NULL, those of the environment, NULL, the auxiliary vector; above them the strings of argv, then those of the
 * environment, then the name that was executed. */
#include "exec/exec_int.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#define FIRST_READ 8192U /* most images need no more */
#define MOST_READ (16U << 20) /* strings and pointers are limited to 6 MiB by fs/exec.c */

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#endif

/* ptrace(2), PTRACE_GET_SYSCALL_INFO: the part that is filled at every stop */
struct stop_info {
	uint8_t op, pad[3];
	uint32_t arch;
	uint64_t ip, sp;
};

/* Where everything lies, as far as the first `n` bytes from `sp` show. */
struct layout {
	uint64_t args, env, end; /* addresses: strings of argv, of the environment, the executed name */
};

/* 0, -1 when more bytes are needed. */
static int
parse(const struct br_buf *b, struct layout *l)
{
	size_t words = b->len / sizeof(uint64_t), i = 0;
	const uint64_t *w = (const uint64_t *)(const void *)b->p;
	*l = (struct layout){0};
	if (words < 2)
		return -1;
	uint64_t argc = w[0];
	if (argc == 0 || argc > MOST_READ || words < argc + 3)
		return -1;
	l->args = w[1];
	i = (size_t)argc + 2;
	l->env = w[i];
	while (i < words && w[i] != 0)
		i++;
	for (i++; i + 1 < words && w[i] != AT_NULL; i += 2)
		if (w[i] == AT_EXECFN)
			l->end = w[i + 1];
	if (i + 1 >= words || l->end == 0)
		return -1;
	if (l->env == 0)
		l->env = l->end;
	return 0;
}

/* Appends the memory from `addr` on, `n` bytes of it or as far as there is any. */
static void
read_memory(pid_t pid, struct br_buf *b, uint64_t addr, size_t n)
{
	char *to = br_buf_room(b, n);
	if (to == NULL)
		return;
	struct iovec local = {to, n}, remote = {(void *)(uintptr_t)addr, n};
	ssize_t r = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	if (r > 0)
		b->len += (size_t)r;
}

static int
read_stack(struct exec_image *im)
{
	struct stop_info s = {0};
	struct br_buf *b = &im->stack;
	struct layout l;
	br_buf_reset(b);
	b->failed = false;
	if (ptrace((int)0x420e /* PTRACE_GET_SYSCALL_INFO */, im->pid, sizeof(s), &s) < (long)sizeof(s) || s.arch != OWN_ARCH)
		return -1;
	size_t want = FIRST_READ;
	for (;;) {
		read_memory(im->pid, b, s.sp + b->len, want - b->len);
		if (parse(b, &l) == 0)
			break;
		if (b->failed || b->len < want || want >= MOST_READ)
			return -1;
		want *= 2;
	}
	if (l.args < s.sp || l.env < l.args || l.end < l.env || l.end - s.sp > MOST_READ)
		return -1;
	/* The executed name is the last, and has at most PATH_MAX bytes. */
	size_t have = (size_t)(l.end - s.sp) + 1;
	if (b->len < have || memchr(b->p + have - 1, '\0', b->len - (have - 1)) == NULL)
		read_memory(im->pid, b, s.sp + b->len, have + PATH_MAX - b->len);
	if (b->failed || b->len < have)
		return -1;
	im->args = b->p + (l.args - s.sp);
	im->nargs = (size_t)(l.env - l.args);
	im->env = b->p + (l.env - s.sp);
	im->nenv = (size_t)(l.end - l.env);
	im->key = l.args * 0x9e3779b97f4a7c15ULL ^ l.end;
	const char *name = b->p + have - 1;
	size_t n = strnlen(name, b->len - (have - 1));
	if (n < sizeof(im->called)) {
		memcpy(im->called, name, n);
		im->called[n] = '\0';
	}
	return 0;
}

/* Of an image with another layout (32 bits; the filter ends it at its first call): what proc(5) says. */
static void
read_by_proc(const struct gate *g, struct exec_image *im)
{
	size_t at[3] = {0};
	static const char *const files[] = {"cmdline", "environ"};
	struct br_buf *b = &im->stack;
	br_buf_reset(b);
	b->failed = false;
	for (int i = 0; i < 2; i++) {
		char path[64];
		(void)snprintf(path, sizeof(path), "%d/%s", (int)im->pid, files[i]);
		br_auto_fd int fd = openat(g->proc, path, O_RDONLY | O_CLOEXEC);
		while (fd >= 0 && b->len - at[i] < MOST_READ) {
			char *to = br_buf_room(b, FIRST_READ);
			ssize_t n = to != NULL ? read(fd, to, FIRST_READ) : -1;
			if (n <= 0)
				break;
			b->len += (size_t)n;
		}
		at[i + 1] = b->len;
	}
	if (b->failed || at[1] == 0)
		return;
	im->args = b->p;
	im->nargs = at[1];
	im->env = b->p + at[1];
	im->nenv = at[2] - at[1];
}

static void
read_link(const struct gate *g, pid_t pid, const char *what, char out[PATH_MAX])
{
	char link[64];
	(void)snprintf(link, sizeof(link), "%d/%s", (int)pid, what);
	ssize_t n = readlinkat(g->proc, link, out, PATH_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
}

/* Salted, since an environment may hold secrets that can be guessed. */
static void
hash_environment(const struct gate *g, struct exec_image *im)
{
	if (im->env == NULL)
		return;
	for (unsigned i = 0; i < ENV_KEPT; i++) {
		const struct env_kept *k = &im->kept[i];
		if (k->hex[0] != '\0' && k->bytes.len == im->nenv && (im->nenv == 0 || memcmp(k->bytes.p, im->env, im->nenv) == 0)) {
			memcpy(im->env_hash, k->hex, sizeof(k->hex));
			return;
		}
	}
	struct br_sha256 s;
	unsigned char digest[BR_SHA256_LEN];
	br_sha256_init(&s);
	br_sha256_update(&s, g->c->salt, sizeof(g->c->salt));
	br_sha256_update(&s, im->env, im->nenv);
	br_sha256_final(&s, digest);
	br_sha256_hex(digest, im->env_hash);
	struct env_kept *k = &im->kept[im->next_kept++ % ENV_KEPT];
	br_buf_reset(&k->bytes);
	k->bytes.failed = false;
	br_buf_put(&k->bytes, im->env, im->nenv);
	memcpy(k->hex, im->env_hash, sizeof(k->hex));
	if (k->bytes.failed)
		k->hex[0] = '\0';
}

/* The name that was executed, as a path for us: our root is the sandbox's; what isn't absolute leads through the host's /proc. False
 * when the name would mean something else to us. */
static bool
name_for_us(const struct exec_image *im, const char *name, char out[PATH_MAX + 64])
{
	static const char dev_fd[] = "/dev/fd/";
	int n;
	if (br_startswith(name, dev_fd)) /* execveat(2) of a descriptor */
		n = snprintf(out, PATH_MAX + 64, "%d/fd/%s", (int)im->pid, name + strlen(dev_fd));
	else if (br_startswith(name, "/proc/") || br_startswith(name, "/dev/"))
		return false;
	else if (name[0] == '/')
		n = snprintf(out, PATH_MAX + 64, "%s", name);
	else
		n = snprintf(out, PATH_MAX + 64, "%d/cwd/%s", (int)im->pid, name);
	return n < PATH_MAX + 64;
}

/* A script's interpreter opens it by its name after this: what is found there now is a hint, and the event says so when the sandbox can
 * change it. */
static void
find_script(const struct gate *g, struct hash_cache *h, struct exec_image *im)
{
	char path[PATH_MAX + 64];
	struct br_statx x;
	if (im->called[0] == '\0' || br_streq(im->called, im->program) || !name_for_us(im, im->called, path))
		return;
	if (br_sys_statx(g->proc, path, 0, BR_STATX_BASIC_BTIME | BR_STATX_MNT_ID, &x) < 0) {
		if (errno == ENOENT && strstr(path, "/fd/") != NULL)
			return; /* a descriptor that was closed by the exec: no script, its interpreter could not have opened it */
		(void)snprintf(im->script, sizeof(im->script), "%s", im->called);
		im->script_writable = true;
		return;
	}
	if (x.ino == im->exe.ino && x.dev_major == im->exe.dev_major && x.dev_minor == im->exe.dev_minor)
		return;
	(void)snprintf(im->script, sizeof(im->script), "%s", im->called);
	if ((x.mode & S_IFMT) != S_IFREG || hash_file(g, h, path, &x, im->script_sha256, &im->script_writable) < 0)
		im->script_writable = true;
}

/* Names that nothing inside can lead elsewhere. */
static bool
is_system_name(const char *name)
{
	return br_startswith(name, "/usr/") || br_startswith(name, "/bin/") || br_startswith(name, "/sbin/");
}

/* The kernel's name of the program, and the script. When a system program was executed by the same name before, both are known. */
static void
read_names(const struct gate *g, struct hash_cache *h, struct exec_image *im)
{
	struct hash_slot *kept = im->has_exe && is_system_name(im->called) ? hash_kept(h, &im->exe) : NULL;
	if (kept != NULL && br_streq(kept->called, im->called)) {
		memcpy(im->program, kept->program, sizeof(kept->program));
		return;
	}
	read_link(g, im->pid, "exe", im->program);
	if (im->has_exe)
		find_script(g, h, im);
	size_t called = strlen(im->called), program = strlen(im->program);
	if (kept == NULL || im->script[0] != '\0' || called >= HASH_NAME || program >= HASH_NAME)
		return;
	memcpy(kept->called, im->called, called + 1);
	memcpy(kept->program, im->program, program + 1);
}

void
image_read(const struct gate *g, struct hash_cache *h, struct exec_image *im, pid_t pid)
{
	im->pid = pid;
	im->args = im->env = NULL;
	im->nargs = im->nenv = 0;
	im->key = 0;
	im->called[0] = im->sha256[0] = im->env_hash[0] = im->script[0] = im->script_sha256[0] = '\0';
	im->script_writable = false;
	if (read_stack(im) < 0)
		read_by_proc(g, im);
	read_link(g, pid, "cwd", im->cwd);
	char link[32];
	bool writable;
	(void)snprintf(link, sizeof(link), "%d/exe", (int)pid);
	im->has_exe = br_sys_statx(g->proc, link, 0, BR_STATX_BASIC_BTIME | BR_STATX_MNT_ID, &im->exe) == 0;
	if (im->has_exe && hash_file(g, h, link, &im->exe, im->sha256, &writable) < 0)
		im->sha256[0] = '\0';
	read_names(g, h, im);
	hash_environment(g, im);
}
