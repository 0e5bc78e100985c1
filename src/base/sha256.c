#include "base/sha256.h"

#if defined(__x86_64__) && !defined(BR_SHA256_PLAIN)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* FIPS 180-4 section 4.2.2 */
static const uint32_t K[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
    0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152,
    0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138,
    0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70,
    0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
    0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa,
    0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t
ror(uint32_t x, unsigned n)
{
	return (x >> n) | (x << (32 - n));
}

static void
block_plain(uint32_t state[8], const unsigned char *p)
{
	uint32_t w[64];
	for (size_t i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (size_t i = 16; i < 64; i++) {
		uint32_t x = w[i - 15], y = w[i - 2];
		w[i] = w[i - 16] + (ror(x, 7) ^ ror(x, 18) ^ (x >> 3)) + w[i - 7] + (ror(y, 17) ^ ror(y, 19) ^ (y >> 10));
	}
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
	for (size_t i = 0; i < 64; i++) {
		uint32_t t1 = h + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];
		uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	const uint32_t add[8] = {a, b, c, d, e, f, g, h};
	for (size_t i = 0; i < 8; i++)
		state[i] += add[i];
}

static void
blocks_plain(uint32_t state[8], const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		block_plain(state, p + 64 * i);
}

#if defined(__x86_64__) && !defined(BR_SHA256_PLAIN)
#define SHA_NI __attribute__((target("sha,sse4.1,ssse3")))

/* Four rounds of FIPS 180-4 section 6.2.2 on the state as the instructions want it (ABEF, CDGH), with `wk` = w + K. */
static inline SHA_NI void
four_rounds(__m128i *abef, __m128i *cdgh, __m128i wk)
{
	*cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, wk);
	*abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

/* The SHA extensions (Intel SDM volume 1, 12.6): six to eight times the plain code. The hash of the log's every entry and of
 * every program that is run goes through here. */
static SHA_NI void
blocks_ni(uint32_t state[8], const unsigned char *p, size_t n)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
	__m128i lo = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)state), 0xb1);       /* CDAB */
	__m128i hi = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(state + 4)), 0x1b); /* EFGH */
	__m128i abef = _mm_alignr_epi8(lo, hi, 8), cdgh = _mm_blend_epi16(hi, lo, 0xf0);
	for (; n > 0; n--, p += 64) {
		const __m128i abef0 = abef, cdgh0 = cdgh;
		__m128i w[4];
		for (size_t i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), swap);
#pragma GCC unroll 16
		for (size_t i = 0; i < 16; i++) {
			__m128i *now = &w[i % 4];
			if (i >= 4) {
				__m128i w7 = _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4);
				*now = _mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(i + 1) % 4]), w7);
				*now = _mm_sha256msg2_epu32(*now, w[(i + 3) % 4]);
			}
			four_rounds(&abef, &cdgh, _mm_add_epi32(*now, _mm_loadu_si128((const __m128i *)(const void *)(K + 4 * i))));
		}
		abef = _mm_add_epi32(abef, abef0);
		cdgh = _mm_add_epi32(cdgh, cdgh0);
	}
	lo = _mm_shuffle_epi32(abef, 0x1b); /* FEBA */
	hi = _mm_shuffle_epi32(cdgh, 0xb1); /* DCHG */
	_mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(lo, hi, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(hi, lo, 8));
}

/* CPUID leaf 7, EBX bit 29 (SHA); leaf 1, ECX bits 9 and 19 (SSSE3, SSE4.1). */
static bool
has_sha_ni(void)
{
	unsigned a = 0, b = 0, c = 0, d = 0, ecx1 = 0;
	if (__get_cpuid(1, &a, &b, &ecx1, &d) == 0 || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0)
		return false;
	return (b >> 29 & 1) != 0 && (ecx1 >> 9 & 1) != 0 && (ecx1 >> 19 & 1) != 0;
}
#endif

static void
blocks(uint32_t state[8], const unsigned char *p, size_t n)
{
#if defined(__x86_64__) && !defined(BR_SHA256_PLAIN)
	/* Asked once: CPUID traps to the hypervisor in a virtual machine. A race writes the same answer twice. */
	static int known;
	int ni = __atomic_load_n(&known, __ATOMIC_RELAXED);
	if (ni == 0) {
		ni = has_sha_ni() ? 1 : -1;
		__atomic_store_n(&known, ni, __ATOMIC_RELAXED);
	}
	if (ni > 0) {
		blocks_ni(state, p, n);
		return;
	}
#endif
	blocks_plain(state, p, n);
}

void
br_sha256_init(struct br_sha256 *s)
{
	static const uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	memset(s, 0, sizeof(*s));
	memcpy(s->h, h, sizeof(h));
}

void
br_sha256_update(struct br_sha256 *s, const void *data, size_t n)
{
	const unsigned char *p = data;
	s->total += n;
	while (n > 0) {
		if (s->fill == 0 && n >= 64) {
			blocks(s->h, p, n / 64);
			p += n / 64 * 64;
			n %= 64;
			continue;
		}
		size_t k = 64 - s->fill < n ? 64 - s->fill : n;
		memcpy(s->block + s->fill, p, k);
		s->fill += k;
		p += k;
		n -= k;
		if (s->fill == 64) {
			blocks(s->h, s->block, 1);
			s->fill = 0;
		}
	}
}

void
br_sha256_final(struct br_sha256 *s, unsigned char out[BR_SHA256_LEN])
{
	uint64_t bits = s->total * 8;
	unsigned char pad[72] = {0x80};
	size_t n = (s->fill < 56 ? 56 : 120) - s->fill;
	for (size_t i = 0; i < 8; i++)
		pad[n + (size_t)i] = (unsigned char)(bits >> (56 - 8 * i));
	br_sha256_update(s, pad, n + 8);
	for (size_t i = 0; i < 8; i++)
		for (int j = 0; j < 4; j++)
			out[4 * i + j] = (unsigned char)(s->h[i] >> (24 - 8 * j));
}

void
br_sha256_hex(const unsigned char in[BR_SHA256_LEN], char out[BR_SHA256_HEX])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < BR_SHA256_LEN; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[BR_SHA256_HEX - 1] = '\0';
}

void
br_sha256_of(const void *data, size_t n, char out[BR_SHA256_HEX])
{
	struct br_sha256 s;
	unsigned char d[BR_SHA256_LEN];
	br_sha256_init(&s);
	br_sha256_update(&s, data, n);
	br_sha256_final(&s, d);
	br_sha256_hex(d, out);
}
