/*
 * SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314 3), and
 * LIST ... RETURN (MYRIGHTS) (RFC 8440).
 *
 * A client's identifiers are Dovecot's: a user's name, "anyone",
 * "authenticated", "owner", "$group", "!$group" (which goes before users), and
 * "-" in front of each for rights that are taken away.  The old rights "c" and
 * "d" stand for "kx" and "et", as there (RFC 4314 2.1.1).
 */
#include "auth/auth.h"
#include "imapd/place.h"

#define ID_MAX	    1024
#define GROUP_MARK  "$"
#define GROUP_ABOVE "!$"
#define CREATE_OLD  (STORE_CREATE | STORE_REMOVE)	/* c */
#define DELETE_OLD  (STORE_EXPUNGE | STORE_SET_DELETED) /* d */
/* RFC 4314 4: MYRIGHTS wants one of these */
#define ANY_RIGHT                                                              \
	(STORE_LOOKUP | STORE_READ | STORE_INSERT | STORE_CREATE |             \
	 STORE_REMOVE | STORE_ADMIN)

/* ---- identifiers and rights ---------------------------------------------- */

/* A client's identifier, or the answer was given. */
static bool read_id(struct cmd *cmd, const struct imap_arg *arg,
		    struct store_acl_entry *entry)
{
	struct pf_buf name = PF_BUF_INIT(ID_MAX), id = PF_BUF_INIT(ID_MAX + 32);
	struct pf_str text;
	bool good = imap_arg_astring(arg, &text), negative;

	negative = good && pf_str_starts(text, PF_STR("-"));
	if (negative)
		text = pf_str_from(text, 1);
	/* RFC 4314 3 */
	good = good && auth_saslprep(text, &name) && name.len > 0;
	text = pf_buf_str(&name);
	pf_buf_add_c(&id, negative ? "-" : "");
	if (pf_str_starts(text, PF_STR(GROUP_MARK))) {
		pf_buf_add_c(&id, "group=");
		text = pf_str_from(text, strlen(GROUP_MARK));
	} else if (pf_str_starts(text, PF_STR(GROUP_ABOVE))) {
		pf_buf_add_c(&id, "group-override=");
		text = pf_str_from(text, strlen(GROUP_ABOVE));
	} else if (!pf_str_eq(text, PF_STR("anyone")) &&
		   !pf_str_eq(text, PF_STR("authenticated")) &&
		   !pf_str_eq(text, PF_STR("owner"))) {
		pf_buf_add_c(&id, "user=");
	}
	pf_buf_add_str(&id, text);
	good = good && !id.failed &&
	       store_acl_id_parse(pf_arena_str(&cmd->arena, pf_buf_str(&id)),
				  entry);
	if (!good)
		reply_bad(cmd, "%s: that is no identifier", cmd->def->name);
	pf_buf_release(&name);
	pf_buf_release(&id);
	return good;
}

static void write_id(struct pf_buf *out, const struct store_acl_entry *entry)
{
	struct pf_buf id = PF_BUF_INIT(ID_MAX + 32);

	pf_buf_add_c(&id, entry->negative ? "-" : "");
	switch (entry->kind) {
	case STORE_ACL_ANYONE:
		pf_buf_add_c(&id, "anyone");
		break;
	case STORE_ACL_AUTHENTICATED:
		pf_buf_add_c(&id, "authenticated");
		break;
	case STORE_ACL_OWNER:
		pf_buf_add_c(&id, "owner");
		break;
	case STORE_ACL_GROUP:
		pf_buf_add_c(&id, GROUP_MARK);
		break;
	case STORE_ACL_GROUP_OVERRIDE:
		pf_buf_add_c(&id, GROUP_ABOVE);
		break;
	case STORE_ACL_USER:
		break;
	}
	pf_buf_add_str(&id, entry->name);
	imap_write_astring(out, pf_buf_str(&id));
	pf_buf_release(&id);
}

/* With the old ones behind */
static void write_rights(struct pf_buf *out, unsigned rights)
{
	if (!rights) {
		pf_buf_add_c(out, "\"\"");
		return;
	}
	store_rights_write(out, rights);
	if (rights & CREATE_OLD)
		pf_buf_add_byte(out, 'c');
	if (rights & DELETE_OLD)
		pf_buf_add_byte(out, 'd');
}

