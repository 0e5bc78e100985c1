/* Secrets in command lines: what is found, and what is not. The tokens are made up, in the form of the real ones. */
#include "audit/redact.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#define A20 "aB3dE5gH7jK9mN1pQ3rS"
#define A40 A20 A20
#define H32 "0123456789abcdef0123456789abcdef"
#define H64 H32 H32

/* `s` with each span as ***. */
static struct br_buf
shown(const char *prev, const char *s)
{
	struct br_secret_span v[16];
	struct br_buf b = {0};
	size_t from = 0, n = br_redact_find(prev, s, strlen(s), v, BR_ARRAY_LEN(v));
	for (size_t i = 0; i < n; i++) {
		assert_true(v[i].at >= from && v[i].len > 0 && v[i].at + v[i].len <= strlen(s));
		br_buf_put(&b, s + from, v[i].at - from);
		br_buf_puts(&b, "***");
		from = v[i].at + v[i].len;
	}
	br_buf_puts(&b, s + from);
	return b;
}

static const struct {
	const char *prev, *s, *shown;
} cases[] = {
    /* by form */
    {NULL, "AKIAIOSFODNN7EXAMPLE", "***"},
    {NULL, "ghp_" A20 "aB3dE5gH7jK9mN1p", "***"},
    {NULL, "echo ghs_" A40 " > x", "echo *** > x"},
    {NULL, "github_pat_11ABCDEFG0_" A40, "***"},
    {NULL, "sk-ant-api03-" A40 "-" A20, "***"},
    {NULL, "sk-proj-" A40, "***"},
    {NULL, "sk-" A40 "aB3dE5gH", "***"},
    {NULL, "xoxb-1234567890-" A20, "***"},
    {NULL, "glpat-" A20, "***"},
    {NULL, "AIzaSyA-" A20 "aB3dE5gH7jK", "***"},
    {NULL, "npm_" A20 "aB3dE5gH7jK9mN1p", "***"},
    {NULL, "hf_" A40, "***"},
    {NULL, "dop_v1_" H64, "***"},
    {NULL, "sk_live_" A20, "***"},
    {NULL, "https://hooks.slack.com/services/T00000000/B00000000/" A20, "https://***"},
    {NULL, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c", "***"},
    {NULL, "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----\n", "***\n"},
    {NULL, "-----BEGIN RSA PRIVATE KEY-----\nMIIE", "***"},
    {NULL, "x -----BEGIN PGP PRIVATE KEY BLOCK-----\nxxx", "x ***"},
    {NULL, "https://user:hunter2@example.org/x", "https://user:***@example.org/x"},
    {NULL, "postgres://app:p@ss:w0rd@db:5432/app", "postgres://app:***@db:5432/app"},
    {NULL, "git clone https://x-access-token:ghs_" A40 "@github.com/o/r", "git clone https://x-access-token:***@github.com/o/r"},
    {NULL, "https://ghp_" A40 "@github.com/o/r", "https://***@github.com/o/r"},
    {NULL, "bearer aB3dE5gH7jK9mN1pQ3rS", "bearer ***"},
    {NULL, "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ", "***"},
    /* by name */
    {"--password", "correct horse", "***"},
    {"--token", "abc", "***"},
    {"--api-key", "abc", "***"},
    {"-password", "abc", "***"},
    {"--client-secret", "abc", "***"},
    {"--pass", "abc", "***"},
    {"--cookie", "session=abc", "***"},
    {"-passin", "pass:secret", "pass:***"},
    {NULL, "--password=correct horse", "--password=***"},
    {NULL, "--token=abc", "--token=***"},
    {NULL, "FOO_SECRET=a b;c", "FOO_SECRET=***"},
    {NULL, "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_SECRET_ACCESS_KEY=***"},
    {NULL, "PGPASSWORD=x", "PGPASSWORD=***"},
    {NULL, "DB_PASS=x", "DB_PASS=***"},
    {NULL, "MYSQL_PWD=x", "MYSQL_PWD=***"},
    {NULL, "GH_PAT=x1", "GH_PAT=***"},
    {NULL, "SECRET_KEY_BASE=x", "SECRET_KEY_BASE=***"},
    {"-c", "FOO_TOKEN=abc curl https://example.org", "FOO_TOKEN=*** curl https://example.org"},
    {"-lc", "export API_KEY='a b' && make", "export API_KEY='***' && make"},
    {"-c", "A=1 DB_PASSWORD=\"a\\\"b\" ./run", "A=1 DB_PASSWORD=\"***\" ./run"},
    {NULL, "--from-literal=password=hunter2", "--from-literal=password=***"},
    {"-d", "user=u&password=p", "user=u&password=***"},
    {NULL, "https://example.org/?a=1&access_token=abc&b=2", "https://example.org/?a=1&access_token=***&b=2"},
    {NULL, "https://x.blob.core.windows.net/c?sv=1&sig=" A40 "%3D", "https://x.blob.core.windows.net/c?sv=1&sig=***"},
    {"-H", "Authorization: Bearer abc", "Authorization: Bearer ***"},
    {"-H", "authorization: Basic dTpw", "authorization: Basic ***"},
    {"-H", "X-Api-Key: abc", "X-Api-Key: ***"},
    {"-H", "PRIVATE-TOKEN: abc", "PRIVATE-TOKEN: ***"},
    {"-H", "Cookie: a=b; c=d", "Cookie: ***"},
    {"-c", "curl -H \"Authorization: Bearer abc\" https://example.org", "curl -H \"Authorization: Bearer ***\" https://example.org"},
    {"-c", "curl -H 'Cookie: a=b; c=d' https://example.org", "curl -H 'Cookie: ***' https://example.org"},
    {"-c", "http.extraheader=AUTHORIZATION: basic dTpw", "http.extraheader=AUTHORIZATION: basic ***"},
    {NULL, "{\"user\":\"u\",\"password\":\"p\\\"q\",\"x\":1}", "{\"user\":\"u\",\"password\":\"***\",\"x\":1}"},
    {NULL, "{\"api_key\": \"abc\"}", "{\"api_key\": \"***\"}"},
    {NULL, "{\"Authorization\": \"Bearer abc\"}", "{\"Authorization\": \"Bearer ***\"}"},
    {NULL, "password: s3cret", "password: ***"},
    {"-c", "password = 'hunter'", "password = '***'"},
    {NULL, "AccountName=x;AccountKey=abc+/=;E=y", "AccountName=x;AccountKey=***;E=y"},
    {NULL, "//registry.example.org/:_authToken=abc", "//registry.example.org/:_authToken=***"},
    {NULL, "//registry.example.org/:_auth=abc", "//registry.example.org/:_auth=***"},
    {"-u", "name:hunter2", "name:***"},
    {"--user", "me@example.org:hunter2", "me@example.org:***"},
    {NULL, "A_TOKEN=a", "A_TOKEN=***"},
    {"-c", "X_TOKEN=a Y_TOKEN=b Z_SECRET=c", "X_TOKEN=*** Y_TOKEN=*** Z_SECRET=***"},
    {"-o", "username=u,password=p,vers=3", "username=u,password=***,vers=3"},
};

static void
test_found(void **state)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		br_auto_buf b = shown(cases[i].prev, cases[i].s);
		if (!br_streq(b.p, cases[i].shown))
			fail_msg("%s %s: shown as %s, not %s", cases[i].prev != NULL ? cases[i].prev : "", cases[i].s, b.p, cases[i].shown);
	}
}

