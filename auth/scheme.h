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

/* Memory for one hash; false: more than AUTH_BUDGET_ONE.  May wait. */
#define AUTH_BUDGET_ONE ((uint64_t)256 << 20)
bool auth_budget_take(uint64_t bytes);
void auth_budget_give(uint64_t bytes);

/* False: not understood, or dearer than we compute. */
bool auth_argon2_verify(struct pf_str stored, struct pf_str password,
			bool *right);

/* {PAM}service: the service; "" for penfold. */
bool auth_scheme_pam(const char *stored, struct pf_str *service);
/* AUTHFAILED; UNAVAILABLE when a module does not work.  Slow. */
PF_CHECKED pf_status auth_pam_verify(struct pf_str service, const char *user,
				     struct pf_str password,
				     struct pf_error *err);

/* scrypt by libscrypt: crypt(3)'s "$7$" and libscrypt's own "$s1$". */
bool auth_scrypt_verify(struct pf_str stored, struct pf_str password);
PF_CHECKED pf_status auth_scrypt_hash(struct pf_str password, struct pf_buf *to,
				      struct pf_error *err);

#endif
