/* See mailboxes.h. */
#include "imapd/mailboxes.h"

#include "share/share.h"

struct prefixes {
	struct pf_arena *arena;
	struct pf_vec(struct pf_str) v;
};

static void note_prefix(void *arg, enum share_kind kind, struct pf_str prefix)
{
	struct prefixes *shared = arg;

	if (kind != SHARE_OWN)
		pf_vec_push(&shared->v, pf_arena_str(shared->arena, prefix));
}

static bool has_prefix(const struct prefixes *prefixes, struct pf_str name)
{
	for (size_t i = 0; i < prefixes->v.n; i++)
		if (pf_str_starts(name, prefixes->v.v[i]))
			return true;
	return false;
}

static bool may_be_wanted(void *arg, struct pf_str prefix, bool hidden)
{
	return !hidden && (prefix.n == 0 || *(bool *)arg);
}

pf_status mailboxes_read(struct client *client, bool shared,
			 struct pf_arena *arena, struct mailboxes *list,
			 struct pf_error *err)
{
	struct share *share = client->user->share;
	struct prefixes prefixes = {.arena = arena};
	struct store_names names = {0};

	share_namespaces(share, note_prefix, &prefixes);
	pf_status status =
	    share_list(share, may_be_wanted, &shared, arena, &names, err);
	for (size_t i = 0; status == PF_OK && i < names.n; i++) {
		const struct store_name *n = &names.v[i];
		struct mailbox one = {.name = n->name,
				      .special_use = n->special_use,
				      .flags = n->flags,
				      .own = !has_prefix(&prefixes, n->name)};
		pf_vec_push(list, one);
	}
	pf_vec_release(&names);
	pf_vec_release(&prefixes.v);
	return status;
}

bool mailboxes_shared(const struct imap_filter *filter)
{
	/* RFC 5465 6.2, 6.3: just one's own */
	return filter->kind != IMAP_FILTER_PERSONAL &&
	       filter->kind != IMAP_FILTER_INBOXES;
}

bool mailboxes_match(const struct client *client,
		     const struct imap_filter *filter, struct pf_str name,
		     bool own, bool subscribed)
{
	char separator = client->user->server->conf->hierarchy_separator[0];

	return (own || mailboxes_shared(filter)) &&
	       imap_filter_match(filter, name, separator, subscribed);
}

bool mailboxes_selected(const struct client *client, struct pf_str name)
{
	struct pf_buf selected = PF_BUF_INIT(8192);

	if (!client->box)
		return false;
	share_box_name(client->user->share, client->box, &selected);
	bool same = pf_str_eq(pf_buf_str(&selected), name);
	pf_buf_release(&selected);
	return same;
}