/* "+lr", or BAD was replied. */
static bool read_change(struct cmd *cmd, const struct imap_arg *arg,
			enum store_acl_change *change, unsigned *rights)
{
	struct pf_str text;

	*change = STORE_ACL_SET;
	*rights = 0;
	if (!imap_arg_astring(arg, &text)) {
		reply_bad(cmd, "SETACL needs rights");
		return false;
	}
	if (text.n && (text.p[0] == '+' || text.p[0] == '-')) {
		*change = text.p[0] == '+' ? STORE_ACL_ADD : STORE_ACL_REMOVE;
		text = pf_str_from(text, 1);
	}
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		unsigned bits = c == 'c'   ? CREATE_OLD
				: c == 'd' ? DELETE_OLD
					   : store_right_of(c);
		if (bits) {
			*rights |= bits;
			continue;
		}
		if (c >= 'A' && c <= 'Z')
			reply_bad(cmd, "Uppercase rights are not allowed");
		else if (c > ' ' && c < 0x7f)
			reply_bad(cmd, "The %c right is not supported", c);
		else
			reply_bad(cmd, "That right is not supported");
		return false;
	}
	return true;
}

/* ---- changing ------------------------------------------------------------ */

static bool is_group(const struct store_acl_entry *entry)
{
	return entry->kind == STORE_ACL_GROUP ||
	       entry->kind == STORE_ACL_GROUP_OVERRIDE;
}

static enum run change(struct cmd *cmd, const struct share_place *place,
		       enum store_acl_change how,
		       const struct store_acl_entry *entry)
{
	struct pf_error err = {0};

	if (share_acl_change(cmd->client->user->share, place, how, entry,
			     &err) != PF_OK)
		return reply_error(cmd, &err);
	return reply_completed(cmd);
}

enum run run_setacl(struct cmd *cmd)
{
	struct share *share = cmd->client->user->share;
	struct store_acl_entry entry;
	struct share_place place;
	enum store_acl_change how;
	unsigned rights;

	if (!args_are(cmd->args, 3))
		return reply_bad(cmd, "SETACL needs a mailbox, an identifier "
				      "and rights");
	if (!read_id(cmd, &cmd->args[1], &entry) ||
	    !read_change(cmd, &cmd->args[2], &how, &rights) ||
	    !place_arg(cmd, &cmd->args[0], &place))
		return RUN_DONE;
	if (is_group(&entry) && how != STORE_ACL_REMOVE)
		return reply_no(cmd, "[CANNOT] There are no groups here");
	/* the owner keeps these anyway: let the file say so, too */
	const char *owner = share_owner(share, place.store);
	bool owners = entry.kind == STORE_ACL_OWNER ||
		      (entry.kind == STORE_ACL_USER && owner &&
		       pf_str_ieq(entry.name, pf_str_c(owner)));
	if (owners && !entry.negative && how != STORE_ACL_REMOVE)
		rights |= STORE_OWNER_KEEPS;
	if (owners && entry.negative == (how != STORE_ACL_REMOVE))
		rights &= ~(unsigned)STORE_OWNER_KEEPS;
	entry.rights = rights;
	return change(cmd, &place, how, &entry);
}

enum run run_deleteacl(struct cmd *cmd)
{
	struct store_acl_entry entry;
	struct share_place place;

	if (!args_are(cmd->args, 2))
		return reply_bad(cmd,
				 "DELETEACL needs a mailbox and an identifier");
	if (!read_id(cmd, &cmd->args[1], &entry) ||
	    !place_arg(cmd, &cmd->args[0], &place))
		return RUN_DONE;
	return change(cmd, &place, STORE_ACL_DELETE, &entry);
}

/* ---- asking -------------------------------------------------------------- */

static void write_head(struct cmd *cmd, const char *what, struct pf_str name)
{
	pf_buf_addf(&cmd->client->out, "* %s ", what);
	write_mailbox(&cmd->client->out, cmd->client, name);
}

