/*
 * IDLE (RFC 2177).  The command waits for its line with nothing but the view
 * in memory; news come by inotify (the watch) or from another session of the
 * same user (a poke), and each calls run() once to tell.
 */
#include "base/log.h"
#include "imapd/metadata.h"

/* From now on changes poke us; done before looking, so that none is missed. */
static void watch(struct client *client)
{
	struct server *server = client->user->server;
	struct pf_error err = {0};

	if (client->watched || client->watch_failed)
		return;
	if (server->watch && store_watch_add(server->watch, client->box,
					     client->id, &err) == PF_OK) {
		client->watched = true;
		return;
	}
	client->watch_failed = true; /* the server's tick pokes instead */
	if (server->watch)
		pf_log_error(PF_LOG_WARN, "watch-failed", &err,
			     PF_LOGC("user", client->user->name));
}

static const struct imap_arg no_args = {.kind = IMAP_END};

enum run run_idle(struct cmd *cmd)
{
	struct client *client = cmd->client;

	if (!args_are(cmd->args, 0))
		return reply_bad(cmd, "IDLE takes no arguments");
	if (!cmd->state) {
		cmd->state = client;
		if (client->view)
			watch(client);
		pf_buf_add_c(&client->out, "+ idling\r\n");
		pf_arena_release(&cmd->args_arena);
		cmd->args = &no_args;
	}
	metadata_tell(client);
	if (client->view) {
		enum run result = sync_client(cmd, !cmd->defer_expunge);
		if (result != RUN_DONE)
			return result;
		if (client->gone)
			return reply_no(cmd, "The mailbox was deleted");
	}
	if (cmd->in.len == 0)
		return RUN_INPUT;
	struct pf_str line = pf_str_trim(pf_buf_str(&cmd->in));
	if (!pf_str_ieq(line, PF_STR("DONE")))
		return reply_bad(cmd, "IDLE ends with DONE");
	return reply_completed(cmd);
}
