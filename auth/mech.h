/*
 * SASL mechanisms, without I/O: one exchange is a small machine that says
 * what it needs next.
 *
 *	step = auth_exchange_step(x, response);
 *	USER	  look x->name up; call auth_exchange_user() -> next step
 *	WORK	  run auth_exchange_work() (on a worker if x->slow), then
 *		  auth_exchange_worked() -> next step
 *	CHALLENGE send x->out, wait for the client's response
 *	DONE	  x->user (canonical) is logged in
 *	FAIL	  wrong, unknown or malformed: x->why for the log
 *
 * An unknown user takes every step that a known one takes, with a made-up
 * salt or hash, and fails at the end.
 */
#ifndef AUTH_MECH_H
#define AUTH_MECH_H

#include "auth/scheme.h"

enum auth_step {
	AUTH_STEP_USER,
	AUTH_STEP_WORK,
	AUTH_STEP_CHALLENGE,
	AUTH_STEP_DONE,
	AUTH_STEP_FAIL
};

struct auth_exchange;

struct auth_mech {
	const char *name;
	const char *props; /* of the MECH line, with its TABs */
	bool plaintext;	   /* the password itself crosses the wire */
	bool plus;	   /* only with channel binding */
	enum auth_scram_hash hash;
	enum auth_step (*step)(struct auth_exchange *x, struct pf_str resp);
	enum auth_step (*user)(struct auth_exchange *x,
			       const struct auth_user *user);
	pf_status (*work)(struct auth_exchange *x, struct pf_error *err);
	enum auth_step (*worked)(struct auth_exchange *x, pf_status status);
};

/* What SCRAM remembers between its messages. */
struct auth_scram {
	struct auth_scram_keys keys;
	bool derive;	       /* keys are still to be made from x->secret */
	struct pf_buf gs2;     /* "n,," as the client sent it, and with -PLUS
				  what names the channel */
	struct pf_buf nonce;   /* client's and ours */
	struct pf_buf message; /* AuthMessage, growing */
	unsigned char proof[AUTH_SCRAM_DIGEST_MAX];
};

struct auth_exchange {
	const struct auth_mech *mech;
	int state;
	struct pf_buf name;   /* as the client wrote it */
	struct pf_buf authz;  /* whom he wants to be; "" himself */
	struct pf_buf secret; /* his password; wiped */
	struct pf_buf stored; /* the user's, or a made-up one; wiped */
	struct pf_buf out;    /* the challenge */
	char *user;	      /* canonical name; NULL: unknown */
	char *account;	      /* whose password it is; a master's, too */
	char *via;	      /* "device:NAME", "master:NAME"; NULL: himself */
	bool known;	      /* false: fails whatever the password */
	bool by_device;	      /* it was a device's password (via) */
	bool slow;	      /* the next WORK takes longer than a moment */
	bool trouble;	      /* FAIL is our fault, not the client's */
	const char *why;      /* for the log, never NULL after FAIL */
	struct auth_scram scram;
	/* what names the client's channel (RFC 5056); "": nothing does */
	struct pf_buf exporter, end_point;
};

extern const struct auth_mech auth_mech_plain, auth_mech_login,
    auth_mech_scram_sha1, auth_mech_scram_sha256, auth_mech_scram_sha1_plus,
    auth_mech_scram_sha256_plus;

/* Does auth_mechanisms name it?  A -PLUS comes with its mechanism. */
bool auth_mech_offered(const struct pf_conf *conf, const char *mechanism);

/* NULL: there is none of that name. */
const struct auth_mech *auth_mech_find(struct pf_str name);

void auth_exchange_init(struct auth_exchange *x, const struct auth_mech *mech);
void auth_exchange_release(struct auth_exchange *x);

/* resp.p NULL: the client sent no initial response. */
enum auth_step auth_exchange_step(struct auth_exchange *x, struct pf_str resp);

/* NULL: there is no such user.  Disabled users count as unknown. */
enum auth_step auth_exchange_user(struct auth_exchange *x,
				  const struct auth_user *user);

/* After that: the user whom a master wants to be (x->authz).  NULL: there is
 * none, and the exchange will fail. */
bool auth_exchange_is_master(const struct auth_exchange *x,
			     const struct auth_user *user);
void auth_exchange_act_for(struct auth_exchange *x,
			   const struct auth_user *other);

/* Touches nothing but *x, so it may run on a worker. */
pf_status auth_exchange_work(struct auth_exchange *x, struct pf_error *err);
enum auth_step auth_exchange_worked(struct auth_exchange *x, pf_status status);

/* The secret that made-up salts come from (the same for the same name, also
 * after a restart).  Once, before the first exchange. */
void auth_mech_set_secret(struct pf_str secret);

/* ---- for the mechanisms ------------------------------------------------ */

static inline enum auth_step auth_exchange_fail(struct auth_exchange *x,
						const char *why)
{
	x->why = why;
	return AUTH_STEP_FAIL;
}

/* Password mechanisms: PLAIN and LOGIN once they have name and secret. */
enum auth_step auth_password_user(struct auth_exchange *x,
				  const struct auth_user *user);
pf_status auth_password_work(struct auth_exchange *x, struct pf_error *err);
enum auth_step auth_password_worked(struct auth_exchange *x, pf_status status);

/* A salt that looks like that of a user. */
void auth_mech_fake_salt(const struct auth_mech *mech, struct pf_str name,
			 unsigned char *salt, size_t n);

#endif
