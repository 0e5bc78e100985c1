#include "policy/gitconfig.h"

#include "policy/gitconfig_parse.h"

/* What a harmless key's value must look like. */
enum check {
	ANY,        /* but control characters, which could reach a terminal */
	BOOL,       /* true or false: a program's name in its place would run */
	FALSE_ONLY, /* only to switch it off */
	URL,        /* of a repository */
	REMOTE,     /* a remote's name, or a URL in its place */
	REFSPEC,
	PUSH_REFSPEC, /* one that neither forces nor deletes: a plain `git push` would do it */
	WORKTREE,
	UPDATE, /* how a submodule is updated: "!command" would run */
	TAG_OPTION,
	REF_STORAGE,
	UMASK, /* core.sharedRepository: not for every user of the machine */
	COLOR,
	LFS_CLEAN,
	LFS_SMUDGE,
	LFS_PROCESS
};

/* The keys that pass, from git-config(1), git-lfs-config(5) and what hosting tools write into .git/config. `keys` are separated
 * by blanks; "*" is every key. A section may stand here with and without a subsection. Left out on purpose: everything that
 * names a program or a file to read or write, chooses a merge strategy by name (git runs `git-merge-NAME`), or weakens a check
 * of git's. */
static const struct allowed {
	const char *section;
	bool subsection;
	enum check check;
	const char *keys;
} allowed[] = {
    {"core", false, ANY,
	"repositoryformatversion filemode hidedotfiles bare logallrefupdates ignorecase precomposeunicode symlinks trustctime "
	"checkstat quotepath eol safecrlf autocrlf checkroundtripencoding bigfilethreshold compression loosecompression "
	"packedgitwindowsize packedgitlimit deltabasecachelimit preloadindex untrackedcache splitindex sparsecheckout "
	"sparsecheckoutcone fsync fsyncmethod fsyncobjectfiles warnambiguousrefs abbrev multipackindex commitgraph commentchar "
	"commentstring whitespace createobject filesreflocktimeout packedrefstimeout notesref usereplacerefs ignorestat "
	"longpaths "
	"fscache fsmonitorhookversion maxtreedepth partialclonefilter lockfilepid"},
    {"core", false, FALSE_ONLY, "fsmonitor usebuiltinfsmonitor"},
    {"core", false, UMASK, "sharedrepository"},
    {"core", false, WORKTREE, "worktree"},
    {"user", false, ANY, "name email useconfigonly signingkey"},
    {"author", false, ANY, "name email"},
    {"committer", false, ANY, "name email"},
    {"branch", true, ANY, "merge rebase description vscode-merge-base gh-merge-base github-pr-owner-number"},
    {"branch", true, REMOTE, "remote pushremote"},
    {"branch", false, ANY, "autosetupmerge autosetuprebase sort"},
    {"remote", true, URL, "url pushurl"},
    {"remote", true, REFSPEC, "fetch"},
    {"remote", true, PUSH_REFSPEC, "push"},
    {"remote", true, FALSE_ONLY, "mirror"},
    {"remote", true, TAG_OPTION, "tagopt"},
    {"remote", true, ANY,
	"prune prunetags skipdefaultupdate skipfetchall followremotehead partialclonefilter promisor gh-resolved"},
    {"remote", false, REMOTE, "pushdefault"},
    {"submodule", true, URL, "url"},
    {"submodule", true, UPDATE, "update"},
    {"submodule", true, ANY, "active branch path ignore fetchrecursesubmodules shallow"},
    {"submodule", false, ANY, "active recurse fetchjobs propagatebranches alternatelocation alternateerrorstrategy"},
    {"extensions", false, ANY,
	"objectformat compatobjectformat partialclone noop noop-v1 preciousobjects worktreeconfig relativeworktrees"},
    {"extensions", false, REF_STORAGE, "refstorage"},
    {"init", false, ANY, "defaultbranch defaultobjectformat defaultrefformat"},
    {"pull", false, ANY, "rebase ff"},
    {"push", false, ANY, "default autosetupremote followtags recursesubmodules useforceifincludes negotiate usebitmaps"},
    {"merge", false, ANY,
	"ff conflictstyle log renames renamelimit directoryrenames renormalize stat autostash verbosity suppressdest "
	"branchdesc defaulttoupstream verifysignatures"},
    {"rebase", false, ANY,
	"stat autosquash autostash updaterefs missingcommitscheck abbreviatecommands forkpoint rebasemerges backend "
	"maxlabellength reschedulefailedexec"},
    {"fetch", false, ANY,
	"prune prunetags all parallel recursesubmodules unpacklimit output negotiationalgorithm showforcedupdates "
	"writecommitgraph"},
    {"color", false, COLOR, "*"},
    {"color", true, COLOR, "*"},
    {"column", false, ANY, "*"},
    {"gc", false, ANY,
	"auto autopacklimit autodetach packrefs writecommitgraph bigpackthreshold aggressivedepth aggressivewindow cruftpacks "
	"maxcruftsize logexpiry reflogexpire reflogexpireunreachable pruneexpire worktreepruneexpire rerereresolved "
	"rerereunresolved"},
    {"gc", true, ANY, "reflogexpire reflogexpireunreachable"},
    {"pack", false, ANY,
	"window depth windowmemory compression deltacachesize deltacachelimit threads indexversion packsizelimit usebitmaps "
	"usesparse writebitmaps writebitmaphashcache writebitmaplookuptable writereverseindex readreverseindex allowpackreuse "
	"island islandcore preferbitmaptips"},
    {"repack", false, ANY,
	"usedeltabaseoffset usedeltaislands writebitmaps updateserverinfo packkeptobjects cruftwindow cruftwindowmemory "
	"cruftdepth cruftthreads"},
    {"index", false, ANY, "recordendofindexentries recordoffsettable sparse threads version skiphash"},
    {"splitindex", false, ANY, "maxpercentchange sharedindexexpire"},
    {"feature", false, ANY, "manyfiles experimental"},
    {"advice", false, ANY, "*"},
    {"rerere", false, ANY, "enabled autoupdate"},
    {"log", false, ANY,
	"abbrevcommit date decorate initialdecorationset excludedecoration diffmerges follow graphcolors showroot mailmap"},
    {"status", false, ANY, "*"},
    {"diff", false, ANY,
	"algorithm autorefreshindex colormoved colormovedws context dirstat dstprefix ignoresubmodules indentheuristic "
	"interhunkcontext mnemonicprefix noindex noprefix relative renamelimit renames srcprefix statgraphwidth statnamewidth "
	"submodule suppressblankempty wserrorhighlight"},
    {"commit", false, ANY, "status verbose cleanup"},
    {"commitgraph", false, ANY, "generationversion maxnewfilters readchangedpaths changedpathsversion"},
    {"tag", false, ANY, "sort"},
    {"versionsort", false, ANY, "suffix prereleasesuffix"},
    {"stash", false, ANY, "showstat showpatch showincludeuntracked"},
    {"worktree", false, ANY, "guessremote userelativepaths"},
    {"checkout", false, ANY, "defaultremote guess workers thresholdforparallelism"},
    {"sparse", false, ANY, "expectfilesoutsideofpatterns"},
    {"blame", false, ANY, "blankboundary coloring date showemail showroot markunblamablelines markignoredlines"},
    {"grep", false, ANY, "linenumber column patterntype extendedregexp fullname threads fallbacktonoindex"},
    {"apply", false, ANY, "whitespace ignorewhitespace"},
    {"am", false, ANY, "keepcr threeway"},
    {"interactive", false, ANY, "singlekey"},
    {"i18n", false, ANY, "commitencoding logoutputencoding"},
    {"maintenance", false, ANY, "auto strategy autodetach"},
    {"maintenance", true, ANY, "enabled auto"},
    {"pager", false, BOOL, "*"},
    {"http", false, ANY, "postbuffer version lowspeedlimit lowspeedtime maxrequests"},
    {"protocol", false, ANY, "version"},
    {"receive", false, ANY, "denycurrentbranch denydeletes denydeletecurrent denynonfastforwards autogc unpacklimit"},
    {"uploadpack", false, ANY, "allowfilter allowanysha1inwant allowtipsha1inwant allowreachablesha1inwant"},
    {"lfs", false, ANY,
	"repositoryformatversion locksverify concurrenttransfers allowincompletepush fetchinclude fetchexclude "
	"fetchrecentrefsdays fetchrecentcommitsdays fetchrecentalways skipdownloaderrors activitytimeout dialtimeout "
	"tlstimeout"},
    {"lfs", true, ANY, "locksverify access"},
    /* git-lfs(1) writes these with `git lfs install --local`: the installed program by its name, and nothing else. */
    {"filter", true, LFS_CLEAN, "clean"},
    {"filter", true, LFS_SMUDGE, "smudge"},
    {"filter", true, LFS_PROCESS, "process"},
    {"filter", true, BOOL, "required"},
    {"gui", false, ANY, "wmstate geometry"},
};

