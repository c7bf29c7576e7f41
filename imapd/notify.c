/*
 * NOTIFY: mailboxes that are not selected (RFC 5465).
 *
 * Nothing is queued.  The session remembers what it was told of each mailbox
 * (a few numbers) and of the list of mailboxes; when the watch says that
 * something happened it looks, and tells the difference.  A client that does
 * not read costs no memory, and hears the latest state when it reads again.
 */
#include "imapd/notify.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "imapd/mailboxes.h"
#include "imapd/place.h"
#include "imapd/watched.h"

/* Mailboxes that one session may watch, and names that it may have: each
 * costs three watches of the kernel. */
#define WATCHED_MAX 4096
#define NAMES_MAX   ((size_t)16 << 20)
#define ARENA_MAX   ((size_t)1 << 20)

/* One name of the list of mailboxes, and what the session knows of it. */
struct known {
	struct pf_str name, special_use; /* in the list's arena */
	unsigned flags;			 /* enum store_name_flags */
	unsigned events;
	bool own;    /* not somebody else's */
	bool none;   /* NONE was said of it */
	bool loaded; /* `told` is there */
	bool listed; /* in the answer that is just being written */
	struct watched *watch;
	unsigned seen; /* changes of `watch` */
	struct store_box_info told;
	uint32_t own_messages, own_uidnext; /* by this session, not told */
};

struct list {
	struct pf_arena arena;
	struct pf_vec(struct known) v;
	struct pf_map by_name; /* -> 1 + position */
};

struct notify {
	struct pf_arena arena;
	struct imap_notify what;
	unsigned selected; /* events of the selected mailbox */
	bool delayed;
	const struct imap_fetch *fetch;
	struct watched *names; /* the list; NULL: not of interest */
	unsigned names_seen;
	struct list list;
	size_t watched; /* mailboxes */
	size_t begun;	/* of notify_begin() */
	struct pf_vec(char *) own_names;
	struct store_uids own_uids; /* in the selected mailbox */
};

static char separator_of(const struct client *client)
{
	return client->user->server->conf->hierarchy_separator[0];
}

/* ---- the list of mailboxes --------------------------------------------------
 */

static void list_release(struct list *list)
{
	for (size_t i = 0; i < list->v.n; i++)
		watched_put(&list->v.v[i].watch);
	pf_vec_release(&list->v);
	pf_map_release(&list->by_name);
	pf_arena_release(&list->arena);
}

static bool wants_shared(const struct imap_notify *what)
{
	for (size_t i = 0; i < what->count; i++)
		if (mailboxes_shared(&what->groups[i].filter))
			return true;
	return false;
}

static pf_status list_read(struct client *client,
			   const struct imap_notify *what, struct list *list,
			   struct pf_error *err)
{
	struct mailboxes names = {0};

	*list = (struct list){0};
	pf_arena_init(&list->arena, NAMES_MAX);
	pf_status status = mailboxes_read(client, wants_shared(what),
					  &list->arena, &names, err);
	for (size_t i = 0; status == PF_OK && i < names.n; i++) {
		const struct mailbox *m = &names.v[i];
		struct known known = {.name = m->name,
				      .special_use = m->special_use,
				      .flags = m->flags,
				      .own = m->own};
		pf_vec_push(&list->v, known);
		pf_map_set(&list->by_name, known.name,
			   (void *)(uintptr_t)list->v.n);
	}
	pf_vec_release(&names);
	if (status != PF_OK)
		list_release(list);
	return status;
}

static struct known *list_find(const struct list *list, struct pf_str name)
{
	uintptr_t at = (uintptr_t)pf_map_get(&list->by_name, name);

	return at ? &list->v.v[at - 1] : NULL;
}

/* ---- who is meant
 * ------------------------------------------------------------
 */

