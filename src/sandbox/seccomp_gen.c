#include <stdio.h>
int
main(void)
{
	puts("/* filter */");
	return 0;
}
