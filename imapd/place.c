/* See place.h. */
#include "imapd/place.h"

#include "base/log.h"

bool place_find(struct cmd *cmd, struct pf_str name, struct share_place *place)
{
	struct pf_error err = {0};

	if (share_find(cmd->client->user->share, name, place, &err) == PF_OK)
		return true;
	reply_error(cmd, &err);
	return false;
}

/* Would CREATE help?  Only then TRYCREATE may be said. */
static bool can_create(const struct share_place *place)
{
	return place->store && place->name.n &&
	       (place->parent_rights & STORE_CREATE);
}

bool place_allowed(struct cmd *cmd, const struct share_place *place,
		   unsigned rights)
{
	if (place->exists && (place->rights & rights) == rights)
		return true;
	if (place->exists && (place->rights & STORE_LOOKUP))
		reply_no(cmd, "[NOPERM] You have not the right to do that");
	else if ((rights & STORE_INSERT) && !place->exists && can_create(place))
		reply_no(cmd, "[TRYCREATE] No such mailbox");
	else
		reply_no(cmd, "[NONEXISTENT] No such mailbox");
	return false;
}

bool place_arg(struct cmd *cmd, const struct imap_arg *arg,
	       struct share_place *place)
{
	struct pf_str name;

	return arg_mailbox(cmd, arg, &name) && place_find(cmd, name, place) &&
	       place_allowed(cmd, place, command_rights(cmd->def)->named);
}

bool place_may_create(struct cmd *cmd, const struct share_place *place)
{
	if (can_create(place))
		return true;
	/* the same whether there is such a user, such a mailbox, or not */
	if (place->exists && (place->rights & STORE_LOOKUP))
		reply_no(cmd, "[ALREADYEXISTS] The mailbox exists");
	else
		reply_no(cmd, "[NOPERM] You have not the right to do that");
	return false;
}

pf_status place_quietly(struct client *client, struct pf_str name,
			unsigned rights, struct share_place *place,
			struct pf_error *err)
{
	pf_status status = share_find(client->user->share, name, place, err);

	if (status == PF_OK &&
	    !(place->exists && (place->rights & rights) == rights))
		status = pf_error_set(err, PF_NOTFOUND, "No such mailbox",
				      "no right to see it");
	return status;
}

/* ---- the selected mailbox ------------------------------------------------ */

/* RFC 4314 5.2: nothing can be changed */
static bool only_reads(unsigned rights)
{
	return !(rights & (STORE_INSERT | STORE_EXPUNGE | STORE_KEEP_SEEN |
			   STORE_WRITE | STORE_SET_DELETED));
}

pf_status place_entered(struct client *client, struct pf_error *err)
{
	client->acl_version = store_box_acl_version(client->box);
	pf_status status = share_box_rights(client->user->share, client->box,
					    &client->rights, err);
	if (status == PF_OK && only_reads(client->rights))
		client->read_only = true;
	return status;
}

bool place_still(struct client *client)
{
	unsigned version = store_box_acl_version(client->box), rights;
	struct pf_error err = {0};

	if (version == client->acl_version)
		return true;
	client->acl_version = version;
	if (share_box_rights(client->user->share, client->box, &rights, &err) !=
	    PF_OK) {
		pf_log_error(PF_LOG_WARN, "rights-unknown", &err,
			     PF_LOGC("user", client->user->name));
		rights = 0;
	}
	if (!(rights & STORE_READ)) {
		pf_buf_add_c(&client->out, "* BYE [NOPERM] You may not read "
					   "this mailbox any more\r\n");
		client->gone = "rights were taken away";
		return false;
	}
	if (rights == client->rights)
		return true;
	client->rights = rights;
	client->read_only |= only_reads(rights);
	write_flag_lists(client);
	return true;
}

void place_index_hint(struct client *client, struct store *store,
		      struct pf_str name)
{
	const char *owner = share_owner(client->user->share, store);

	if (owner) /* public mailboxes have no index */
		user_index_hint(client->user, owner, name);
}
