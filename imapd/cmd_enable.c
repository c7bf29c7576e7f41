/*
 * ENABLE (RFC 5161).  What we do not know is passed over without an error.
 */
#include "imapd/metadata.h"

enum run run_enable(struct cmd *cmd)
{
	struct client *client = cmd->client;
	bool condstore = client->condstore;
	bool metadata = client->metadata;
	bool metadata_server = client->metadata_server;
	const struct {
		const char *name;
		bool *on;
	} known[] = {{"CONDSTORE", &condstore},
		     {"IMAP4rev2", &client->rev2},
		     {"METADATA", &metadata},
		     {"METADATA-SERVER", &metadata_server},
		     {"QRESYNC", &client->qresync},
		     {"UIDONLY", &client->uidonly},
		     {"UTF8=ACCEPT", &client->utf8}};
	bool wanted[sizeof known / sizeof *known] = {0};

	if (cmd->args[0].kind == IMAP_END)
		return reply_bad(cmd, "ENABLE needs a capability");
	for (const struct imap_arg *arg = cmd->args; arg->kind != IMAP_END;
	     arg++) {
		if (arg->kind != IMAP_ATOM && arg->kind != IMAP_NIL)
			return reply_bad(cmd, "ENABLE takes atoms");
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			wanted[i] |= imap_arg_is_atom(arg, known[i].name);
	}
	pf_buf_add_c(&client->out, "* ENABLED");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (wanted[i] && !*known[i].on)
			pf_buf_addf(&client->out, " %s", known[i].name);
	pf_buf_add_c(&client->out, "\r\n");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		*known[i].on |= wanted[i];
	if (metadata || metadata_server)
		metadata_enable(client, metadata);
	/* RFC 7162 3.2.3: QRESYNC brings CONDSTORE along */
	if (condstore || client->qresync)
		client_condstore(client);
	return reply_completed(cmd);
}
