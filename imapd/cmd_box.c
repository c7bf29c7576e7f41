/*
 * CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 6.3.3-6.3.7;
 * CREATE with USE: RFC 6154 3).
 */
#include "imapd/notify.h"
#include "imapd/place.h"

/* "Lists/" announces children to come (RFC 3501 6.3.3); here every mailbox
 * can have some, so the separator at the end says nothing. */
static struct pf_str without_separator(const struct client *client,
				       struct pf_str name)
{
	char separator = client->user->server->conf->hierarchy_separator[0];

	if (name.n > 1 && name.p[name.n - 1] == separator)
		name.n--;
	return name;
}

/* (USE (\Sent)): one attribute without its backslash, in the arena. */
static bool read_use(struct cmd *cmd, const struct imap_arg *arg,
		     const char **use)
{
	const struct imap_arg *list, *uses;

	*use = NULL;
	if (arg->kind == IMAP_END)
		return true;
	if (!imap_arg_list(arg, &list) || !imap_arg_is_atom(&list[0], "USE") ||
	    !imap_arg_list(&list[1], &uses) || arg[1].kind != IMAP_END) {
		reply_bad(cmd, "Unknown parameter of CREATE");
		return false;
	}
	if (uses[0].kind == IMAP_END)
		return true;
	if (!args_are(uses, 1) || uses[0].kind != IMAP_ATOM ||
	    uses[0].text.p[0] != '\\' ||
	    !store_use_known(pf_str_from(uses[0].text, 1))) {
		reply_no(cmd, "[USEATTR] There is no such use here");
		return false;
	}
	*use = pf_arena_cstr(&cmd->arena, pf_str_from(uses[0].text, 1));
	return true;
}

/* RFC 8474 4.1: the answer names the new mailbox' id. */
static enum run created(struct cmd *cmd, const struct share_place *place)
{
	struct store_box_info info;
	struct pf_error err = {0};
	uint32_t recent;

	if (store_status(place->store, place->name, &info, &recent, &err) !=
	    PF_OK)
		return reply_completed(cmd);
	return reply_ok(cmd, "[MAILBOXID (F%s)] CREATE completed", info.guid);
}

enum run run_create(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct share_place place;
	struct pf_error err = {0};
	struct pf_str name;
	const char *use;

	if (cmd->args[0].kind == IMAP_END)
		return reply_bad(cmd, "CREATE needs a mailbox name");
	if (!arg_mailbox(cmd, &cmd->args[0], &name) ||
	    !read_use(cmd, &cmd->args[1], &use))
		return RUN_DONE;
	name = without_separator(client, name);
	if (!name_allowed(cmd, name) || !place_find(cmd, name, &place) ||
	    !place_may_create(cmd, &place))
		return RUN_DONE;
	/* RFC 6154 2: a use is one user's */
	if (use && place.kind != SHARE_OWN)
		return reply_no(cmd, "[USEATTR] Not for a shared mailbox");
	pf_status status = store_create(place.store, place.name, use, &err);
	if (status == PF_UNSUPPORTED && use)
		return reply_no(cmd, "[USEATTR] %s", err.client);
	if (status != PF_OK)
		return reply_error(cmd, &err);
	notify_own_name(client, place.full);
	tell_oldname(cmd, &cmd->args[0], name);
	return created(cmd, &place);
}

static bool is_selected(const struct client *client,
			const struct share_place *place)
{
	struct pf_str selected;

	if (!client->box || store_box_store(client->box) != place->store)
		return false;
	selected = store_box_name(client->box);
	if (pf_str_ieq(selected, PF_STR("INBOX")))
		return pf_str_ieq(place->name, selected);
	return pf_str_eq(place->name, selected);
}

/* The name argument of the commands that take just one. */
static bool only_name(struct cmd *cmd, struct pf_str *name)
{
	if (!args_are(cmd->args, 1)) {
		reply_bad(cmd, "%s needs one mailbox name", cmd->def->name);
		return false;
	}
	return arg_mailbox(cmd, &cmd->args[0], name);
}

enum run run_delete(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct share_place place;
	struct pf_error err = {0};
	struct pf_str name;

	if (!only_name(cmd, &name))
		return RUN_DONE;
	name = without_separator(client, name);
	if (pf_str_ieq(name, PF_STR("INBOX")))
		return reply_no(cmd, "[CANNOT] INBOX stays");
	if (!place_find(cmd, name, &place) ||
	    !place_allowed(cmd, &place, command_rights(cmd->def)->named))
		return RUN_DONE;
	if (is_selected(client, &place)) {
		client_unselect(client);
		pf_buf_add_c(&client->out,
			     "* OK [CLOSED] The selected mailbox goes\r\n");
	}
	if (store_delete(place.store, place.name, &err) != PF_OK)
		return reply_error(cmd, &err);
	tell_oldname(cmd, &cmd->args[0], name);
	notify_own_name(client, place.full);
	return reply_completed(cmd);
}

/* His own may be a level that is no mailbox, above others. */
static bool may_rename(struct cmd *cmd, const struct share_place *from)
{
	return (from->kind == SHARE_OWN && !from->exists) ||
	       place_allowed(cmd, from, command_rights(cmd->def)->named);
}

enum run run_rename(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct share_place from, to;
	struct pf_error err = {0};
	struct pf_str name;

	if (!args_are(cmd->args, 2))
		return reply_bad(cmd, "RENAME needs two mailbox names");
	if (!arg_mailbox(cmd, &cmd->args[0], &name) ||
	    !place_find(cmd, name, &from) || !may_rename(cmd, &from) ||
	    !arg_mailbox(cmd, &cmd->args[1], &name) ||
	    !name_allowed(cmd, name) ||
	    !place_find(cmd, without_separator(client, name), &to) ||
	    !place_may_create(cmd, &to))
		return RUN_DONE;
	if (from.store != to.store)
		return reply_no(cmd, "[CANNOT] A mailbox stays in its "
				     "namespace");
	if (from.kind != SHARE_OWN && pf_str_ieq(from.name, PF_STR("INBOX")))
		return reply_no(cmd, "[CANNOT] INBOX stays");
	if (store_rename(from.store, from.name, to.name, &err) != PF_OK)
		return reply_error(cmd, &err);
	notify_own_name(client, from.full);
	notify_own_name(client, to.full);
	/* RFC 9051 6.3.6: when either name was normalised */
	if (client->rev2 && (!name_is_spelled(cmd, &cmd->args[0], from.full) ||
			     !name_is_spelled(cmd, &cmd->args[1], to.full)))
		list_one(cmd, &cmd->args[0], to.full);
	return reply_completed(cmd);
}

static enum run subscribe(struct cmd *cmd, bool on)
{
	struct client *client = cmd->client;
	struct pf_error err = {0};
	struct pf_str name;

	if (!only_name(cmd, &name))
		return RUN_DONE;
	if (store_subscribe(client->user->store,
			    without_separator(client, name), on, &err) != PF_OK)
		return reply_error(cmd, &err);
	notify_own_name(client, without_separator(client, name));
	return reply_completed(cmd);
}

enum run run_subscribe(struct cmd *cmd)
{
	return subscribe(cmd, true);
}

enum run run_unsubscribe(struct cmd *cmd)
{
	return subscribe(cmd, false);
}
