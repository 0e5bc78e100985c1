/* `trust-hash FILE`: the SHA-256 by which a project's policy is trusted (`brattice run --trust-policy`). */
#include "base/io.h"
#include "base/sha256.h"
#include "policy/tool/tool.h"

#include <errno.h>
#include <fcntl.h>

static const struct br_usage usage = {
    .command = "policy trust-hash",
    .synopsis = "[FILE]",
    .summary = "the hash that --trust-policy wants",
    .about = "Prints the SHA-256 of FILE (default: brattice.yaml).",
};

int
br_tool_trust_hash(int argc, char **argv)
{
	int first = 0, unused = 0, status = br_cli_options(&usage, argc, argv, &unused, &first);
	if (status >= 0)
		return status;
	const char *file = first < argc ? argv[first] : "brattice.yaml";
	if (first + 1 < argc)
		return br_tool_no_operands(&usage, argc, argv, first + 1);
	br_auto_buf b = {0}, out = {0};
	if (br_read_file(AT_FDCWD, file, &b, BR_YAML_MAX) < 0) {
		br_warn("cannot read %s: %s", file, strerror(errno));
		return BR_EXIT_FAILURE;
	}
	char hex[BR_SHA256_HEX];
	br_sha256_of(b.p != NULL ? b.p : "", b.len, hex);
	br_buf_printf(&out, "%s\n", hex);
	return br_cli_put(&out, 0);
}
