/*
 * QUOTA (RFC 9208): GETQUOTA, GETQUOTAROOT; SETQUOTA is the administrator's,
 * who has a configuration for it.  What is counted, and how, is in
 * store/quota.c; commands that put something into a mailbox are refused there
 * and answer NO [OVERQUOTA] by the table of statuses.
 */
#include "imapd/place.h"

static void add_resource(struct pf_buf *out, const char **blank,
			 const char *name, uint64_t used, uint64_t max)
{
	if (max == 0)
		return;
	pf_buf_addf(out, "%s%s %llu %llu", *blank, name,
		    (unsigned long long)used, (unsigned long long)max);
	*blank = " ";
}

static void write_quota(struct pf_buf *out, const struct store_quota *quota)
{
	const char *blank = "";

	pf_buf_add_c(out, "* QUOTA ");
	imap_write_astring(out, quota->root);
	pf_buf_add_c(out, " (");
	/* RFC 9208 5.1: in units of 1024 octets */
	add_resource(out, &blank, "STORAGE", (quota->storage + 1023) / 1024,
		     (quota->storage_max + 1023) / 1024);
	add_resource(out, &blank, "MESSAGE", quota->messages,
		     quota->messages_max);
	add_resource(out, &blank, "MAILBOX", quota->mailboxes,
		     quota->mailboxes_max);
	pf_buf_add_c(out, ")\r\n");
}

enum run run_getquota(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct store_quota quota;
	struct pf_error err = {0};
	struct pf_str root;

	if (!args_are(cmd->args, 1) || !imap_arg_astring(&cmd->args[0], &root))
		return reply_bad(cmd, "GETQUOTA needs a quota root");
	if (store_quota_get(client->user->store, root, &cmd->arena, &quota,
			    &err) != PF_OK)
		return reply_error(cmd, &err);
	write_quota(&client->out, &quota);
	return reply_completed(cmd);
}

/* RFC 9208 4.1.3: the mailbox need not be there.  Somebody else's has no
 * roots that were anybody's business here. */
enum run run_getquotaroot(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct store_quotas list = {0};
	struct share_place place;
	struct pf_error err = {0};
	struct pf_str mailbox;

	if (!args_are(cmd->args, 1))
		return reply_bad(cmd, "GETQUOTAROOT needs a mailbox name");
	if (!arg_mailbox(cmd, &cmd->args[0], &mailbox) ||
	    !place_find(cmd, mailbox, &place))
		return RUN_DONE;
	if (place.kind == SHARE_OWN &&
	    store_quota_list(place.store, place.name, &cmd->arena, &list,
			     &err) != PF_OK)
		return reply_error(cmd, &err);
	pf_buf_add_c(&client->out, "* QUOTAROOT ");
	write_mailbox(&client->out, client, mailbox);
	for (size_t i = 0; i < list.n; i++) {
		pf_buf_add_byte(&client->out, ' ');
		imap_write_astring(&client->out, list.v[i].root);
	}
	pf_buf_add_c(&client->out, "\r\n");
	for (size_t i = 0; i < list.n; i++)
		write_quota(&client->out, &list.v[i]);
	pf_vec_release(&list);
	return reply_completed(cmd);
}

enum run run_setquota(struct cmd *cmd)
{
	const struct imap_arg *list;
	struct pf_str root;

	if (!args_are(cmd->args, 2) ||
	    !imap_arg_astring(&cmd->args[0], &root) ||
	    !imap_arg_list(&cmd->args[1], &list))
		return reply_bad(cmd, "SETQUOTA needs a quota root and limits");
	return reply_no(cmd, "[NOPERM] The administrator sets the limits");
}

/* RFC 9208 4.3.1: a soft limit; told once for each mark that was passed. */
void quota_warn(struct client *client)
{
	struct pf_str rest =
	    pf_str_c(client->user->server->conf->quota_warning);
	int percent = store_quota_percent(client->user->store), passed = 0;
	struct pf_str word;
	uint64_t mark;

	while (pf_conf_word(&rest, &word))
		if (pf_str_u64(word, 100, &mark) && percent >= (int)mark &&
		    (int)mark > passed)
			passed = (int)mark;
	if (passed > client->quota_told)
		pf_buf_addf(&client->out,
			    "* NO [OVERQUOTA] %d%% of the quota are used\r\n",
			    percent);
	client->quota_told = passed;
}
