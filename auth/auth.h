/*
 * auth: who is who.  The passwd-file, password schemes, SASL mechanisms and
 * the two protocols that Postfix speaks (Dovecot auth, socketmap), each
 * without I/O; the server (penfold-authd) and the clients on top.
 *
 * Only penfold-authd ever sees the password file.  Everybody else asks it:
 *   run_dir/auth.sock        Dovecot auth-client protocol (Postfix, Exim): is
 *                            this password right?
 *   run_dir/auth-gate.sock   the same for imapd's gate (owner: gate_user)
 *   run_dir/auth-master.sock "USER" (mda: where is this user's mail?) and
 *                            "REQUEST" (a session: who logged in with this
 *                            one-time cookie?), Dovecot's master protocol
 *   run_dir/socketmap.sock   Postfix socketmap
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/error.h"

/* ---- users (penfold-authd, penfold user) ------------------------------- */

/* "ip/bits" of an allow_nets list; an IPv4 address is ::ffff:a.b.c.d */
struct auth_net {
	unsigned char address[16];
	int bits;
};

/* A password of one program of the user's (device.c). */
#define AUTH_DEVICE_HASH 32
struct auth_device {
	char *name;
	unsigned char hash[AUTH_DEVICE_HASH];
	char *protocols; /* "imap+sieve"; "": all */
	struct auth_net *nets;
	size_t n_nets;
};

struct auth_user {
	char *name;	  /* as the file has it: the canonical spelling */
	char *password;	  /* "{SCHEME}data" or libcrypt's "$6$..."; may be "" */
	char *scram_sha1; /* "iterations,salt,stored,server", or NULL: */
	char *scram_sha256; /* keys that go with this very password */
	uid_t uid;	    /* (uid_t)-1: not given */
	gid_t gid;
	char *home;    /* expanded, never NULL */
	char *mail;    /* Maildir path, expanded, never NULL */
	char *quota;   /* rules as in penfold.conf, or NULL */
	bool disabled; /* cannot log in (nologin, "!" or "*" password, none);
			  still gets mail */
	bool broken;   /* known, but the rest of the line is not understood:
			  a temporary failure, never "no such user" */
	struct auth_net *nets; /* allow_nets; n_nets 0: from everywhere */
	size_t n_nets;
	struct auth_device *devices;
	size_t n_devices;
	bool devices_only; /* his own password lets nobody in */
	bool master;	   /* may act for others (authzid) */
	int line;
};

/*
 * An immutable snapshot of the passwd-file (Dovecot's grammar:
 * user:password:uid:gid:gecos:home:shell:extra_fields; penfold-users(5)).
 * Faults are reported in `problems` (may be NULL) with their line.  Names
 * compare without regard to ASCII case.
 */
struct auth_users;
PF_CHECKED pf_status auth_users_load(const struct pf_conf *conf,
				     struct auth_users **users,
				     struct pf_conf_problems *problems,
				     struct pf_error *err);
/* From text, for tests and fuzzing. */
void auth_users_parse(const struct pf_conf *conf, struct pf_str text,
		      struct auth_users **users,
		      struct pf_conf_problems *problems);
/* NULL: there is none. */
const struct auth_user *auth_users_find(const struct auth_users *users,
					struct pf_str name);
/* Whose alias is it: an address, a local part, or "@domain" (all that nobody
 * else has there)?  NULL: nobody's. */
const struct auth_user *auth_users_find_alias(const struct auth_users *users,
					      struct pf_str alias);
size_t auth_users_count(const struct auth_users *users);
const struct auth_user *auth_users_at(const struct auth_users *users, size_t i);
void auth_users_ref(struct auth_users *users);
void auth_users_unref(struct auth_users **users);

/*
 * Adds, replaces (credentials != NULL) or removes (NULL) one user's line; all
 * other lines stay as they are; durable; made with mode 0600 when missing.
 * EXISTS (must_exist false, and it does), NOTFOUND, INVALID (name).
 * `credentials`: what auth_password_hash_all() made, or just the text of the
 * password field.  SCRAM keys of an older password are dropped.
 */
