/*
 * filter: what a user's script may ask, and what its actions do to the world.
 * Delivery (mda) filters mail on its way in; everything else that filters
 * uses the same parts.
 *
 *	filter.c              what all runs of a process share
 *	rules.c               scripts and list files, compiled and cached
 *	chain.c               before, the user's own or the default, after
 *	keep.c                the folder that an implicit keep means
 *	apply.c               scripts over stored messages
 *	ask.c                 what a script asks about a message's surroundings
 *	stored.c              a script over a message that is stored already
 *	outgoing.c            mail that leaves: sendmail or SMTP
 *	program.c             programs of the site
 *	spans.c               a message in pieces
 *	compose.c, memory.c   mail that we write ourselves
 *
 * Thread rule: all of it blocks, so it belongs into jobs; struct filter is
 * shared by all and locks what changes.
 */
#ifndef FILTER_FILTER_H
#define FILTER_FILTER_H

#include "auth/auth.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/journal.h"
#include "share/share.h"
#include "sieve/sieve.h"
#include "store/store.h"

#define FILTER_ID_SIZE 27 /* 26 characters and NUL */

struct filter_rules;

struct filter {
	const struct pf_conf *conf;
	char hostname[256];
	struct pf_journal *journal; /* NULL: none */
	struct filter_rules *rules;
	int index_socket;	  /* datagrams to indexd, -1: none */
	share_user_fn *find_user; /* where others' mail is; NULL: nowhere */
	void *find_arg;
};

/* The journal may be missing (no rights): `problem` then says why. */
PF_CHECKED pf_status filter_new(const struct pf_conf *conf,
				struct filter **filter,
				struct pf_error *problem);
void filter_free(struct filter **filter);

/* One datagram "USER TAB MAILBOX" to indexd; it looks for itself when one is
 * lost. */
void filter_index_notify(struct filter *filter, const char *user,
			 struct pf_str folder);

/* An id: 26 characters of base 32 that sort by time and are never given twice
 * (64 bits of microseconds, 66 of chance). */
void filter_id_make(char id[FILTER_ID_SIZE]);

/* ---- scripts and lists (rules.c) ---- */

/* A compiled script, counted.  NULL script: it does not compile. */
struct filter_script {
	int refs;
	struct sieve_script *script;
	char *path;
	int64_t mtime_ns;
	uint32_t mark;	   /* of its text: tells whether it was changed */
	char problem[240]; /* the first: "line 3: ..." */
	char *problems;	   /* all of them, a line or two each; or NULL */
};

/* `offers`: SIEVE_OFFER_IMAP and so on, beside what the configuration says */
void filter_rules_offer(struct filter_rules *rules, unsigned offers);
struct filter_rules *filter_rules_new(const struct pf_conf *conf);
void filter_rules_free(struct filter_rules **rules);

/* The script in a file; NOTFOUND.  `shared`: other users have it, too, but
 * not what it includes. */
PF_CHECKED pf_status filter_rules_load(struct filter_rules *rules,
				       const char *path,
				       const struct auth_identity *id,
				       bool shared,
				       struct filter_script **script,
				       struct pf_error *err);
void filter_script_unref(struct filter_rules *rules,
			 struct filter_script **script);

/* Compiles a text as a script of that user's, with all that it includes and
 * all problems: for what is not in force (yet). */
PF_CHECKED pf_status filter_compile(const struct pf_conf *conf,
				    const struct auth_identity *id,
				    struct pf_str text,
				    struct sieve_script **script,
				    struct sieve_problems *problems,
				    struct pf_error *err);
/* What filter_script.mark is made by. */
uint32_t filter_mark(struct pf_str text);
/* Limits as the configuration has them. */
void filter_limits(const struct pf_conf *conf, struct sieve_limits *limits);

/* The folder that the user's list file names for `detail`; false: none.
 * `rule` receives "mlists line N". */
bool filter_rules_list(struct filter_rules *rules,
		       const struct auth_identity *id, struct pf_str detail,
		       struct pf_buf *folder, struct pf_buf *rule);

/* ---- the scripts of a user, in their order (chain.c) ---- */

#define FILTER_CHAIN_MAX 32

enum filter_role {
	FILTER_BEFORE,
	FILTER_PERSONAL,
	FILTER_DEFAULT, /* instead of a personal one */
	FILTER_AFTER
};

struct filter_link {
	enum filter_role role;
	struct filter_script *script;
};
struct filter_chain {
	struct filter_link links[FILTER_CHAIN_MAX];
	size_t n;
};

/* All that are there; which of them compile is for the caller to see.  When
 * one cannot be read, the others are given, and the status is that of the
 * first such. */
