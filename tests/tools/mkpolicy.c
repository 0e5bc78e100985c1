/* Writes a compiled policy for tests that start below the policy reader: mkpolicy FILE [protect|watch|hide|unprotect PATTERN]…
 * Prints its hash. */
#include "base/io.h"
#include "policy/compiled.h"

#include <fcntl.h>

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
	for (int i = 2; i + 1 < argc; i += 2) {
		for (size_t k = 0; k < BR_ARRAY_LEN(KINDS); k++)
			if (br_streq(argv[i], KINDS[k].name))
				br_pol_add(&w, KINDS[k].kind, BR_POLF_DEFAULT, 0, argv[i + 1], "", 0, "test");
	}
	struct br_policy p;
	struct br_err e = BR_ERR_INIT;
	if (argc < 2 || br_pol_seal(&w, &out) < 0 || br_pol_parse(out.p, out.len, &p, &e) < 0 ||
	    br_replace_file(AT_FDCWD, argv[1], out.p, out.len, 0600) < 0)
		return 1;
	(void)puts(p.hash);
	br_pol_free(&p);
	br_buf_free(&out);
	return 0;
}
