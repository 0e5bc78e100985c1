#include "sandbox/plan.h"

#include "base/buf.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static struct br_plan_op *
add(struct br_plan *p, enum br_plan_kind kind, unsigned flags, const char *src, const char *dst)
{
	static struct br_plan_op sink;
	if (p->n == p->cap) {
		size_t cap = p->cap != 0 ? p->cap * 2 : 128;
		struct br_plan_op *ops = realloc(p->ops, cap * sizeof(*ops));
		if (ops == NULL) {
			p->failed = true;
			return &sink;
		}
		p->ops = ops;
		p->cap = cap;
	}
	struct br_plan_op *o = &p->ops[p->n++];
	*o = (struct br_plan_op){.kind = kind, .flags = flags, .mode = 0755, .fd = -1};
	o->src = src != NULL ? strdup(src) : NULL;
	o->dst = strdup(dst);
	if (o->dst == NULL || (src != NULL && o->src == NULL))
		p->failed = true;
	return o;
}

static void
add_file(struct br_plan *p, const char *dst, const char *content)
{
	struct br_plan_op *o = add(p, BR_PLAN_FILE, 0, NULL, dst);
	o->mode = 0644;
	o->data = strdup(content);
	if (o->data == NULL)
		p->failed = true;
}

static void
add_tmpfs(struct br_plan *p, const char *dst, uint64_t size, mode_t mode, unsigned flags)
{
	struct br_plan_op *o = add(p, BR_PLAN_TMPFS, flags, NULL, dst);
	o->size = size;
	o->mode = mode;
}

/* What is absent here is absent in there; what can't be looked at is an error. */
static void
give_up(struct br_plan *p, int err)
{
	if (err == ENOENT)
		return;
	p->failed = true;
	p->err = err;
}

/* /bin and friends are symlinks into /usr on merged systems: keep them as they are. */
static void
add_system(struct br_plan *p, const char *path)
{
	struct stat st;
	if (lstat(path, &st) < 0) {
		give_up(p, errno);
		return;
	}
	if (S_ISLNK(st.st_mode)) {
		char target[PATH_MAX];
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0) {
			give_up(p, errno);
			return;
		}
		target[n] = '\0';
		add(p, BR_PLAN_SYMLINK, 0, target, path);
		return;
	}
	add(p, BR_PLAN_BIND, BR_PLAN_RO | BR_PLAN_OPTIONAL, path, path);
}

static void
add_dev(struct br_plan *p)
{
	static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
	static const char *const links[][2] = {{"/proc/self/fd", "/dev/fd"}, {"/proc/self/fd/0", "/dev/stdin"},
	    {"/proc/self/fd/1", "/dev/stdout"}, {"/proc/self/fd/2", "/dev/stderr"}, {"pts/ptmx", "/dev/ptmx"}};
	add_tmpfs(p, "/dev", 64 << 10, 0755, BR_PLAN_DEV);
	for (size_t i = 0; i < BR_ARRAY_LEN(nodes); i++) {
		char path[32];
		(void)snprintf(path, sizeof(path), "/dev/%s", nodes[i]);
		add(p, BR_PLAN_BIND, BR_PLAN_DEV, path, path);
	}
	for (size_t i = 0; i < BR_ARRAY_LEN(links); i++)
		add(p, BR_PLAN_SYMLINK, 0, links[i][0], links[i][1]);
	add(p, BR_PLAN_DEVPTS, 0, NULL, "/dev/pts");
	add(p, BR_PLAN_MQUEUE, 0, NULL, "/dev/mqueue");
}

static void
add_etc(struct br_plan *p, const struct br_plan_input *in)
{
	br_auto_buf b = {0};
	add(p, BR_PLAN_DIR, 0, NULL, "/etc");
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(in->policy, BR_POL_ETC, r)) != NULL;) {
		if (access(r->text, R_OK) == 0)
			add_system(p, r->text);
	}
	br_buf_printf(&b, "root:x:0:0:root:/root:/usr/sbin/nologin\n%s:x:%u:%u:%s:%s:/bin/bash\n", in->user, in->uid, in->gid, in->user,
	    in->home);
	if (in->uid != 65534)
		br_buf_puts(&b, "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
	add_file(p, "/etc/passwd", b.p != NULL ? b.p : "");
	br_buf_reset(&b);
	br_buf_printf(&b, "root:x:0:\n%s:x:%u:\n", in->user, in->gid);
	if (in->gid != 65534)
		br_buf_puts(&b, "nogroup:x:65534:\n");
	add_file(p, "/etc/group", b.p != NULL ? b.p : "");
	br_buf_reset(&b);
	br_buf_printf(&b, "127.0.0.1 localhost %s\n::1 localhost ip6-localhost ip6-loopback\n", in->hostname);
	add_file(p, "/etc/hosts", b.p != NULL ? b.p : "");
	br_buf_reset(&b);
	br_buf_printf(&b, "%s\n", in->hostname);
	add_file(p, "/etc/hostname", b.p != NULL ? b.p : "");
	add_file(p, "/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nprotocols: files\n"
	                                  "services: files\nethers: files\nrpc: files\nnetgroup: files\n");
	/* No network in this version: a resolver that answers at once with a refusal, not one that times out. */
	add_file(p, "/etc/resolv.conf", "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n");
	add(p, BR_PLAN_SYMLINK, 0, "/proc/self/mounts", "/etc/mtab");
	if (b.failed)
		p->failed = true;
}

/* The compiled policy always has a rule for the project itself: WRITE, or READ where `filesystem.write` leaves it out. */
static bool
is_writable(const struct br_plan_input *in)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(in->policy, BR_POL_WRITE, r)) != NULL;)
		if (br_streq(r->text, in->project))
			return true;
	return false;
}

