#include "policy/glob.h"

/* A pattern is a row of components, a path too; `**` stands for any number of path components as `*` stands for any number of
 * bytes in one component. Both levels use the same walk: remember the last star, and on a mismatch let that star take one
 * more. Earlier stars never need another try, so a match costs at most |pattern| * |path| steps, whatever the pattern. */

struct span {
	const char *p;
	const char *end;
};

static char
fold(char c, bool icase)
{
	if (icase && c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	return c;
}

static bool
in_posix_class(const char *name, size_t n, unsigned char c)
{
	bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
	bool graph = c > 0x20 && c < 0x7f;
	const struct {
		const char *name;
		bool is;
	} classes[] = {{"alnum", upper || lower || digit}, {"alpha", upper || lower}, {"blank", c == ' ' || c == '\t'},
	    {"cntrl", c < 0x20 || c == 0x7f}, {"digit", digit}, {"graph", graph}, {"lower", lower},
	    {"print", graph || c == ' '}, {"punct", graph && !upper && !lower && !digit},
	    {"space", c == ' ' || (c >= '\t' && c <= '\r')}, {"upper", upper},
	    {"xdigit", digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')}};
	for (size_t i = 0; i < BR_ARRAY_LEN(classes); i++)
		if (strlen(classes[i].name) == n && memcmp(classes[i].name, name, n) == 0)
			return classes[i].is;
	return false;
}

static bool
is_posix_class(const char *name, size_t n)
{
	static const char all[] = " alnum alpha blank cntrl digit graph lower print punct space upper xdigit ";
	char key[10];
	if (n < 5 || n > 6)
		return false;
	(void)snprintf(key, sizeof(key), " %.*s ", (int)n, name);
	return strstr(all, key) != NULL;
}

/* One byte of a class, escape resolved; moves `*p` behind it. False at the end of the pattern. */
static bool
class_byte(const char **p, const char *end, char *out)
{
	if (*p < end && **p == '\\')
		(*p)++;
	if (*p >= end)
		return false;
	*out = *(*p)++;
	return true;
}

/* "[:name:]" at `p`: its end, and the name; NULL when there is none. */
static const char *
posix_class(const char *p, const char *end, struct span *name)
{
	if (end - p < 2 || p[0] != '[' || p[1] != ':')
		return NULL;
	for (const char *q = p + 2; q + 1 < end; q++) {
		if (q[0] == ':' && q[1] == ']') {
			*name = (struct span){p + 2, q};
			return q + 2;
		}
		if (*q == ']')
			break;
	}
	return NULL;
}

static bool
in_range(char c, char lo, char hi)
{
	return (unsigned char)c >= (unsigned char)lo && (unsigned char)c <= (unsigned char)hi;
}

/* Matches `c` with the class that starts behind the '[' at `p`. Returns the place behind the ']', or NULL when the class is not
 * closed (such a pattern matches nothing). */
static const char *
match_class(const char *p, const char *end, char c, bool icase, bool *hit)
{
	bool negated = p < end && (*p == '!' || *p == '^');
	p += negated;
	*hit = false;
	char other = c;
	if (icase && c >= 'a' && c <= 'z')
		other = (char)(c - 'a' + 'A');
	for (bool first = true; p < end && (*p != ']' || first); first = false) {
		struct span name;
		const char *q = posix_class(p, end, &name);
		if (q != NULL) {
			size_t n = (size_t)(name.end - name.p);
			if (!is_posix_class(name.p, n))
				return NULL;
			*hit |= in_posix_class(name.p, n, (unsigned char)c) || in_posix_class(name.p, n, (unsigned char)other);
			p = q;
			continue;
		}
		char lo, hi;
		if (!class_byte(&p, end, &lo))
			return NULL;
		hi = lo;
		if (end - p >= 2 && p[0] == '-' && p[1] != ']') {
			p++;
			if (!class_byte(&p, end, &hi))
				return NULL;
		}
		*hit |= in_range(c, lo, hi) || in_range(other, lo, hi);
	}
	if (p >= end)
		return NULL;
	*hit ^= negated;
	return p + 1;
}

/* Matches one byte with the element at `p` (no '*'); returns the place behind the element, or NULL. */
static const char *
match_one(const char *p, const char *end, char c, bool icase)
{
	bool hit;
	switch (*p) {
	case '?':
		return p + 1;
	case '[':
		p = match_class(p + 1, end, fold(c, icase), icase, &hit);
		return p != NULL && hit ? p : NULL;
	case '\\':
		if (++p >= end)
			return NULL;
		break;
	default:
		break;
	}
	return fold(*p, icase) == fold(c, icase) ? p + 1 : NULL;
}

static bool
match_component(struct span pat, struct span s, bool icase)
{
	const char *star = NULL, *star_at = NULL;
	const char *p = pat.p;
	while (s.p < s.end) {
		if (p < pat.end && *p == '*') {
			star = ++p;
			star_at = s.p;
			continue;
		}
		const char *next = p < pat.end ? match_one(p, pat.end, *s.p, icase) : NULL;
		if (next != NULL) {
			p = next;
			s.p++;
		} else if (star != NULL) {
			p = star;
			s.p = ++star_at;
		} else {
			return false;
		}
	}
	while (p < pat.end && *p == '*')
		p++;
	return p == pat.end;
}

static struct span
component(const char *p, const char *end)
{
	const char *slash = memchr(p, '/', (size_t)(end - p));
	return (struct span){p, slash != NULL ? slash : end};
}

/* Where the next component starts; NULL behind the last one. */
static const char *
behind(struct span c, const char *end)
{
	return c.end < end ? c.end + 1 : NULL;
}

static bool
is_any_depth(struct span c)
{
	for (const char *q = c.p; q < c.end; q++)
		if (*q != '*')
			return false;
	return c.end - c.p >= 2;
}

struct pattern {
	const char *p;
	const char *end;
	bool dir_only;
	bool anchored;
	bool icase, whole;
};

static struct pattern
pattern_of(const char *text, unsigned flags)
{
	struct pattern g = {.p = text, .end = text + strlen(text), .icase = (flags & BR_GLOB_ICASE) != 0, .whole = (flags & BR_GLOB_WHOLE) != 0};
	if (g.end > g.p && g.end[-1] == '/') {
		g.dir_only = true;
		g.end--;
	}
	g.anchored = (flags & BR_GLOB_ROOT_ONLY) != 0 || memchr(g.p, '/', (size_t)(g.end - g.p)) != NULL;
	if (g.p < g.end && *g.p == '/')
		g.p++;
	return g;
}

/* How far the shortest match of an anchored pattern reaches: the end of the matched prefix of `path`, or NULL. */
static const char *
match_prefix(const struct pattern *g, const char *path, const char *end)
{
	const char *p = g->p, *s = path;
	const char *star = NULL, *star_at = NULL;
	while (s != NULL) {
		struct span pc = component(p, g->end), sc = component(s, end);
		const char *next = behind(pc, g->end);
		if (is_any_depth(pc)) {
			if (next == NULL) /* "a/ **": at least one component below a */
				return g->whole ? end : sc.end;
			star = p = next;
			star_at = s;
			continue;
		}
		if (match_component(pc, sc, g->icase) && (next != NULL || !g->whole || sc.end == end)) {
			if (next == NULL)
				return sc.end;
			p = next;
			s = behind(sc, end);
		} else if (star != NULL) {
			p = star;
			s = star_at = behind(component(star_at, end), end);
		} else {
			return NULL;
		}
	}
	return NULL;
}

/* A name at any depth: the end of the first component that matches, or NULL. */
static const char *
match_name(const struct pattern *g, const char *path, const char *end)
{
	for (const char *s = path; s != NULL;) {
		struct span sc = component(s, end);
		if (match_component((struct span){g->p, g->end}, sc, g->icase))
			return sc.end;
		s = behind(sc, end);
	}
	return NULL;
}

bool
br_glob_match(const char *pattern, const char *path, bool is_dir, unsigned flags)
{
	struct pattern g = pattern_of(pattern, flags);
	const char *end = path + strlen(path);
	if (g.p == g.end || path == end)
		return false;
	const char *to = g.anchored ? match_prefix(&g, path, end) : match_name(&g, path, end);
	/* The shortest match that ends before the path's end is a directory. */
	return to != NULL && (to < end || is_dir || !g.dir_only);
}

bool
br_glob_may_match_below(const char *pattern, const char *dir, unsigned flags)
{
	struct pattern g = pattern_of(pattern, flags);
	if (g.p == g.end)
		return false;
	if (!g.anchored || dir[0] == '\0')
		return true;
	const char *p = g.p, *s = dir, *end = dir + strlen(dir);
	while (p != NULL && s != NULL) {
		struct span pc = component(p, g.end), sc = component(s, end);
		if (is_any_depth(pc))
			return true;
		if (!match_component(pc, sc, g.icase))
			return false;
		p = behind(pc, g.end);
		s = behind(sc, end);
	}
	/* Either the pattern ended (the directory or one above it matches) or the directory did. */
	return true;
}

static int
bad(struct br_err *e, const char *pattern, const char *at, const char *what)
{
	return br_err_set(e, 0, "bad pattern \"%s\" at byte %zu: %s", pattern, (size_t)(at - pattern) + 1, what);
}

/* Checks a class that starts at the '[' at `p`; leaves `*p` behind its ']'. */
static int
check_class(const char *pattern, const char **p, struct br_err *e)
{
	const char *open = *p, *end = pattern + strlen(pattern), *q = open + 1;
	if (q < end && (*q == '!' || *q == '^'))
		q++;
	for (bool first = true; q < end && (*q != ']' || first); first = false) {
		struct span name;
		const char *after = posix_class(q, end, &name);
		if (after != NULL) {
			if (!is_posix_class(name.p, (size_t)(name.end - name.p)))
				return bad(e, pattern, q, "no such character class");
			q = after;
			continue;
		}
		const char *at = q;
		char lo, hi;
		if (!class_byte(&q, end, &lo))
			break;
		hi = lo;
		if (end - q >= 2 && q[0] == '-' && q[1] != ']') {
			q++;
			if (!class_byte(&q, end, &hi))
				break;
		}
		if (lo == '/' || hi == '/')
			return bad(e, pattern, at, "'/' inside [...] never matches");
		if (!in_range(lo, lo, hi))
			return bad(e, pattern, at, "the range is empty: its ends are in the wrong order");
	}
	if (q >= end)
		return bad(e, pattern, open, "'[' without ']'; write \\[ for the character itself");
	*p = q + 1;
	return 0;
}

static int
check_component(const char *pattern, struct span c, struct br_err *e)
{
	size_t n = (size_t)(c.end - c.p);
	if (n == 0)
		return bad(e, pattern, c.p, "empty name between two '/'");
	if ((n == 1 && c.p[0] == '.') || (n == 2 && c.p[0] == '.' && c.p[1] == '.'))
		return bad(e, pattern, c.p, "\".\" and \"..\" are not names");
	return 0;
}

enum { PATTERN_MAX = 4096 };

int
br_glob_check(const char *pattern, struct br_err *e)
{
	size_t n = strlen(pattern);
	if (n == 0 || br_streq(pattern, "/"))
		return br_err_set(e, 0, "empty pattern");
	if (n > PATTERN_MAX)
		return br_err_set(e, 0, "pattern of %zu bytes: longer than %d", n, PATTERN_MAX);
	if (pattern[0] == '!')
		return bad(e, pattern, pattern, "a leading '!' is not part of a pattern; write \\! for the character itself");
	for (const char *p = pattern; *p != '\0';) {
		if (*p == '[') {
			if (check_class(pattern, &p, e) != 0)
				return -1;
			continue;
		}
		if (*p == '\\') {
			if (p[1] == '\0')
				return bad(e, pattern, p, "'\\' at the end escapes nothing");
			if (p[1] == '/')
				return bad(e, pattern, p, "'/' cannot be escaped");
			p++;
		}
		p++;
	}
	const char *end = pattern + n - (pattern[n - 1] == '/');
	for (const char *s = pattern + (pattern[0] == '/'); s != NULL;) {
		struct span c = component(s, end);
		if (check_component(pattern, c, e) != 0)
			return -1;
		s = behind(c, end);
	}
	return 0;
}
