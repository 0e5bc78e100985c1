/* What came of it: a line for each class, or an object. */
#include "doctor.h"

#define NAMED_MAX 6

struct count {
	unsigned attacks, worked, refused, cant, no_answer; /* with the wall */
	unsigned control, control_refused;                  /* without */
};
enum verdict { HELD, THROUGH, UNKNOWN, NOT_APPLICABLE };

static struct count
count(const char *group, const struct result *wall, const struct result *control)
{
	struct count c = {0};
	for (size_t i = 0; i < doctor_nattacks; i++) {
		if (!br_streq(doctor_attacks[i].group, group))
			continue;
		c.attacks++;
		c.worked += wall[i].outcome == WORKED;
		c.refused += wall[i].outcome == REFUSED;
		c.cant += wall[i].outcome == CANT || wall[i].outcome == NOT_TRIED;
		c.no_answer += wall[i].outcome == NO_ANSWER;
		if (control != NULL) {
			c.control += control[i].outcome == WORKED;
			c.control_refused += control[i].outcome == REFUSED;
		}
	}
	return c;
}

static enum verdict
judge(const struct count *c)
{
	if (c->worked > 0)
		return THROUGH;
	if (c->no_answer > 0)
		return UNKNOWN;
	return c->refused > 0 ? HELD : NOT_APPLICABLE;
}

static const char *
verdict_word(enum verdict v)
{
	static const char *const words[] = {[HELD] = "held", [THROUGH] = "went through", [UNKNOWN] = "no answer", [NOT_APPLICABLE] = "not applicable"};
	return words[v];
}

static const char *
outcome_word(enum outcome o)
{
	static const char *const words[] = {
	    [NOT_TRIED] = "not tried", [REFUSED] = "refused", [WORKED] = "worked", [CANT] = "not applicable", [NO_ANSWER] = "no answer"};
	return words[o];
}

/* --- text ------------------------------------------------------------------------------------------------------------------- */

static void
put_mark(struct br_buf *out, enum verdict v, bool colour)
{
	static const char *const marks[] = {[HELD] = "✓ held        ", [THROUGH] = "✗ WENT THROUGH", [UNKNOWN] = "✗ NO ANSWER   ", [NOT_APPLICABLE] = "– n/a         "};
	static const char *const colours[] = {[HELD] = "\x1b[32m", [THROUGH] = "\x1b[1;31m", [UNKNOWN] = "\x1b[1;31m", [NOT_APPLICABLE] = "\x1b[2m"};
	br_buf_printf(out, "  %s%s%s", colour ? colours[v] : "", marks[v], colour ? "\x1b[0m" : "");
}

static void
put_line(struct br_buf *out, const char *line)
{
	br_auto_free char *copy = probe_cat(line, "");
	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\t')
			*p = ' ';
	br_buf_put_visible(out, copy, strlen(copy), false);
}

/* Those that went through, or whose answer is missing: they are what matters. */
static void
put_named(struct br_buf *out, const char *group, const struct result *wall, enum outcome o)
{
	unsigned n = 0;
	for (size_t i = 0; i < doctor_nattacks; i++) {
		if (!br_streq(doctor_attacks[i].group, group) || wall[i].outcome != o)
			continue;
		if (n++ >= NAMED_MAX)
			continue;
		br_buf_puts(out, "                      ");
		put_line(out, wall[i].line);
		if (wall[i].why[0] != '\0') {
			br_buf_puts(out, ": ");
			br_buf_put_visible(out, wall[i].why, strlen(wall[i].why), false);
		}
		br_buf_putc(out, '\n');
	}
	if (n > NAMED_MAX)
		br_buf_printf(out, "                      and %u more\n", n - NAMED_MAX);
}

static void
put_group(struct br_buf *out, const struct group *g, const struct result *wall, const struct result *control, bool colour)
{
	struct count c = count(g->name, wall, control);
	enum verdict v = judge(&c);
	put_mark(out, v, colour);
	br_buf_printf(out, "  %-5s %s (%u", g->classes, g->title, c.attacks);
	if (control != NULL)
		br_buf_printf(out, "; without the wall %u work, %u don't", c.control, c.control_refused);
	if (control != NULL && c.attacks > c.control + c.control_refused)
		br_buf_printf(out, ", %u not tried", c.attacks - c.control - c.control_refused);
	br_buf_puts(out, ")\n");
	if (v != HELD)
		put_named(out, g->name, wall, v == THROUGH ? WORKED : v == UNKNOWN ? NO_ANSWER : CANT);
}