static const struct {
	const char *prev, *s;
} plain[] = {
    {NULL, ""},
    {NULL, "git"},
    {NULL, "e951ad6d2f0196a3c9fce5cfa95b2b3667c0d1e2"},
    {NULL, "HEAD~3..e951ad6d2f0196a3c9fce5cfa95b2b3667c0d1e2"},
    {NULL, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {NULL, "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="},
    {NULL, "550e8400-e29b-41d4-a716-446655440000"},
    {NULL, "aGVsbG8gd29ybGQsIHRoaXMgaXMgYmFzZTY0IG9mIG9yZGluYXJ5IHNpemU="},
    {NULL, "eyJuYW1lIjoidGVzdCJ9"},
    {NULL, "/usr/lib/x86_64-linux-gnu/libsecret-1.so.0"},
    {NULL, "src/auth/token.c"},
    {NULL, "tests/password_test.py::test_token"},
    {NULL, "https://example.org/path?x=1#y"},
    {NULL, "https://user@example.org/"},
    {NULL, "http://localhost:8080/a@b"},
    {NULL, "ssh://git@github.com:22/o/r"},
    {NULL, "git@github.com:o/r.git"},
    {NULL, "docker://alpine:3.20@sha256:" H64},
    {NULL, "https://$USER:$PASS@example.org"},
    {NULL, "https://u:${PASS}@example.org"},
    {"-c", "curl -H \"Authorization: Bearer $TOKEN\" https://example.org"},
    {"-c", "TOKEN=$(cat /run/token) ./x"},
    {"-c", "TOKEN=\"$(cat /run/token)\" ./x"},
    {"-c", "if [ \"$TOKEN\" = \"\" ]; then exit; fi"},
    {NULL, "--token=${TOKEN}"},
    {NULL, "--token={{ .Token }}"},
    {NULL, "--token-file=/run/secrets/token"},
    {NULL, "--password-stdin"},
    {"--password-stdin", "registry.example.org"},
    {"--token-file", "x"},
    {"--max-tokens", "4096"},
    {"--tokens", "4096"},
    {NULL, "TOKEN_LIMIT=4096"},
    {NULL, "max_tokens=4096"},
    {NULL, "SECRET_NAME=foo"},
    {NULL, "PWD=/home/user"},
    {NULL, "OLDPWD=/home/user"},
    {NULL, "BYPASS=1"},
    {NULL, "COMPASS=north"},
    {NULL, "PASSWORD_FILE=/etc/x"},
    {NULL, "DB_PASSWORD_FILE=/run/secrets/db"},
    {NULL, "API_TOKEN=/run/secrets/api_token"},
    {NULL, "--api-key=./key.txt"},
    {NULL, "--token=true"},
    {NULL, "PublicKeyToken=b77a5c561934e089"},
    {"--next-token", "eyJNYXJrZXIiOiBudWxsfQ=="},
    {"--secret", "id=npm,src=.npmrc"},
    {"create", "secret"},
    {"secret", "generic"},
    {"-p", "8080:80"},
    {"-u", "1000:1000"},
    {"-u", "www-data:www-data"},
    {"--user", "root"},
    {"-m", "fix token: handle expiry"},
    {"-m", "auth: password check is case sensitive"},
    {"-m", "Remove cookie: no longer used"},
    {"-c", "for token in tokens: print(token)"},
    {"-c", "token = next(tokens)"},
    {"-c", "assert token == expected"},
    {"-c", "if password != other: pass"},
    {NULL, "arn:aws:secretsmanager:us-east-1:123456789012:secret:MySecret-a1b2c3"},
    {NULL, "AKIA"},
    {NULL, "AKIAIOSFODNN7EXAMPLEX1"},
    {NULL, "ghp_short"},
    {NULL, "sk-learn"},
    {NULL, "task-" A40},
    {NULL, "npm_config_registry=https://example.org"},
    {NULL, "hf_transfer"},
    {NULL, "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----"},
    {NULL, "-----BEGIN PUBLIC KEY-----\nMIID\n-----END PUBLIC KEY-----"},
    {NULL, "--author=A U Thor <author@example.org>"},
    {NULL, "Content-Type: application/json"},
    {NULL, "{\"tokens\": 5, \"max_token\": 7}"},
    {"--grep", "password"},
    {NULL, "s/password/secret/g"},
};

static void
test_left_alone(void **state)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(plain); i++) {
		br_auto_buf b = shown(plain[i].prev, plain[i].s);
		if (!br_streq(b.p, plain[i].s))
			fail_msg("%s %s: shown as %s", plain[i].prev != NULL ? plain[i].prev : "", plain[i].s, b.p);
	}
}

