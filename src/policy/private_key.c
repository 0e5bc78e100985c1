#include "policy/private_key.h"

static bool
starts(const char *data, size_t n, const char *with)
{
	size_t k = strlen(with);
	return n >= k && memcmp(data, with, k) == 0;
}

/* "-----BEGIN <label>-----" with a label such as "RSA PRIVATE KEY" or "PGP PRIVATE KEY BLOCK". */
static bool
is_key_label(const char *label, size_t n)
{
	static const char word[] = "PRIVATE KEY";
	const size_t k = sizeof(word) - 1;
	enum { LONGEST = 64 };
	for (size_t i = 0; i < n && i < LONGEST && label[i] != '-' && label[i] != '\n'; i++)
		if (starts(label + i, n - i, word) && n - i > k && (label[i + k] == '-' || label[i + k] == ' '))
			return true;
	return false;
}

static bool
has_pem_key(const char *data, size_t n)
{
	static const char begin[] = "---- BEGIN ", pem[] = "-----BEGIN ";
	const char *end = data + n;
	for (const char *p = data; (p = memmem(p, (size_t)(end - p), "----", 4)) != NULL; p++) {
		size_t left = (size_t)(end - p);
		if (starts(p, left, pem) && is_key_label(p + sizeof(pem) - 1, left - (sizeof(pem) - 1)))
			return true;
		/* RFC 4716 has public keys; ssh.com's form of private ones looks alike. */
		if (starts(p, left, begin) && is_key_label(p + sizeof(begin) - 1, left - (sizeof(begin) - 1)))
			return true;
	}
	return false;
}

/* The content of a DER SEQUENCE at the start of the data; its declared end may lie behind what we see. */
static const unsigned char *
der_sequence(const unsigned char *p, size_t n, size_t *left)
{
	if (n < 2 || p[0] != 0x30)
		return NULL;
	size_t head = p[1] < 0x80 ? 2 : 2 + (size_t)(p[1] & 0x7f);
	if (head > 6 || n < head)
		return NULL;
	*left = n - head;
	return p + head;
}

/* The first element is an INTEGER version, what follows tells the kinds apart. */
static bool
is_der_key(const unsigned char *data, size_t n)
{
	size_t left;
	const unsigned char *p = der_sequence(data, n, &left);
	if (p == NULL || left < 5 || p[0] != 0x02 || p[1] != 0x01)
		return false;
	unsigned char version = p[2], tag = p[3];
	if (version <= 1 && tag == 0x30) { /* PKCS #8: AlgorithmIdentifier, which starts with an OID */
		p = der_sequence(p + 3, left - 3, &left);
		return p != NULL && left > 0 && p[0] == 0x06;
	}
	if (version == 0 && tag == 0x02) /* PKCS #1: the modulus. DSA's traditional form looks the same. */
		return true;
	if (version == 1 && tag == 0x04) /* SEC 1: the key as OCTET STRING */
		return true;
	return version == 3 && tag == 0x30; /* PKCS #12 */
}

/* A secret key packet (RFC 9580 section 5.5.3) of version 3 to 6 first in the file, in its two header forms. */
static bool
is_pgp_key(const unsigned char *p, size_t n)
{
	size_t head;
	if (n < 7)
		return false;
	if (p[0] >= 0x94 && p[0] <= 0x96)
		head = 1 + ((size_t)1 << (p[0] & 3));
	else if (p[0] == 0xc5)
		head = p[1] < 192 ? 2 : p[1] == 255 ? 6 : 3;
	else
		return false;
	return p[head] >= 3 && p[head] <= 6;
}

bool
br_is_private_key(const char *data, size_t n)
{
	if (starts(data, n, "PuTTY-User-Key-File-") || starts(data, n, "SSH PRIVATE KEY FILE FORMAT"))
		return true;
	if (starts(data, n, "\xfe\xed\xfe\xed") || starts(data, n, "\xce\xce\xce\xce")) /* JKS, JCEKS */
		return true;
	const unsigned char *bytes = (const unsigned char *)data;
	return is_der_key(bytes, n) || is_pgp_key(bytes, n) || has_pem_key(data, n);
}
