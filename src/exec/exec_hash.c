/* SHA-256 of programs and scripts.
 *
 * A hash is kept for a file that has not changed since: same device, inode, size, mtime and ctime. No user can set a ctime, every
 * write moves it, and a file that is being executed, or is mapped writable, can't be the other of the two (ETXTBSY; not so on Linux
 * 6.11 and 6.12, where a store to a page that is dirty already moves no time). What that doesn't
 * cover is hashed anew at each exec: files that the sandbox can write on file systems where a store through a mapping moves no time
 * (tmpfs), or whose times come from elsewhere (network, FUSE, overlays), and files that changed within the clock's last ticks. */
#include "exec/exec_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256U << 10)
#define ST_RDONLY_ 1      /* statfs(2): f_flags */
#define RACY_NS 1000000000LL /* far more than a tick of the coarse clock that stamps inodes */

/* linux/magic.h */
#define EXT4_MAGIC 0xef53
#define XFS_MAGIC 0x58465342
#define BTRFS_MAGIC 0x9123683e

int
hash_init(struct hash_cache *h)
{
	h->slots = calloc(HASH_SLOTS, sizeof(*h->slots));
	h->chunk = malloc(CHUNK);
	return h->slots != NULL && h->chunk != NULL ? 0 : ENOMEM;
}

static const struct hash_mount *
mount_of(const struct gate *g, struct hash_cache *h, const char *link, uint64_t id)
{
	struct hash_mount *m = &h->mounts[id % HASH_MOUNTS];
	if (m->id == id && id != 0)
		return m;
	struct statfs s;
	br_auto_fd int fd = openat(g->proc, link, O_PATH | O_CLOEXEC);
	*m = (struct hash_mount){.id = id};
	if (fd < 0 || fstatfs(fd, &s) < 0)
		return m;
	uint32_t type = (uint32_t)s.f_type;
	m->read_only = (s.f_flags & ST_RDONLY_) != 0;
	m->keeps_time = type == EXT4_MAGIC || type == XFS_MAGIC || type == BTRFS_MAGIC;
	return m;
}

static int
read_hash(const struct gate *g, const struct hash_cache *h, const char *link, char hex[BR_SHA256_HEX])
{
	br_auto_fd int fd = openat(g->proc, link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	struct br_sha256 s;
	unsigned char digest[BR_SHA256_LEN];
	br_sha256_init(&s);
	for (;;) {
		ssize_t n = read(fd, h->chunk, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		br_sha256_update(&s, h->chunk, (size_t)n);
	}
	br_sha256_final(&s, digest);
	br_sha256_hex(digest, hex);
	return 0;
}

static struct hash_slot
key_of(const struct br_statx *x)
{
	return (struct hash_slot){.dev = (uint64_t)x->dev_major << 32 | x->dev_minor,
	    .ino = x->ino,
	    .size = x->size,
	    .mtime = x->mtime.sec * 1000000000 + x->mtime.nsec,
	    .ctime = x->ctime.sec * 1000000000 + x->ctime.nsec};
}

static struct hash_slot *
slot_of(const struct hash_cache *h, const struct hash_slot *key)
{
	return &h->slots[(key->ino * 0x9e3779b97f4a7c15ULL ^ key->dev) % HASH_SLOTS];
}

static bool
is_of(const struct hash_slot *slot, const struct hash_slot *key)
{
	return slot->hex[0] != '\0' && memcmp(slot, key, offsetof(struct hash_slot, hex)) == 0;
}

struct hash_slot *
hash_kept(struct hash_cache *h, const struct br_statx *x)
{
	const struct hash_mount *m = &h->mounts[x->mnt_id % HASH_MOUNTS];
	struct hash_slot key = key_of(x), *slot = slot_of(h, &key);
	return m->id == x->mnt_id && m->read_only && is_of(slot, &key) ? slot : NULL;
}

int
hash_file(const struct gate *g, struct hash_cache *h, const char *link, const struct br_statx *x, char hex[BR_SHA256_HEX], bool *writable)
{
	const struct hash_mount *m = mount_of(g, h, link, x->mnt_id);
	struct hash_slot now = key_of(x), *slot = slot_of(h, &now);
	*writable = !m->read_only;
	if ((m->read_only || m->keeps_time) && is_of(slot, &now)) {
		memcpy(hex, slot->hex, BR_SHA256_HEX);
		return 0;
	}
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (read_hash(g, h, link, hex) < 0)
		return -1;
	if ((m->read_only || m->keeps_time) && now.ctime < t.tv_sec * 1000000000LL + t.tv_nsec - RACY_NS) {
		memcpy(now.hex, hex, BR_SHA256_HEX);
		*slot = now;
	}
	return 0;
}
