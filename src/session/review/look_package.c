/* package.json: the scripts that npm, pnpm and Yarn run by themselves at an install, and the others. */
#include "session/review/look.h"

#include <jansson.h>

/* docs.npmjs.com, "scripts": what `npm install`, `npm ci`, `npm pack` and `npm publish` run without being asked. */
static const char *const AT_INSTALL[] = {"preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare",
    "dependencies", "preuninstall", "uninstall", "postuninstall"};
static const char *const AT_PUBLISH[] = {"prepublish", "prepublishOnly", "publish", "postpublish", "prepack", "pack",
    "postpack", "preversion", "version", "postversion"};

static bool
among(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (br_streq(name, list[i]))
			return true;
	return false;
}

static void
look_script(struct br_look *l, const char *name, const char *command)
{
	char text[256];
	(void)snprintf(text, sizeof(text), "%s", command);
	const char *cut = strlen(command) >= sizeof(text) ? "…" : "";
	if (among(name, AT_INSTALL, BR_ARRAY_LEN(AT_INSTALL)))
		br_look_add(l, l->deps ? BR_HANDOFF_NOTE : BR_HANDOFF_WARN,
		    l->deps ? "lifecycle-dependency" : "lifecycle-script", "script %.60s runs `%s%s` at the next npm install",
		    name, text, cut);
	else if (l->deps)
		return;
	else if (among(name, AT_PUBLISH, BR_ARRAY_LEN(AT_PUBLISH)))
		br_look_add(l, BR_HANDOFF_WARN, "lifecycle-script", "script %.60s runs `%s%s` at npm publish, pack or version",
		    name, text, cut);
	else
		br_look_add(l, BR_HANDOFF_NOTE, "script", "script %.60s: `%s%s`, run by npm run", name, text, cut);
}

static void
look_scripts(struct br_look *l, json_t *now, json_t *before)
{
	const char *name;
	json_t *v;
	json_object_foreach(json_object_get(now, "scripts"), name, v)
	{
		json_t *old = json_object_get(json_object_get(before, "scripts"), name);
		if (json_is_string(v) && (old == NULL || !json_equal(v, old)))
			look_script(l, name, json_string_value(v));
	}
}

/* Fields of package.json that make a tool run something else than `scripts` says. */
static void
look_fields(struct br_look *l, json_t *now, json_t *before)
{
	static const struct {
		const char *key, *what;
	} fields[] = {
	    {"simple-git-hooks", "git hooks that simple-git-hooks installs at the next install"},
	    {"husky", "git hooks that husky installs"},
	    {"lint-staged", "commands that lint-staged runs at the next git commit"},
	    {"packageManager", "the package manager that corepack downloads and runs"},
	    {"gypfile", "a native build (node-gyp) at the next install"},
	};
	for (size_t i = 0; i < BR_ARRAY_LEN(fields) && !l->deps; i++) {
		json_t *v = json_object_get(now, fields[i].key), *old = json_object_get(before, fields[i].key);
		if (v != NULL && (old == NULL || !json_equal(v, old)))
			br_look_add(l, BR_HANDOFF_WARN, "lifecycle-script", "%s: %s", fields[i].key, fields[i].what);
	}
}

/* What an install would bring in anew. Only with a former state: else every dependency would be listed each time. */
static void
look_dependencies(struct br_look *l, json_t *now, json_t *before)
{
	static const char *const lists[] = {"dependencies", "devDependencies", "optionalDependencies"};
	for (size_t i = 0; i < BR_ARRAY_LEN(lists) && before != NULL && !l->deps; i++) {
		const char *name;
		json_t *v;
		json_object_foreach(json_object_get(now, lists[i]), name, v)
		{
			json_t *old = json_object_get(json_object_get(before, lists[i]), name);
			if (json_is_string(v) && (old == NULL || !json_equal(v, old)))
				br_look_add(l, BR_HANDOFF_NOTE, "dependency-added",
				    "%.20s: %.100s %.100s, with its install scripts", lists[i], name, json_string_value(v));
		}
	}
}

void
br_look_package(struct br_look *l)
{
	if (!br_streq(l->base, "package.json"))
		return;
	json_error_t je;
	json_t *now = json_loadb(l->now.p, l->now.len, JSON_DISABLE_EOF_CHECK, &je);
	json_t *before = l->before.len > 0 ? json_loadb(l->before.p, l->before.len, 0, NULL) : NULL;
	if (!json_is_object(now)) {
		if (!l->deps)
			br_look_add(l, BR_HANDOFF_WARN, "unreadable", "is no JSON object: its scripts were not looked at");
	} else {
		look_scripts(l, now, before);
		look_fields(l, now, before);
		look_dependencies(l, now, before);
	}
	json_decref(now);
	json_decref(before);
}