/* RFC 5465 6: several groups may name a mailbox; NONE takes it out. */
static unsigned events_of(const struct client *client, const struct notify *n,
			  struct pf_str name, bool own, bool subscribed,
			  bool *none)
{
	unsigned events = 0;

	*none = false;
	for (size_t i = 0; i < n->what.count; i++) {
		const struct imap_notify_group *group = &n->what.groups[i];

		if (!mailboxes_match(client, &group->filter, name, own,
				     subscribed))
			continue;
		events |= group->events;
		*none = *none || group->events == 0;
	}
	return *none ? 0 : events;
}

static bool wants(const struct client *client, const struct notify *n,
		  struct pf_str name, bool subscribed, enum imap_event event)
{
	const struct known *k = list_find(&n->list, name);
	bool none;

	return events_of(client, n, name, !k || k->own, subscribed, &none) &
	       event;
}

/* What becomes of `k` now: its events, its watch. */
static void set_interest(struct client *client, struct notify *n,
			 struct known *k)
{
	bool exists = k->flags & STORE_NAME_EXISTS;

	k->events = events_of(client, n, k->name, k->own,
			      k->flags & STORE_NAME_SUBSCRIBED, &k->none);
	bool watch = exists && (k->events & IMAP_EVENT_MESSAGES) != 0;
	if (watch && !k->watch) {
		k->watch = watched_get(client->user, k->name);
		k->seen = watched_changes(k->watch);
	} else if (!watch) {
		watched_put(&k->watch);
	}
	n->watched += watch;
}

static pf_status set_interests(struct client *client, struct notify *n,
			       struct pf_error *err)
{
	n->watched = 0;
	for (size_t i = 0; i < n->list.v.n && n->watched <= WATCHED_MAX; i++)
		set_interest(client, n, &n->list.v.v[i]);
	if (n->watched <= WATCHED_MAX)
		return PF_OK;
	return pf_error_set(err, PF_LIMIT, "Too many mailboxes to watch",
			    "notify: more than %d mailboxes", WATCHED_MAX);
}

/* ---- what is written
 * ----------------------------------------------------------
 */

static void write_word(struct pf_buf *out, size_t start, const char *word)
{
	pf_buf_addf(out, "%s%s", out->len > start ? " " : "", word);
}

/* "* LIST (\Subscribed) "/" new ("OLDNAME" ("old"))"; k NULL: there is no such
 * name any more */
static void write_list(struct client *client, struct pf_str name,
		       const struct known *k, struct pf_str old)
{
	struct pf_buf *out = &client->out;
	unsigned flags = k ? k->flags : 0;

	pf_buf_add_c(out, "* LIST (");
	size_t start = out->len;
	if (!(flags & STORE_NAME_EXISTS))
		write_word(out, start, "\\NonExistent");
	if (flags & STORE_NAME_SUBSCRIBED)
		write_word(out, start, "\\Subscribed");
	if (k)
		write_word(out, start,
			   flags & STORE_NAME_CHILDREN ? "\\HasChildren"
						       : "\\HasNoChildren");
	if (k && k->special_use.n) {
		write_word(out, start, "\\");
		pf_buf_add_str(out, k->special_use);
	}
	pf_buf_addf(out, ") \"%c\" ", separator_of(client));
	write_mailbox(out, client, name);
	if (old.n) {
		pf_buf_add_c(out, " (\"OLDNAME\" (");
		write_mailbox(out, client, old);
		pf_buf_add_c(out, "))");
	}
	pf_buf_add_c(out, "\r\n");
}

enum told {
	TOLD_MESSAGES = 1, /* and UIDNEXT */
	TOLD_UNSEEN = 2,
	TOLD_MODSEQ = 4
};

