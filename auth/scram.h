/* SCRAM's keys (RFC 5802 3): what is stored instead of the password. */
#ifndef AUTH_SCRAM_H
#define AUTH_SCRAM_H

#include "auth/auth.h"

enum auth_scram_hash {
	AUTH_SCRAM_SHA1,
	AUTH_SCRAM_SHA256
};

#define AUTH_SCRAM_SALT_MAX   64
#define AUTH_SCRAM_DIGEST_MAX 32
#define AUTH_SCRAM_ITERATIONS 10000 /* of keys that we make */
#define AUTH_SCRAM_SALT_LEN   16
#define AUTH_SCRAM_ITER_MAX   10000000

struct auth_scram_keys {
	uint32_t iterations;
	size_t salt_len;
	unsigned char salt[AUTH_SCRAM_SALT_MAX];
	unsigned char stored[AUTH_SCRAM_DIGEST_MAX];
	unsigned char server[AUTH_SCRAM_DIGEST_MAX];
};

size_t auth_scram_digest_len(enum auth_scram_hash hash);

/* "iterations,salt,stored,server", the last three in base64: Dovecot's
 * {SCRAM-SHA-1} and {SCRAM-SHA-256}. */
bool auth_scram_keys_parse(enum auth_scram_hash hash, struct pf_str text,
			   struct auth_scram_keys *keys);
void auth_scram_keys_add(struct pf_buf *to, enum auth_scram_hash hash,
			 const struct auth_scram_keys *keys);

/* Computes stored and server from the password (prepared with SASLprep where
 * that is possible) and the salt and iterations in *keys.  Slow. */
void auth_scram_keys_derive(enum auth_scram_hash hash, struct pf_str password,
			    struct auth_scram_keys *keys);

/* HMAC and H of the mechanism's hash. */
void auth_scram_hmac(enum auth_scram_hash hash, struct pf_str key,
		     struct pf_str text, unsigned char *to);
void auth_scram_h(enum auth_scram_hash hash, struct pf_str text,
		  unsigned char *to);

/* SASLprep (RFC 4013) of valid UTF-8; false when the text is not allowed.
 * `to` gets the prepared text. */

#endif
