#include "audit/tool/sheet.h"

#define LABEL_COLUMNS 14

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1d2329;--soft:#5a6570;--line:#d9dee3;--back:#fff;--good:#1a7f37;--noted:#9a6700;--bad:#c0202b}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e8ec;--soft:#9aa5b1;--line:#343c44;--back:#15191d;--good:#4ac26b;--noted:#d4a72c;--bad:#ff7b72}}"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--back);color:var(--ink);"
    "font:16px/1.45 system-ui,sans-serif}h1{font-size:1.35rem;margin:.2rem 0 1rem;overflow-wrap:anywhere}"
    "h2{font-size:1.05rem;margin:1.8rem 0 .5rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}"
    "dl{display:grid;grid-template-columns:minmax(6.5rem,9rem) 1fr;gap:.2rem 1rem;margin:0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}"
    "ul{list-style:none;margin:0;padding:0}li{padding:.35rem 0;border-bottom:1px solid var(--line);break-inside:avoid;overflow-wrap:anywhere}"
    "li:last-child{border:0}code{font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap}time,small{color:var(--soft);font-size:.8rem;"
    "font-variant-numeric:tabular-nums;margin-right:.6rem}small{margin:0 0 0 .6rem;white-space:nowrap}p{color:var(--soft);margin:.3rem 0}"
    ".good{color:var(--good)}.noted{color:var(--noted)}.bad{color:var(--bad)}dd.good,dd.noted,dd.bad{font-weight:600}"
    "@media(max-width:34rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}time{display:block}}"
    "@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--back:#fff;--good:#060;--noted:#640;--bad:#a00}body{max-width:none;padding:0;font-size:10pt}"
    "code{font-size:8.5pt}h2{break-after:avoid}}";

static const char *const classes[] = {[BR_TONE_PLAIN] = "", [BR_TONE_GOOD] = "good", [BR_TONE_NOTED] = "noted", [BR_TONE_BAD] = "bad"};
static const char *const colours[] = {[BR_TONE_PLAIN] = NULL, [BR_TONE_GOOD] = "32", [BR_TONE_NOTED] = "33", [BR_TONE_BAD] = "31"};

static void
put_html(struct br_buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		const char *as = *s == '&' ? "&amp;" : *s == '<' ? "&lt;" : *s == '>' ? "&gt;" : *s == '"' ? "&quot;" : *s == '\'' ? "&#39;" : NULL;
		if (as != NULL)
			br_buf_puts(out, as);
		else
			br_buf_putc(out, *s);
	}
}

static void
put_element(struct br_buf *out, const char *name, const char *class, const char *text)
{
	br_buf_printf(out, "<%s", name);
	if (class[0] != '\0')
		br_buf_printf(out, " class=\"%s\"", class);
	br_buf_putc(out, '>');
	put_html(out, text);
	br_buf_printf(out, "</%s>", name);
}

void
br_sheet_begin(struct br_sheet *s, bool html, const char *title)
{
	*s = (struct br_sheet){.html = html};
	br_paper_open(&s->paper);
	struct br_buf *out = &s->paper.buf;
	if (!html) {
		br_paper_line(&s->paper, "", 2, title, strlen(title), "1");
		return;
	}
	br_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
			 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
			 "form-action 'none'\"><meta name=\"referrer\" content=\"no-referrer\">"
			 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
	put_element(out, "title", "", title);
	br_buf_printf(out, "<style>%s</style></head>\n<body>", style);
	put_element(out, "h1", "", title);
}

static void
go(struct br_sheet *s, int to)
{
	static const char *const ends[] = {"", "</dl>\n", "</ul>\n"}, *const begins[] = {"", "<dl>\n", "<ul>\n"};
	if (s->html && (int)s->open != to) {
		br_buf_puts(&s->paper.buf, ends[s->open]);
		br_buf_puts(&s->paper.buf, begins[to]);
	}
	s->open = to;
}

void
br_sheet_section(struct br_sheet *s, const char *title)
{
	go(s, BR_SHEET_TOP);
	if (s->html) {
		put_element(&s->paper.buf, "h2", "", title);
		br_buf_putc(&s->paper.buf, '\n');
		return;
	}
	br_buf_putc(&s->paper.buf, '\n');
	br_paper_line(&s->paper, "", 2, title, strlen(title), "1");
}

void
br_sheet_pair(struct br_sheet *s, const char *label, const char *text, enum br_tone tone)
{
	char head[64];
	go(s, BR_SHEET_PAIRS);
	if (s->html) {
		put_element(&s->paper.buf, "dt", "", label);
		put_element(&s->paper.buf, "dd", classes[tone], text);
		br_buf_putc(&s->paper.buf, '\n');
		return;
	}
	(void)snprintf(head, sizeof(head), "  %-*s", LABEL_COLUMNS, label);
	br_paper_line(&s->paper, head, LABEL_COLUMNS + 2, text, strlen(text), colours[tone]);
}

void
br_sheet_item(struct br_sheet *s, const char *when, const char *text, const char *note, enum br_tone tone)
{
	struct br_buf *out = &s->paper.buf;
	go(s, BR_SHEET_ITEMS);
	if (s->html) {
		br_buf_puts(out, "<li>");
		if (when[0] != '\0')
			put_element(out, "time", "", when);
		put_element(out, "code", classes[tone], text);
		if (note[0] != '\0')
			put_element(out, "small", "", note);
		br_buf_puts(out, "</li>\n");
		return;
	}
	br_auto_buf line = {0};
	char head[64];
	br_buf_puts(&line, text);
	if (note[0] != '\0')
		br_buf_printf(&line, "  [%s]", note);
	(void)snprintf(head, sizeof(head), "  %s%s", when, when[0] != '\0' ? "  " : "");
	br_paper_line(&s->paper, head, strlen(head) + 2, line.p != NULL ? line.p : "", line.len, colours[tone]);
}

void
br_sheet_remark(struct br_sheet *s, const char *text)
{
	go(s, BR_SHEET_TOP);
	if (s->html)
		put_element(&s->paper.buf, "p", "", text);
	else
		br_paper_line(&s->paper, "  ", 2, text, strlen(text), NULL);
}

void
br_sheet_end(struct br_sheet *s)
{
	go(s, BR_SHEET_TOP);
	if (s->html)
		br_buf_puts(&s->paper.buf, "</body></html>\n");
}