static void write_status(struct client *client, const struct known *k,
			 unsigned what)
{
	struct pf_buf *out = &client->out;
	const struct store_box_info *info = &k->told;

	pf_buf_add_c(out, "* STATUS ");
	write_mailbox(out, client, k->name);
	pf_buf_add_c(out, " (");
	if (what & TOLD_MESSAGES)
		pf_buf_addf(out, "MESSAGES %u UIDNEXT %u ", info->messages,
			    info->uidnext);
	if (what & TOLD_UNSEEN)
		pf_buf_addf(out, "UNSEEN %u ", info->unseen);
	pf_buf_addf(out, "UIDVALIDITY %u", info->uidvalidity);
	if (what & TOLD_MODSEQ)
		pf_buf_addf(out, " HIGHESTMODSEQ %llu",
			    (unsigned long long)info->highest_modseq);
	pf_buf_add_c(out, ")\r\n");
}

/* RFC 5465 5.1-5.3: what of a change is told */
static unsigned news(const struct client *client, const struct known *k,
		     const struct store_box_info *now)
{
	const struct store_box_info *told = &k->told;
	bool flags = k->events & IMAP_EVENT_FLAGS;
	unsigned what = 0;

	if (now->uidvalidity != told->uidvalidity ||
	    now->messages != told->messages || now->uidnext != told->uidnext)
		what |= TOLD_MESSAGES;
	if (flags && now->unseen != told->unseen)
		what |= TOLD_UNSEEN;
	if (client->condstore && now->highest_modseq != told->highest_modseq &&
	    (flags || what))
		what |= TOLD_MODSEQ;
	return what;
}

/* Just what this session did itself? */
static bool is_own(struct known *k, const struct store_box_info *now)
{
	bool own = k->own_messages && now->uidvalidity == k->told.uidvalidity &&
		   now->messages == k->told.messages + k->own_messages &&
		   now->uidnext == k->own_uidnext;

	k->own_messages = 0;
	return own;
}

/* ---- how it begins
 * ------------------------------------------------------------
 */

/* RFC 5465 5: needs the rights to look up and to read. */
static pf_status status_of(struct client *client, struct pf_str name,
			   struct store_box_info *info, struct pf_error *err)
{
	struct share_place place;
	uint32_t recent;
	pf_status status =
	    place_quietly(client, name, STORE_LOOKUP | STORE_READ, &place, err);

	if (status == PF_OK)
		status =
		    store_status(place.store, place.name, info, &recent, err);
	return status;
}

static pf_status load(struct client *client, struct known *k)
{
	struct pf_error err = {0};
	pf_status status = status_of(client, k->name, &k->told, &err);

	k->loaded = status == PF_OK;
	/* what was removed meanwhile is no fault (RFC 5465 3.1) */
	if (status != PF_OK && status != PF_NOTFOUND)
		pf_log_error(PF_LOG_WARN, "status-failed", &err,
			     PF_LOGC("user", client->user->name),
			     PF_LOGS("mailbox", k->name));
	return status;
}

static void take_selected(struct notify *n)
{
	for (size_t i = 0; i < n->what.count; i++) {
		const struct imap_notify_group *group = &n->what.groups[i];

		if (group->filter.kind > IMAP_FILTER_DELAYED)
			continue;
		n->selected = group->events;
		n->delayed = group->filter.kind == IMAP_FILTER_DELAYED;
		n->fetch = group->fetch.count ? &group->fetch : NULL;
	}
}

/* Anything but SELECTED needs the list. */
static bool needs_list(const struct notify *n)
{
	for (size_t i = 0; i < n->what.count; i++)
		if (n->what.groups[i].filter.kind > IMAP_FILTER_DELAYED)
			return true;
	return false;
}

pf_status notify_new(struct client *client, const struct imap_arg *args,
		     struct notify **notify, struct pf_error *err)
{
	struct notify *n = calloc(1, sizeof *n);
	pf_status status;

	if (!n)
		abort();
	pf_arena_init(&n->arena, ARENA_MAX);
	status = imap_notify_parse(args, client_utf8(client), &n->arena,
				   &n->what, err);
	if (status == PF_OK) {
		take_selected(n);
		/* watched first, so that nothing falls between */
		if (needs_list(n)) {
			n->names = watched_get(client->user, PF_STR(""));
			n->names_seen = watched_changes(n->names);
			status = list_read(client, &n->what, &n->list, err);
		}
		if (status == PF_OK)
			status = set_interests(client, n, err);
	}
	if (status != PF_OK)
		notify_free(&n);
	else
		*notify = n;
	return status;
}

