/* A page of sections, pairs and items, as text or as one self-contained HTML page: no script, nothing from elsewhere, and a content security
 * policy that would not let any in. Texts given to it are safe to show (br_buf_put_visible); it escapes them for HTML. */
#ifndef BRATTICE_AUDIT_TOOL_SHEET_H
#define BRATTICE_AUDIT_TOOL_SHEET_H

#include "audit/tool/paper.h"

enum br_tone { BR_TONE_PLAIN, BR_TONE_GOOD, BR_TONE_NOTED, BR_TONE_BAD };

struct br_sheet {
	struct br_paper paper;
	bool html;
	enum { BR_SHEET_TOP, BR_SHEET_PAIRS, BR_SHEET_ITEMS } open;
};

void br_sheet_begin(struct br_sheet *s, bool html, const char *title);
void br_sheet_section(struct br_sheet *s, const char *title);
void br_sheet_pair(struct br_sheet *s, const char *label, const char *text, enum br_tone tone);
/* `when` and `note` may be "". */
void br_sheet_item(struct br_sheet *s, const char *when, const char *text, const char *note, enum br_tone tone);
/* A remark: "none", "and 7 more". */
void br_sheet_remark(struct br_sheet *s, const char *text);
void br_sheet_end(struct br_sheet *s);

#endif
