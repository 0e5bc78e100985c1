/* Two texts, cut apart at the first byte 0xff. Oracle: what the edit script keeps is the same in both. */
#include "fuzz.h"

#include "session/review/textdiff.h"

static void
check_script(const uint8_t *a, size_t n, const uint8_t *b, size_t m)
{
	unsigned *x = calloc(n + 1, sizeof(*x)), *y = calloc(m + 1, sizeof(*y));
	bool *del = calloc(n + 1, 1), *add = calloc(m + 1, 1);
	if (x == NULL || y == NULL || del == NULL || add == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		x[i] = a[i];
	for (size_t i = 0; i < m; i++)
		y[i] = b[i];
	if (br_myers(x, n, y, m, del, add) < 0)
		abort();
	size_t i = 0, j = 0;
	for (;;) {
		while (i < n && del[i])
			i++;
		while (j < m && add[j])
			j++;
		if (i == n || j == m)
			break;
		if (x[i++] != y[j++])
			abort();
	}
	if (i != n || j != m)
		abort();
	free(x);
	free(y);
	free(del);
	free(add);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = size > 0 ? memchr(data, 0xff, size) : NULL;
	size_t n = cut != NULL ? (size_t)(cut - data) : size;
	const uint8_t *b = cut != NULL ? cut + 1 : data + size;
	size_t m = size - n - (cut != NULL);
	check_script(data, n, b, m);
	struct br_buf out = {0};
	struct br_diff_count count;
	const struct br_diff_style style = {.exact = (size & 1) != 0};
	(void)br_textdiff((struct br_text){(const char *)data, n}, (struct br_text){(const char *)b, m}, &style, &out, &count);
	br_buf_free(&out);
	return 0;
}
