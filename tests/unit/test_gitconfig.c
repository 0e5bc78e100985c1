/* The reader of git's configuration against `git config`, and the judge over what real git commands write. */
#include "scratch.h"

#include "policy/gitconfig.h"
#include "policy/gitconfig_parse.h"
#include "policy/gitconfig_trust.h"

/* As `git config --list -z` prints it. */
static bool
print_entry(void *arg, const struct br_gitconfig_entry *e)
{
	struct br_buf *out = arg;
	br_buf_puts(out, e->name);
	if (e->value != NULL) {
		br_buf_putc(out, '\n');
		br_buf_puts(out, e->value);
	}
	br_buf_putc(out, '\0');
	return true;
}

static void
compare(const char *text, size_t n)
{
	br_auto_buf ours = {0};
	unsigned line;
	const char *why;
	bool ok = br_gitconfig_each(text, n, print_entry, &ours, &line, &why);
	put_file("config", text, n);
	sh("git config --file config --list -z > listed 2> /dev/null; echo $? > status");
	br_auto_buf status = get_file("status");
	bool git = br_streq(status.p, "0\n");
	if (git && !ok && br_streq(why, "a key before any section"))
		return; /* git takes it for a name without a section, which nothing reads */
	if (git != ok)
		fail_msg("git %d, ours %d (%s in line %u):\n%.*s", git, ok, ok ? "" : why, line, (int)n, text);
	if (!ok)
		return;
	br_auto_buf listed = get_file("listed");
	if (listed.len != ours.len || (ours.len > 0 && memcmp(listed.p, ours.p, ours.len) != 0))
		fail_msg("git \"%s\", ours \"%s\":\n%.*s", listed.p, ours.p, (int)n, text);
}

static void
test_syntax(void **state)
{
	static const char *const texts[] = {"", "\n", "[a]\nb = c\n", "[a]b=c", "[A]\n\tB\n", "[a \"S.x\"]\nb = c",
	    "[a.S]\nb=c", "[a.b \"c\"]\nd=e", "[a \"\\\"q\\\\\"]\nb=c", "[a \"n\\t\"]\nb=c", "[a]\nb = \"c d\" ; e\n",
	    "[a]\nb = c # d\nc = \"#\"\n", "[a]\nb = c \\\n d\n", "[a]\nb = \"c\\\nd\"\n", "[a]\nb = c\\td\\ne\\\"f\\\\\\b\n",
	    "[a]\r\nb = c\r\n", "[a]\nb = c\\\r\nd\r\n", "\xef\xbb\xbf[a]\nb=c\n", "[a]\nb =\n", "[a]\nb = \"\"\n",
	    "[a]\nb-1=c", "; x\n# y\n[a] # z\nb=c", "[a] b = 1\n[c]\td = 2", "[a]\nb = c  d   e\n", "[a]\nb = 'c'\n",
	    "[a]\nb=c=d", "[a-b]\nc=d", "[1]\nc=d", "[a \"\"]\nb=c", "[a]\nb = \"c\"d\"e\"\n", "[a \"x]y\"]\nb=c",
	    "[a \"x#y\"]\nb=c", "[a]\nb\n[c]\n",
	    /* refused by both */
	    "b = c\n", "[a\nb=c", "[a]\n1b=c", "[a]\nb c", "[a]\nb = \"c\n", "[a]\nb = c\\q\n", "[a \"b]\nc=d", "[a \"b\"",
	    "[a \"b\" ]\nc=d", "[a b]\nc=d", "[a_b]\nc=d", "[]\nb=c", "[a]\nb_c=d", "[a]\n= c", "]\n", "[a]\nb = \"c\\",
	    "[a \"b\n\"]\nc=d", "[a]]\n", "x"};
	for (size_t i = 0; i < BR_ARRAY_LEN(texts); i++)
		compare(texts[i], strlen(texts[i]));
}

static uint32_t
draw(uint32_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % below;
}

/* Rows of random pieces of the syntax: git and we agree on each, also on which are refused. Blanks inside values are left out:
 * git's handling of them changed between versions. */
