/* UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef BRATTICE_BASE_UTF8_H
#define BRATTICE_BASE_UTF8_H

#include "base/defs.h"

/* Decodes one character from `n` bytes at `s`; returns its width, or 0 when the bytes are not UTF-8. */
static inline size_t
br_utf8_decode(const char *s, size_t n, uint32_t *out)
{
	const unsigned char *u = (const unsigned char *)s;
	if (n == 0)
		return 0;
	if (u[0] < 0x80) {
		*out = u[0];
		return 1;
	}
	size_t w = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	if (u[0] < 0xc2 || u[0] > 0xf4 || n < w)
		return 0;
	uint32_t c = u[0] & (0xffU >> (w + 1));
	for (size_t i = 1; i < w; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = (c << 6) | (u[i] & 0x3fU);
	}
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (c < least[w] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return w;
}

/* Characters that are not seen and change what is: bidirectional controls, zero width, line separators, tags (Unicode TR 36). */
static inline bool
br_utf8_is_disguise(uint32_t c)
{
	return c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) ||
	       c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f);
}

#endif