/* Why some keys are refused: "section.key", with or without a subsection, or "section." for every key of the section; the first
 * match counts. */
static const struct {
	const char *name;
	const char *why;
} reasons[] = {
    {"core.hookspath", "git runs the programs in the directory that it names"},
    {"core.fsmonitor", "git runs the program that it names on every `git status`; only `false` may be written"},
    {"core.usebuiltinfsmonitor", "it starts a daemon; only `false` may be written"},
    {"core.sshcommand", "git runs it whenever it talks to a remote"},
    {"core.pager", "git runs the program that it names"},
    {"core.editor", "git runs the program that it names"},
    {"core.askpass", "git runs the program that it names and gives it passwords"},
    {"core.gitproxy", "git runs the program that it names"},
    {"core.alternaterefscommand", "git runs the program that it names"},
    {"core.attributesfile", "it lets a file outside of the repository choose filters"},
    {"core.excludesfile", "it reads a file outside of the repository"},
    {"core.worktree", "it makes git work on a directory outside of the project"},
    {"core.sharedrepository", "it makes the repository writable for every user of the machine"},
    {"core.protecthfs", "it switches off a protection of git's"},
    {"core.protectntfs", "it switches off a protection of git's"},
    {"remote.mirror", "with it a plain `git push` deletes branches on the server"},
    {"sequence.editor", "git runs the program that it names"},
    {"rebase.instructionformat", "it can write `exec` lines into the list of steps that git runs"},
    {"merge.tool", "git runs the program that it chooses"},
    {"merge.guitool", "git runs the program that it chooses"},
    {"diff.external", "git runs the program that it names on every diff"},
    {"diff.tool", "git runs the program that it chooses"},
    {"diff.guitool", "git runs the program that it chooses"},
    {"interactive.difffilter", "git runs the program that it names"},
    {"init.templatedir", "git copies hooks from the directory that it names"},
    {"commit.template", "it copies any file of the machine into a commit"},
    {"gc.recentobjectshook", "git runs the program that it names"},
    {"uploadpack.packobjectshook", "git runs the program that it names"},
    {"pull.octopus", "git runs the merge program that it names"},
    {"pull.twohead", "git runs the merge program that it names"},
    {"protocol.", "it can switch on transports that run programs"},
    {"alias.", "an alias can run any program"},
    {"pager.", "git runs the program that it names; only true or false may be written"},
    {"filter.", "git runs the program that it names on checkout and add"},
    {"merge.", "a merge driver runs a program"},
    {"diff.", "a diff driver runs a program"},
    {"mergetool.", "git runs the program that it names"},
    {"difftool.", "git runs the program that it names"},
    {"credential.", "git runs the helper that it names and gives it passwords"},
    {"credentialcache.", "it chooses where passwords are kept"},
    {"url.", "it redirects other addresses"},
    {"include.", "it pulls in another file's settings"},
    {"includeif.", "it pulls in another file's settings"},
    {"gpg.", "git runs the program that it names to sign and verify"},
    {"trailer.", "a trailer can run a program"},
    {"browser.", "git runs the program that it names"},
    {"man.", "git runs the program that it names"},
    {"help.", "git runs the program that it names"},
    {"web.", "git runs the program that it names"},
    {"instaweb.", "git runs the program that it names"},
    {"guitool.", "git gui runs the program that it names"},
    {"sendemail.", "git runs the program that it names"},
    {"imap.", "git runs the program that it names"},
    {"tar.", "git runs the program that it names"},
    {"hook.", "git runs the program that it names"},
    {"ssh.", "it changes which program talks to remotes"},
    {"http.", "it can redirect or expose what git sends to remotes"},
    {"remote.uploadpack", "git runs the program that it names"},
    {"remote.receivepack", "git runs the program that it names"},
    {"remote.vcs", "it makes git run the program git-remote-NAME"},
    {"remote.proxy", "it can redirect what git sends to remotes"},
    {"branch.mergeoptions", "it can choose a merge program"},
    {"safe.", "it switches off a protection of git's"},
    {"transfer.", "it can switch off a protection of git's"},
    {"fsck.", "it can switch off a protection of git's"},
    {"lfs.", "it can run programs or redirect what git-lfs sends"},
};

