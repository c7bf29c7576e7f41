/*
 * mda: from a message and its recipients to files in Maildirs.
 *
 *	main.c, session.c   LMTP sockets, on the loop's thread
 *	lmtp.c              the protocol, without I/O
 *	deliver_main.c      the same path from standard input
 *	message.c           one message: its bytes, its header, its file
 *	deliver.c           one recipient: script, rules, folders, reply
 *	away.c              one recipient: what leaves the house
 *	rules.c             scripts and list files, compiled and cached
 *	outgoing.c          mail that leaves: sendmail or SMTP
 *	compose.c, memory.c   mail that we write ourselves
 *	reply.c             statuses as LMTP replies and exit codes
 *
 * Thread rule: everything that blocks (message.c, deliver.c and below) runs
 * in a job; a struct mda_message belongs to one job at a time; struct mda is
 * shared by all and locks what changes.
 */
#ifndef MDA_MDA_H
#define MDA_MDA_H

#include "auth/auth.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/journal.h"
#include "mda/lmtp.h"
#include "sieve/sieve.h"
#include "store/store.h"

#define MDA_ID_SIZE 27 /* 26 characters and NUL */

struct mda_rules;

struct mda {
	const struct pf_conf *conf;
	char hostname[256];
	struct pf_journal *journal; /* NULL: none */
	struct mda_rules *rules;
	int index_socket; /* datagrams to indexd, -1: none */
};

/* The journal may be missing (no rights): `problem` then says why. */
PF_CHECKED pf_status mda_new(const struct pf_conf *conf, struct mda **mda,
			     struct pf_error *problem);
void mda_free(struct mda **mda);

/* One datagram "USER TAB MAILBOX" to indexd; it looks for itself when one is
 * lost. */
void mda_index_notify(struct mda *mda, const char *user, struct pf_str folder);

/* A delivery id: 26 characters of base 32 that sort by time and are never
 * given twice (64 bits of microseconds, 66 of chance). */
void mda_id_make(char id[MDA_ID_SIZE]);

/* ---- recipients (rcpt.c) ---- */

struct mda_rcpt {
	char *address; /* as sent */
	char *orcpt;   /* ORCPT=, or NULL */
	struct auth_identity id;
	char reply[LMTP_REPLY_MAX]; /* of mda_deliver */
	pf_status status;	    /* the same, for exit codes */
};

/* Blocking.  NOTFOUND: no such user; UNAVAILABLE: ask again later. */
PF_CHECKED pf_status mda_rcpt_find(struct auth_lookup *lookup,
				   const struct mda_lmtp_rcpt *rcpt,
				   struct mda_rcpt *found,
				   struct pf_error *err);
/* The same from an answer that is at hand; takes *id over. */
void mda_rcpt_fill(struct mda_rcpt *rcpt, const struct mda_lmtp_rcpt *from,
		   const struct auth_identity *id);
void mda_rcpt_release(struct mda_rcpt *rcpt);

/* Answers of the last second (recent.c). */
struct mda_recent;
struct mda_recent *mda_recent_new(void);
void mda_recent_free(struct mda_recent **recent);
/* *id is a copy, the caller's. */
bool mda_recent_get(struct mda_recent *recent, struct pf_str mailbox,
		    struct auth_identity *id);
void mda_recent_put(struct mda_recent *recent, struct pf_str mailbox,
		    const struct auth_identity *id);

/* ---- a message (message.c) ---- */

struct mda_envelope {
	struct pf_str from; /* "" = <> */
	struct pf_str lhlo, peer;
	struct pf_str client; /* XFORWARD ADDR */
	struct pf_str queue;  /* XFORWARD IDENT: the MTA's queue id */
	const char *protocol; /* "LMTP", "UTF8LMTP", or "local" */
	bool utf8;
};

struct mda_message {
	struct mda *mda;
	char id[MDA_ID_SIZE];
	struct pf_arena arena;
	struct mda_envelope envelope; /* texts are in the arena */
	struct mda_rcpt *rcpts;	      /* the message's own */
	size_t rcpt_count;
	struct pf_buf prefix;  /* the fields that we put in front */
	size_t relay_from;     /* where the prefix of a redirect begins */
	struct pf_buf pending; /* bytes that are not in the file yet */
	struct pf_buf head;  /* copy of the header, once pending was spilled */
	size_t head_end;     /* of the message's own header, 0: not seen */
	uint64_t size;	     /* of the message with CRLF, without prefix */
	struct store *store; /* where the shared file is being made */
	struct store_draft *draft;
	dev_t device;	  /* of that store */
	int fd;		  /* of the finished draft, -1: not finished */
	bool spilled;	  /* the bytes are in the file only */
	pf_status status; /* of the shared file, once spilled */
	struct pf_error failure;
};

/* Takes the recipients over. */
struct mda_message *mda_message_new(struct mda *mda,
				    const struct mda_envelope *envelope,
				    struct mda_rcpt *rcpts, size_t count);
void mda_message_free(struct mda_message **message);
/* Removes the temporary file: blocking, mda_message_deliver does it last. */
void mda_message_done(struct mda_message *message);

/* Adds bytes (any thread, no I/O).  True: call mda_message_spill in a job
 * before adding more. */
