#include "policy/tool/report.h"

void
br_report(struct br_report *r, enum br_severity sev, const char *code, struct br_place at, const char *fmt, ...)
{
	r->errors |= sev == BR_SEV_ERROR;
	r->refused |= sev == BR_SEV_REFUSED;
	if (r->n == BR_REPORT_MAX) {
		r->dropped++;
		return;
	}
	va_list ap;
	va_start(ap, fmt);
	r->v[r->n++] = (struct br_problem){
	    .at = at, .severity = sev, .code = code, .msg = br_arena_vprintf(r->arena, fmt, ap), .mend = ""};
	va_end(ap);
}

void
br_report_mend(struct br_report *r, const char *fmt, ...)
{
	if (r->n == 0 || r->dropped > 0)
		return;
	va_list ap;
	va_start(ap, fmt);
	r->v[r->n - 1].mend = br_arena_vprintf(r->arena, fmt, ap);
	va_end(ap);
}

static bool
stands_before(const struct br_problem *a, const struct br_problem *b)
{
	if (!br_streq(a->at.file, b->at.file))
		return false;
	return a->at.line != b->at.line ? a->at.line < b->at.line : a->at.col < b->at.col;
}

void
br_report_sort(struct br_report *r)
{
	for (size_t i = 1; i < r->n; i++)
		for (size_t j = i; j > 0 && stands_before(&r->v[j], &r->v[j - 1]); j--) {
			struct br_problem t = r->v[j];
			r->v[j] = r->v[j - 1];
			r->v[j - 1] = t;
		}
}

void
br_report_print(const struct br_report *r, struct br_buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct br_problem *p = &r->v[i];
		br_buf_put_visible(out, p->at.file, strlen(p->at.file), false);
		if (p->at.line > 0)
			br_buf_printf(out, ":%u:%u", p->at.line, p->at.col);
		br_buf_puts(out, p->severity == BR_SEV_RISK ? ": risk: " : ": ");
		br_buf_put_visible(out, p->msg, strlen(p->msg), false);
		br_buf_putc(out, '\n');
		if (p->mend[0] != '\0') {
			br_buf_puts(out, "  mend: ");
			br_buf_put_visible(out, p->mend, strlen(p->mend), false);
			br_buf_putc(out, '\n');
		}
	}
	if (r->dropped > 0)
		br_buf_printf(out, "… and %zu more\n", r->dropped);
}

void
br_report_json(const struct br_report *r, struct br_buf *out)
{
	static const char *const names[] = {[BR_SEV_ERROR] = "error", [BR_SEV_REFUSED] = "refused", [BR_SEV_RISK] = "risk"};
	for (size_t i = 0; i < r->n; i++) {
		const struct br_problem *p = &r->v[i];
		br_buf_printf(out, "{\"severity\":\"%s\",\"code\":\"%s\",\"file\":", names[p->severity], p->code);
		br_buf_put_json(out, p->at.file, strlen(p->at.file));
		br_buf_printf(out, ",\"line\":%u,\"column\":%u,\"message\":", p->at.line, p->at.col);
		br_buf_put_json(out, p->msg, strlen(p->msg));
		if (p->mend[0] != '\0') {
			br_buf_puts(out, ",\"mend\":");
			br_buf_put_json(out, p->mend, strlen(p->mend));
		}
		br_buf_puts(out, "}\n");
	}
}

int
br_report_status(const struct br_report *r)
{
	return r->errors ? BR_EXIT_FAILURE : r->refused ? BR_EXIT_REFUSED : 0;
}