static bool
has_word(const char *words, const char *word)
{
	size_t n = strlen(word);
	if (br_streq(words, "*"))
		return true;
	for (const char *p = words; (p = strstr(p, word)) != NULL; p += n)
		if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return n > 0;
	return false;
}

static char
lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	return c;
}

/* One of the words, in any case. */
static bool
is_one_of(const char *value, const char *words)
{
	char low[32];
	size_t n = strlen(value);
	if (n >= sizeof(low) || strchr(value, ' ') != NULL)
		return false;
	for (size_t i = 0; i <= n; i++)
		low[i] = lower(value[i]);
	return has_word(words, low);
}

struct judge {
	br_gitconfig_path_ok *path_ok;
	void *arg;
	const char *why; /* of a bad value, or NULL */
};

static bool
is_path_ok(struct judge *j, const char *path)
{
	if (j->path_ok != NULL && j->path_ok(j->arg, path))
		return true;
	j->why = "the path leads outside of the project";
	return false;
}

static bool
climbs(const char *path)
{
	for (const char *p = path; *p != '\0';) {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return true;
		p += n;
		p += *p == '/';
	}
	return false;
}

/* A URL that is a path. Git takes it from the top of the working tree, which lies at least two levels above where a submodule's
 * configuration lies and one above a repository's own: a path that climbs must stay in the tree from there as well. */
