/*
 * client: one IMAP session after login.
 *
 *	          loop's thread                    worker (user's queue)
 *	conn --> input --> reader --> cmds --> step: run(), sync, tag --> out
 *	  ^------------------------- send <------------------------------/
 *
 * Two owners, never at the same time.  While `busy` is set a step is queued or
 * running and everything under "the command's" belongs to the worker; the loop
 * may then only move bytes and parse ahead.  Steps of one client, and of all
 * clients of one user, run one after the other in the user's queue.
 */
#ifndef IMAPD_CLIENT_H
#define IMAPD_CLIENT_H

#include "imapd/command.h"
#include "imapd/server.h"
#include "net/net.h"

/* Commands parsed ahead of the running one. */
#define CLIENT_CMDS_MAX 4
/* A command stops producing at this much unsent output. */
#define CLIENT_OUT_SOFT (64 * 1024)
/* One line of output (an ENVELOPE, a LIST) never exceeds this. */
#define CLIENT_OUT_MAX	(32 * 1024 * 1024)
#define CLIENT_SLICE_MS 20

/* Where the last partial FETCH ended, in the file and in CRLF bytes. */
struct client_hint {
	uint32_t uid;
	uint64_t begin, offset, done;
	bool after_cr;
};

struct client {
	/* ---- the loop's ---- */
	struct pf_link link; /* user->clients */
	struct user *user;
	uint64_t id; /* names it to store_watch */
	struct net_conn *conn;
	struct imap_reader *reader; /* NULL while nothing is half read */
	struct pf_buf pending;	    /* input that came with the hand-over */
	struct pf_link cmds;
	unsigned cmd_count;
	struct cmd *taker; /* the command that owns the input, or NULL */
	bool busy;
	bool plus;	/* "+" is owed as soon as the commands are done */
	bool poke;	/* the mailbox may have news */
	bool closing;	/* nothing is read any more */
	bool eof;	/* the client sends nothing more */
	bool in_input;	/* guards against reentry */
	bool stuck;	/* the connection keeps input that had to wait */
	bool alone;	/* a CMD_ALONE has to be answered first */
	bool deflate;	/* once this answer was sent */
	bool leaves;	/* back to the gate, once this answer was sent */
	bool begun;	/* the first command (login) is done */
	int64_t active; /* last command, monotonic ms */
	const struct command *last;
	unsigned bad_count; /* commands nobody understands, in a row */
	uint64_t commands, bytes_in, bytes_out;
	enum run result; /* of the step just done */
	const char *end; /* why it ends, for the log and BYE */

	/* ---- the command's ---- */
	struct pf_buf out;
	char *selected; /* name of the mailbox, for `penfold who` */
	struct store_box *box;
	struct store_view *view;
	struct store_uids saved; /* "$" (RFC 5182) */
	struct client_hint hint;
	struct pf_link contexts; /* context.h */
	struct notify *notify;	 /* NULL: NOTIFY was never said */
	uint64_t keywords_told;
	uint32_t uidvalidity;
	unsigned rights;      /* enum store_right, in the box */
	unsigned acl_version; /* of which */
	bool read_only;
	bool watched, watch_failed;
	bool condstore, qresync, uidonly;
	bool metadata, metadata_server; /* told of others' changes */
	uint64_t metadata_told;
	int quota_told;	     /* percent of the last warning */
	bool rev2;	     /* ENABLE IMAP4rev2 (RFC 9051) */
	bool utf8;	     /* ENABLE UTF8=ACCEPT (RFC 9755) */
	const char *gone;    /* close after this command; why */
	atomic_bool listens; /* may be told something at any time */

	/* ---- fixed from the start ---- */
	char *ip, *tls, *via; /* via: "password", or as auth_identity has it */
	time_t since;
	char *name;  /* at the gate (handoff.h) */
	int gate_fd; /* to give it back; -1: that cannot be */
};

/* A session for `user` on `conn`-to-be `fd` (taken over; also on failure).
 * `login_tag` answers LOGIN or AUTHENTICATE; NULL greets with PREAUTH. */
struct client_conf {
	struct user *user;
	int in_fd, out_fd;	    /* the same for a socket */
	const char *ip, *tls, *via; /* via may be NULL */
	struct pf_str login_tag;
	struct pf_str name;  /* at the gate */
	int gate_fd;	     /* taken over (also on failure); -1: none */
	struct pf_str input; /* came already */
};
PF_CHECKED pf_status client_new(const struct client_conf *conf,
				struct pf_error *err);