PF_CHECKED pf_status auth_users_edit(const char *path, struct pf_str name,
				     const char *credentials, bool must_exist,
				     struct pf_error *err);

/* The same for a user whose password field still is `old`: NOTFOUND when it is
 * not, or he is gone. */
PF_CHECKED pf_status auth_users_rehash(const char *path, struct pf_str name,
				       struct pf_str old,
				       const char *credentials,
				       struct pf_error *err);

/* Takes the extra fields that begin with `prefix` out of a user's line, and
 * puts `field` (NULL: nothing) at its end. */
PF_CHECKED pf_status auth_users_set_field(const char *path, struct pf_str name,
					  const char *prefix, const char *field,
					  struct pf_error *err);

/* ---- devices ----------------------------------------------------------- */

/* Extra fields of ours, as above. */
#define AUTH_FIELD_DEVICE	"userdb_penfold_device"
#define AUTH_FIELD_DEVICES_ONLY "userdb_penfold_devices_only"
#define AUTH_FIELD_MASTER	"userdb_penfold_master"

/* A new password, to be shown once, and the extra field that knows it. */
PF_CHECKED pf_status auth_device_new(struct pf_str name,
				     struct pf_str protocols,
				     struct pf_str nets, struct pf_buf *secret,
				     struct pf_buf *field,
				     struct pf_error *err);
/* NULL: there is none. */
const struct auth_device *auth_device_find(const struct auth_user *user,
					   struct pf_str name);
/* Whose password is it? */
const struct auth_device *auth_device_match(const struct auth_user *user,
					    struct pf_str secret);
bool auth_device_allows(const struct auth_device *device, struct pf_str service,
			struct pf_str ip);

#define AUTH_FIELD_ALIAS "userdb_penfold_alias"

/* ---- recipients -------------------------------------------------------- */

#define AUTH_NAME_MAX 255 /* longest user name, longest local part */

/*
 * An address -> a user and an extension.  Exact first (the whole address as
 * user name or alias, then the local part if the domain is ours), then cut at
 * each of the delimiters, the longest name first; detail is what stands behind
 * the cut.  Then postmaster and abuse go to postmaster_user (RFC 5321 4.5.1:
 * they are always accepted; without him to the first user there is), and last
 * all else in a domain to whose alias is "@domain".  Takes a bare user name as
 * well.  NOTFOUND when there is no such user, UNAVAILABLE when
 * his line is broken.  `detail` points into `local`: do not copy the struct.
 */
struct auth_recipient {
	const struct auth_user *user;
	struct pf_str detail;
	bool has_detail;
	char local[AUTH_NAME_MAX + 1];
};
PF_CHECKED pf_status auth_recipient(const struct auth_users *users,
				    const struct pf_conf *conf,
				    struct pf_str address,
				    struct auth_recipient *recipient,
				    struct pf_error *err);

/* RFC 4013, for comparing: appends; false: the text cannot be prepared. */
bool auth_saslprep(struct pf_str text, struct pf_buf *to);

/* ---- passwords --------------------------------------------------------- */

/* AUTHFAILED when it is wrong, UNSUPPORTED for an unknown scheme.  Slow. */
PF_CHECKED pf_status auth_password_verify(const char *stored,
					  struct pf_str password,
					  struct pf_error *err);
/* Is it a hash that falls to guessing (a digest, DES, MD5, PBKDF2 with SHA-1)?
 * {PLAIN} is none, and what it serves is somebody's choice. */
bool auth_password_is_weak(const char *stored);
/* What is wrong with a new password, or NULL. */
const char *auth_password_complaint(struct pf_str name, struct pf_str password);
/* The text of a password field.  scheme: SCRYPT (computed by libscrypt, in
 * crypt(3)'s "$7$" form) or SCRAM-SHA-256.  Slow. */
PF_CHECKED pf_status auth_password_hash(const char *scheme,
					struct pf_str password,
					struct pf_buf *stored,
					struct pf_error *err);
/* All that one password leaves in the user file, for auth_users_edit: the
 * password field in conf's password_scheme, and SCRAM keys for each SCRAM
 * mechanism that auth_mechanisms names.  Slow. */