static bool
is_local_ok(struct judge *j, const char *url)
{
	char from_top[1024];
	if (url[0] == '/' || !climbs(url))
		return is_path_ok(j, url);
	if (snprintf(from_top, sizeof(from_top), "../../%s", url) >= (int)sizeof(from_top))
		return false;
	return is_path_ok(j, url) && is_path_ok(j, from_top);
}

/* "[user@]host[:port]" up to `n`: neither part may look like an option to ssh. */
static bool
is_host_ok(struct judge *j, const char *host, size_t n)
{
	const char *at = memchr(host, '@', n);
	const char *name = at != NULL ? at + 1 : host;
	if (n == 0 || (size_t)(name - host) == n)
		j->why = "the address names no host";
	else if (*host == '-' || *name == '-')
		j->why = "a host that begins with '-' is an option to ssh";
	else
		return true;
	return false;
}

static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f || (s[0] == '%' && s[1] == '0') || (s[0] == '%' && s[1] == '1') ||
		    (s[0] == '%' && s[1] == '7' && lower(s[2]) == 'f'))
			return true;
	return false;
}

/* An address by the rules of git-fetch(1), "GIT URLS". */
static bool
is_url_ok(struct judge *j, const char *url)
{
	static const char *const schemes[] = {"https://", "http://", "ssh://", "git://", "git+ssh://", "ssh+git://"};
	size_t scheme = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
	j->why = "the address is empty or begins with '-'";
	if (url[0] == '\0' || url[0] == '-')
		return false;
	j->why = "the address holds control characters";
	if (has_control(url))
		return false;
	j->why = "`name::address` makes git run the program git-remote-name";
	if (strncmp(url + scheme, "::", 2) == 0)
		return false;
	for (size_t i = 0; i < BR_ARRAY_LEN(schemes); i++) {
		if (!br_startswith(url, schemes[i]))
			continue;
		const char *host = url + strlen(schemes[i]);
		return is_host_ok(j, host, strcspn(host, "/"));
	}
	if (br_startswith(url, "file://"))
		return is_path_ok(j, url + strlen("file://"));
	j->why = "git has no such transport of its own: it would run the program git-remote-NAME";
	if (scheme > 0 && strncmp(url + scheme, "://", 3) == 0)
		return false;
	size_t colon = strcspn(url, ":"), slash = strcspn(url, "/");
	if (url[0] == '[' && strcspn(url, "]") < slash)
		colon = strcspn(url, "]") + 1; /* [::1]:path */
	if (url[colon] == ':' && colon < slash)
		return is_host_ok(j, url, colon);
	return is_local_ok(j, url);
}