/* What the owner has without a line of his own. */
static bool owner_has_line(const struct store_acl *acl, const char *owner)
{
	for (size_t i = 0; i < acl->n; i++)
		if (!acl->v[i].negative &&
		    (acl->v[i].kind == STORE_ACL_OWNER ||
		     (acl->v[i].kind == STORE_ACL_USER &&
		      pf_str_ieq(acl->v[i].name, pf_str_c(owner)))))
			return true;
	return false;
}

enum run run_getacl(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct store_acl acl = {0};
	struct share_place place;
	struct pf_error err = {0};

	if (!args_are(cmd->args, 1))
		return reply_bad(cmd, "GETACL needs a mailbox");
	if (!place_arg(cmd, &cmd->args[0], &place))
		return RUN_DONE;
	if (store_acl_read(place.store, place.name, &cmd->arena, &acl, &err) !=
	    PF_OK) {
		pf_vec_release(&acl);
		return reply_error(cmd, &err);
	}
	write_head(cmd, "ACL", place.full);
	for (size_t i = 0; i < acl.n; i++) {
		pf_buf_add_byte(&client->out, ' ');
		write_id(&client->out, &acl.v[i]);
		pf_buf_add_byte(&client->out, ' ');
		write_rights(&client->out, acl.v[i].rights);
	}
	const char *owner = share_owner(client->user->share, place.store);
	if (owner && !owner_has_line(&acl, owner)) {
		pf_buf_add_byte(&client->out, ' ');
		imap_write_astring(&client->out, pf_str_c(owner));
		pf_buf_add_byte(&client->out, ' ');
		write_rights(&client->out, STORE_RIGHTS_ALL);
	}
	pf_buf_add_c(&client->out, "\r\n");
	pf_vec_release(&acl);
	return reply_completed(cmd);
}

enum run run_listrights(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct pf_buf letters = PF_BUF_INIT(64);
	struct store_acl_entry entry;
	struct share_place place;
	struct pf_str id;

	if (!args_are(cmd->args, 2))
		return reply_bad(
		    cmd, "LISTRIGHTS needs a mailbox and an identifier");
	if (!read_id(cmd, &cmd->args[1], &entry) ||
	    !imap_arg_astring(&cmd->args[1], &id) ||
	    !place_arg(cmd, &cmd->args[0], &place))
		return RUN_DONE;
	const char *owner = share_owner(client->user->share, place.store);
	bool owners = !entry.negative && owner &&
		      (entry.kind == STORE_ACL_OWNER ||
		       (entry.kind == STORE_ACL_USER &&
			pf_str_ieq(entry.name, pf_str_c(owner))));
	write_head(cmd, "LISTRIGHTS", place.full);
	pf_buf_add_byte(&client->out, ' ');
	imap_write_astring(&client->out, id);
	pf_buf_add_c(&client->out, owners ? " la" : " \"\"");
	store_rights_write(&letters, owners
					 ? STORE_RIGHTS_ALL & ~STORE_OWNER_KEEPS
					 : STORE_RIGHTS_ALL);
	pf_buf_add_c(&letters, "cd");
	for (size_t i = 0; i < letters.len; i++)
		pf_buf_addf(&client->out, " %c", letters.data[i]);
	pf_buf_add_c(&client->out, "\r\n");
	pf_buf_release(&letters);
	return reply_completed(cmd);
}

void write_myrights(struct cmd *cmd, struct pf_str name, unsigned rights)
{
	write_head(cmd, "MYRIGHTS", name);
	pf_buf_add_byte(&cmd->client->out, ' ');
	write_rights(&cmd->client->out, rights);
	pf_buf_add_c(&cmd->client->out, "\r\n");
}

enum run run_myrights(struct cmd *cmd)
{
	struct share_place place;
	struct pf_str name;

	if (!args_are(cmd->args, 1))
		return reply_bad(cmd, "MYRIGHTS needs a mailbox");
	if (!arg_mailbox(cmd, &cmd->args[0], &name) ||
	    !place_find(cmd, name, &place))
		return RUN_DONE;
	if (!(place.rights & ANY_RIGHT))
		return reply_no(cmd, "[NONEXISTENT] No such mailbox");
	write_myrights(cmd, name, place.rights);
	return reply_completed(cmd);
}
