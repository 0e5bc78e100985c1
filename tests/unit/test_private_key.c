/* What is a private key, and what only looks like one: over files that the tools themselves made. */
#include "scratch.h"

#include "policy/private_key.h"

static void
check_file(const char *path, bool want)
{
	br_auto_buf b = get_file(path);
	if (br_is_private_key(b.p, b.len) != want)
		fail_msg("%s: not %d", path, want);
}

static void
test_openssl(void **state)
{
	static const char *const keys[] = {"rsa.pem", "rsa1.pem", "rsa.der", "rsa1.der", "ec.pem", "ec1.pem", "ec.der",
	    "ec1.der", "ed.pem", "ed.der", "enc.pem", "dsa.pem", "x.p12", "both.pem"};
	static const char *const others[] = {"pub.pem", "pub.der", "cert.pem", "cert.der", "param.pem", "req.pem"};
	sh("exec 2> log; set -e; openssl genrsa -traditional -out rsa1.pem 2048; openssl pkey -in rsa1.pem -out rsa.pem; "
	   "openssl pkey -in rsa.pem -outform DER -out rsa.der; "
	   "openssl rsa -traditional -in rsa.pem -outform DER -out rsa1.der; openssl ecparam -name prime256v1 -genkey -noout "
	   "-out ec1.pem; openssl pkey -in ec1.pem -out ec.pem; "
	   "openssl pkey -in ec.pem -outform DER -out ec.der; openssl ec -in ec1.pem -outform DER -out ec1.der; openssl "
	   "genpkey -algorithm ed25519 -out ed.pem; "
	   "openssl pkey -in ed.pem -outform DER -out ed.der; openssl pkey -in ec.pem -aes256 -passout pass:x -out enc.pem; "
	   "openssl dsaparam -genkey -noout 1024 | openssl dsa -out dsa.pem; openssl ecparam -name prime256v1 -out param.pem; "
	   "openssl pkey -in rsa.pem -pubout -out pub.pem; "
	   "openssl pkey -in rsa.pem -pubout -outform DER -out pub.der; openssl req -x509 -key rsa.pem -subj /CN=x -out "
	   "cert.pem; openssl x509 -in cert.pem -outform DER -out cert.der; "
	   "openssl req -new -key rsa.pem -subj /CN=x -out req.pem; openssl pkcs12 -export -inkey rsa.pem -in cert.pem "
	   "-passout pass:x -out x.p12; cat cert.pem rsa.pem > both.pem");
	for (size_t i = 0; i < BR_ARRAY_LEN(keys); i++)
		check_file(keys[i], true);
	for (size_t i = 0; i < BR_ARRAY_LEN(others); i++)
		check_file(others[i], false);
}

static void
test_ssh(void **state)
{
	sh("ssh-keygen -q -t ed25519 -N '' -f id && ssh-keygen -q -t rsa -b 2048 -m PEM -N secret -f id2 && ssh-keygen -e -f "
	   "id.pub "
	   "> id.rfc");
	check_file("id", true);
	check_file("id2", true);
	check_file("id.pub", false);
	check_file("id.rfc", false);
}

static void
test_texts(void **state)
{
	static const char *const keys[] = {"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "PuTTY-User-Key-File-2: ssh-rsa",
	    "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n", "{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMII\"}",
	    "Bag Attributes\n  x\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "\xfe\xed\xfe\xed\0\0\0\2",
	    "\r\n-----BEGIN EC PRIVATE KEY-----\r\n", "------BEGIN PRIVATE KEY-----"};
	static const char *const others[] = {"", "-", "-----BEGIN ", "-----BEGIN PUBLIC KEY-----\n",
	    "-----BEGIN CERTIFICATE-----\nPRIVATE KEY-----", "how to make a PRIVATE KEY", "-----BEGIN PRIVATE KEY",
	    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "\x30\x03\x02\x01", "\x30\x84\xff",
	    "-----BEGIN X-----\n-----END PRIVATE KEY-----"};
	for (size_t i = 0; i < BR_ARRAY_LEN(keys); i++)
		if (!br_is_private_key(keys[i], i == 5 ? 8 : strlen(keys[i])))
			fail_msg("not seen: %s", keys[i]);
	for (size_t i = 0; i < BR_ARRAY_LEN(others); i++) {
		char *copy = strdup(others[i]);
		assert_non_null(copy);
		if (br_is_private_key(copy, strlen(copy)))
			fail_msg("taken for a key: %s", copy);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_openssl),
	    cmocka_unit_test(test_ssh),
	    cmocka_unit_test(test_texts),
	};
	return cmocka_run_group_tests_name("private_key", tests, enter_scratch, leave_scratch);
}
