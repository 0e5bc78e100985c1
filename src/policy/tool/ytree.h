/* YAML into a tree with places, for people's configuration: the plain part of the language only.
 *
 * Anchors, aliases, tags, directives and several documents are refused (a policy is read by people, and an alias can make a
 * small file mean a huge one); so are duplicate keys, keys that aren't words, NUL bytes, and what is not UTF-8. Bounded:
 * BR_YAML_MAX bytes, BR_YAML_DEPTH levels, BR_YAML_NODES values. */
#ifndef BRATTICE_POLICY_TOOL_YTREE_H
#define BRATTICE_POLICY_TOOL_YTREE_H

#include "policy/tool/report.h"

enum { BR_YAML_MAX = 1 << 20, BR_YAML_DEPTH = 16, BR_YAML_NODES = 20000 };

enum br_ytype { BR_Y_SCALAR, BR_Y_LIST, BR_Y_MAP };

struct br_ynode {
	enum br_ytype type;
	bool plain;                           /* a scalar without quotes */
	unsigned line, col;                   /* from 1; 0 when the node is not from a file */
	const char *text;                     /* scalars: NUL-terminated, holds no NUL */
	const struct br_ynode *key;           /* the key of a value in a map */
	struct br_ynode *first, *last, *next; /* children of lists and maps (their values), and the next sibling */
};

/* NULL when the file can't be read as YAML (problems added), or is empty (none added). `file` is kept. */
struct br_ynode *br_yaml_parse(struct br_arena *a, const char *file, const char *data, size_t n, struct br_report *r);

/* The value below a map by a dotted path, or NULL. */
const struct br_ynode *br_ynode_find(const struct br_ynode *map, const char *path);
/* A value that is there but says nothing (`key:` and no more, `null`). */
bool br_ynode_is_null(const struct br_ynode *n);

/* For the command line's options, which become a tree like any other layer. */
struct br_ynode *br_ynode_map(struct br_arena *a);
/* Adds a scalar to the list at the dotted path, or sets the value there, making maps on the way. */
void br_ynode_push(struct br_arena *a, struct br_ynode *map, const char *path, const char *text);
void br_ynode_set(struct br_arena *a, struct br_ynode *map, const char *path, const char *text, bool plain);

#endif