void notify_free(struct notify **notify)
{
	struct notify *n = *notify;

	*notify = NULL;
	if (!n)
		return;
	list_release(&n->list);
	watched_put(&n->names);
	for (size_t i = 0; i < n->own_names.n; i++)
		free(n->own_names.v[i]);
	pf_vec_release(&n->own_names);
	pf_vec_release(&n->own_uids);
	pf_arena_release(&n->arena);
	free(n);
}

unsigned notify_events(const struct notify *n)
{
	return n->what.events;
}

/* RFC 5465 3.1.  NONE with STATUS is a snapshot (section 5). */
static void tell_begin(struct client *client, const struct notify *n,
		       const struct known *k)
{
	unsigned what = TOLD_MESSAGES;

	if (!n->what.status || !k->loaded ||
	    mailboxes_selected(client, k->name) ||
	    !(k->none || (k->events & IMAP_EVENT_MESSAGES)))
		return;
	if (k->events & IMAP_EVENT_FLAGS)
		what |= TOLD_UNSEEN | TOLD_MODSEQ;
	if (client->condstore)
		what |= TOLD_MODSEQ;
	write_status(client, k, what);
}

/* It can be listed, but not read (RFC 5465 3.1). */
static void tell_no_access(struct client *client, const struct known *k)
{
	pf_buf_addf(&client->out, "* LIST (\\NoAccess) \"%c\" ",
		    separator_of(client));
	write_mailbox(&client->out, client, k->name);
	pf_buf_add_c(&client->out, "\r\n");
}

enum run notify_begin(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct notify *n = client->notify;
	int64_t start = pf_clock_mono_ms();

	for (; n->begun < n->list.v.n; n->begun++) {
		struct known *k = &n->list.v.v[n->begun];

		if (client_full(client))
			return RUN_OUTPUT;
		if (slice_over(start))
			return RUN_MORE;
		/* MailboxName: a renamed mailbox is known by its id */
		if (!(k->flags & STORE_NAME_EXISTS) ||
		    !(k->none || (k->events & IMAP_EVENT_MESSAGES) ||
		      (n->what.events & IMAP_EVENT_NAME)))
			continue;
		if (load(client, k) == PF_OK)
			tell_begin(client, n, k);
		else if (!k->own && (k->events & IMAP_EVENT_MESSAGES))
			tell_no_access(client, k);
	}
	return RUN_DONE;
}

/* ---- the selected mailbox
 * ----------------------------------------------------
 */

bool notify_tells(const struct client *client, enum imap_event event)
{
	return !client->notify || (client->notify->selected & event);
}

bool notify_delays(const struct client *client)
{
	return client->notify && client->notify->delayed;
}

const struct imap_fetch *notify_fetch(const struct client *client)
{
	return client->notify ? client->notify->fetch : NULL;
}

/* ---- what the session did itself
 * ---------------------------------------------
 */

bool notify_wants(const struct client *client, struct pf_str mailbox,
		  enum imap_event event)
{
	const struct notify *n = client->notify;
	const struct known *k = n ? list_find(&n->list, mailbox) : NULL;

	if (!n)
		return false;
	if (event == IMAP_EVENT_SERVER_METADATA)
		return n->what.events & event;
	return wants(client, n, mailbox,
		     k && (k->flags & STORE_NAME_SUBSCRIBED), event);
}

void notify_own_messages(struct client *client, struct pf_str mailbox,
			 const struct store_uids *uids)
{
	struct notify *n = client->notify;
	struct known *k = n ? list_find(&n->list, mailbox) : NULL;

	if (!n || uids->n == 0)
		return;
	if (mailboxes_selected(client, mailbox)) {
		for (size_t i = 0; n->fetch && i < uids->n; i++)
			pf_vec_push(&n->own_uids, uids->v[i]);
	} else if (k) {
		k->own_messages += (uint32_t)uids->n;
		k->own_uidnext = uids->v[uids->n - 1] + 1;
	}
}

