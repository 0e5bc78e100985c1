/* Build-time program: makes C arrays of the built-in policy and the profiles, so that the helper reads no files of its own.
 *
 *	embed BUILTIN PROFILE… > embedded.c */
#include "base/buf.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>

static int
put_array(const char *path, size_t i)
{
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, path, &b, 1 << 20) < 0) {
		br_warn("%s: %s", path, strerror(errno));
		return -1;
	}
	printf("static const unsigned char d%zu[] = {", i);
	for (size_t j = 0; j < b.len; j++)
		printf("%s%u,", j % 32 == 0 ? "\n" : "", (unsigned)(unsigned char)b.p[j]);
	printf("0};\n");
	return 0;
}

int
main(int argc, char **argv)
{
	printf("#include \"policy/tool/profiles.h\"\n");
	for (int i = 1; i < argc; i++)
		if (put_array(argv[i], (size_t)i) < 0)
			return 1;
	printf("const struct br_profile br_builtin_policy = {\"built-in\", (const char *)d1, sizeof(d1) - 1};\n");
	printf("const struct br_profile br_profiles[] = {\n");
	for (int i = 2; i < argc; i++) {
		const char *name = strrchr(argv[i], '/');
		name = name != NULL ? name + 1 : argv[i];
		printf("\t{\"%.*s\", (const char *)d%d, sizeof(d%d) - 1},\n", (int)strcspn(name, "."), name, i, i);
	}
	printf("};\nconst size_t br_profiles_n = sizeof(br_profiles) / sizeof(br_profiles[0]);\n");
	return fflush(stdout) == 0 ? 0 : 1;
}
