/*
 * IDLE (RFC 2177).  The command waits for its line with nothing but the view
 * in memory; news come by inotify (the watch) or from another session of the
 * same user (a poke), and each calls run() once to tell.
 */
#include "imapd/metadata.h"
#include "imapd/notify.h"

static const struct imap_arg no_args = {.kind = IMAP_END};

enum run run_idle(struct cmd *cmd)
{
	struct client *client = cmd->client;

	if (!args_are(cmd->args, 0))
		return reply_bad(cmd, "IDLE takes no arguments");
	if (!cmd->state) {
		cmd->state = client;
		/* before looking, so that nothing is missed */
		if (client->view)
			client_watch(client);
		pf_buf_add_c(&client->out, "+ idling\r\n");
		pf_arena_release(&cmd->args_arena);
		cmd->args = &no_args;
	}
	if (!cmd->telling)
		metadata_tell(client);
	if (client->view) {
		enum run result = sync_client(cmd, !cmd->defer_expunge);
		if (result != RUN_DONE)
			return result;
		if (client->gone)
			return reply_no(cmd, "The mailbox was deleted");
	}
	/* RFC 5465 4: the same events as without IDLE */
	enum run told = notify_tell(cmd);
	if (told != RUN_DONE)
		return told;
	if (cmd->in.len == 0)
		return RUN_INPUT;
	struct pf_str line = pf_str_trim(pf_buf_str(&cmd->in));
	if (!pf_str_ieq(line, PF_STR("DONE")))
		return reply_bad(cmd, "IDLE ends with DONE");
	return reply_completed(cmd);
}