bool notify_is_own(const struct client *client, uint32_t uid)
{
	const struct notify *n = client->notify;

	for (size_t i = n ? n->own_uids.n : 0; i-- > 0;)
		if (n->own_uids.v[i] == uid)
			return true;
	return false;
}

void notify_own_told(struct client *client)
{
	if (client->notify)
		client->notify->own_uids.n = 0;
}

void notify_own_name(struct client *client, struct pf_str name)
{
	if (client->notify && client->notify->names)
		pf_vec_push(&client->notify->own_names, pf_str_dup(name));
}

static bool is_own_name(const struct client *client, struct pf_str name)
{
	const struct notify *n = client->notify;

	for (size_t i = 0; i < n->own_names.n; i++) {
		struct pf_str own = pf_str_c(n->own_names.v[i]);

		if (pf_str_starts(name, own) &&
		    (name.n == own.n || name.p[own.n] == separator_of(client)))
			return true;
	}
	return false;
}

/* ---- the list changed
 * ----------------------------------------------------------
 */

static bool exists(const struct known *k)
{
	return k && (k->flags & STORE_NAME_EXISTS);
}

static struct pf_str parent_of(const struct client *client, struct pf_str name)
{
	ptrdiff_t at = pf_str_rchr(name, separator_of(client));

	return at > 0 ? pf_str_head(name, (size_t)at) : (struct pf_str){0};
}

/* The mailbox that has become `k`: same id, and not there any more. */
static const struct known *old_name(const struct list *old,
				    const struct list *fresh,
				    const struct pf_map *by_id,
				    const struct known *k)
{
	if (!k->loaded || !k->told.guid[0])
		return NULL;
	uintptr_t at = (uintptr_t)pf_map_get(by_id, pf_str_c(k->told.guid));
	const struct known *was = at ? &old->v.v[at - 1] : NULL;

	return was && !exists(list_find(fresh, was->name)) ? was : NULL;
}

/* RFC 5465 5.4: children that went along are not told. */
static bool went_along(const struct client *client, const struct list *old,
		       const struct list *fresh, const struct pf_map *by_id,
		       const struct known *k, const struct known *was)
{
	struct pf_str up = parent_of(client, k->name);
	struct pf_str was_up = parent_of(client, was->name);
	const struct known *parent = up.n ? list_find(fresh, up) : NULL;
	const struct known *was_parent =
	    exists(parent) ? old_name(old, fresh, by_id, parent) : NULL;

	return was_parent && pf_str_eq(was_parent->name, was_up) &&
	       pf_str_eq(pf_str_from(k->name, up.n),
			 pf_str_from(was->name, was_up.n));
}

struct renewal {
	struct cmd *cmd;
	struct list old;
	struct pf_map by_id; /* of mailboxes in `old`: 1 + position */
};

/* What `k` was told of goes over to the new list; a new mailbox begins empty,
 * so that what is in it is news. */
static void take_over(struct renewal *r, struct known *k)
{
	struct client *client = r->cmd->client;
	struct known *was = list_find(&r->old, k->name);

	if (was) {
		k->loaded = was->loaded;
		k->told = was->told;
		k->own_messages = was->own_messages;
		k->own_uidnext = was->own_uidnext;
		k->watch = was->watch;
		k->seen = was->seen;
		was->watch = NULL;
		if (k->watch)
			watched_renew(k->watch);
	}
	if (exists(k) && !exists(was) && load(client, k) == PF_OK &&
	    !is_own_name(client, k->name)) {
		k->told.messages = k->told.unseen = 0;
		k->told.uidnext = 1;
	}
}

