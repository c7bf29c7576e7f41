/* What scheme.c and scrypt.c share with the mechanisms. */
#ifndef AUTH_SCHEME_H
#define AUTH_SCHEME_H

#include "auth/scram.h"
#include "auth/users.h"

/* The password itself, when the file has it ({PLAIN}). */
bool auth_scheme_plain(const char *stored, struct pf_str *password);

/* "iterations,salt,stored,server" when the password field is {SCRAM-...}. */
bool auth_scheme_scram(const char *stored, enum auth_scram_hash hash,
		       struct pf_str *keys);

/* scrypt by libscrypt: crypt(3)'s "$7$" and libscrypt's own "$s1$". */
bool auth_scrypt_verify(struct pf_str stored, struct pf_str password);
PF_CHECKED pf_status auth_scrypt_hash(struct pf_str password, struct pf_buf *to,
				      struct pf_error *err);

#endif