PF_CHECKED pf_status filter_chain_load(const struct filter *filter,
				       const struct auth_identity *id,
				       struct filter_chain *chain,
				       struct pf_error *err);
void filter_chain_release(const struct filter *filter,
			  struct filter_chain *chain);
/* The files that a setting names: files, and what is in folders.  Sorted by
 * name within a folder. */
struct filter_paths pf_vec(char *);
PF_CHECKED pf_status filter_paths_find(const char *list,
				       const struct auth_identity *id,
				       struct filter_paths *paths,
				       struct pf_error *err);
void filter_paths_release(struct filter_paths *paths);

/* Runs those that compile.  An action's step is that of chain->links. */
PF_CHECKED pf_status filter_chain_run(const struct filter_chain *chain,
				      const struct sieve_message *message,
				      const struct sieve_limits *limits,
				      sieve_trace_fn trace, void *trace_arg,
				      struct sieve_result *result,
				      struct pf_error *err);

/* For the journal: "sieve line 4 (if line 3) #1a2b3c4d". */
void filter_chain_rule(const struct filter_chain *chain,
		       const struct sieve_action *action, struct pf_buf *to);

/* ---- the address rule (keep.c) ---- */

/* Where an implicit keep goes: `folder`, and by which `rule`.  True: it may
 * have to be made. */
bool filter_keep_folder(const struct filter *filter,
			const struct auth_identity *id, struct store *store,
			struct pf_str detail, struct pf_buf *folder,
			struct pf_buf *rule);

/* ---- what a script asks about (ask.c) ---- */

struct filter_event;
struct filter_ask {
	struct filter *filter;
	const struct auth_identity *id;
	struct store *store;
	struct share *share;  /* others' mailboxes; NULL: just the user's */
	int fd;		      /* the message's file, -1: none */
	struct pf_str client; /* address of the one who sent it, or empty */
	const struct filter_event *event;    /* NULL: a delivery */
	const struct sieve_message *message; /* what the run is given */
	struct pf_arena arena;		     /* for answers */
};
/* Fills in the callbacks; what `ask` points to lives as long as the run. */
void filter_ask_init(struct filter_ask *ask, struct sieve_message *asks);
void filter_ask_release(struct filter_ask *ask);

/* ---- a stored message (stored.c) ---- */

/* The envelope it came with, if it is known (journal); else the file's
 * Return-Path and Delivered-To are taken. */
struct filter_envelope {
	struct pf_str from, to;
};

/* What a run over a stored message needs; lives as long as the run. */
struct filter_stored {
	struct sieve_message message; /* for sieve_run() */
	struct filter_ask ask;
	struct pf_buf header;
};

/* `fd` stays the caller's, open during the run.  `envelope` may be NULL.
 * Nothing was seen before (duplicate): a second look is no second message. */
PF_CHECKED pf_status filter_stored_init(struct filter_stored *stored,
					struct filter *filter,
					const struct auth_identity *id,
					struct store *store, int fd,
					const struct filter_envelope *envelope,
					struct pf_error *err);
/* Another envelope than the one it has */
void filter_stored_envelope(struct filter_stored *stored,
			    const struct filter_envelope *envelope);
void filter_stored_release(struct filter_stored *stored);

/* ---- scripts over stored messages (apply.c) ---- */

/* Why a script runs; what the environment says (RFC 6785 4). */
struct filter_event {
	struct pf_str cause; /* "APPEND", "COPY", "FLAG"; empty: FILTER */
	struct pf_str user, email;
	struct pf_str mailbox;	/* where the message is */
	struct pf_str from, to; /* COPY: the mailboxes */
	struct pf_str changed;	/* FLAG: flags, parted by blanks */
	bool transient; /* an event: what changes the message is forgotten */
};

struct filter_applied {
	bool changed; /* something that the user sees */
	bool failed;  /* and then the message is where it was */
	char problem[240];
};

/* Runs the scripts over a message and does what they say. */
PF_CHECKED pf_status filter_apply(struct filter *filter,
				  const struct auth_identity *id,
				  const struct filter_chain *chain,
				  struct store_box *box, uint32_t uid,
				  const struct filter_event *event,
				  struct filter_applied *done,
				  struct pf_error *err);
/* Names of flags and keywords, parted by blanks. */
void filter_flag_names(const struct store_box *box, uint32_t flags,
		       uint64_t keywords, struct pf_buf *to);

/* ---- mail that leaves (outgoing.c) ---- */

/* The bytes of pieces one after the other, in blocks.  Stops when fn does not
 * say OK. */
