#include "base/proctitle.h"

#include "base/io.h"

#include <fcntl.h>
#include <unistd.h>

extern char **environ;

/* Fields 48 to 51 of /proc/self/stat, counted after the ")" that ends field 2. */
static bool
area(unsigned long at[4])
{
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, "/proc/self/stat", &b, 4096) < 0 || b.p == NULL)
		return false;
	char *p = strrchr(b.p, ')');
	for (int field = 2; p != NULL && field < 48; field++) {
		p = strchr(p + 1, ' ');
	}
	for (int i = 0; p != NULL && i < 4; i++)
		at[i] = strtoul(p, &p, 10);
	return p != NULL && at[0] != 0 && at[0] < at[1] && at[2] <= at[3];
}

void
br_retitle(const char *title)
{
	unsigned long at[4];
	static char *none[] = {NULL};
	if (!area(at))
		return;
	environ = none;
	char *arg = (char *)at[0]; /* NOLINT(performance-no-int-to-ptr): the kernel tells addresses as numbers */
	size_t room = at[1] - at[0];
	memset(arg, 0, room);
	(void)snprintf(arg, room, "%s", title);
	memset((char *)at[2], 0, at[3] - at[2]); /* NOLINT(performance-no-int-to-ptr) */
}
