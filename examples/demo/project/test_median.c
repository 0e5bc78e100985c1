#include "median.h"

#include <stdio.h>

static int failed;

static void
expect(const char *what, double got, double want)
{
	if (got == want)
		return;
	failed = 1;
	printf("FAIL  median of %s: expected %g, got %g\n", what, want, got);
}

int
main(void)
{
	expect("5 1 3", median((double[]){5, 1, 3}, 3), 3);
	expect("4 1 3 2", median((double[]){4, 1, 3, 2}, 4), 2.5);
	if (!failed)
		puts("ok    median");
	return failed;
}
