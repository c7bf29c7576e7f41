/*
 * mda: from a message and its recipients to files in Maildirs.
 *
 *	main.c, session.c   LMTP sockets, on the loop's thread
 *	lmtp.c              the protocol, without I/O
 *	deliver_main.c      the same path from standard input
 *	message.c           one message: its bytes, its header, its file
 *	deliver.c           one recipient: script, rules, folders, reply
 *	away.c              one recipient: what leaves the house
 *	quota.c             what to do about nearly and wholly full mailboxes
 *	reply.c             statuses as LMTP replies and exit codes
 *
 * Thread rule: everything that blocks (message.c, deliver.c and below) runs
 * in a job; a struct mda_message belongs to one job at a time; struct filter is
 * shared by all and locks what changes.
 */
#ifndef MDA_MDA_H
#define MDA_MDA_H

#include "auth/auth.h"
#include "base/conf.h"
#include "base/error.h"
#include "filter/filter.h"
#include "mda/lmtp.h"
#include "store/store.h"

/* ---- recipients (rcpt.c) ---- */

struct mda_rcpt {
	char *address; /* as sent */
	char *orcpt;   /* ORCPT=, or NULL */
	char *notify;  /* "SUCCESS,DELAY": NOTIFY=, or NULL */
	struct auth_identity id;
	char reply[LMTP_REPLY_MAX]; /* of mda_deliver */
	pf_status status;	    /* the same, for exit codes */
	bool refused;		    /* by ereject, though status is OK */
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
	struct sieve_dsn dsn; /* without what is the recipients' */
	bool utf8;
};

struct mda_message {
	struct filter *filter;
	char id[FILTER_ID_SIZE];
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
struct mda_message *mda_message_new(struct filter *filter,
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

PF_CHECKED pf_status mda_store_open(struct filter *filter,
				    const struct auth_identity *id,
				    struct store **store, struct pf_error *err);

/* ---- replies (reply.c) ---- */

/* "451 4.3.0 <address> ..." for a status that is not OK */
void mda_reply(char to[LMTP_REPLY_MAX], pf_status status, struct pf_str address,
	       const char *text);
/* "550 5.7.1 ...", of several lines where the reason has some (RFC 5429 2.5)
 */
void mda_reply_refusal(char to[LMTP_REPLY_MAX], struct pf_str reason);
/* "552 5.2.2 ...": over quota, and the site wants it returned */
void mda_reply_full(char to[LMTP_REPLY_MAX], struct pf_str address);
/* The sysexits code for penfold-deliver. */
int mda_exit_code(pf_status status);

/* ---- full mailboxes (quota.c) ---- */

struct net_loop;
/* Looks at them again and again, on the loop. */
struct mda_full;
struct mda_full *mda_full_new(struct filter *filter, struct net_loop *loop,
			      const char *auth_socket);
/* Before the loop is freed, and after that. */
void mda_full_stop(struct mda_full *full);
void mda_full_free(struct mda_full **full);

/* ---- LMTP connections (session.c) ---- */

struct mda_sessions;
struct mda_sessions *mda_sessions_new(struct filter *filter,
				      struct net_loop *loop,
				      const char *auth_socket);
void mda_sessions_accept(void *sessions, int fd, const char *peer,
			 int peer_port);
/* No more mail; calls drained(arg) when the messages under way are done. */
void mda_sessions_drain(struct mda_sessions *sessions, void (*drained)(void *),
			void *arg);
void mda_sessions_free(struct mda_sessions **sessions);

#endif