typedef pf_status (*filter_block_fn)(void *arg, const char *p, size_t n,
				     struct pf_error *err);
PF_CHECKED pf_status filter_spans_read(const struct sieve_span *spans,
				       size_t count, filter_block_fn fn,
				       void *arg, struct pf_error *err);
/* To the end of the file */
#define FILTER_REST UINT64_MAX

/*
 * Hands a message to the MTA: `head` first, then file bytes from `offset` to
 * the end (fd -1: none).  OK means that the MTA has taken it.  INVALID: it
 * never will (bad address); UNAVAILABLE: later.
 */
PF_CHECKED pf_status filter_send(struct filter *filter, struct pf_str from,
				 struct pf_str to, struct pf_str head, int fd,
				 off_t offset, struct pf_error *err);
/* The same of `head` and pieces, and asks the MTA for reports and a deadline.
 * INVALID, too: it is to return what is late, and knows no deadlines. */
PF_CHECKED pf_status filter_send_dsn(struct filter *filter, struct pf_str from,
				     struct pf_str to,
				     const struct sieve_dsn *dsn,
				     struct pf_str head,
				     const struct sieve_span *body,
				     size_t body_count, struct pf_error *err);

/* ---- programs of the site (program.c) ---- */

/* For whom a program runs: the envelope's texts */
struct filter_caller {
	const struct filter *filter;
	const struct auth_identity *id;
	struct pf_str from, to, orcpt;
};
/* Its exit code, SIEVE_PROGRAM_FAILED or SIEVE_PROGRAM_UNKNOWN */
int filter_program_run(const struct filter_caller *caller,
		       const struct sieve_program *program);
/* The same for an action (SIEVE_PIPE), with the message as input */
bool filter_pipe(const struct filter_caller *caller,
		 const struct sieve_action *action,
		 const struct sieve_span *body, size_t body_count);

/* Sends the report of SIEVE_REPORT. */
PF_CHECKED pf_status filter_report(struct filter *filter,
				   const struct sieve_action *action,
				   struct pf_str sender,
				   const struct sieve_span *body,
				   size_t body_count, struct pf_error *err);

/* ---- mail of our own (compose.c, memory.c) ---- */

/* The field that marks what we redirected, and: is it there for `address`? */
#define FILTER_LOOP_FIELD "X-Sieve-Redirected-From"
bool filter_looped(struct pf_str header, struct pf_str address);

/* Remembers (durably) that `sender` was answered; false: it was already,
 * within `seconds`, or the memory cannot be written. */
bool filter_vacation_due(const struct auth_identity *id, struct pf_str handle,
			 struct pf_str sender, int64_t seconds);

/* The memory of the test `duplicate`; what cannot be read was not seen. */
bool filter_duplicate_seen(const struct auth_identity *id, struct pf_str handle,
			   struct pf_str what, int64_t seconds);
bool filter_duplicate_remember(const struct auth_identity *id,
			       struct pf_str handle, struct pf_str what);

/* The answer of `address` to `action` (SIEVE_VACATION), the notice of
 * SIEVE_REJECT (`orcpt` may be NULL), and the letter to a user whose script
 * is broken. */
void filter_compose_vacation(struct filter *filter, const char *address,
			     const struct sieve_action *action,
			     struct pf_str header, struct pf_buf *to);
void filter_compose_reject(struct filter *filter, const char *address,
			   const char *orcpt, struct pf_str sender,
			   struct pf_str reason, struct pf_str header,
			   struct pf_buf *to);
/* The letter of SIEVE_NOTIFY, from `from`, which filter_notify_sender has
 * chosen: the script's :from where it is one of ours, else `address`. */
struct pf_str filter_notify_sender(const struct filter *filter,
				   const char *address,
				   const struct sieve_action *action);
void filter_compose_notify(struct filter *filter, const char *address,
			   struct pf_str from,
			   const struct sieve_action *action,
			   struct pf_str header, struct pf_buf *to);
/* What stands before and behind the message (or its header) in a report of
 * SIEVE_REPORT */
void filter_compose_report(struct filter *filter,
			   const struct sieve_action *action,
			   struct pf_str sender, struct pf_str header,
			   struct pf_buf *before, struct pf_buf *behind);
/* A letter of ours to the user. */
void filter_compose_letter(struct filter *filter,
			   const struct auth_identity *id, const char *subject,
			   struct pf_str text, struct pf_buf *to);
void filter_compose_notice(struct filter *filter,
			   const struct auth_identity *id, const char *path,
			   const char *problem, const char *all,
			   struct pf_buf *to);

#endif