static void
test_random_syntax(void **state)
{
	static const char *const parts[] = {"[a]", "[B \"c\"]", "[a.D]", "\n", "\n", "\n", "k", "K-1", "=", "=", "v", "\"q\"",
	    "\"", "\\n", "\\\\", "\\\"", "\\\n", "\\x", "#c", ";c", "[", "]", "\r\n", ".", "1", "-", "/", "[a \"x\\y\"]",
	    "k=v\n", "[s]\nk=v\n"};
	uint32_t seed = 424242;
	size_t accepted = 0;
	for (int i = 0; i < 400; i++) {
		char text[512];
		size_t len = 0;
		for (uint32_t k = 1 + draw(&seed, 8); k > 0; k--)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", parts[draw(&seed, BR_ARRAY_LEN(parts))]);
		br_auto_buf none = {0};
		unsigned line;
		const char *why;
		accepted += br_gitconfig_each(text, len, print_entry, &none, &line, &why);
		compare(text, len);
	}
	assert_true(accepted > 40);
}

/* What git takes and we don't. */
static void
test_stricter(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} bad[] = {{"[a]\nb=c\0d\n", 10}, {"[a]\nb=c\rd\n", 10}, {"[a]\n#\0\n", 7}, {"[a]\r \n", 6}};
	struct br_gitconfig_refusal why;
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++)
		assert_false(br_gitconfig_judge(bad[i].text, bad[i].n, NULL, 0, NULL, NULL, &why));
	br_auto_buf big = {0};
	while (big.len <= BR_GITCONFIG_MAX)
		br_buf_puts(&big, "# a comment\n");
	assert_false(br_gitconfig_judge(big.p, big.len, NULL, 0, NULL, NULL, &why));
	assert_non_null(strstr(why.why, "1 MiB"));
}

/* Stays in the tree: everything below the scratch directory, and the relative paths that the tests use. */
static bool
in_tree(void *arg, const char *path)
{
	if (path[0] == '/')
		return br_startswith(path, scratch_dir) && path[strlen(scratch_dir)] == '/';
	return strstr(path, "..") == NULL || br_startswith(path, "../../../") || br_streq(path, "../other");
}

static void
must_refuse(const char *text, const char *before, const char *key, const char *says)
{
	struct br_gitconfig_refusal why;
	if (br_gitconfig_judge(text, strlen(text), before, before != NULL ? strlen(before) : 0, in_tree, NULL, &why))
		fail_msg("passed: %s", text);
	if (!br_streq(why.key, key) || strstr(why.why, says) == NULL || why.line == 0)
		fail_msg("line %u: %s: %s, for: %s", why.line, why.key, why.why, text);
}

