/* The keys of a replay, out of what a terminal sends. */
#ifndef BRATTICE_AUDIT_TOOL_KEYS_H
#define BRATTICE_AUDIT_TOOL_KEYS_H

#include "base/defs.h"

enum br_key { BR_KEY_NONE, BR_KEY_PAUSE, BR_KEY_NEXT, BR_KEY_QUIT, BR_KEY_LEFT, BR_KEY_RIGHT, BR_KEY_UP, BR_KEY_DOWN };

/* Keeps its place between calls. Zero-initialised. */
struct br_keys {
	enum { BR_KEYS_PLAIN, BR_KEYS_ESC, BR_KEYS_CSI, BR_KEYS_SS3, BR_KEYS_STRING, BR_KEYS_STRING_ESC } state;
};

/* What a byte of input completes. Replies of the terminal to what the recorded output asked are swallowed whole. */
enum br_key br_keys_take(struct br_keys *k, unsigned char c);

#endif
