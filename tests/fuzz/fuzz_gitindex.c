/* Input: an index. */
#include "fuzz.h"

#include "policy/gitindex.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const names[] = {".env", "a", "a/.env", "a/b", "b", "id_rsa", "z"};
	bool tracked[BR_ARRAY_LEN(names)] = {false};
	struct br_gitindex_info info;
	struct br_err e = BR_ERR_INIT;
	char *copy = malloc(n + 1);
	MUST(copy != NULL);
	memcpy(copy, data, n);
	int rc = br_gitindex_tracked(copy, n, names, BR_ARRAY_LEN(names), tracked, &info, &e);
	MUST(rc == 0 || e.msg[0] != '\0');
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++)
		MUST(rc == 0 || !tracked[i]);
	if (rc == 0)
		MUST(info.version >= 2 && info.version <= 4 && (info.hash_len == 20 || info.hash_len == 32));
	free(copy);
	return 0;
}
