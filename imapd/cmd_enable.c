/*
 * ENABLE (RFC 5161).  Only CONDSTORE can be enabled; what we do not know is
 * passed over without an error: mutt asks for UTF8=ACCEPT unseen.
 */
#include "imapd/client.h"

enum run run_enable(struct cmd *cmd)
{
	struct client *client = cmd->client;
	bool condstore = false;

	if (cmd->args[0].kind == IMAP_END)
		return reply_bad(cmd, "ENABLE needs a capability");
	for (const struct imap_arg *arg = cmd->args; arg->kind != IMAP_END;
	     arg++) {
		if (arg->kind != IMAP_ATOM && arg->kind != IMAP_NIL)
			return reply_bad(cmd, "ENABLE takes atoms");
		if (imap_arg_is_atom(arg, "CONDSTORE"))
			condstore = true;
	}
	pf_buf_addf(&client->out, "* ENABLED%s\r\n",
		    condstore && !client->condstore ? " CONDSTORE" : "");
	if (condstore)
		client_condstore(client);
	return reply_completed(cmd);
}
