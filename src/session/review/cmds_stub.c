/* Not there yet. */
#include "session/review/review.h"

static int
absent(const char *name)
{
	br_warn("%s is not in this version yet", name);
	return BR_EXIT_FAILURE;
}

int
br_cmd_apply(int argc, char **argv)
{
	return absent("apply");
}

int
br_cmd_discard(int argc, char **argv)
{
	return absent("discard");
}

int
br_cmd_refresh(int argc, char **argv)
{
	return absent("refresh");
}
