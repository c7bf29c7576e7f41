/*
 * penfold acl: who may do what in a mailbox, and the list of who shares
 * something with whom, made anew.
 */
#include "ctl/ctl.h"

#include <stdio.h>

#include "base/priv.h"
#include "share/share.h"

#define ACL_TEXT_MAX (1 << 20)
#define INDEX_MAX    ((size_t)64 << 20)

/* ---- one mailbox --------------------------------------------------------- */

static pf_status find_user(void *arg, struct pf_str name, struct pf_buf *user,
			   struct pf_buf *mail, struct pf_error *err)
{
	const struct auth_user *found = auth_users_find(arg, name);

	if (!found)
		return pf_error_set(err, PF_NOTFOUND, NULL, "no such user");
	pf_buf_add_c(user, found->name);
	pf_buf_add_c(mail, found->mail);
	return PF_OK;
}

/* "bob" is "user=bob" */
static bool read_id(struct pf_arena *arena, const char *text,
		    struct store_acl_entry *entry)
{
	struct pf_buf id = PF_BUF_INIT(4096);
	bool negative = text[0] == '-';

	if (store_acl_id_parse(pf_str_c(text), entry))
		return true;
	pf_buf_addf(&id, "%suser=%s", negative ? "-" : "",
		    text + (negative ? 1 : 0));
	bool good =
	    store_acl_id_parse(pf_arena_str(arena, pf_buf_str(&id)), entry);
	pf_buf_release(&id);
	return good;
}

static bool read_rights(const char *text, enum store_acl_change *change,
			unsigned *rights)
{
	*change = text[0] == '+'   ? STORE_ACL_ADD
		  : text[0] == '-' ? STORE_ACL_REMOVE
				   : STORE_ACL_SET;
	text += *change != STORE_ACL_SET;
	for (*rights = 0; *text; text++) {
		unsigned bit = store_right_of(*text);
		if (!bit)
			return false;
		*rights |= bit;
	}
	return true;
}

static pf_status print_acl(const struct share_place *place,
			   struct pf_arena *arena, struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(ACL_TEXT_MAX);
	struct store_acl acl = {0};
	pf_status status =
	    store_acl_read(place->store, place->name, arena, &acl, err);

	if (status == PF_OK) {
		store_acl_write(&text, &acl);
		fwrite(text.data, 1, text.len, stdout);
	}
	pf_vec_release(&acl);
	pf_buf_release(&text);
	return status;
}

/* What the words behind USER and MAILBOX ask for; false: nothing sensible. */
struct order {
	bool get;
	enum store_acl_change change;
	struct store_acl_entry entry;
};

static bool read_order(struct ctl *ctl, struct pf_arena *arena,
		       struct order *order)
{
	const char *what = ctl->argc > 3 ? ctl->argv[3] : "get";

	order->get = strcmp(what, "get") == 0 && ctl->argc <= 4;
	if (order->get)
		return true;
	if (strcmp(what, "delete") == 0 && ctl->argc == 5) {
		order->change = STORE_ACL_DELETE;
		return read_id(arena, ctl->argv[4], &order->entry);
	}
	unsigned rights = 0;
	bool good = strcmp(what, "set") == 0 && ctl->argc == 6 &&
		    read_id(arena, ctl->argv[4], &order->entry) &&
		    read_rights(ctl->argv[5], &order->change, &rights);
	order->entry.rights = rights;
	return good;
}

static pf_status give_order(struct share *share, const char *mailbox,
			    const struct order *order, struct pf_arena *arena,
			    struct pf_error *err)
{
	struct share_place place;
	pf_status status = share_find(share, pf_str_c(mailbox), &place, err);

