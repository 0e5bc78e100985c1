/* What a session's .gitconfig takes over, and what must never arrive. */
#include "policy/gitconfig_parse.h"
#include "session/gitconfig_home.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct br_pol_rec recs[] = {
    {.kind = BR_POL_READ, .text = "/home/u/.config/git/ignore", .data = "", .origin = ""},
};
static const struct br_policy policy = {.recs = recs, .n = BR_ARRAY_LEN(recs)};

static bool
describe(const char *text, struct br_buf *out)
{
	unsigned line = 0;
	const char *why = NULL;
	bool ok = br_gitconfig_describe(text, strlen(text), &policy, "/home/u", out, &line, &why);
	br_buf_putc(out, '\0');
	out->len--;
	return ok;
}

static void
expect(const struct br_buf *b, const char *name, const char *value)
{
	br_auto_buf got = {0};
	assert_true(br_gitconfig_get(b->p, b->len, name, &got));
	br_buf_putc(&got, '\0');
	assert_string_equal(got.p, value);
}

static void
test_description_arrives(void **state)
{
	(void)state;
	br_auto_buf out = {0};
	assert_true(
	    describe("[user]\n\tname = Zo\xc3\xab \\\"Z\\\" O'B; #1 \\\\ x\n\temail = z@example.org\n\tname = \" Last  \"\n"
		     "[init] defaultBranch = trunk\n[core]\n\tautocrlf = input\n\texcludesFile = ~/.config/git/ignore\n"
		     "[alias]\n\tlg = log --graph \\\n --oneline\n\tst = status\n"
		     "[color \"diff\"]\n\tmeta = yellow bold\n[pull]\n\trebase\n[commit]\n\tverbose = true\n"
		     "[branch]\n\tautoSetupMerge = always\n[safe]\n\tdirectory = *\n",
		&out));
	expect(&out, "user.name", " Last  ");
	expect(&out, "user.email", "z@example.org");
	expect(&out, "init.defaultbranch", "trunk");
	expect(&out, "core.autocrlf", "input");
	expect(&out, "core.excludesfile", "~/.config/git/ignore");
	expect(&out, "alias.lg", "log --graph  --oneline");
	expect(&out, "color.diff.meta", "yellow bold");
	expect(&out, "branch.autosetupmerge", "always");
	expect(&out, "safe.directory", "*");
	assert_non_null(strstr(out.p, "\"Zo\xc3\xab \\\"Z\\\" O'B\"")); /* `;` begins a comment */
	assert_non_null(strstr(out.p, "[pull]\n\trebase\n"));
}

static void
test_secrets_stay_out(void **state)
{
	(void)state;
	/* Strings of several lines. NOLINTBEGIN(bugprone-suspicious-missing-comma) */
	static const char *const secrets[] = {
	    "[http \"https://h/\"]\n\textraHeader = Authorization: Basic CANARY\n",
	    "[http]\n\textraHeader = X: CANARY\n\tcookieFile = CANARY\n\tproxy = http://u:CANARY@p\n\tsslKey = CANARY\n",
	    "[url \"https://CANARY@github.com/\"]\n\tinsteadOf = https://github.com/\n",
	    "[credential]\n\thelper = !echo password=CANARY\n\tusername = CANARY\n",
	    "[credential \"https://CANARY@x\"]\n\thelper = store\n",
	    "[remote \"o\"]\n\turl = https://CANARY@x/y\n[submodule \"s\"]\n\turl = https://x/CANARY\n",
	    "[branch \"CANARY\"]\n\tremote = https://CANARY@x/y\n",
	    ("[alias]\n\tx = !curl -H CANARY\n\ty = \" !CANARY\"\n\tz = -c http.extraHeader=CANARY fetch\n\tw = fetch "
	     "https://CANARY@x/y\n"
	     "\tv = fetch https://CANARY:x@x/y\n\tu = log --grep ghp_CANARY\n\tt = log --grep=glpat-CANARY\n"
	     "\ts = -c url.https://CANARY@x/.insteadOf=https://x/ fetch\n"),
	    "[user]\n\tname = ghp_CANARY\n\temail = https://CANARY@x\n",
	    "[init]\n\tdefaultBranch = github_pat_CANARY\n",
	    ("[core]\n\texcludesFile = ~/.CANARY\n\tattributesFile = /home/u/.config/git/ignore/../CANARY\n\tsshCommand = ssh "
	     "-i CANARY\n"
	     "\tgitProxy = CANARY\n\taskPass = CANARY\n\tpager = CANARY\n"),
	    "[include]\n\tpath = CANARY\n[includeIf \"gitdir:CANARY\"]\n\tpath = CANARY\n",
	    "[sendemail]\n\tsmtpPass = CANARY\n[github]\n\tuser = CANARY\n\ttoken = CANARY\n[gitlab]\n\tx = "
	    "CANARY\n[hub]\n\toauthtoken = CANARY\n",
	    "[lfs]\n\turl = https://CANARY@x\n[lfs \"https://CANARY@x\"]\n\taccess = basic\n[imap]\n\tpass = CANARY\n",
	};
	/* NOLINTEND(bugprone-suspicious-missing-comma) */
	for (size_t i = 0; i < BR_ARRAY_LEN(secrets); i++) {
		br_auto_buf out = {0}, text = {0};
		br_buf_printf(&text, "%s[user]\n\tname = after\n%c", secrets[i], '\0');
		assert_true(describe(text.p, &out));
		if (strstr(out.p, "CANARY") != NULL)
			fail_msg("%s gave %s", secrets[i], out.p);
		expect(&out, "user.name", "after");
	}
}

static void
test_broken_file(void **state)
{
	(void)state;
	br_auto_buf out = {0};
	assert_false(describe("[user]\n\tname = a\n[credential\n\thelper = CANARY\n[user]\n\temail = b\n", &out));
	expect(&out, "user.name", "a");
	assert_null(strstr(out.p, "CANARY"));
	assert_null(strstr(out.p, "email"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_description_arrives),
	    cmocka_unit_test(test_secrets_stay_out),
	    cmocka_unit_test(test_broken_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
