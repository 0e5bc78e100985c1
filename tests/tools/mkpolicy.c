/* Writes a compiled policy for tests that start below the policy reader: mkpolicy [protect|watch|hide|unprotect PATTERN]… >file */
#include "base/io.h"
#include "policy/compiled.h"

#include <unistd.h>

static const struct {
	const char *name;
	enum br_pol_kind kind;
} KINDS[] = {
    {"protect", BR_POL_PROTECT},
    {"unprotect", BR_POL_UNPROTECT},
    {"watch", BR_POL_WATCH},
    {"hide", BR_POL_HIDE},
};

int
main(int argc, char **argv)
{
	struct br_pol_writer w = {0};
	struct br_buf out = {0};
	for (int i = 1; i + 1 < argc; i += 2) {
		for (size_t k = 0; k < BR_ARRAY_LEN(KINDS); k++)
			if (br_streq(argv[i], KINDS[k].name))
				br_pol_add(&w, KINDS[k].kind, BR_POLF_DEFAULT, 0, argv[i + 1], "", 0, "test");
	}
	if (br_pol_seal(&w, &out) < 0 || br_write_all(STDOUT_FILENO, out.p, out.len) < 0)
		return 1;
	br_buf_free(&out);
	return 0;
}
