/* Input: the argument before (empty: none), NUL, the argument. Spans lie in it, in order, apart; fewer of them hide more, never less. */
#include "fuzz.h"

#include "audit/redact.h"

#define MANY 64

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	br_auto_free char *prev = take_string(&data, &n);
	char *s = malloc(n + 1); /* its end is the sanitizer's to watch: no NUL stands there */
	struct br_secret_span v[MANY], few[2];
	MUST(s != NULL);
	if (n > 0)
		memcpy(s, data, n);
	s = realloc(s, n > 0 ? n : 1);
	MUST(s != NULL);
	size_t k = br_redact_find(prev[0] != '\0' ? prev : NULL, s, n, v, MANY), end = 0;
	MUST(k <= MANY);
	for (size_t i = 0; i < k; i++) {
		MUST(v[i].at >= end && v[i].len > 0 && v[i].len <= n && v[i].at <= n - v[i].len);
		end = v[i].at + v[i].len;
	}
	size_t f = br_redact_find(prev[0] != '\0' ? prev : NULL, s, n, few, 2);
	MUST(f == (k < 2 ? k : 2));
	if (k >= 2)
		MUST(few[0].at == v[0].at && few[1].at == v[1].at && few[1].at + few[1].len == n);
	free(s);
	return 0;
}