bool mda_message_add(struct mda_message *message, struct pf_str data);
void mda_message_spill(struct mda_message *message);

/* The raw header, without our prefix. */
struct pf_str mda_message_header(const struct mda_message *message);

/* A finished, synced draft that can be linked into `store`: the shared one if
 * it can, else one of its own (then *own is to be freed by the caller).  The
 * first call for a small message makes the shared one in `store`: when
 * message->draft is set and message->store is not, `store` must be left
 * there. */
PF_CHECKED pf_status mda_message_draft(struct mda_message *message,
				       struct store *store,
				       struct store_draft **draft,
				       struct store_draft **own,
				       struct pf_error *err);

/* ---- delivery (deliver.c) ---- */

/* Delivers to all recipients; each gets its reply.  Blocking. */
void mda_message_deliver(struct mda_message *message);

PF_CHECKED pf_status mda_store_open(struct mda *mda,
				    const struct auth_identity *id,
				    struct store **store, struct pf_error *err);

/* ---- scripts and lists (rules.c) ---- */

/* A compiled script, counted.  NULL script: it does not compile. */
struct mda_script {
	int refs;
	struct sieve_script *script;
	char *path;
	int64_t mtime_ns;
	char problem[240]; /* "line 3: ..." */
};

struct mda_rules *mda_rules_new(const struct pf_conf *conf);
void mda_rules_free(struct mda_rules **rules);

/* The user's script; *script NULL when there is none. */
PF_CHECKED pf_status mda_rules_script(struct mda_rules *rules,
				      const struct auth_identity *id,
				      struct mda_script **script,
				      struct pf_error *err);
void mda_script_unref(struct mda_rules *rules, struct mda_script **script);

/* The folder that the user's list file names for `detail`; false: none.
 * `rule` receives "mlists line N". */
bool mda_rules_list(struct mda_rules *rules, const struct auth_identity *id,
		    struct pf_str detail, struct pf_buf *folder,
		    struct pf_buf *rule);

/* ---- what a script asks about (ask.c) ---- */

struct mda_ask {
	const struct mda_message *message;
	const struct mda_rcpt *rcpt;
	struct store *store;
	struct pf_arena arena; /* for answers */
};
/* Fills in the callbacks; `ask` lives as long as the run. */
void mda_ask_init(struct mda_ask *ask, const struct mda_message *message,
		  const struct mda_rcpt *rcpt, struct store *store,
		  struct sieve_message *asks);
void mda_ask_release(struct mda_ask *ask);

/* ---- mail that leaves (outgoing.c) ---- */

/*
 * Hands a message to the MTA: `head` first, then file bytes from `offset` to
 * the end (fd -1: none).  OK means that the MTA has taken it.  INVALID: it
 * never will (bad address); UNAVAILABLE: later.
 */
PF_CHECKED pf_status mda_send(struct mda *mda, struct pf_str from,
			      struct pf_str to, struct pf_str head, int fd,
			      off_t offset, struct pf_error *err);

/* ---- mail of our own (compose.c, memory.c) ---- */

/* The field that marks what we redirected, and: is it there for `address`? */
#define MDA_LOOP_FIELD "X-Sieve-Redirected-From"
bool mda_looped(struct pf_str header, struct pf_str address);

/* Remembers (durably) that `sender` was answered; false: it was already,
 * within `seconds`, or the memory cannot be written. */
bool mda_vacation_due(const struct auth_identity *id, struct pf_str handle,
		      struct pf_str sender, int64_t seconds);

/* The memory of the test `duplicate`; what cannot be read was not seen. */
bool mda_duplicate_seen(const struct auth_identity *id, struct pf_str handle,
			struct pf_str what, int64_t seconds);
bool mda_duplicate_remember(const struct auth_identity *id,
			    struct pf_str handle, struct pf_str what);

/* The answer to `action` (SIEVE_VACATION), the notice of SIEVE_REJECT, and
 * the letter to a user whose script is broken. */
void mda_compose_vacation(struct mda *mda, const struct mda_rcpt *rcpt,
			  const struct sieve_action *action,
			  struct pf_str header, struct pf_buf *to);
void mda_compose_reject(struct mda *mda, const struct mda_rcpt *rcpt,
			struct pf_str sender, struct pf_str reason,
			struct pf_str header, struct pf_buf *to);
void mda_compose_notice(struct mda *mda, const struct auth_identity *id,
			const char *path, const char *problem,
			struct pf_buf *to);

/* ---- replies (reply.c) ---- */

/* "451 4.3.0 <address> ..." for a status that is not OK */
void mda_reply(char to[LMTP_REPLY_MAX], pf_status status, struct pf_str address,
	       const char *text);
/* The sysexits code for penfold-deliver. */
int mda_exit_code(pf_status status);

/* ---- LMTP connections (session.c) ---- */

struct net_loop;
struct mda_sessions;
struct mda_sessions *mda_sessions_new(struct mda *mda, struct net_loop *loop,
				      const char *auth_socket);
void mda_sessions_accept(void *sessions, int fd, const char *peer,
			 int peer_port);
/* No more mail; calls drained(arg) when the messages under way are done. */
void mda_sessions_drain(struct mda_sessions *sessions, void (*drained)(void *),
			void *arg);
void mda_sessions_free(struct mda_sessions **sessions);

#endif
