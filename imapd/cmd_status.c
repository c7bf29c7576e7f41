/*
 * STATUS (RFC 3501 6.3.10; HIGHESTMODSEQ: RFC 7162 3.1.7; SIZE: RFC 8438;
 * DELETED: RFC 9051 6.3.11; MAILBOXID: RFC 8474 4.3;
 * APPENDLIMIT: RFC 7889 3; DELETED-STORAGE: RFC 9208 4.1.5).
 */
#include "imapd/place.h"
#include "imapd/status.h"

enum status_item {
	ITEM_MESSAGES,
	ITEM_RECENT,
	ITEM_UIDNEXT,
	ITEM_UIDVALIDITY,
	ITEM_UNSEEN,
	ITEM_HIGHESTMODSEQ,
	ITEM_SIZE,
	ITEM_DELETED,
	ITEM_DELETED_STORAGE,
	ITEM_MAILBOXID,
	ITEM_APPENDLIMIT,
	ITEM_COUNT
};

static const char *const item_names[ITEM_COUNT] = {
    [ITEM_MESSAGES] = "MESSAGES",
    [ITEM_RECENT] = "RECENT",
    [ITEM_UIDNEXT] = "UIDNEXT",
    [ITEM_UIDVALIDITY] = "UIDVALIDITY",
    [ITEM_UNSEEN] = "UNSEEN",
    [ITEM_HIGHESTMODSEQ] = "HIGHESTMODSEQ",
    [ITEM_SIZE] = "SIZE",
    [ITEM_DELETED] = "DELETED",
    [ITEM_DELETED_STORAGE] = "DELETED-STORAGE",
    [ITEM_MAILBOXID] = "MAILBOXID",
    [ITEM_APPENDLIMIT] = "APPENDLIMIT",
};

static int find_item(const struct client *client, const struct imap_arg *arg)
{
	for (int i = 0; i < ITEM_COUNT; i++)
		if (imap_arg_is_atom(arg, item_names[i]))
			/* RFC 9051 has no RECENT */
			return client->rev2 && i == ITEM_RECENT ? -1 : i;
	return -1;
}

bool status_parse(struct cmd *cmd, const struct imap_arg *arg, unsigned *items)
{
	const struct imap_arg *list;

	*items = 0;
	if (!imap_arg_list(arg, &list) || list[0].kind == IMAP_END) {
		reply_bad(cmd, "STATUS needs a list of items");
		return false;
	}
	for (; list->kind != IMAP_END; list++) {
		int item = find_item(cmd->client, list);
		if (item < 0) {
			reply_bad(cmd, "Unknown STATUS item");
			return false;
		}
		*items |= 1u << item;
	}
	return true;
}

static uint64_t item_value(enum status_item item,
			   const struct store_box_info *info, uint32_t recent)
{
	switch (item) {
	case ITEM_MESSAGES:
		return info->messages;
	case ITEM_RECENT:
		return recent;
	case ITEM_UIDNEXT:
		return info->uidnext;
	case ITEM_UIDVALIDITY:
		return info->uidvalidity;
	case ITEM_UNSEEN:
		return info->unseen;
	case ITEM_HIGHESTMODSEQ:
		return info->highest_modseq;
	case ITEM_SIZE:
		return info->size;
	case ITEM_DELETED:
		return info->deleted;
	case ITEM_DELETED_STORAGE:
		return info->deleted_size;
	case ITEM_MAILBOXID: /* no numbers */
	case ITEM_APPENDLIMIT:
	case ITEM_COUNT:
		break;
	}
	return 0;
}

pf_status status_write(struct cmd *cmd, struct pf_str name, unsigned items,
		       struct pf_error *err)
{
	struct client *client = cmd->client;
	struct pf_buf *out = &client->out;
	int64_t max = client->user->server->conf->message_size_max;
	struct store_box_info info;
	uint32_t recent = 0;
	struct share_place place;
	pf_status status = place_quietly(client, name, STORE_READ, &place, err);

	if (status == PF_OK)
		status =
		    store_status(place.store, place.name, &info, &recent, err);
	if (status != PF_OK)
		return status;
	if (items & (1u << ITEM_HIGHESTMODSEQ))
		client_condstore(client);
	pf_buf_add_c(out, "* STATUS ");
	write_mailbox(out, client, name);
	pf_buf_add_c(out, " (");
	const char *blank = "";
	for (int i = 0; i < ITEM_COUNT; i++) {
		if (!(items & (1u << i)))
			continue;
		if (i == ITEM_MAILBOXID)
			pf_buf_addf(out, "%sMAILBOXID (F%s)", blank, info.guid);
		else if (i == ITEM_APPENDLIMIT && max > 0)
			pf_buf_addf(out, "%sAPPENDLIMIT %lld", blank,
				    (long long)max);
		else if (i == ITEM_APPENDLIMIT)
			pf_buf_addf(out, "%sAPPENDLIMIT NIL", blank);
		else
			pf_buf_addf(out, "%s%s %llu", blank, item_names[i],
				    (unsigned long long)item_value(
					(enum status_item)i, &info, recent));
		blank = " ";
	}
	pf_buf_add_c(out, ")\r\n");
	return PF_OK;
}

enum run run_status(struct cmd *cmd)
{
	struct pf_error err = {0};
	struct share_place place;
	struct pf_str name;
	unsigned items;

	if (!args_are(cmd->args, 2))
		return reply_bad(cmd, "STATUS needs a mailbox and items");
	if (!arg_mailbox(cmd, &cmd->args[0], &name) ||
	    !status_parse(cmd, &cmd->args[1], &items) ||
	    !place_arg(cmd, &cmd->args[0], &place))
		return RUN_DONE;
	if (status_write(cmd, name, items, &err) != PF_OK)
		return reply_error(cmd, &err);
	return reply_completed(cmd);
}