/* The direct parent counts as changed too (RFC 5465 5.4). */
static void tell_parent(struct renewal *r, struct pf_str name)
{
	struct client *client = r->cmd->client;
	struct notify *n = client->notify;
	struct pf_str up = parent_of(client, name);
	struct known *k = up.n ? list_find(&n->list, up) : NULL;
	struct known *was = up.n ? list_find(&r->old, up) : NULL;
	struct known *mark = k ? k : was;

	if (!mark || mark->listed || exists(k) != exists(was) ||
	    !wants(client, n, up, mark->flags & STORE_NAME_SUBSCRIBED,
		   IMAP_EVENT_NAME))
		return;
	mark->listed = true;
	write_list(client, up, k, (struct pf_str){0});
}

static void tell_born(struct renewal *r, struct known *k)
{
	struct client *client = r->cmd->client;
	struct notify *n = client->notify;
	const struct known *was = old_name(&r->old, &n->list, &r->by_id, k);
	bool wanted = wants(client, n, k->name,
			    k->flags & STORE_NAME_SUBSCRIBED, IMAP_EVENT_NAME);

	if (was) { /* what was told of it stays true */
		k->told = was->told;
		k->own_messages = 0;
	}
	if (!wanted || is_own_name(client, k->name))
		return;
	if (was && went_along(client, &r->old, &n->list, &r->by_id, k, was))
		return;
	k->listed = true;
	write_list(client, k->name, k, was ? was->name : (struct pf_str){0});
	if (!was)
		tell_parent(r, k->name);
}

static void tell_gone(struct renewal *r, const struct known *was)
{
	struct client *client = r->cmd->client;
	struct notify *n = client->notify;
	struct known *k = list_find(&n->list, was->name);

	if (is_own_name(client, was->name) ||
	    !wants(client, n, was->name, was->flags & STORE_NAME_SUBSCRIBED,
		   IMAP_EVENT_NAME))
		return;
	if (k)
		k->listed = true;
	write_list(client, was->name, k, (struct pf_str){0});
	tell_parent(r, was->name);
}

static void tell_subscription(struct renewal *r, struct pf_str name)
{
	struct client *client = r->cmd->client;
	struct notify *n = client->notify;
	struct known *k = list_find(&n->list, name);
	const struct known *was = list_find(&r->old, name);
	bool now = k && (k->flags & STORE_NAME_SUBSCRIBED);
	bool before = was && (was->flags & STORE_NAME_SUBSCRIBED);

	/* of SUBSCRIBED mailboxes: those that were or are */
	if (now == before || (k && k->listed) || is_own_name(client, name) ||
	    !wants(client, n, name, true, IMAP_EVENT_SUBSCRIPTION))
		return;
	write_list(client, name, k, (struct pf_str){0});
}

/* Renamed away: it is told as the new mailbox. */
static bool is_renamed(const struct renewal *r, const struct pf_map *born,
		       const struct known *was)
{
	const struct notify *n = r->cmd->client->notify;
	uintptr_t at =
	    was->loaded ? (uintptr_t)pf_map_get(born, pf_str_c(was->told.guid))
			: 0;
	const struct known *k = at ? &n->list.v.v[at - 1] : NULL;

	return k && wants(r->cmd->client, n, k->name,
			  k->flags & STORE_NAME_SUBSCRIBED, IMAP_EVENT_NAME);
}

static void tell_names(struct renewal *r)
{
	struct notify *n = r->cmd->client->notify;
	struct pf_map born = {0}; /* id -> 1 + position */

	for (size_t i = 0; i < n->list.v.n; i++) {
		struct known *k = &n->list.v.v[i];

		if (!exists(k) || exists(list_find(&r->old, k->name)))
			continue;
		if (k->loaded && k->told.guid[0])
			pf_map_set(&born, pf_str_c(k->told.guid),
				   (void *)(uintptr_t)(i + 1));
		tell_born(r, k);
	}
	for (size_t i = 0; i < r->old.v.n; i++) {
		const struct known *was = &r->old.v.v[i];

		if (exists(was) && !exists(list_find(&n->list, was->name)) &&
		    !is_renamed(r, &born, was))
			tell_gone(r, was);
	}
	for (size_t i = 0; i < n->list.v.n; i++)
		tell_subscription(r, n->list.v.v[i].name);
	for (size_t i = 0; i < r->old.v.n; i++)
		if (!list_find(&n->list, r->old.v.v[i].name))
			tell_subscription(r, r->old.v.v[i].name);
	pf_map_release(&born);
}

