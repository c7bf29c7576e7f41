/*
 * What a command answers: the tagged line, response codes, and the arguments
 * that many commands share.
 *
 * RFC 3501 7.1 and RFC 5530 response codes come from one table of statuses.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "imapd/client.h"

static const char capability_session[] =
    "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE CHILDREN "
    "UIDPLUS "
    "UNSELECT MOVE CONDSTORE QRESYNC ESEARCH SEARCHRES WITHIN MULTIAPPEND "
    "SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE "
    "COMPRESS=DEFLATE SAVEDATE OBJECTID PREVIEW BINARY REPLACE "
    "CATENATE URL-PARTIAL "
    "METADATA LIST-METADATA "
    "QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE QUOTA=RES-MAILBOX "
    "ACL RIGHTS=texk LIST-MYRIGHTS "
    "SORT SORT=DISPLAY THREAD=REFERENCES "
    "THREAD=ORDEREDSUBJECT THREAD=REFS ESORT PARTIAL I18NLEVEL=1 UTF8=ACCEPT "
    "INPROGRESS LANGUAGE UIDONLY NOTIFY CONTEXT=SEARCH CONTEXT=SORT "
    "MULTISEARCH SEARCH=FUZZY FILTER=SIEVE";

void write_capability(struct pf_buf *to, const struct client *client)
{
	const struct pf_conf *conf = client->user->server->conf;
	int64_t max = conf->message_size_max;

	pf_buf_add_c(to, capability_session);
	/* RFC 7889 2: one limit for all mailboxes */
	if (max > 0)
		pf_buf_addf(to, " APPENDLIMIT=%lld", (long long)max);
	if (client->gate_fd >= 0 && conf->unauthenticate)
		pf_buf_add_c(to, " UNAUTHENTICATE");
	if (*conf->imapsieve_url) /* RFC 6785 2.1 */
		pf_buf_addf(to, " IMAPSIEVE=%s", conf->imapsieve_url);
	if (conf->message_limit > 0)
		pf_buf_addf(to, " MESSAGELIMIT=%lld",
			    (long long)conf->message_limit);
}

/* Client text, response code, and whether the log should hear of it. */
struct code_row {
	const char *code;
	bool ours; /* not the client's doing: log it */
};

/* RFC 5530 3 */
static struct code_row code_row(pf_status status)
{
	switch (status) {
	case PF_NOTFOUND:
		return (struct code_row){"NONEXISTENT", false};
	case PF_EXISTS:
		return (struct code_row){"ALREADYEXISTS", false};
	case PF_INVALID:
	case PF_UNSUPPORTED:
		return (struct code_row){"CANNOT", false};
	case PF_LIMIT:
		return (struct code_row){"LIMIT", false};
	case PF_NOPERM:
		return (struct code_row){"NOPERM", true};
	case PF_OVERQUOTA:
		return (struct code_row){"OVERQUOTA", false};
	case PF_NOSPACE:
		return (struct code_row){"OVERQUOTA", true};
	case PF_BUSY:
		return (struct code_row){"INUSE", true};
	case PF_AUTHFAILED:
		return (struct code_row){"AUTHENTICATIONFAILED", false};
	case PF_DISABLED:
		return (struct code_row){"AUTHORIZATIONFAILED", false};
	case PF_EXPUNGED:
		return (struct code_row){"EXPUNGEISSUED", false};
	case PF_CORRUPT:
	case PF_INTERNAL:
		return (struct code_row){"SERVERBUG", true};
	case PF_UNAVAILABLE:
	case PF_TIMEOUT:
	case PF_IO:
	case PF_NOMEM:
		return (struct code_row){"UNAVAILABLE", true};
	case PF_OK:
	case PF_CLOSED:
	case PF_CANCELLED:
	case PF_MORE:
	case PF_STATUS_COUNT:
		break;
	}
	return (struct code_row){NULL, true};
}

__attribute__((format(printf, 3, 0))) static void
set_reply(struct cmd *cmd, const char *word, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof text, fmt, ap);
	pf_buf_clear(&cmd->reply);
	pf_buf_addf(&cmd->reply, "%s %s", word, text);
}

enum run reply_ok(struct cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_reply(cmd, "OK", fmt, ap);
	va_end(ap);
	return RUN_DONE;
}