static void
put_summary(struct br_buf *out, const struct count *sum, const unsigned *classes, double seconds, bool bare)
{
	br_buf_printf(out, "\n%s%u of %zu classes held", bare ? "Without the wall: " : "", classes[HELD], doctor_ngroups);
	if (classes[THROUGH] > 0)
		br_buf_printf(out, ", %u WENT THROUGH", classes[THROUGH]);
	if (classes[UNKNOWN] > 0)
		br_buf_printf(out, ", %u without an answer", classes[UNKNOWN]);
	if (classes[NOT_APPLICABLE] > 0)
		br_buf_printf(out, ", %u not applicable", classes[NOT_APPLICABLE]);
	br_buf_printf(out, ": %u attacks", sum->attacks);
	if (!bare)
		br_buf_printf(out, ", of which %u work without the wall", sum->control);
	br_buf_printf(out, "; %.1f s.\n", seconds);
}

/* --- JSON ------------------------------------------------------------------------------------------------------------------- */

static void
put_member(struct br_buf *out, const char *key, const char *value)
{
	br_buf_printf(out, ",\"%s\":", key);
	br_buf_put_json(out, value, strlen(value));
}

static void
put_json_group(struct br_buf *out, const struct group *g, const struct result *wall, const struct result *control)
{
	struct count c = count(g->name, wall, control);
	const char *between = "";
	br_buf_puts(out, "{\"attack\":");
	br_buf_put_json(out, g->name, strlen(g->name));
	put_member(out, "classes", g->classes);
	put_member(out, "title", g->title);
	put_member(out, "verdict", verdict_word(judge(&c)));
	br_buf_puts(out, ",\"probes\":[");
	for (size_t i = 0; i < doctor_nattacks; i++) {
		if (!br_streq(doctor_attacks[i].group, g->name))
			continue;
		br_buf_printf(out, "%s{\"probe\":", between);
		br_buf_put_json(out, wall[i].line, strlen(wall[i].line));
		put_member(out, "inside", outcome_word(wall[i].outcome));
		put_member(out, "why", wall[i].why);
		put_member(out, "outside", control != NULL ? outcome_word(control[i].outcome) : "not tried");
		br_buf_putc(out, '}');
		between = ",";
	}
	br_buf_puts(out, "]}\n");
}

static void
put_json_summary(struct br_buf *out, const struct count *sum, const unsigned *classes, double seconds)
{
	br_buf_printf(out, "{\"summary\":{\"held\":%u,\"went_through\":%u,\"no_answer\":%u,\"not_applicable\":%u,\"attacks\":%u,\"work_outside\":%u,\"seconds\":%.1f}}\n",
	    classes[HELD], classes[THROUGH], classes[UNKNOWN], classes[NOT_APPLICABLE], sum->attacks, sum->control, seconds);
}

int
report_put(struct br_buf *out, const struct result *wall, const struct result *control, double seconds, bool json, bool colour)
{
	struct count sum = {0};
	unsigned classes[4] = {0};
	if (!json)
		br_buf_puts(out, control != NULL ? "\nattacks from inside a session (class of docs/threat-model.md, how many)\n" : "\nattacks without the wall\n");
	for (size_t i = 0; i < doctor_ngroups; i++) {
		struct count c = count(doctor_groups[i].name, wall, control);
		classes[judge(&c)]++;
		sum.attacks += c.attacks;
		sum.control += c.control;
		if (json)
			put_json_group(out, &doctor_groups[i], wall, control);
		else
			put_group(out, &doctor_groups[i], wall, control, colour);
	}
	if (json)
		put_json_summary(out, &sum, classes, seconds);
	else
		put_summary(out, &sum, classes, seconds, control == NULL);
	return classes[THROUGH] + classes[UNKNOWN] > 0;
}