static void
must_pass(const char *text, const char *before)
{
	struct br_gitconfig_refusal why;
	if (!br_gitconfig_judge(text, strlen(text), before, before != NULL ? strlen(before) : 0, in_tree, NULL, &why))
		fail_msg("line %u: %s: %s, for: %s", why.line, why.key, why.why, text);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text;
		const char *key;
		const char *says;
	} bad[] = {{"[core]\n\thooksPath = x", "core.hookspath", "runs the programs"},
	    {"[CORE]FSMonitor=x", "core.fsmonitor", "git status"}, {"[core]\nfsmonitor", "core.fsmonitor", "false"},
	    {"[core]\nfsmonitor = true", "core.fsmonitor", "false"}, {"[core]\nsshCommand=x", "core.sshcommand", ""},
	    {"[core]\npager=x", "core.pager", ""}, {"[core]\neditor=x", "core.editor", ""},
	    {"[core]\naskPass=x", "core.askpass", ""}, {"[core]\ngitProxy=x", "core.gitproxy", ""},
	    {"[core]\nattributesFile=x", "core.attributesfile", ""}, {"[core]\nexcludesFile=x", "core.excludesfile", ""},
	    {"[core]\nalternateRefsCommand=x", "core.alternaterefscommand", ""},
	    {"[core]\nworktree=/", "core.worktree", "outside"},
	    {"[core]\nsharedRepository = 0666", "core.sharedrepository", "every user"},
	    {"[core]\nsharedRepository = world", "core.sharedrepository", ""},
	    {"[core]\nprotectNTFS=false", "core.protectntfs", "protection"},
	    {"[core]\nnewThing=1", "core.newthing", "not among"}, {"[filter \"x\"]\nclean=evil", "filter.x.clean", "checkout"},
	    {"[filter \"lfs\"]\nclean=\"git-lfs clean -- %f; evil\"", "filter.lfs.clean", ""},
	    {"[filter \"x\"]\nprocess=git-lfs filter-process", "filter.x.process", ""},
	    {"[diff \"x\"]\ntextconv=evil", "diff.x.textconv", "driver"}, {"[diff \"x\"]\ncommand=evil", "diff.x.command", ""},
	    {"[diff]\nexternal=evil", "diff.external", "every diff"},
	    {"[merge \"x\"]\ndriver=evil", "merge.x.driver", "driver"}, {"[merge]\ntool=x", "merge.tool", ""},
	    {"[mergetool \"x\"]\ncmd=evil", "mergetool.x.cmd", ""}, {"[alias]\nx=!evil", "alias.x", "alias"},
	    {"[include]\npath=x", "include.path", "another file"},
	    {"[includeIf \"gitdir:/\"]\npath=x", "includeif.gitdir:/.path", "another file"},
	    {"[credential]\nhelper=!evil", "credential.helper", "passwords"},
	    {"[credential \"https://x\"]\nhelper=!evil", "credential.https://x.helper", ""},
	    {"[url \"ext::sh -c evil \"]\ninsteadOf=https://", "url.ext::sh -c evil .insteadof", "redirects"},
	    {"[gpg]\nprogram=x", "gpg.program", ""}, {"[gpg \"ssh\"]\nprogram=x", "gpg.ssh.program", ""},
	    {"[trailer \"x\"]\ncommand=x", "trailer.x.command", ""},
	    {"[remote \"o\"]\nurl=ext::sh -c evil", "remote.o.url", "git-remote-"},
	    {"[remote \"o\"]\nurl=fd::7", "remote.o.url", "git-remote-"},
	    {"[remote \"o\"]\nurl=foo://x", "remote.o.url", "transport"},
	    {"[remote \"o\"]\nurl=HTTPS::x", "remote.o.url", "git-remote-"},
	    {"[remote \"o\"]\nurl=-oProxyCommand=x:y", "remote.o.url", "'-'"},
	    {"[remote \"o\"]\nurl=ssh://-oProxyCommand=x/y", "remote.o.url", "option to ssh"},
	    {"[remote \"o\"]\nurl=ssh://u@-oProxyCommand=x/y", "remote.o.url", "option to ssh"},
	    {"[remote \"o\"]\nurl=u@-x:y", "remote.o.url", "option to ssh"},
	    {"[remote \"o\"]\nurl=ssh:///y", "remote.o.url", "no host"},
	    {"[remote \"o\"]\nurl=/etc", "remote.o.url", "outside"},
	    {"[remote \"o\"]\nurl=file:///srv/x", "remote.o.url", "outside"},
	    {"[remote \"o\"]\nurl=../x", "remote.o.url", "outside"},
	    {"[remote \"o\"]\nurl=https://x/%0a%0dhost=y", "remote.o.url", "control"},
	    {"[remote \"o\"]\nurl=\"https://x/\\ny\"", "remote.o.url", "control"}, {"[remote \"o\"]\nurl", "remote.o.url", ""},
	    {"[remote \"o\"]\npushurl=ext::x", "remote.o.pushurl", ""},
	    {"[remote \"o\"]\nuploadpack=x", "remote.o.uploadpack", "runs"},
	    {"[remote \"o\"]\nreceivepack=x", "remote.o.receivepack", "runs"},
	    {"[remote \"o\"]\nvcs=x", "remote.o.vcs", "git-remote-"}, {"[remote \"o\"]\nproxy=x", "remote.o.proxy", "redirect"},
	    {"[remote \"o\"]\ntagopt=--upload-pack=x", "remote.o.tagopt", "--tags"},
	    {"[remote \"o\"]\nmirror=true", "remote.o.mirror", "deletes"},
	    {"[remote \"o\"]\npush=+main", "remote.o.push", "overwrite"},
	    {"[remote \"o\"]\nfetch=--upload-pack=x", "remote.o.fetch", "refspec"},
	    {"[remote.o]\nurl=ext::x", "remote.o.url", ""}, {"[branch \"m\"]\nremote=ext::sh -c evil", "branch.m.remote", ""},
	    {"[branch \"m\"]\npushRemote=-x", "branch.m.pushremote", ""},
	    {"[branch \"m\"]\nmergeOptions=-s evil", "branch.m.mergeoptions", "merge program"},
	    {"[submodule \"s\"]\nupdate=!evil", "submodule.s.update", "command"},
	    {"[submodule \"s\"]\nurl=ext::x", "submodule.s.url", ""},
	    {"[submodule \"../s\"]\nactive=true", "submodule.../s.active", ""},
	    {"[rebase]\ninstructionFormat=%s%nexec evil", "rebase.instructionformat", "exec"},
	    {"[sequence]\neditor=x", "sequence.editor", ""}, {"[pull]\ntwohead=evil", "pull.twohead", "merge program"},
	    {"[init]\ntemplateDir=x", "init.templatedir", "hooks"},
	    {"[commit]\ntemplate=/etc/passwd", "commit.template", "copies"},
	    {"[http]\nproxy=http://x", "http.proxy", "redirect"},
	    {"[http \"https://x\"]\nsslVerify=false", "http.https://x.sslverify", ""},
	    {"[protocol]\nallow=always", "protocol.allow", "transports"},
	    {"[protocol \"ext\"]\nallow=always", "protocol.ext.allow", "transports"},
	    {"[pager]\nlog=evil", "pager.log", "true or false"}, {"[interactive]\ndiffFilter=x", "interactive.difffilter", ""},
	    {"[gc]\nrecentObjectsHook=x", "gc.recentobjectshook", ""},
	    {"[uploadpack]\npackObjectsHook=x", "uploadpack.packobjectshook", ""},
	    {"[lfs \"customtransfer.x\"]\npath=evil", "lfs.customtransfer.x.path", ""},
	    {"[lfs]\nurl=https://evil", "lfs.url", ""}, {"[extensions]\nrefStorage=files:///x", "extensions.refstorage", ""},
	    {"[safe]\ndirectory=*", "safe.directory", "protection"}, {"[hook \"x\"]\ncommand=y", "hook.x.command", ""},
	    {"[sendemail]\nsmtpServer=/x", "sendemail.smtpserver", ""}, {"[log]\ndate = \"format:\\b\"", "log.date", "control"},
	    {"[color \"diff\"]\nmeta = \"\\b\"", "color.diff.meta", "colour"}, {"[unknown]\nx=y", "unknown.x", "not among"},
	    {"[core]\nbare=false\n[x", "", "section name"}, {"[core]\n\n\n\"", "", "neither"}};
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++)
		must_refuse(bad[i].text, NULL, bad[i].key, bad[i].says);
	struct br_gitconfig_refusal why;
	const char *text = "[core]\n\tbare = false\n\n\tpager = x\n";
	assert_false(br_gitconfig_judge(text, strlen(text), NULL, 0, NULL, NULL, &why));
	assert_int_equal(why.line, 4);
	text = "[remote \"o\"]\nurl=x";
	assert_false(
	    br_gitconfig_judge(text, strlen(text), NULL, 0, NULL, NULL, &why)); /* no path is fine without a judge of paths */
}

