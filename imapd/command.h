/*
 * Commands: the table that carries the rules, one running command, and what a
 * command answers.
 *
 * A command's run() executes on a worker thread, inside its user's job queue:
 * it is plain code that may block on the disk.  It is called again and again
 * until it says DONE (or FAIL), and keeps its place in cmd->state.  Between
 * two calls other sessions of the user may run and change mailboxes, so
 * nothing that points into a box survives a return.
 */
#ifndef IMAPD_COMMAND_H
#define IMAPD_COMMAND_H

#include "base/arena.h"
#include "base/vec.h"
#include "imap/imap.h"
#include "imapd/progress.h"
#include "store/store.h"

struct client;
struct cmd;
struct events;
struct gate_conn;

enum run {
	RUN_DONE,   /* cmd->reply is the tagged answer */
	RUN_OUTPUT, /* the output is full: again when it was sent */
	RUN_INPUT,  /* again when cmd->in has bytes (or lines) */
	RUN_MORE,   /* time slice used up: others first, then again */
	RUN_FAIL,   /* the connection cannot go on (the reason is logged) */
};

enum command_flags {
	/* states in which it is allowed */
	CMD_NOTAUTH = 1 << 0,
	CMD_AUTH = 1 << 1,
	CMD_SELECTED = 1 << 2,
	CMD_ANY = CMD_NOTAUTH | CMD_AUTH | CMD_SELECTED,
	CMD_LOGGED_IN = CMD_AUTH | CMD_SELECTED,
	/* touches no mail: runs at once, on the loop's thread */
	CMD_INLINE = 1 << 3,
	/* its arguments hold message sequence numbers: what comes before it in
	 * the pipeline must not renumber messages (RFC 3501 5.5) */
	CMD_SEQS = 1 << 4,
	/* no EXPUNGE while it is answered (RFC 3501 7.4.1) */
	CMD_KEEPS_SEQS = 1 << 5,
	/* changes the selected mailbox: refused after EXAMINE */
	CMD_WRITES = 1 << 6,
	/* other sessions of this user may have something to tell afterwards */
	CMD_CHANGES = 1 << 7,
	/* takes lines, or streamed literals, while it runs */
	CMD_LINES = 1 << 8,
	CMD_STREAM = 1 << 9,
	/* changes how input is read: what is behind it waits for the answer */
	CMD_ALONE = 1 << 10,
	/* takes messages out of the selected mailbox: its EXPUNGEs are told
	 * whatever NOTIFY says */
	CMD_REMOVES = 1 << 11,
	/* it speaks of UIDs without UID in front */
	CMD_UIDS = 1 << 13,
	/* nobody sent it: no tag, no answer */
	CMD_OURS = 1 << 12,
};

struct command {
	const char *name; /* upper case, with "UID " in front */
	unsigned flags;
	enum run (*run)(struct cmd *cmd);
	/* the same before login; runs on the gate's loop */
	void (*gate)(struct gate_conn *gate, const struct imap_arg *args);
};

/* NULL: no such command. */
const struct command *command_find(struct pf_str name);

enum cmd_phase {
	CMD_RUN,  /* run() is not done yet */
	CMD_SYNC, /* telling what changed meanwhile */
	CMD_TAG,  /* the tagged line */
};

struct cmd {
	struct pf_link link; /* client->cmds; the loop's */
	struct client *client;
	const struct command *def;
	struct pf_str tag;
	struct pf_arena arena;	    /* tag, parse results, state */
	struct pf_arena args_arena; /* what the reader handed over */
	const struct imap_arg *args;
	bool uid;	 /* UID in front */
	bool changed;	 /* other sessions may want to look */
	uint32_t lowest; /* UID worked on, if the limit was reached (limit.c) */
	struct progress progress;
	struct events *events; /* for scripts (events.h), or NULL */
	bool defer_expunge; /* a command with sequence numbers is behind it */
	bool tells_all;	    /* also what NOTIFY keeps back */

	enum cmd_phase phase;
	struct pf_buf reply; /* "OK FETCH completed" */
	void *state;
	/* frees what the state owns outside the arena; may be NULL */
	void (*release)(struct cmd *cmd);
	/* what sync_client() is telling just now */
	struct store_view_changes changes;
	bool telling;
	size_t told;
	struct fetch *fetch; /* of new messages, for NOTIFY */
	struct context_update *update;
	uint32_t last; /* UID before it began */

	/* input of CMD_LINES and CMD_STREAM */
	struct pf_buf in;
	uint64_t stream_size; /* of the literal that begins */
	bool stream_sync;     /* it waits for our "+" */
	bool stream_begins;   /* args are fresh, a literal is about to come */
	bool stream_ended;    /* all arguments are there */
	bool stream_broken;   /* a syntax error came behind the literal */
	bool stream_refused;  /* the command does not want it */
	bool waits;	      /* said INPUT */
};

/* ---- replies (reply.c) ------------------------------------------------- */

/* Each sets cmd->reply and returns RUN_DONE. */
enum run reply_completed(struct cmd *cmd); /* "OK NAME completed" */
__attribute__((format(printf, 2, 3))) enum run reply_ok(struct cmd *cmd,
							const char *fmt, ...);
__attribute__((format(printf, 2, 3))) enum run reply_no(struct cmd *cmd,
							const char *fmt, ...);
__attribute__((format(printf, 2, 3))) enum run reply_bad(struct cmd *cmd,
							 const char *fmt, ...);
