/* SCRAM's keys: derived, read, written. */
#include "auth/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/base64.h"

static const EVP_MD *digest(enum auth_scram_hash hash)
{
	return hash == AUTH_SCRAM_SHA1 ? EVP_sha1() : EVP_sha256();
}

size_t auth_scram_digest_len(enum auth_scram_hash hash)
{
	return hash == AUTH_SCRAM_SHA1 ? 20 : 32;
}

void auth_scram_hmac(enum auth_scram_hash hash, struct pf_str key,
		     struct pf_str text, unsigned char *to)
{
	if (!HMAC(digest(hash), key.n ? key.p : "", (int)key.n,
		  (const unsigned char *)text.p, text.n, to, NULL))
		abort(); /* only memory can be missing */
}

void auth_scram_h(enum auth_scram_hash hash, struct pf_str text,
		  unsigned char *to)
{
	if (!EVP_Digest(text.p, text.n, to, NULL, digest(hash), NULL))
		abort();
}

void auth_scram_keys_derive(enum auth_scram_hash hash, struct pf_str password,
			    struct auth_scram_keys *keys)
{
	unsigned char salted[AUTH_SCRAM_DIGEST_MAX];
	unsigned char client[AUTH_SCRAM_DIGEST_MAX];
	size_t n = auth_scram_digest_len(hash);
	struct pf_buf prepared = PF_BUF_INIT(4096);

	if (auth_saslprep(password, &prepared))
		password = pf_buf_str(&prepared);
	if (!PKCS5_PBKDF2_HMAC(password.p, (int)password.n, keys->salt,
			       (int)keys->salt_len, (int)keys->iterations,
			       digest(hash), (int)n, salted))
		abort();
	auth_scram_hmac(hash, pf_str_mem(salted, n), PF_STR("Client Key"),
			client);
	auth_scram_h(hash, pf_str_mem(client, n), keys->stored);
	auth_scram_hmac(hash, pf_str_mem(salted, n), PF_STR("Server Key"),
			keys->server);
	OPENSSL_cleanse(salted, sizeof salted);
	OPENSSL_cleanse(client, sizeof client);
	pf_buf_wipe(&prepared);
}

/* The next field of the comma list, from base64; its length, or 0. */
static size_t next_bytes(struct pf_str *rest, unsigned char *to, size_t size)
{
	struct pf_buf bytes = PF_BUF_INIT(256);
	struct pf_str word;
	size_t n = 0;

	if (pf_str_split(rest, ',', &word) && word.n <= 128 &&
	    pf_base64_decode(&bytes, word) && bytes.len <= size) {
		n = bytes.len;
		memcpy(to, bytes.data, n);
	}
	pf_buf_wipe(&bytes);
	return n;
}

bool auth_scram_keys_parse(enum auth_scram_hash hash, struct pf_str text,
			   struct auth_scram_keys *keys)
{
	size_t n = auth_scram_digest_len(hash);
	struct auth_scram_keys k = {0};
	struct pf_str word;
	uint64_t iterations;

	if (!pf_str_split(&text, ',', &word) ||
	    !pf_str_u64(word, AUTH_SCRAM_ITER_MAX, &iterations) ||
	    iterations == 0)
		return false;
	k.iterations = (uint32_t)iterations;
	k.salt_len = next_bytes(&text, k.salt, sizeof k.salt);
	bool good = k.salt_len > 0 && next_bytes(&text, k.stored, n) == n &&
		    next_bytes(&text, k.server, n) == n && text.n == 0;
	if (good)
		*keys = k;
	OPENSSL_cleanse(&k, sizeof k);
	return good;
}

void auth_scram_keys_add(struct pf_buf *to, enum auth_scram_hash hash,
			 const struct auth_scram_keys *keys)
{
	size_t n = auth_scram_digest_len(hash);

	pf_buf_add_u64(to, keys->iterations);
	pf_buf_add_byte(to, ',');
	pf_base64_encode(to, pf_str_mem(keys->salt, keys->salt_len));
	pf_buf_add_byte(to, ',');
	pf_base64_encode(to, pf_str_mem(keys->stored, n));
	pf_buf_add_byte(to, ',');
	pf_base64_encode(to, pf_str_mem(keys->server, n));
}