PF_CHECKED pf_status auth_password_hash_all(const struct pf_conf *conf,
					    struct pf_str password,
					    struct pf_buf *credentials,
					    struct pf_error *err);

/* ---- client: what imapd's gate, sessions and mda use ------------------- */

/* Blocking look-up over auth-master.sock; one connection per handle, made
 * again when it broke.  Thread-safe. */
struct auth_lookup;
/* The path of run_dir/auth-master.sock.  Connects when first used. */
struct auth_lookup *auth_lookup_new(const char *master_socket);
void auth_lookup_free(struct auth_lookup **lookup);

struct auth_identity {
	char *user; /* canonical name */
	char *home, *mail;
	uid_t uid; /* (uid_t)-1: not given */
	gid_t gid;
	char *quota;  /* rules of his own, or NULL */
	char *detail; /* address look-ups: the extension, or NULL */
	char *via;    /* logins: "device:NAME", "master:NAME", or NULL */
};
void auth_identity_release(struct auth_identity *id);

/* For a recipient address (splitting included) or a user name.  NOTFOUND;
 * UNAVAILABLE when authd or its file is down: answer 451, never 550. */
PF_CHECKED pf_status auth_lookup_address(struct auth_lookup *lookup,
					 struct pf_str address,
					 struct auth_identity *id,
					 struct pf_error *err);
/* Another user's mail, by his name alone, not by an address (share_user_fn;
 * `lookup` is a struct auth_lookup). */
PF_CHECKED pf_status auth_lookup_user(void *lookup, struct pf_str name,
				      struct pf_buf *user, struct pf_buf *mail,
				      struct pf_error *err);
/* Who logged in?  The cookie works once, for 60 s. */
PF_CHECKED pf_status auth_lookup_cookie(struct auth_lookup *lookup,
					struct pf_str cookie,
					struct auth_identity *id,
					struct pf_error *err);
/* Every user, in no particular order; `each` must not use the handle. */
PF_CHECKED pf_status
auth_lookup_list(struct auth_lookup *lookup,
		 void (*each)(void *arg, const struct auth_identity *id),
		 void *arg, struct pf_error *err);

/*
 * SASL through auth.sock, asynchronous on net.  One client per process: it
 * keeps one connection (made again when it broke) for all exchanges.  One
 * request per attempt to log in.
 */
struct net_loop;
struct auth_client;
struct auth_request;
struct auth_client *auth_client_new(struct net_loop *loop,
				    const char *auth_socket);
void auth_client_free(struct auth_client **client);
/* Mechanisms as authd announced them, blank-separated; "" while down. */
const char *auth_client_mechanisms(const struct auth_client *client);

enum auth_result {
	AUTH_CONTINUE,	  /* data: the next challenge (decoded) */
	AUTH_OK,	  /* data: the user; cookie (for auth_lookup_cookie) */
	AUTH_FAIL,	  /* wrong; reason may be given */
	AUTH_UNAVAILABLE, /* backend trouble: NO [UNAVAILABLE] */
};
typedef void (*auth_result_fn)(void *arg, enum auth_result result,
			       struct pf_str data, const char *cookie,
			       const char *reason);
/* Who wants to log in, and what names his connection (channel binding, RFC
 * 5056; .n 0: there is none). */
struct auth_peer {
	const char *service, *local_ip, *remote_ip;
	bool secured; /* on TLS (what auth_plain_loopback allows beside that
			 is authd's business) */
	struct pf_str exporter, end_point;
};
/* initial.p NULL: none.  fn is never called from inside auth_request_new or
 * _continue, and its slices live as long as the call.  After OK, FAIL,
 * UNAVAILABLE the request is freed. */
struct auth_request *auth_request_new(struct auth_client *client,
				      const char *mechanism,
				      const struct auth_peer *peer,
				      struct pf_str initial, auth_result_fn fn,
				      void *arg);
void auth_request_continue(struct auth_request *request, struct pf_str data);
/* Gives up (also when the client went away): fn is not called any more. */
void auth_request_cancel(struct auth_request **request);

#endif