/* NO with the response code that belongs to the status (RFC 5530); faults of
 * ours are logged. */
enum run reply_error(struct cmd *cmd, const struct pf_error *err);
/* BAD with the parser's text. */
enum run reply_syntax(struct cmd *cmd, const struct pf_error *err);

/* ---- arguments ---------------------------------------------------------- */

/* True when exactly n arguments were given. */
bool args_are(const struct imap_arg *args, size_t n);
/* The next argument is a mailbox name: UTF-8 in the command's arena, or BAD
 * was replied. */
bool arg_mailbox(struct cmd *cmd, const struct imap_arg *arg,
		 struct pf_str *name);
/* Sequence set or UIDs -> sorted UIDs of messages in the view, or BAD was
 * replied.  `gone` (optional): some of them are expunged already. */
bool arg_messages(struct cmd *cmd, const struct imap_arg *arg,
		  struct store_uids *uids);
/* limit.c (RFC 9738).  Is that more than a command may work on? */
bool limit_reached(const struct cmd *cmd, size_t count);
/* Keeps the newest messages, as many as a command may work on. */
void limit_messages(struct cmd *cmd, struct store_uids *uids);
/* The same for what a search looks at: its keys. */
void limit_search(struct cmd *cmd, struct imap_key **root);
/* NO [MESSAGELIMIT n uid] */
enum run limit_refuse(struct cmd *cmd);
/* Puts [MESSAGELIMIT n uid] into the reply, if something was left out. */
void limit_tell(struct cmd *cmd);
/* what "*" means among UIDs; any number will do in an empty mailbox */
uint32_t star_uid(const struct client *client);

/* ---- the families --------------------------------------------------------
 */

enum run run_bad(struct cmd *cmd); /* reply was set by the parser */

/* cmd_any.c */
enum run run_capability(struct cmd *cmd);
enum run run_noop(struct cmd *cmd);
enum run run_logout(struct cmd *cmd);
enum run run_id(struct cmd *cmd);
enum run run_check(struct cmd *cmd);
/* cmd_select.c */
enum run run_select(struct cmd *cmd);
enum run run_close(struct cmd *cmd);
enum run run_unselect(struct cmd *cmd);
/* cmd_box.c */
enum run run_create(struct cmd *cmd);
enum run run_delete(struct cmd *cmd);
enum run run_rename(struct cmd *cmd);
enum run run_subscribe(struct cmd *cmd);
enum run run_unsubscribe(struct cmd *cmd);
/* cmd_list.c */
enum run run_list(struct cmd *cmd);
enum run run_lsub(struct cmd *cmd);
enum run run_namespace(struct cmd *cmd);
/* cmd_metadata.c */
enum run run_getmetadata(struct cmd *cmd);
enum run run_setmetadata(struct cmd *cmd);
/* cmd_acl.c */
enum run run_setacl(struct cmd *cmd);
enum run run_deleteacl(struct cmd *cmd);
enum run run_getacl(struct cmd *cmd);
enum run run_listrights(struct cmd *cmd);
enum run run_myrights(struct cmd *cmd);
/* cmd_quota.c */
enum run run_getquota(struct cmd *cmd);
enum run run_getquotaroot(struct cmd *cmd);
enum run run_setquota(struct cmd *cmd);
/* cmd_status.c */
enum run run_status(struct cmd *cmd);
/* cmd_append.c */
enum run run_append(struct cmd *cmd);
/* cmd_fetch.c, cmd_store.c, cmd_copy.c, cmd_expunge.c, cmd_search.c */
enum run run_fetch(struct cmd *cmd);
enum run run_store(struct cmd *cmd);
enum run run_copy(struct cmd *cmd);
enum run run_move(struct cmd *cmd);
enum run run_expunge(struct cmd *cmd);
enum run run_search(struct cmd *cmd);
/* cmd_compress.c */
enum run run_compress(struct cmd *cmd);
/* cmd_language.c */
enum run run_language(struct cmd *cmd);
/* cmd_unauth.c */
enum run run_unauthenticate(struct cmd *cmd);
/* cmd_sort.c */
enum run run_sort(struct cmd *cmd);
enum run run_thread(struct cmd *cmd);
/* context.c */
enum run run_cancelupdate(struct cmd *cmd);
/* cmd_multisearch.c */
enum run run_esearch(struct cmd *cmd);
/* cmd_notify.c */
enum run run_notify(struct cmd *cmd);
enum run run_news(struct cmd *cmd);
/* cmd_filter.c */
enum run run_filter(struct cmd *cmd);
/* cmd_idle.c, cmd_enable.c */
enum run run_idle(struct cmd *cmd);
enum run run_enable(struct cmd *cmd);

/* before login: gate.c, cmd_any.c, cmd_auth.c */
void gate_capability(struct gate_conn *gate, const struct imap_arg *args);
void gate_noop(struct gate_conn *gate, const struct imap_arg *args);
void gate_logout(struct gate_conn *gate, const struct imap_arg *args);
void gate_id(struct gate_conn *gate, const struct imap_arg *args);
void gate_language(struct gate_conn *gate, const struct imap_arg *args);
void gate_starttls(struct gate_conn *gate, const struct imap_arg *args);
void gate_login(struct gate_conn *gate, const struct imap_arg *args);
void gate_authenticate(struct gate_conn *gate, const struct imap_arg *args);

#endif
