/*
 * EXPUNGE (RFC 3501 6.4.3) and UID EXPUNGE (RFC 4315 2.1).  The EXPUNGE lines
 * are written by what follows every command (sync.c).
 */
#include <stdlib.h>

#include "imapd/qresync.h"

/* RFC 9738 3.1: those that have \Deleted count */
static void keep_deleted(const struct client *client, struct store_uids *uids)
{
	size_t kept = 0;

	for (size_t i = 0; i < uids->n; i++) {
		const struct store_msg *msg =
		    store_box_find(client->box, uids->v[i]);
		if (msg && (msg->flags & STORE_DELETED))
			uids->v[kept++] = uids->v[i];
	}
	uids->n = kept;
}

enum run run_expunge(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct store_uids uids = {0};
	struct pf_error err = {0};
	pf_status status = PF_OK;

	if (!args_are(cmd->args, cmd->uid ? 1 : 0))
		return reply_bad(cmd, cmd->uid ? "UID EXPUNGE needs UIDs"
					       : "EXPUNGE takes no arguments");
	if (cmd->uid && !arg_messages(cmd, &cmd->args[0], &uids)) {
		pf_vec_release(&uids);
		return RUN_DONE;
	}
	if (cmd->uid) {
		keep_deleted(client, &uids);
		limit_messages(cmd, &uids);
	}
	/* its own EXPUNGE lines are what the client waits for */
	cmd->defer_expunge = false;
	uint64_t before = qresync_modseq(client);
	if (!cmd->uid)
		status = store_box_expunge(client->box, NULL, 0, false, &err);
	else if (uids.n > 0)
		status =
		    store_box_expunge(client->box, uids.v, uids.n, false, &err);
	pf_vec_release(&uids);
	return status == PF_OK ? qresync_reply(cmd, before)
			       : reply_error(cmd, &err);
}