static bool
is_remote_ok(struct judge *j, const char *value)
{
	/* A plain name is a configured remote, whose address is judged where it stands. */
	if (value[0] != '\0' && value[0] != '-' && strpbrk(value, ":/\\") == NULL && !br_streq(value, ".."))
		return true;
	return is_url_ok(j, value);
}

/* Control characters that act on a terminal: all but tab and newline. */
static bool
has_escape(const char *s)
{
	for (; *s != '\0'; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t' && *s != '\n') || *s == 0x7f)
			return true;
	return false;
}

static bool
is_color(const char *value)
{
	return strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789# -") == strlen(value);
}

static bool
is_lfs(const struct br_gitconfig_entry *e)
{
	return e->subsection != NULL && br_streq(e->subsection, "lfs");
}

static const char booleans[] = "true false yes no on off 1 0";

/* `value` is NULL for a key without '='. */
static bool
is_value_ok(struct judge *j, const struct allowed *a, const struct br_gitconfig_entry *e)
{
	const char *v = e->value != NULL ? e->value : "true";
	switch (a->check) {
	case ANY:
		j->why = "the value holds control characters";
		return !has_escape(v);
	case BOOL:
		return v[0] == '\0' || is_one_of(v, booleans);
	case FALSE_ONLY:
		return is_one_of(v, "false no off 0");
	case URL:
		return e->value != NULL && is_url_ok(j, v);
	case REMOTE:
		return e->value != NULL && is_remote_ok(j, v);
	case REFSPEC:
		j->why = "not a refspec";
		return e->value != NULL && v[0] != '-' && !has_control(v);
	case PUSH_REFSPEC:
		j->why = "a refspec that begins with '+', ':' or '-' makes a plain `git push` overwrite or delete";
		return e->value != NULL && strchr("+:-", v[0]) == NULL && !has_control(v);
	case WORKTREE:
		return e->value != NULL && is_path_ok(j, v);
	case UPDATE:
		j->why = "only none, checkout, rebase or merge; a command would run";
		return is_one_of(v, "none checkout rebase merge");
	case TAG_OPTION:
		j->why = "only --tags or --no-tags";
		return br_streq(v, "--tags") || br_streq(v, "--no-tags");
	case REF_STORAGE:
		j->why = "only files or reftable";
		return is_one_of(v, "files reftable");
	case UMASK:
		return is_one_of(v, "umask group false true 0 1 0600 0640 0644 0660 0664");
	case COLOR:
		j->why = "not a colour";
		return is_color(v);
	case LFS_CLEAN:
		return is_lfs(e) && br_streq(v, "git-lfs clean -- %f");
	case LFS_SMUDGE:
		return is_lfs(e) && (br_streq(v, "git-lfs smudge -- %f") || br_streq(v, "git-lfs smudge --skip -- %f"));
	case LFS_PROCESS:
		return is_lfs(e) && (br_streq(v, "git-lfs filter-process") || br_streq(v, "git-lfs filter-process --skip"));
	}
	return false;
}

static bool
is_allowed(struct judge *j, const struct br_gitconfig_entry *e)
{
	j->why = NULL;
	/* A submodule's name becomes a path below .git/modules. */
	if (br_streq(e->section, "submodule") && e->subsection != NULL && strstr(e->subsection, "..") != NULL)
		return false;
	for (size_t i = 0; i < BR_ARRAY_LEN(allowed); i++) {
		const struct allowed *a = &allowed[i];
		if (br_streq(a->section, e->section) && a->subsection == (e->subsection != NULL) && has_word(a->keys, e->key))
			return is_value_ok(j, a, e);
	}
	return false;
}

bool
br_gitconfig_is_harmless(const struct br_gitconfig_entry *e, br_gitconfig_path_ok *path_ok, void *arg)
{
	struct judge j = {.path_ok = path_ok, .arg = arg};
	return is_allowed(&j, e);
}

static const char *
reason(const struct judge *j, const struct br_gitconfig_entry *e)
{
	if (j->why != NULL)
		return j->why;
	for (size_t i = 0; i < BR_ARRAY_LEN(reasons); i++) {
		size_t n = strcspn(reasons[i].name, ".");
		const char *key = reasons[i].name + n + 1;
		if (strlen(e->section) == n && strncmp(reasons[i].name, e->section, n) == 0 &&
		    (*key == '\0' || br_streq(key, e->key)))
			return reasons[i].why;
	}
	return "it is not among the keys known to be harmless to whoever runs git on the host";
}

/* Entries of the present content that would not pass by themselves: each may stay, once. */
struct kept {
	struct br_buf text; /* name NUL value NUL, or name NUL for a key without value */
	struct {
		size_t name;
		size_t value; /* 0: none */
		bool used;
	} *entries;
	size_t n;
};

enum { KEPT_MAX = 1024 }; /* a bound on the work that hostile content can cause */

struct pass {
	struct judge judge;
	struct kept kept;
	struct br_gitconfig_refusal *why;
};

static bool
keep_entry(void *arg, const struct br_gitconfig_entry *e)
{
	struct pass *p = arg;
	struct kept *k = &p->kept;
	if (is_allowed(&p->judge, e))
		return true;
	if (k->n == KEPT_MAX)
		return false;
	k->entries[k->n].name = k->text.len;
	br_buf_put(&k->text, e->name, strlen(e->name) + 1);
	if (e->value != NULL) {
		k->entries[k->n].value = k->text.len;
		br_buf_put(&k->text, e->value, strlen(e->value) + 1);
	}
	if (k->text.failed)
		return false;
	k->n++;
	return true;
}

static bool
was_there(struct kept *k, const struct br_gitconfig_entry *e)
{
	for (size_t i = 0; i < k->n; i++) {
		const char *value = k->entries[i].value != 0 ? k->text.p + k->entries[i].value : NULL;
		if (k->entries[i].used || !br_streq(k->text.p + k->entries[i].name, e->name))
			continue;
		if (value == NULL || e->value == NULL ? value != e->value : !br_streq(value, e->value))
			continue;
		k->entries[i].used = true;
		return true;
	}
	return false;
}

static void
refuse(struct br_gitconfig_refusal *why, unsigned line, const char *key, const char *text)
{
	why->line = line;
	(void)snprintf(why->key, sizeof(why->key), "%s", key);
	(void)snprintf(why->why, sizeof(why->why), "%s", text);
}

static bool
judge_entry(void *arg, const struct br_gitconfig_entry *e)
{
	struct pass *p = arg;
	if (is_allowed(&p->judge, e))
		return true;
	const char *text = reason(&p->judge, e);
	if (was_there(&p->kept, e))
		return true;
	refuse(p->why, e->line, e->name, text);
	return false;
}

bool
br_gitconfig_judge(const char *data, size_t n, const char *before, size_t before_n, br_gitconfig_path_ok *path_ok, void *arg,
    struct br_gitconfig_refusal *why)
{
	struct pass p = {.judge = {.path_ok = path_ok, .arg = arg}, .why = why};
	unsigned line;
	const char *syntax;
	*why = (struct br_gitconfig_refusal){0};
	if (before != NULL && (p.kept.entries = calloc(KEPT_MAX, sizeof(*p.kept.entries))) != NULL)
		(void)br_gitconfig_each(before, before_n, keep_entry, &p, &line, &syntax);
	bool ok = br_gitconfig_each(data, n, judge_entry, &p, &line, &syntax);
	if (!ok && syntax != NULL)
		refuse(why, line, "", syntax);
	br_buf_free(&p.kept.text);
	free(p.kept.entries);
	return ok;
}
