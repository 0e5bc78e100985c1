/* `test`: runs the `tests:` of the policy. */
#include "base/io.h"
#include "policy/tool/tool.h"

struct options {
	struct br_layer_options layers;
	bool json;
};

static const struct br_opt table[] = {
    {"json", 0, NULL, "one JSON object per test", BR_OPT_FLAG, offsetof(struct options, json)},
    BR_LAYER_OPTIONS(struct options, layers),
};
static const struct br_usage usage = {
    .command = "policy test",
    .synopsis = "[OPTION…]",
    .summary = "run the tests that a policy brings along",
    .about = "Prints each test with what it expects and what it got.\n\nExit status: 0 when all pass; 1 when one fails; 125 or "
	     "126 when the "
	     "policy itself is in error.",
    .opts = table,
    .nopts = BR_ARRAY_LEN(table),
};

struct run {
	const struct br_policy_set *s;
	const struct br_decider *d;
	const struct options *o;
	struct br_buf out;
	size_t passed, failed;
};

static void
put_result(
    struct run *r, const struct br_layer *l, const struct br_ynode *act, const char *expect, const char *got, const char *why)
{
	bool ok = br_streq(expect, got);
	*(ok ? &r->passed : &r->failed) += 1;
	const char *origin = br_layer_origin(r->s->a, l, act);
	if (r->o->json) {
		br_buf_printf(&r->out, "{\"ok\":%s,\"act\":\"%s\",\"what\":", ok ? "true" : "false", act->key->text);
		br_buf_put_json(&r->out, act->text, strlen(act->text));
		br_buf_printf(&r->out, ",\"expect\":\"%s\",\"got\":\"%s\",\"why\":", expect, got);
		br_buf_put_json(&r->out, why, strlen(why));
		br_buf_puts(&r->out, ",\"origin\":");
		br_buf_put_json(&r->out, origin, strlen(origin));
		br_buf_puts(&r->out, "}\n");
		return;
	}
	const char *line = br_arena_printf(r->s->a, "%s %s: %s %s: %s%s%s", ok ? "ok  " : "FAIL", origin, act->key->text,
	    act->text, ok ? got : "expected ", ok ? "" : expect, ok ? "" : br_arena_printf(r->s->a, ", got %s: %s", got, why));
	br_buf_put_visible(&r->out, line, strlen(line), false);
	br_buf_putc(&r->out, '\n');
}

static void
run_test(struct run *r, const struct br_layer *l, const struct br_ynode *test)
{
	static const char *const acts[] = {"write", "read", "run", "connect"};
	const char *expect = br_ynode_find(test, "expect")->text;
	for (size_t i = 0; i < BR_ARRAY_LEN(acts); i++) {
		const struct br_ynode *act = br_ynode_find(test, acts[i]);
		if (act == NULL)
			continue;
		if (i >= 2) {
			put_result(r, l, act, expect, "nothing",
			    "commands and connections are not enforced by this version of brattice");
			continue;
		}
		const char *path = br_path_normal(r->s->a, l->base, r->s->places.home, act->text);
		struct br_decision d = br_decide_path(r->d, path, i == 0);
		const char *why = d.rule[0] != '\0' ? br_arena_printf(r->s->a, "%s (%s, %s)", d.why, d.rule, d.origin) : d.why;
		put_result(r, l, act, expect, d.allow ? "allow" : "deny", why);
	}
}

static void
run_tests(struct run *r)
{
	for (size_t i = 0; i < r->s->n; i++) {
		const struct br_ynode *tests = br_ynode_find(r->s->layers[i].root, "tests");
		for (const struct br_ynode *t = tests != NULL ? tests->first : NULL; t != NULL; t = t->next)
			run_test(r, &r->s->layers[i], t);
	}
}

static int
test(const struct options *o, struct br_err *e)
{
	struct br_tool_world w;
	int status = br_tool_world_open(&w, &o->layers, true, e);
	if (status == 0) {
		struct run r = {.s = &w.set, .d = &w.decider, .o = o};
		run_tests(&r);
		if (!o->json)
			br_buf_printf(&r.out, "%zu passed, %zu failed\n", r.passed, r.failed);
		status = br_cli_put(&r.out, r.failed > 0);
		br_buf_free(&r.out);
	}
	br_tool_world_close(&w);
	return status;
}

int
br_tool_test(int argc, char **argv)
{
	struct options o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = 0, status = br_cli_options(&usage, argc, argv, &o, &first);
	if (status < 0)
		status = br_tool_no_operands(&usage, argc, argv, first);
	if (status < 0 && (status = test(&o, &e)) < 0)
		status = br_cli_fail(&e);
	br_layer_options_free(&o.layers);
	return status;
}
