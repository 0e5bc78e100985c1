#ifndef MEDIAN_H
#define MEDIAN_H

#include <stddef.h>

/* The median of n > 0 numbers; sorts them. */
double median(double *v, size_t n);

#endif