/* After its last step, with conn gone. */
void client_free(struct client *client);
/* "* BYE text" where that is possible, then the end.  `text` is kept. */
void client_bye(struct client *client, const char *text);
/* Just the line, with client->end as its text. */
void client_say_bye(struct client *client);
/* Its mailbox may have news: an idling client is told. */
void client_poke(struct client *client);
struct client *client_by_id(struct server *server, uint64_t id);

/* cmd_unauth.c: gives the connection back to the gate, as soon as all is sent.
 */
void client_leave(struct client *client);

/* run.c: the one place from which commands are called. */
void client_run(struct client *client);
/* What is run between commands, for NOTIFY; it has no answer. */
extern const struct command command_news;
/* input.c */
size_t client_input(struct client *client, const char *p, size_t n);
/* Continues reading where it stood still. */
void client_more_input(struct client *client);
struct cmd *cmd_new(struct client *client, const struct command *def,
		    struct pf_str tag);
void cmd_free(struct cmd **cmd);

/* ---- for commands ---------------------------------------------------------
 */

static inline bool client_full(const struct client *client)
{
	return client->out.len >= CLIENT_OUT_SOFT;
}
/* True when the time slice that began at `start` is used up. */
bool slice_over(int64_t start);

/* sync.c: brings the view up to date and tells the client.  OUTPUT, DONE,
 * FAIL. */
enum run sync_client(struct cmd *cmd, bool may_expunge);
/* "UID 7 ": before, n, after; what lists of 100,000 lines are made of */
void write_number(struct pf_buf *to, const char *before, uint64_t n,
		  const char *after);
/* "(\Seen $Forwarded keyword)" */
void write_flags(struct pf_buf *to, struct client *client,
		 const struct store_msg *msg);
/* "* FLAGS (...)" and PERMANENTFLAGS; also when a keyword is new */
void write_flag_lists(struct client *client);
/* system flag (or $Forwarded) -> its bit; 0: a keyword */
uint32_t flag_bit(struct pf_str name);
/* untagged FLAGS if this message has a keyword that was not told yet */
void tell_keywords(struct client *client, const struct store_msg *msg);
/* "* n EXISTS" and RECENT */
void write_exists(struct client *client, uint32_t exists);
/* "* n FETCH (", "* uid UIDFETCH (" (RFC 9586 3.3) */
void write_fetch_head(struct client *client, uint32_t uid);
/* "* n FETCH (UID u FLAGS (...) MODSEQ (m))" */
void write_fetch_flags(struct cmd *cmd, uint32_t uid, bool flags, bool modseq);
/* From now on a change of the selected mailbox pokes the session. */
void client_watch(struct client *client);
/* Leaves the mailbox. */
void client_unselect(struct client *client);
/* Turns CONDSTORE on (RFC 7162 3.1): says HIGHESTMODSEQ once if selected. */
void client_condstore(struct client *client);

/* names.c: mailbox names as the client spells them (arg_mailbox reads them) */
/* UTF-8 between quotes may be sent */
static inline bool client_utf8(const struct client *client)
{
	return client->rev2 || client->utf8;
}
void write_mailbox(struct pf_buf *to, const struct client *client,
		   struct pf_str name);
/* May a mailbox of that name be made (RFC 9755 3)?  Else NO was replied. */
bool name_allowed(struct cmd *cmd, struct pf_str name);
/* Is `name` what the client wrote? */
bool name_is_spelled(const struct cmd *cmd, const struct imap_arg *arg,
		     struct pf_str name);
/* "* LIST (...) "." name ("OLDNAME" (...))" to who enabled IMAP4rev2, where
 * `name` is not spelled as in `arg` (RFC 9051 6.3.9.7) */
void tell_oldname(struct cmd *cmd, const struct imap_arg *arg,
		  struct pf_str name);
/* cmd_list.c: "* LIST (...) "." name" of one mailbox, with OLDNAME as above */
void list_one(struct cmd *cmd, const struct imap_arg *arg, struct pf_str name);

/* cmd_quota.c: an untagged warning, when the quota is nearly used up */
void quota_warn(struct client *client);

/* reply.c */
/* what is announced behind CAPABILITY */
void write_capability(struct pf_buf *to, const struct client *client);

#endif