static void
test_allowed(void **state)
{
	static const char *const good[] = {"",
	    "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n",
	    "[core]\nfsmonitor = false",
	    "[remote \"o\"]\nurl = https://github.com/x/y.git\nfetch = +refs/heads/*:refs/remotes/o/*",
	    "[remote \"o\"]\nurl = git@github.com:x/y.git", "[remote \"o\"]\nurl = ssh://git@host:22/~x/y",
	    "[remote \"o\"]\nurl = [::1]:x", "[remote \"o\"]\nurl = u@[::1]:x",
	    "[remote \"o\"]\nurl = http://u:p@h/x\npushurl = git://h/x\ntagopt = --no-tags\nprune",
	    "[remote \"o\"]\nurl = ./sub/repo",
	    "[branch \"a.b/c\"]\nremote = .\nmerge = refs/heads/x\nrebase = true\ndescription = \"two\\nlines\\n\"",
	    "[user]\nname = A B\nemail = a@b", "[submodule \"a/b\"]\nactive = true\nurl = https://h/x\nupdate = rebase",
	    "[core]\nworktree = ../../../sub",
	    ("[filter \"lfs\"]\nclean = git-lfs clean -- %f\nsmudge = git-lfs smudge -- %f\nprocess = git-lfs "
	     "filter-process\nrequired = true"),
	    "[lfs]\nrepositoryformatversion = 0\n[lfs \"https://h/x/info/lfs\"]\naccess = basic",
	    "[color]\nui = auto\n[color \"diff\"]\nmeta = yellow bold #aabbcc", "[pager]\nlog = false",
	    "[extensions]\nworktreeConfig = true\nobjectFormat = sha256", "[remote]\npushDefault = origin",
	    "[advice]\nanyThing = false"};
	for (size_t i = 0; i < BR_ARRAY_LEN(good); i++)
		must_pass(good[i], NULL);
}

