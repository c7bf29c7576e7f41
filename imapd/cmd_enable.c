/*
 * ENABLE (RFC 5161).  What we do not know is passed over without an error:
 * mutt asks for UTF8=ACCEPT unseen.
 */
#include "imapd/metadata.h"

enum run run_enable(struct cmd *cmd)
{
	struct client *client = cmd->client;
	bool condstore = false, qresync = false, uidonly = false;
	bool metadata = false, metadata_server = false;

	if (cmd->args[0].kind == IMAP_END)
		return reply_bad(cmd, "ENABLE needs a capability");
	for (const struct imap_arg *arg = cmd->args; arg->kind != IMAP_END;
	     arg++) {
		if (arg->kind != IMAP_ATOM && arg->kind != IMAP_NIL)
			return reply_bad(cmd, "ENABLE takes atoms");
		if (imap_arg_is_atom(arg, "CONDSTORE"))
			condstore = true;
		if (imap_arg_is_atom(arg, "QRESYNC"))
			qresync = true;
		if (imap_arg_is_atom(arg, "UIDONLY"))
			uidonly = true;
		if (imap_arg_is_atom(arg, "METADATA"))
			metadata = true;
		if (imap_arg_is_atom(arg, "METADATA-SERVER"))
			metadata_server = true;
	}
	pf_buf_addf(&client->out, "* ENABLED%s%s%s%s%s\r\n",
		    condstore && !client->condstore ? " CONDSTORE" : "",
		    qresync && !client->qresync ? " QRESYNC" : "",
		    uidonly && !client->uidonly ? " UIDONLY" : "",
		    metadata && !client->metadata ? " METADATA" : "",
		    metadata_server && !client->metadata_server
			? " METADATA-SERVER"
			: "");
	if (metadata || metadata_server)
		metadata_enable(client, metadata);
	/* RFC 7162 3.2.3: QRESYNC brings CONDSTORE along */
	if (condstore || qresync)
		client_condstore(client);
	client->qresync |= qresync;
	client->uidonly |= uidonly;
	return reply_completed(cmd);
}