/* When there is room for fewer than there are, nothing after the last is shown. */
static void
test_little_room(void **state)
{
	static const char s[] = "x A_TOKEN=a B_TOKEN=b C_TOKEN=c and more";
	struct br_secret_span v[2];
	assert_int_equal(br_redact_find("-c", s, strlen(s), v, 2), 2);
	assert_int_equal(v[0].at, 10);
	assert_int_equal(v[0].len, 1);
	assert_int_equal(v[1].at, 20);
	assert_int_equal(v[1].at + v[1].len, strlen(s));
	assert_int_equal(br_redact_find("-c", s, strlen(s), v, 0), 0);
}

static double
cost(const char *unit, size_t n)
{
	struct timespec a, b;
	struct br_secret_span v[8];
	br_auto_buf s = {0};
	while (s.len < n)
		br_buf_puts(&s, unit);
	assert_false(s.failed);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	(void)br_redact_find(NULL, s.p, s.len, v, BR_ARRAY_LEN(v));
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* A command line of 2 MiB made to be slow: a quadratic scan of it would take hours. */
static void
test_linear(void **state)
{
	static const char *const units[] = {"a", " ", "=", ":", "eyJ.", "eyJ", "://", "://a:", "token=", "token=\"", "token='$(", "sk-", "ghp_ ", "-----BEGIN ",
	    "-----BEGIN X PRIVATE KEY", "Authorization: ", "authorization=$a ", "bearer ", "\"token\":", "a=", "-", "pass:", "://@:@", "AKIAAAAA"};
	for (size_t i = 0; i < BR_ARRAY_LEN(units); i++) {
		double t = cost(units[i], 2 << 20);
		if (t > 10)
			fail_msg("2 MiB of \"%s\" took %.1f s", units[i], t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_found),
	    cmocka_unit_test(test_left_alone),
	    cmocka_unit_test(test_little_room),
	    cmocka_unit_test(test_linear),
	};
	return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