	/* the level of a public namespace: what new mailboxes there begin with
	 */
	if (status == PF_OK && place.store && place.name.n == 0) {
		place.name = PF_STR("INBOX");
		place.exists = true;
	}
	if (status == PF_OK && !place.exists)
		status = pf_error_set(err, PF_NOTFOUND, NULL,
				      "there is no mailbox \"%s\"", mailbox);
	if (status != PF_OK)
		return status;
	return order->get ? print_acl(&place, arena, err)
			  : share_acl_change(share, &place, order->change,
					     &order->entry, err);
}

static pf_status one_mailbox(struct ctl *ctl, const struct pf_conf *conf,
			     struct auth_users *users,
			     const struct order *order, struct pf_arena *arena,
			     struct pf_error *err)
{
	const struct auth_user *user =
	    auth_users_find(users, pf_str_c(ctl->argv[1]));
	struct store *store = NULL;

	if (!user)
		return pf_error_set(err, PF_NOTFOUND, NULL,
				    "there is no user \"%s\"", ctl->argv[1]);
	struct store_conf store_conf = {
	    .root = user->mail,
	    .separator = conf->hierarchy_separator[0],
	    .special_use = conf->special_use,
	    .past_keep = conf->expunged_keep,
	    .past_size = (uint64_t)conf->expunged_size,
	};
	pf_status status = store_open(&store_conf, &store, err);
	if (status != PF_OK)
		return status;
	struct share *share = share_new(&(struct share_conf){.conf = conf,
							     .user = user->name,
							     .own = store,
							     .find = find_user,
							     .arg = users});
	status = give_order(share, ctl->argv[2], order, arena, err);
	share_free(&share);
	store_close(&store);
	return status;
}

/* ---- all of them --------------------------------------------------------- */

static pf_status rebuild(const struct ctl *ctl, const struct pf_conf *conf,
			 struct auth_users *users, struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(INDEX_MAX);
	pf_status status = PF_OK;

	for (size_t i = 0; i < auth_users_count(users); i++) {
		const struct auth_user *user = auth_users_at(users, i);
		struct store_conf store_conf = {
		    .root = user->mail,
		    .separator = conf->hierarchy_separator[0],
		    .special_use = "",
		    .read_only = true,
		};
		struct store *store = NULL;
		struct pf_error here = {0};

		status = store_open(&store_conf, &store, &here);
		if (status == PF_OK)
			status =
			    share_index_scan(store, user->name, &text, &here);
		store_close(&store);
		/* who never logged in has no mail; others' goes on */
		if (status != PF_OK && status != PF_NOTFOUND)
			ctl_fail(ctl, &here);
	}
	status = pf_buf_status(&text, err);
	if (status == PF_OK)
		status = share_index_write(conf, pf_buf_str(&text), err);
	pf_buf_release(&text);
	return status;
}

int ctl_acl(struct ctl *ctl)
{
	bool all = ctl_switch(ctl, "--rebuild");
	struct auth_users *users = NULL;
	struct order order = {0};
	struct pf_arena arena;
	struct pf_conf conf;
	struct pf_error err = {0};

	pf_arena_init(&arena, ACL_TEXT_MAX);
	if (all ? ctl->argc != 1
		: ctl->argc < 3 || !read_order(ctl, &arena, &order)) {
		pf_arena_release(&arena);
		return ctl_usage(ctl, "USER MAILBOX [get | set WHOM RIGHTS | "
				      "delete WHOM]");
	}
	if (!ctl_conf(ctl, &conf)) {
		pf_arena_release(&arena);
		return 1;
	}
	pf_status status = auth_users_load(&conf, &users, NULL, &err);
	/* what we write must belong to the mail's owner */
	if (status == PF_OK)
		status = pf_priv_become(conf.mail_user, &err);
	if (status == PF_OK)
		status =
		    all ? rebuild(ctl, &conf, users, &err)
			: one_mailbox(ctl, &conf, users, &order, &arena, &err);
	auth_users_unref(&users);
	pf_arena_release(&arena);
	pf_conf_release(&conf);
	return status == PF_OK ? 0 : ctl_fail(ctl, &err);
}
