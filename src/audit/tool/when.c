#include "audit/tool/when.h"

#include "base/opt.h"

#include <inttypes.h>
#include <time.h>

int64_t
br_wall_clock_us(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void
br_when_rfc3339(int64_t us, struct br_buf *out)
{
	struct tm tm;
	time_t s = (time_t)(us / 1000000);
	char text[48];
	if (us <= 0 || gmtime_r(&s, &tm) == NULL || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		br_buf_putc(out, '-');
	else
		br_buf_printf(out, "%s.%06" PRId64 "Z", text, us % 1000000);
}

/* ":05", ":05.25" or nothing. */
static const char *
seconds_of(const char *p, struct tm *tm, int64_t *us)
{
	int64_t unit = 100000;
	if (*p != ':')
		return p;
	p = strptime(p, ":%S", tm);
	if (p == NULL || *p != '.')
		return p;
	for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
		*us += (*p - '0') * unit;
	return p;
}

static bool
calendar(const char *s, int64_t now_us, uint64_t *out)
{
	time_t now = (time_t)(now_us / 1000000);
	struct tm tm;
	int64_t us = 0;
	if (localtime_r(&now, &tm) == NULL)
		return false;
	tm.tm_sec = 0;
	const char *p = strptime(s, "%Y-%m-%d", &tm);
	if (p != NULL && *p == '\0') {
		tm.tm_hour = tm.tm_min = 0;
	} else {
		p = p == NULL ? s : *p == 'T' || *p == ' ' ? p + 1 : "";
		p = strptime(p, "%H:%M", &tm);
		p = p != NULL ? seconds_of(p, &tm, &us) : NULL;
	}
	if (p == NULL || (*p != '\0' && !br_streq(p, "Z")))
		return false;
	tm.tm_isdst = -1;
	time_t t = *p == 'Z' ? timegm(&tm) : mktime(&tm);
	*out = t > 0 ? (uint64_t)t * 1000000 + (uint64_t)us : 1;
	return true;
}

int
br_when_parse(const char *s, int64_t now_us, uint64_t *out, struct br_err *e)
{
	int64_t ago;
	if (calendar(s, now_us, out))
		return 0;
	if (br_parse_duration(s, &ago, NULL) < 0) {
		(void)br_err_set(e, 0, "\"%s\" is not a time", s);
		return br_err_hint(e, "10m (that long ago), 14:30, 2026-11-24T14:30:05, or with a Z for UTC");
	}
	*out = ago < now_us / 1000000 ? (uint64_t)(now_us - ago * 1000000) : 1;
	return 0;
}

int
br_place_in_time(const char *s, double *out, struct br_err *e)
{
	double total = 0;
	const char *p = s;
	int64_t seconds;
	for (int parts = 0; parts < 3; parts++) {
		char *end = NULL;
		double v = *p >= '0' && *p <= '9' ? strtod(p, &end) : -1;
		if (end == NULL || v < 0 || v > 1e9)
			break;
		total = total * 60 + v;
		if (*end == '\0') {
			*out = total;
			return 0;
		}
		if (*end != ':')
			break;
		p = end + 1;
	}
	if (br_parse_duration(s, &seconds, NULL) == 0) {
		*out = (double)seconds;
		return 0;
	}
	(void)br_err_set(e, 0, "\"%s\" is no place in a recording", s);
	return br_err_hint(e, "seconds, MINUTES:SECONDS, or 90s, 15m, 1h");
}