/* A directory of the project at its own path, with what the policy puts over it. */
static void
add_project(struct br_plan *p, const struct br_plan_input *in)
{
	unsigned flags = is_writable(in) ? 0 : BR_PLAN_RO;
	if (in->upper != NULL) {
		struct br_plan_op *o = add(p, BR_PLAN_OVERLAY, flags, in->project, in->project);
		br_auto_buf b = {0};
		br_buf_printf(&b, "%s\n%s", in->upper, in->work);
		o->data = b.failed ? NULL : strdup(b.p);
		if (o->data == NULL)
			p->failed = true;
	} else {
		add(p, BR_PLAN_BIND, flags | BR_PLAN_EXACT, in->project, in->project);
	}
}

static bool
is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static void
add_binds(struct br_plan *p, const struct br_plan_input *in, enum br_pol_kind kind, bool in_project)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(in->policy, kind, r)) != NULL;) {
		if (br_streq(r->text, in->project) || is_below(r->text, in->project) != in_project)
			continue;
		unsigned flags = (kind == BR_POL_READ ? BR_PLAN_RO : 0) | ((r->flags & BR_POLF_OPTIONAL) != 0 ? BR_PLAN_OPTIONAL : 0) |
		                 (in_project ? BR_PLAN_MUST_EXIST : 0) | BR_PLAN_EXACT;
		add(p, BR_PLAN_BIND, flags, r->data[0] != '\0' ? r->data : r->text, r->text);
	}
}

int
br_plan_build(struct br_plan *p, const struct br_plan_input *in, struct br_err *e)
{
	*p = (struct br_plan){0};
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(in->policy, BR_POL_SYSTEM, r)) != NULL;)
		add_system(p, r->text);
	add_etc(p, in);
	add(p, BR_PLAN_PROC, 0, NULL, "/proc");
	add_dev(p);
	add_tmpfs(p, "/dev/shm", in->tmp_size / 2, 01777, BR_PLAN_NOEXEC);
	add_tmpfs(p, "/tmp", in->tmp_size, 01777, 0);
	add(p, BR_PLAN_DIR, 0, NULL, "/var");
	add_tmpfs(p, "/var/tmp", in->tmp_size, 01777, 0);
	add_tmpfs(p, "/run", 64 << 20, 0755, BR_PLAN_NOEXEC);
	add(p, BR_PLAN_DIR, 0, NULL, "/run/brattice");
	add(p, BR_PLAN_DIR, 0, NULL, "/run/lock");
	add(p, BR_PLAN_DIR, 0, NULL, "/run/user");
	char run_user[64];
	(void)snprintf(run_user, sizeof(run_user), "/run/user/%u", in->uid);
	add(p, BR_PLAN_DIR, 0, NULL, run_user)->mode = 0700;
	add(p, BR_PLAN_SYMLINK, 0, "/run", "/var/run");
	/* CPU topology for nproc, the JVM and Go; nothing else of /sys. */
	add(p, BR_PLAN_BIND, BR_PLAN_RO | BR_PLAN_NOEXEC | BR_PLAN_OPTIONAL, "/sys/devices/system/cpu", "/sys/devices/system/cpu");
	add(p, BR_PLAN_BIND, BR_PLAN_RO | BR_PLAN_NOEXEC | BR_PLAN_OPTIONAL, "/sys/devices/system/node", "/sys/devices/system/node");

	add(p, BR_PLAN_BIND, BR_PLAN_EXACT, in->home_src, in->home);
	for (size_t i = 0; i < in->nkeeps; i++)
		if (!is_below(in->keeps[i].dst, in->project))
			add(p, BR_PLAN_BIND, BR_PLAN_EXACT, in->keeps[i].src, in->keeps[i].dst);
	add_binds(p, in, BR_POL_READ, false);
	add_binds(p, in, BR_POL_WRITE, false);
	if (in->common != NULL)
		add(p, BR_PLAN_BIND, BR_PLAN_EXACT, in->common, in->common);
	add_project(p, in);
	add_binds(p, in, BR_POL_WRITE, true);
	add_binds(p, in, BR_POL_READ, true);
	for (size_t i = 0; i < in->nkeeps; i++)
		if (is_below(in->keeps[i].dst, in->project))
			add(p, BR_PLAN_BIND, BR_PLAN_MUST_EXIST | BR_PLAN_EXACT, in->keeps[i].src, in->keeps[i].dst);
	return p->failed ? br_err_set(e, p->err != 0 ? p->err : ENOMEM, "cannot plan the sandbox's file system") : 0;
}

void
br_plan_free(struct br_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->ops[i].src);
		free(p->ops[i].dst);
		free(p->ops[i].data);
		if (p->ops[i].fd >= 0)
			(void)close(p->ops[i].fd);
	}
	free(p->ops);
	*p = (struct br_plan){0};
}

void
br_plan_print(const struct br_plan *p, struct br_buf *out)
{
	static const char *const names[] = {"dir", "tmpfs", "bind", "symlink", "file", "proc", "devpts", "mqueue", "overlay"};
	for (size_t i = 0; i < p->n; i++) {
		const struct br_plan_op *o = &p->ops[i];
		br_buf_printf(out, "%-8s%-3s%-7s", names[o->kind], (o->flags & BR_PLAN_RO) != 0 ? "ro" : "rw",
		    (o->flags & BR_PLAN_NOEXEC) != 0 ? "noexec" : "");
		br_buf_put_visible(out, o->dst, strlen(o->dst), false);
		if (o->src != NULL && !br_streq(o->src, o->dst)) {
			br_buf_puts(out, o->kind == BR_PLAN_SYMLINK ? " -> " : " from ");
			br_buf_put_visible(out, o->src, strlen(o->src), false);
		}
		br_buf_putc(out, '\n');
	}
}
