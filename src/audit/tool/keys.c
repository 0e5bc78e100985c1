#include "audit/tool/keys.h"

static enum br_key
plain(unsigned char c)
{
	switch (c) {
	case ' ':
		return BR_KEY_PAUSE;
	case '.':
		return BR_KEY_NEXT;
	case 'q':
	case 'Q':
	case 3: /* ^C: a raw terminal makes no signal of it */
		return BR_KEY_QUIT;
	default:
		return BR_KEY_NONE;
	}
}

static enum br_key
arrow(unsigned char c)
{
	static const enum br_key keys[] = {BR_KEY_UP, BR_KEY_DOWN, BR_KEY_RIGHT, BR_KEY_LEFT};
	return c >= 'A' && c <= 'D' ? keys[c - 'A'] : BR_KEY_NONE;
}

enum br_key
br_keys_take(struct br_keys *k, unsigned char c)
{
	switch (k->state) {
	case BR_KEYS_PLAIN:
		k->state = c == 0x1b ? BR_KEYS_ESC : BR_KEYS_PLAIN;
		return plain(c);
	case BR_KEYS_ESC:
		k->state = c == '[' ? BR_KEYS_CSI : c == 'O' ? BR_KEYS_SS3 : c == ']' || c == 'P' || c == '_' ? BR_KEYS_STRING : BR_KEYS_PLAIN;
		return k->state == BR_KEYS_PLAIN ? plain(c) : BR_KEY_NONE;
	case BR_KEYS_CSI:
		if (c < 0x40 || c > 0x7e)
			return BR_KEY_NONE;
		k->state = BR_KEYS_PLAIN;
		return arrow(c);
	case BR_KEYS_SS3:
		k->state = BR_KEYS_PLAIN;
		return arrow(c);
	case BR_KEYS_STRING:
		k->state = c == 0x1b ? BR_KEYS_STRING_ESC : c == 7 ? BR_KEYS_PLAIN : BR_KEYS_STRING;
		return BR_KEY_NONE;
	case BR_KEYS_STRING_ESC:
		k->state = c == '\\' ? BR_KEYS_PLAIN : BR_KEYS_STRING;
		return BR_KEY_NONE;
	}
	return BR_KEY_NONE;
}
