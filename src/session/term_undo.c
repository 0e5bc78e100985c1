/* The output filter: what the command has changed is undone, or brought to another terminal. */
#include "session/term_int.h"

/* A fixed buffer that can't overflow: BR_TERM_UNDO is more than everything together (asserted in the tests). */
struct undo {
	char *to;
	size_t n;
};

static void
put(struct undo *u, const char *s)
{
	size_t n = strlen(s);
	if (u->n + n > BR_TERM_UNDO)
		return;
	memcpy(u->to + u->n, s, n);
	u->n += n;
}

static void
undo_keyboard(struct br_term_filter *f, struct undo *u)
{
	char s[16];
	int k = on_alternate(f) ? 1 : 0;
	if (f->kb[k] > 0) {
		(void)snprintf(s, sizeof(s), "\033[<%uu", f->kb[k]);
		put(u, s);
		f->kb[k] = 0;
	}
}

static void
undo_modes(struct br_term_filter *f, struct undo *u)
{
	for (size_t i = 0; i < br_term_nmodes; i++) {
		char s[16];
		if ((f->modes & (1ULL << i)) == 0)
			continue;
		(void)snprintf(s, sizeof(s), "\033[?%u%c", br_term_modes[i].number, br_term_modes[i].usual == ON ? 'h' : 'l');
		put(u, s);
	}
	f->modes = 0;
}

static void
undo_colours(const struct br_term_filter *f, struct undo *u)
{
	for (unsigned i = 0; i < 10; i++) {
		char s[16];
		if ((f->changed & C_COLOUR << i) == 0)
			continue;
		(void)snprintf(s, sizeof(s), "\033]%u\033\\", 110 + i);
		put(u, s);
	}
}

size_t
br_term_filter_undo(struct br_term_filter *f, char *to)
{
	static const struct {
		uint32_t bit;
		const char *undo;
	} undos[] = {
		{C_LINK, "\033]8;;\033\\"},
		{C_SGR, "\033[m"},
		{C_MARGINS, "\0337\033[r\0338"}, /* setting margins moves the cursor */
		{C_CHARSET, "\033(B\033)B\033*B\033+B\017"},
		{C_KEYPAD, "\033>"},
		{C_INSERT, "\033[4l"},
		{C_NEWLINE, "\033[20l"},
		{C_CURSOR, "\033[0 q"},
		{C_KEYS, "\033[>4m"},
		{C_KBSET, "\033[=0u"},
		{C_PALETTE, "\033]104\033\\\033]105\033\\"},
		{C_PROGRESS, "\033]9;4;0\033\\"},
	};
	struct undo u = {.to = to};
	undo_keyboard(f, &u); /* of the screen it is on */
	undo_modes(f, &u);
	undo_keyboard(f, &u); /* of the normal screen */
	for (size_t i = 0; i < BR_ARRAY_LEN(undos); i++)
		if ((f->changed & undos[i].bit) != 0)
			put(&u, undos[i].undo);
	undo_colours(f, &u);
	for (; f->titles > 0; f->titles--)
		put(&u, "\033[23;0t");
	f->changed = 0;
	f->kb[0] = f->kb[1] = 0;
	f->state = GROUND;
	f->drop = false;
	f->npend = 0;
	return u.n;
}

void
br_term_filter_replay(const struct br_term_filter *f, struct br_buf *out)
{
	for (size_t i = 0; i < br_term_nmodes; i++)
		if ((f->modes & (1ULL << i)) != 0)
			br_buf_printf(out, "\033[?%u%c", br_term_modes[i].number, br_term_modes[i].usual == ON ? 'l' : 'h');
	int k = on_alternate(f) ? 1 : 0;
	if (f->kb[k] > 0)
		br_buf_printf(out, "\033[>%uu", f->kbflags[k]);
	else if ((f->changed & C_KBSET) != 0)
		br_buf_printf(out, "\033[=%uu", f->kbflags[k]);
	if ((f->changed & C_KEYPAD) != 0)
		br_buf_puts(out, "\033=");
}