enum run reply_no(struct cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_reply(cmd, "NO", fmt, ap);
	va_end(ap);
	return RUN_DONE;
}

enum run reply_bad(struct cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_reply(cmd, "BAD", fmt, ap);
	va_end(ap);
	return RUN_DONE;
}

enum run reply_completed(struct cmd *cmd)
{
	return reply_ok(cmd, "%s completed", cmd->def->name);
}

/* One line of printable text, whatever an error text holds; UTF-8 only to
 * those who asked for it (RFC 9051 7.1). */
static void clean(const struct client *client, char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
		else if ((unsigned char)*text >= 0x80 && !client_utf8(client))
			*text = '?';
}

enum run reply_error(struct cmd *cmd, const struct pf_error *err)
{
	struct code_row row = code_row(err->status);
	char text[sizeof err->client];

	if (row.ours)
		pf_log_error(PF_LOG_WARN, "command-failed", err,
			     PF_LOGC("user", cmd->client->user->name),
			     PF_LOGC("command", cmd->def->name));
	snprintf(text, sizeof text, "%s", err->client);
	clean(cmd->client, text);
	if (!row.code)
		return reply_no(cmd, "%s", text);
	return reply_no(cmd, "[%s] %s", row.code, text);
}

enum run reply_syntax(struct cmd *cmd, const struct pf_error *err)
{
	char text[sizeof err->client];

	snprintf(text, sizeof text, "%s", err->client);
	clean(cmd->client, text);
	return reply_bad(cmd, "%s", text[0] ? text : "Syntax error");
}

enum run run_bad(struct cmd *cmd)
{
	(void)cmd;
	return RUN_DONE;
}

/* ---- arguments ---------------------------------------------------------- */

bool args_are(const struct imap_arg *args, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (args[i].kind == IMAP_END)
			return false;
	return args[n].kind == IMAP_END;
}

uint32_t star_uid(const struct client *client)
{
	uint32_t count = store_view_count(client->view);

	return count ? store_view_uid(client->view, count) : 1;
}

/* All messages of the view whose UID lies in the set; "gone" ones are skipped
 * without a word (RFC 3501 6.4.8). */
static void uids_of_set(const struct client *client, const struct imap_set *set,
			struct store_uids *uids)
{
	uint32_t count = store_view_count(client->view);

	for (size_t i = 0; i < set->n; i++) {
		uint32_t seq =
		    store_view_seq_from(client->view, set->v[i].from);
		for (; seq <= count; seq++) {
			uint32_t uid = store_view_uid(client->view, seq);
			if (uid > set->v[i].to)
				break;
			pf_vec_push(uids, uid);
		}
	}
}

static bool uids_of_seqs(struct cmd *cmd, const struct imap_set *set,
			 struct store_uids *uids)
{
	const struct client *client = cmd->client;
	uint32_t count = store_view_count(client->view);

	/* RFC 3501 9 seq-number: beyond the last message is an error, and "*"
	 * in an empty mailbox too */
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].from == 0 || set->v[i].to > count) {
			reply_bad(cmd, "No message with that number");
			return false;
		}
	for (size_t i = 0; i < set->n; i++)
		for (uint32_t seq = set->v[i].from; seq <= set->v[i].to; seq++)
			pf_vec_push(uids, store_view_uid(client->view, seq));
	return true;
}

bool arg_messages(struct cmd *cmd, const struct imap_arg *arg,
		  struct store_uids *uids)
{
	struct client *client = cmd->client;
	struct pf_error err = {0};
	struct imap_set set;

	if (arg->kind != IMAP_ATOM) {
		reply_bad(cmd, "%s needs a message set", cmd->def->name);
		return false;
	}
	if (imap_set_parse(arg->text,
			   cmd->uid ? star_uid(client)
				    : store_view_count(client->view),
			   &cmd->arena, &set, &err) != PF_OK) {
		reply_syntax(cmd, &err);
		return false;
	}
	if (!set.saved) {
		if (!cmd->uid)
			return uids_of_seqs(cmd, &set, uids);
		uids_of_set(client, &set, uids);
		return true;
	}
	/* RFC 5182 2.1: "$", less what was expunged since */
	for (size_t i = 0; i < client->saved.n; i++)
		if (store_view_seq(client->view, client->saved.v[i]))
			pf_vec_push(uids, client->saved.v[i]);
	return true;
}