/* RFC 5465 5.8 */
static void overflow(struct client *client, const struct pf_error *err)
{
	struct notify *none = calloc(1, sizeof *none);

	if (!none)
		abort();
	pf_log_error(PF_LOG_WARN, "notify-overflow", err,
		     PF_LOGC("user", client->user->name));
	pf_buf_addf(&client->out, "* OK [NOTIFICATIONOVERFLOW] %s\r\n",
		    err->client[0] ? err->client : "No more notifications");
	notify_free(&client->notify);
	client->notify = none;
}

/* Reads the list again and tells how it differs. */
static pf_status renew(struct cmd *cmd, struct pf_error *err)
{
	struct client *client = cmd->client;
	struct notify *n = client->notify;
	struct renewal r = {.cmd = cmd};
	struct list fresh;

	n->names_seen = watched_changes(n->names);
	pf_status status = list_read(client, &n->what, &fresh, err);
	if (status != PF_OK)
		return status;
	r.old = n->list;
	n->list = fresh;
	for (size_t i = 0; i < r.old.v.n; i++)
		if (r.old.v.v[i].loaded && r.old.v.v[i].told.guid[0])
			pf_map_set(&r.by_id, pf_str_c(r.old.v.v[i].told.guid),
				   (void *)(uintptr_t)(i + 1));
	for (size_t i = 0; i < n->list.v.n; i++)
		take_over(&r, &n->list.v.v[i]);
	tell_names(&r);
	for (size_t i = 0; i < n->list.v.n; i++)
		n->list.v.v[i].listed = false;
	for (size_t i = 0; i < n->own_names.n; i++)
		free(n->own_names.v[i]);
	n->own_names.n = 0;
	list_release(&r.old);
	pf_map_release(&r.by_id);
	status = set_interests(client, n, err);
	/* new ones are looked at in any case */
	for (size_t i = 0; i < n->list.v.n; i++)
		if (n->list.v.v[i].watch)
			n->list.v.v[i].seen--;
	return status;
}

/* ---- telling
 * -------------------------------------------------------------------
 */

static void tell_box(struct client *client, struct known *k)
{
	struct store_box_info now;
	struct pf_error err = {0};

	if (mailboxes_selected(client, k->name)) {
		/* that is told in its own way (RFC 5465 3.1) */
		store_box_info(client->box, &k->told);
		return;
	}
	if (status_of(client, k->name, &now, &err) != PF_OK)
		return;
	unsigned what = k->loaded ? news(client, k, &now) : TOLD_MESSAGES;
	if (is_own(k, &now))
		what = 0;
	k->told = now;
	k->loaded = true;
	if (what)
		write_status(client, k, what);
}

enum run notify_tell(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct notify *n = client->notify;
	int64_t start = pf_clock_mono_ms();
	struct pf_error err = {0};

	if (!n || !n->names)
		return RUN_DONE;
	if ((n->own_names.n || watched_changes(n->names) != n->names_seen) &&
	    renew(cmd, &err) != PF_OK) {
		overflow(client, &err);
		return RUN_DONE;
	}
	for (size_t i = 0; i < n->list.v.n; i++) {
		struct known *k = &n->list.v.v[i];
		unsigned changes = k->watch ? watched_changes(k->watch) : 0;

		if (!k->watch || changes == k->seen)
			continue;
		if (client_full(client))
			return RUN_OUTPUT;
		if (slice_over(start))
			return RUN_MORE;
		k->seen = changes; /* before looking: none is missed */
		tell_box(client, k);
	}
	return RUN_DONE;
}
