/*
 * Commands of every state (RFC 3501 6.1, RFC 2971): CAPABILITY, NOOP, LOGOUT,
 * ID; and CHECK, which has nothing to do here.
 */
#include "base/log.h"
#include "config.h"
#include "imapd/client.h"
#include "imapd/gate.h"

enum run run_capability(struct cmd *cmd)
{
	if (!args_are(cmd->args, 0))
		return reply_bad(cmd, "CAPABILITY takes no arguments");
	pf_buf_add_c(&cmd->client->out, "* CAPABILITY ");
	write_capability(&cmd->client->out, cmd->client);
	pf_buf_add_c(&cmd->client->out, "\r\n");
	return reply_completed(cmd);
}

/* What changed is told behind every command anyway (sync.c). */
enum run run_noop(struct cmd *cmd)
{
	if (!args_are(cmd->args, 0))
		return reply_bad(cmd, "NOOP takes no arguments");
	return reply_completed(cmd);
}

/* Every change is durable when it is answered: there is nothing to wait for. */
enum run run_check(struct cmd *cmd)
{
	if (!args_are(cmd->args, 0))
		return reply_bad(cmd, "CHECK takes no arguments");
	return reply_completed(cmd);
}

enum run run_logout(struct cmd *cmd)
{
	if (!args_are(cmd->args, 0))
		return reply_bad(cmd, "LOGOUT takes no arguments");
	pf_buf_add_c(&cmd->client->out, "* BYE Logging out\r\n");
	cmd->client->gone = "logout";
	return reply_completed(cmd);
}

/* ---- ID (RFC 2971) ------------------------------------------------------ */

/* RFC 2971 3.3 */
#define ID_FIELDS_MAX 30
#define ID_NAME_MAX   30
#define ID_VALUE_MAX  1024
#define ID_LINE                                                                \
	"* ID (\"name\" \"penfold\" \"version\" \"" PACKAGE_VERSION "\")\r\n"

/* "name=mutt version=2.2.9" for the log; false: not what RFC 2971 allows */
static bool read_id(const struct imap_arg *args, struct pf_buf *to)
{
	const struct imap_arg *list;
	struct pf_str name, value;

	if (!args_are(args, 1))
		return false;
	if (args[0].kind == IMAP_NIL)
		return true;
	if (!imap_arg_list(&args[0], &list))
		return false;
	for (int i = 0; list->kind != IMAP_END; i++, list += 2) {
		if (i >= ID_FIELDS_MAX || !imap_arg_astring(&list[0], &name) ||
		    list[1].kind == IMAP_END ||
		    !imap_arg_nstring(&list[1], &value) ||
		    name.n > ID_NAME_MAX || value.n > ID_VALUE_MAX)
			return false;
		pf_buf_addf(to, "%s%.*s=%.*s", to->len ? " " : "", (int)name.n,
			    name.p, (int)(value.n < 64 ? value.n : 64),
			    value.p ? value.p : "");
	}
	return true;
}

enum run run_id(struct cmd *cmd)
{
	struct pf_buf text = PF_BUF_INIT(4096);
	bool good = read_id(cmd->args, &text);

	if (good) {
		if (text.len)
			pf_log(PF_LOG_DEBUG, "id",
			       PF_LOGC("user", cmd->client->user->name),
			       PF_LOGS("client", pf_buf_str(&text)));
		pf_buf_add_c(&cmd->client->out, ID_LINE);
	}
	pf_buf_release(&text);
	return good ? reply_completed(cmd)
		    : reply_bad(cmd, "ID needs a list of fields, or NIL");
}

/* ---- the same before login ------------------------------------------------
 */

void gate_capability(struct gate_conn *gate, const struct imap_arg *args)
{
	struct pf_buf line = PF_BUF_INIT(1024);

	if (!args_are(args, 0)) {
		gate_reply(gate, "BAD CAPABILITY takes no arguments");
		return;
	}
	pf_buf_add_c(&line, "* CAPABILITY ");
	write_capability_gate(&line, gate);
	pf_buf_add_c(&line, "\r\n");
	gate_send(gate, pf_buf_str(&line));
	pf_buf_release(&line);
	gate_reply(gate, "OK CAPABILITY completed");
}

void gate_noop(struct gate_conn *gate, const struct imap_arg *args)
{
	gate_reply(gate, args_are(args, 0) ? "OK NOOP completed"
					   : "BAD NOOP takes no arguments");
}

void gate_logout(struct gate_conn *gate, const struct imap_arg *args)
{
	if (!args_are(args, 0)) {
		gate_reply(gate, "BAD LOGOUT takes no arguments");
		return;
	}
	gate_send(gate, PF_STR("* BYE Logging out\r\n"));
	gate_reply(gate, "OK LOGOUT completed");
	gate_close(gate, "logout");
}

void gate_id(struct gate_conn *gate, const struct imap_arg *args)
{
	struct pf_buf text = PF_BUF_INIT(4096);

	if (read_id(args, &text)) {
		gate_send(gate, PF_STR(ID_LINE));
		gate_reply(gate, "OK ID completed");
	} else {
		gate_reply(gate, "BAD ID needs a list of fields, or NIL");
	}
	pf_buf_release(&text);
}
