/*
 * NOTIFY (RFC 5465).  What is told afterwards is in notify.c (other
 * mailboxes) and sync.c (the selected one).
 */
#include "imapd/notify.h"

/* RFC 5465 3.1: what is not supported is NO, and says what is. */
static enum run refuse_events(struct cmd *cmd)
{
	pf_buf_clear(&cmd->reply);
	pf_buf_add_c(&cmd->reply, "NO [BADEVENT (");
	imap_events_write(&cmd->reply, NOTIFY_EVENTS);
	pf_buf_add_c(&cmd->reply, ")] There is no such event here");
	return RUN_DONE;
}

static enum run begin(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct notify *notify = NULL;
	struct pf_error err = {0};
	pf_status status = notify_new(client, cmd->args, &notify, &err);

	if (status == PF_INVALID)
		return reply_syntax(cmd, &err);
	if (status == PF_LIMIT)
		return reply_no(cmd, "[NOTIFICATIONOVERFLOW] %s", err.client);
	if (status != PF_OK)
		return reply_error(cmd, &err);
	if (notify_events(notify) & ~(unsigned)NOTIFY_EVENTS) {
		notify_free(&notify);
		return refuse_events(cmd);
	}
	notify_free(&client->notify);
	client->notify = notify;
	atomic_store(&client->listens, notify_events(notify) != 0);
	/* RFC 5465 3.1: SET is a NOOP too, whatever it chose */
	cmd->tells_all = imap_arg_is_atom(cmd->args, "SET");
	cmd->state = notify;
	return RUN_MORE;
}

enum run run_notify(struct cmd *cmd)
{
	enum run result;

	if (!cmd->state) {
		result = begin(cmd);
		if (result != RUN_MORE)
			return result;
	}
	result = notify_begin(cmd);
	return result == RUN_DONE ? reply_completed(cmd) : result;
}

/* Between commands: there is nothing to do but what comes behind every
 * command. */
enum run run_news(struct cmd *cmd)
{
	(void)cmd;
	return RUN_DONE;
}