/* Keys that the user has may stay as they are, as often as they are there. */
static void
test_before(void **state)
{
	static const char mine[] = "[core]\npager = less\nhooksPath = .githooks\n[alias]\nx = !a\nx = !b\n[include]\npath = "
				   "x\n[url \"u\"]\ninsteadOf\n";
	must_pass(mine, mine);
	must_pass("[core]\nbare = false\n[Core]\nPager = \"less\"", mine);
	must_pass("[url \"u\"]\ninsteadOf\n", mine);
	must_refuse("[core]\npager = less\npager = less", mine, "core.pager", "");
	must_refuse("[core]\npager = more", mine, "core.pager", "");
	must_refuse("[core]\neditor = less", mine, "core.editor", "");
	must_refuse("[alias \"x\"]\nx = !a", mine, "alias.x.x", "");
	must_refuse("[alias]\nx = !a\nx = !b\nx = !a", mine, "alias.x", "");
	must_refuse("[url \"U\"]\ninsteadOf\n", mine, "url.U.insteadof", "");
	must_refuse("[url \"u\"]\ninsteadOf = true\n", mine, "url.u.insteadof", "");
	must_pass("[core]\npager = less", "[core]\npager = less\n[broken");
	must_refuse("[core]\npager = less", "[broken\n[core]\npager = less", "core.pager", "");
}

static void
test_get(void **state)
{
	static const char text[] = "[core]\nhooksPath = a\n[x \"Y\"]\nz = 1\n[core]\nHooksPath = \"b c\" # d\nbare\n";
	br_auto_buf out = {0};
	assert_true(br_gitconfig_get(text, strlen(text), "core.hookspath", &out));
	assert_string_equal(out.p, "b c");
	assert_true(br_gitconfig_get(text, strlen(text), "x.Y.z", &out));
	assert_string_equal(out.p, "1");
	assert_false(br_gitconfig_get(text, strlen(text), "x.y.z", &out));
	assert_false(br_gitconfig_get(text, strlen(text), "core.bare", &out));
}

static bool
print_trusted(void *arg, const char *name, const char *path, enum br_gitconfig_base base)
{
	static const char *const bases[] = {"(file) ", "(tree) ", "", "(word) ", "(script) "};
	br_buf_printf(arg, "%s %s%s\n", name, bases[base], path);
	return true;
}

