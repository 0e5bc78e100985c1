#include "policy/tool/value.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Digits at `*s`, moved past them. */
static bool
digits(const char **s, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10U, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	if (p == *s)
		return false;
	*s = p;
	*out = v;
	return true;
}

bool
br_value_int(const char *s, uint64_t *out, const char **why)
{
	if (digits(&s, out) && *s == '\0')
		return true;
	*why = "write a whole number, such as 2048";
	return false;
}

bool
br_value_size(const char *s, uint64_t *out, const char **why)
{
	static const struct unit units[] = {{"", 1}, {"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30},
	    {"TiB", 1ULL << 40}, {"kB", 1000}, {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {"TB", 1000000000000}};
	*why = "write a size with a unit, such as 512MiB or 4GiB";
	uint64_t whole, tenths = 0;
	if (!digits(&s, &whole))
		return false;
	if (*s == '.') {
		if (s[1] < '0' || s[1] > '9' || (s[2] >= '0' && s[2] <= '9'))
			return false;
		tenths = (uint64_t)(s[1] - '0');
		s += 2;
	}
	while (*s == ' ')
		s++;
	for (size_t i = 0; i < BR_ARRAY_LEN(units); i++) {
		if (!br_streq(s, units[i].name))
			continue;
		if (tenths > 0 && units[i].factor == 1)
			return false;
		if (__builtin_mul_overflow(whole, units[i].factor, out) ||
		    __builtin_add_overflow(*out, units[i].factor * tenths / 10, out)) {
			*why = "that is more bytes than there are";
			return false;
		}
		return true;
	}
	return false;
}

bool
br_value_duration(const char *s, uint64_t *out, const char **why)
{
	static const struct unit units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
	*why = "write a time with a unit, such as 30s, 10m, 4h or 1h30m";
	*out = 0;
	size_t next = 0;
	if (*s == '\0')
		return false;
	while (*s != '\0') {
		uint64_t v;
		if (!digits(&s, &v))
			return false;
		while (next < BR_ARRAY_LEN(units) && units[next].name[0] != *s)
			next++;
		if (next == BR_ARRAY_LEN(units) || __builtin_mul_overflow(v, units[next].factor, &v) ||
		    __builtin_add_overflow(*out, v, out))
			return false;
		next++;
		s++;
	}
	return true;
}

bool
br_value_percent(const char *s, uint64_t *out, const char **why)
{
	if (digits(&s, out) && br_streq(s, "%"))
		return true;
	*why = "write a percentage, such as 200%";
	return false;
}

bool
br_value_rate(const char *s, uint64_t *out, const char **why)
{
	if (digits(&s, out) && (br_streq(s, "/s") || br_streq(s, "/min") || br_streq(s, "/h")))
		return true;
	*why = "write a rate, such as 600/min";
	return false;
}

void
br_value_put_size(struct br_buf *out, uint64_t v)
{
	static const char *const names[] = {"", "KiB", "MiB", "GiB", "TiB"};
	size_t i = 0;
	for (; v > 0 && v % 1024 == 0 && i + 1 < BR_ARRAY_LEN(names); i++)
		v /= 1024;
	br_buf_printf(out, "%llu%s", (unsigned long long)v, names[i]);
}

void
br_value_put_duration(struct br_buf *out, uint64_t v)
{
	static const struct unit units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
	if (v == 0)
		br_buf_puts(out, "0s");
	for (size_t i = 0; i < BR_ARRAY_LEN(units); i++) {
		if (v >= units[i].factor)
			br_buf_printf(out, "%llu%s", (unsigned long long)(v / units[i].factor), units[i].name);
		v %= units[i].factor;
	}
}
