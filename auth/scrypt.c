/*
 * scrypt (RFC 7914) by libscrypt; this is its only home.
 *
 * What we write is crypt(3)'s form, so that every program that uses libcrypt
 * can check our passwords:
 *
 *	$7$ N rrrrr ppppp salt $ hash
 *
 * N is one digit (log2 N), r and p are five digits, least significant first,
 * 30 bits; the hash is 32 bytes in groups of three, least significant first;
 * digits are ./0-9A-Za-z; the salt is used as it stands.  libscrypt's own
 * form "$s1$NNrrpp$salt$hash" is read as well.
 */
#include "auth/scheme.h"

#include <libscrypt.h>
#include <stdlib.h>
#include <openssl/crypto.h>

#include "base/rand.h"

/* 16 MiB and about 0.2 s: the memory of the hash lane is its threads times
 * this.  Five passes make up for the small N. */
#define LOG2_N	 14
#define R	 8
#define P	 5
#define HASH_LEN 32
#define SALT_LEN 22

static const char digits[] =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void add_number(struct pf_buf *to, uint32_t value, unsigned bits)
{
	for (unsigned at = 0; at < bits; at += 6)
		pf_buf_add_byte(to, digits[value >> at & 63]);
}

static bool take_number(struct pf_str *s, unsigned bits, uint32_t *value)
{
	uint32_t v = 0;

	for (unsigned at = 0; at < bits; at += 6) {
		const char *digit =
		    s->n && s->p[0] ? strchr(digits, s->p[0]) : NULL;
		if (!digit)
			return false;
		v |= (uint32_t)(digit - digits) << at;
		*s = pf_str_from(*s, 1);
	}
	*value = v;
	return true;
}

static void add_hash(struct pf_buf *to, const unsigned char hash[HASH_LEN])
{
	for (size_t i = 0; i < HASH_LEN; i += 3) {
		uint32_t group = 0;
		unsigned bits = 0;
		for (size_t j = i; j < i + 3 && j < HASH_LEN; j++, bits += 8)
			group |= (uint32_t)hash[j] << bits;
		add_number(to, group, bits);
	}
}

/* Appends setting and hash. */
static bool add_7(struct pf_str password, struct pf_str salt, uint32_t log2n,
		  uint32_t r, uint32_t p, struct pf_buf *to)
{
	unsigned char hash[HASH_LEN];
	uint64_t memory = (uint64_t)128 * r << (log2n & 31);

	if (log2n < 1 || log2n > 30 || r < 1 || r > 1024 || p < 1 || p > 64 ||
	    !auth_budget_take(memory))
		return false;
	int failed = libscrypt_scrypt(
	    (const uint8_t *)password.p, password.n, (const uint8_t *)salt.p,
	    salt.n, (uint64_t)1 << log2n, r, p, hash, sizeof hash);
	auth_budget_give(memory);
	if (failed)
		return false;
	pf_buf_add_c(to, "$7$");
	add_number(to, log2n, 6);
	add_number(to, r, 30);
	add_number(to, p, 30);
	pf_buf_add_str(to, salt);
	pf_buf_add_byte(to, '$');
	add_hash(to, hash);
	OPENSSL_cleanse(hash, sizeof hash);
	return !to->failed;
}

static bool verify_7(struct pf_str stored, struct pf_str password)
{
	struct pf_str s = pf_str_from(stored, 3);
	struct pf_buf again = PF_BUF_INIT(1024);
	uint32_t log2n, r, p;
	bool good = false;

	if (take_number(&s, 6, &log2n) && take_number(&s, 30, &r) &&
	    take_number(&s, 30, &p)) {
		ptrdiff_t end = pf_str_rchr(s, '$');
		good = end >= 0 &&
		       add_7(password, pf_str_head(s, (size_t)end), log2n, r, p,
			     &again) &&
		       again.len == stored.n &&
		       CRYPTO_memcmp(again.data, stored.p, stored.n) == 0;
	}
	pf_buf_wipe(&again);
	return good;
}

/* libscrypt_check writes into its argument and takes any parameters. */
static bool verify_s1(struct pf_str stored, struct pf_str password)
{
	char mcf[SCRYPT_MCF_LEN + 1] = {0};
	static const char hex[] = "0123456789abcdef";
	unsigned value[3] = {0}; /* log2 N, r, p */

	if (stored.n < 12 || !pf_str_copy(stored, mcf, sizeof mcf))
		return false;
	for (size_t i = 0; i < 6; i++) {
		const char *digit = strchr(hex, mcf[4 + i]);
		if (!mcf[4 + i] || !digit)
			return false;
		value[i / 2] = value[i / 2] << 4 | (unsigned)(digit - hex);
	}
	if (value[0] < 1 || value[0] > 30 || value[1] < 1 || value[2] < 1 ||
	    !auth_budget_take((uint64_t)128 * value[1] << value[0]))
		return false;
	char *phrase = pf_str_dup(password);
	bool good = libscrypt_check(mcf, phrase) > 0;
	auth_budget_give((uint64_t)128 * value[1] << value[0]);
	OPENSSL_cleanse(phrase, password.n);
	free(phrase);
	return good;
}

bool auth_scrypt_verify(struct pf_str stored, struct pf_str password)
{
	if (pf_str_starts(stored, PF_STR("$7$")))
		return verify_7(stored, password);
	return pf_str_starts(stored, PF_STR("$s1$")) &&
	       verify_s1(stored, password);
}

pf_status auth_scrypt_hash(struct pf_str password, struct pf_buf *to,
			   struct pf_error *err)
{
	char salt[SALT_LEN];

	pf_rand_bytes(salt, sizeof salt);
	for (size_t i = 0; i < sizeof salt; i++)
		salt[i] = digits[(unsigned char)salt[i] & 63];
	if (!add_7(password, pf_str_mem(salt, sizeof salt), LOG2_N, R, P, to))
		return pf_error_set(err, PF_NOMEM, NULL,
				    "scrypt failed (16 MiB needed)");
	return PF_OK;
}