static void
test_trusted_paths(void **state)
{
	static const char text[] =
	    "[core]\nhooksPath = .githooks\nworktree = ../x\nfsmonitor = .git/x/watch\npager = less -R\neditor = ~/bin/e\n"
	    "[include]\npath = ../team\n[includeIf \"onbranch:x\"]\npath = /abs/y\n[alias]\na = !tools/a --b \"./c d\"\nco = "
	    "checkout\n"
	    "[filter \"y\"]\nclean = \"PATH=bin/p ./scripts/clean %f\"\n[remote \"o\"]\nurl = ../other\n"
	    "[url \"https://x/\"]\ninsteadOf = y/z\n[credential]\nhelper = \"!f() { exec cred/h https://h/x; }; f\"\n"
	    "[merge \"m\"]\ndriver = python3 -u merge.py %O %A\n[core]\nexcludesFile = a/b\n[alias]\nm = log origin/main\n"
	    "c = -c core.pager=p/q log\n";
	br_auto_buf out = {0};
	assert_true(br_gitconfig_trusted_paths(text, strlen(text), print_trusted, &out));
	assert_string_equal(out.p,
	    "core.hookspath (tree) .githooks\ncore.fsmonitor .git/x/watch\ncore.editor ~/bin/e\ninclude.path (file) ../team\n"
	    "includeif.onbranch:x.path (file) /abs/y\nalias.a tools/a\nalias.a (word) ./c\nfilter.y.clean "
	    "bin/p\nfilter.y.clean "
	    "./scripts/clean\ncredential.helper cred/h\nmerge.m.driver (script) -u\nmerge.m.driver (script) merge.py\n"
	    "merge.m.driver (script) %O\nmerge.m.driver (script) %A\nalias.c p/q\n");
	assert_false(br_gitconfig_trusted_paths("[x", 2, print_trusted, &out));
}

static struct br_buf last;

/* The configuration that git left, judged against the one before. */
static void
judge_file(const char *path)
{
	struct br_buf now = get_file(path);
	struct br_gitconfig_refusal why;
	if (!br_gitconfig_judge(now.p != NULL ? now.p : "", now.len, last.p, last.len, in_tree, NULL, &why))
		fail_msg("%s, line %u: %s: %s\n%s", path, why.line, why.key, why.why, now.p);
	br_buf_free(&last);
	last = now;
}

/* What people and agents do all day passes. */
static void
test_real_git(void **state)
{
	static const char *const commands[] = {"git init -q", "git config user.name x", "git commit -q --allow-empty -m 1",
	    "git branch -m trunk", "git checkout -q -b b", "git remote add up https://example.org/x.git",
	    "git remote rename up origin", "git remote set-url --add --push origin git@example.org:x.git",
	    "git config branch.b.remote origin && git config branch.b.merge refs/heads/b",
	    "git branch --edit-description 2> /dev/null", "git branch -q -m b c",
	    "git remote add here ../other && git fetch -q here", "git checkout -q -b t here/trunk",
	    "git branch -q -u here/trunk c", "git config pull.rebase true",
	    "git -c protocol.file.allow=always submodule --quiet add $PWD/../other sub", "git submodule --quiet deinit -f sub",
	    "git -c protocol.file.allow=always submodule --quiet update --init",
	    "git commit -q -m sub && git worktree add -q ../wt > /dev/null", "git sparse-checkout set some",
	    "git -C ../wt config --worktree user.email y", "git sparse-checkout disable", "git rebase -q HEAD",
	    "git maintenance run", "git gc -q", "git remote remove here", "git branch -q -D c", "git worktree remove -f ../wt"};
	sh("git init -q -b trunk other && git -C other commit -q --allow-empty -m 1");
	assert_int_equal(mkdir("mine", 0755), 0);
	assert_int_equal(chdir("mine"), 0);
	assert_int_equal(setenv("GIT_EDITOR", "echo text >", 1), 0);
	for (size_t i = 0; i < BR_ARRAY_LEN(commands); i++) {
		sh("%s", commands[i]);
		judge_file(".git/config");
	}
	br_buf_free(&last);
	judge_file(".git/modules/sub/config");
	br_buf_free(&last);
	sh("git clone -q ../other clone");
	judge_file("clone/.git/config");
	br_buf_free(&last);
	assert_int_equal(chdir(".."), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_syntax),
	    cmocka_unit_test(test_random_syntax),
	    cmocka_unit_test(test_stricter),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_allowed),
	    cmocka_unit_test(test_before),
	    cmocka_unit_test(test_get),
	    cmocka_unit_test(test_trusted_paths),
	    cmocka_unit_test(test_real_git),
	};
	return cmocka_run_group_tests_name("gitconfig", tests, enter_scratch, leave_scratch);
}
