/*
 * Contexts (RFC 5267 4.3; with FETCH items: RFC 5465 7).
 *
 * A context is a key tree of its own and the UIDs that the client was told:
 * sorted, and for SORT in their order, too.  Whenever the view moves, the
 * messages that are new or have another modseq are judged again; nothing else
 * can enter or leave a result.  Positions in a SORT are found by halving: only
 * the messages met on the way are read.
 *
 * Sequence numbers and "$" in the keys are those of the moment when the
 * command came (4.3), so they become sets of UIDs.
 */
#include "imapd/context.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "imapd/fetch.h"
#include "imapd/notify.h"

/* Contexts of one session, and UIDs in all of them. */
#define CONTEXTS_MAX 16
#define UIDS_MAX     2000000
#define KEYS_MAX     ((size_t)1 << 20)

struct context {
	struct pf_link link; /* client->contexts */
	struct pf_arena arena;
	struct pf_str tag;
	struct pf_str mailbox; /* of ESEARCH: told, with */
	uint32_t uidvalidity;
	bool uid;     /* of a UID command */
	bool changes; /* flags may change what matches */
	bool sorted;
	struct imap_key *root;
	struct imap_sort by;
	struct imap_fetch fetch; /* count 0: nothing */
	struct store_uids members;
	struct store_uids order; /* sorted */
};

static struct context *context_of(struct pf_link *link)
{
	return pf_container_of(link, struct context, link);
}

static void context_free(struct context *c)
{
	pf_list_remove(&c->link);
	pf_vec_release(&c->members);
	pf_vec_release(&c->order);
	pf_arena_release(&c->arena);
	free(c);
}

void context_clear(struct client *client)
{
	while (!pf_list_empty(&client->contexts))
		context_free(context_of(client->contexts.next));
}

static struct context *find(const struct client *client, struct pf_str tag)
{
	for (struct pf_link *l = client->contexts.next; l != &client->contexts;
	     l = l->next)
		if (pf_str_eq(context_of(l)->tag, tag))
			return context_of(l);
	return NULL;
}

bool context_exists(const struct client *client, struct pf_str tag)
{
	return find(client, tag) != NULL;
}

/* ---- sets of UIDs -----------------------------------------------------------
 */

static int compare_uids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool has(const struct store_uids *sorted, uint32_t uid)
{
	return sorted->n && bsearch(&uid, sorted->v, sorted->n,
				    sizeof *sorted->v, compare_uids);
}

/* Those of `uids` that are not in `gone`; both sorted. */
static void subtract(struct store_uids *uids, const struct store_uids *gone)
{
	size_t to = 0;

	for (size_t i = 0; i < uids->n; i++)
		if (!has(gone, uids->v[i]))
			uids->v[to++] = uids->v[i];
	uids->n = to;
}

static void add_sorted(struct store_uids *uids, const struct store_uids *more)
{
	for (size_t i = 0; i < more->n; i++)
		pf_vec_push(uids, more->v[i]);
	if (uids->n)
		qsort(uids->v, uids->n, sizeof *uids->v, compare_uids);
}

/* ---- a context begins
 * ---------------------------------------------------------
 */

/* Is the answer another one when flags change? */
static bool depends_on_flags(const struct imap_key *key)
{
	if (key->kind == IMAP_KEY_FLAG || key->kind == IMAP_KEY_RECENT ||
	    key->kind == IMAP_KEY_MODSEQ || key->kind == IMAP_KEY_OLDER ||
	    key->kind == IMAP_KEY_YOUNGER)
		return true;
	for (const struct imap_key *k = key->child; k; k = k->next)
		if (depends_on_flags(k))
			return true;
	return false;
}

/* A set of UIDs in place of numbers, and of "$". */
static bool copy_set(struct context *c, const struct client *client,
		     const struct imap_key *from, struct imap_key *to)
{
	struct store_uids uids = {0};
	uint32_t count = store_view_count(client->view);

	to->kind = IMAP_KEY_UID;
	if (from->kind == IMAP_KEY_SAVED) {
		for (size_t i = 0; i < client->saved.n; i++)
			pf_vec_push(&uids, client->saved.v[i]);
	} else {
		for (uint32_t seq = 1; seq <= count; seq++)
			if (imap_set_has(&from->set, seq))
				pf_vec_push(&uids,
					    store_view_uid(client->view, seq));
	}
	to->set = (struct imap_set){0};
	to->set.v =
	    pf_arena_array(&c->arena, uids.n ? uids.n : 1, sizeof *to->set.v);
	for (size_t i = 0; to->set.v && i < uids.n; i++) {
		uint32_t uid = uids.v[i];

		if (to->set.n && to->set.v[to->set.n - 1].to + 1 == uid)
			to->set.v[to->set.n - 1].to = uid;
		else
			to->set.v[to->set.n++] = (struct imap_range){uid, uid};
	}
	pf_vec_release(&uids);
	return to->set.v != NULL;
}

/* The tree is not deep (imap/search.c).  NULL: too large. */
static struct imap_key *copy_key(struct context *c, const struct client *client,
				 const struct imap_key *from)
{
	struct imap_key *to = PF_ARENA_NEW(&c->arena, struct imap_key);
	struct imap_key **end = to ? &to->child : NULL;

	if (!to)
		return NULL;
	*to = *from;
	to->child = to->next = NULL;
	to->name = pf_arena_str(&c->arena, from->name);
	to->text = pf_arena_str(&c->arena, from->text);
	if (from->kind == IMAP_KEY_SEQ || from->kind == IMAP_KEY_SAVED) {
		if (!copy_set(c, client, from, to))
			return NULL;
	} else if (from->set.n) {
		to->set.v =
		    pf_arena_array(&c->arena, from->set.n, sizeof *to->set.v);
		if (!to->set.v)
			return NULL;
		memcpy(to->set.v, from->set.v, from->set.n * sizeof *to->set.v);
	}
	for (const struct imap_key *k = from->child; k; k = k->next) {
		*end = copy_key(c, client, k);
		if (!*end)
			return NULL;
		end = &(*end)->next;
	}
	return to;
}

static size_t room_taken(const struct client *client, size_t *contexts)
{
	size_t uids = 0;

	*contexts = 0;
	for (struct pf_link *l = client->contexts.next; l != &client->contexts;
	     l = l->next) {
		uids += context_of(l)->members.n + context_of(l)->order.n;
		(*contexts)++;
	}
	return uids;
}

static bool fill(struct context *c, const struct client *client,
		 const struct cmd *cmd, const struct find *f,
		 const struct imap_sort *by)
{
	c->tag = pf_arena_str(&c->arena, cmd->tag);
	c->mailbox = pf_arena_str(&c->arena, f->mailbox);
	c->uidvalidity = f->uidvalidity;
	c->uid = cmd->uid;
	c->root = copy_key(c, client, f->root);
	c->changes = c->root && depends_on_flags(c->root);
	c->sorted = by != NULL;
	if (by)
		c->by = *by;
	return c->tag.p && c->root &&
	       imap_fetch_join(&c->fetch, &f->what.update, &c->arena);
}

/* RFC 5267 4.3.1 */
void context_refuse(struct cmd *cmd)
{
	struct pf_buf *out = &cmd->client->out;

	pf_buf_add_c(out, "* NO [NOUPDATE ");
	imap_write_quoted(out, cmd->tag);
	pf_buf_add_c(out, "] Too many contexts\r\n");
}

void context_add(struct cmd *cmd, const struct find *f,
		 const struct imap_sort *by, const struct store_uids *uids)
{
	struct client *client = cmd->client;
	struct context *c = NULL;
	size_t contexts, taken = room_taken(client, &contexts);

	if (contexts < CONTEXTS_MAX && taken + 2 * uids->n <= UIDS_MAX) {
		c = calloc(1, sizeof *c);
		if (!c)
			abort();
		pf_arena_init(&c->arena, KEYS_MAX);
		pf_list_append(&client->contexts, &c->link);
		if (!fill(c, client, cmd, f, by)) {
			context_free(c);
			c = NULL;
		}
	}
	if (!c) {
		context_refuse(cmd);
		return;
	}
	add_sorted(&c->members, uids);
	for (size_t i = 0; c->sorted && i < uids->n; i++)
		pf_vec_push(&c->order, uids->v[i]);
}

/* ---- what is told
 * -------------------------------------------------------------
 */

static void write_begin(struct client *client, const struct context *c,
			const char *what)
{
	pf_buf_add_c(&client->out, "* ESEARCH (TAG ");
	imap_write_quoted(&client->out, c->tag);
	if (c->mailbox.n) {
		pf_buf_add_c(&client->out, " MAILBOX ");
		write_mailbox(&client->out, client, c->mailbox);
		pf_buf_addf(&client->out, " UIDVALIDITY %u", c->uidvalidity);
	}
	pf_buf_addf(&client->out, ")%s %s (", c->uid ? " UID" : "", what);
}

static uint32_t number(const struct client *client, const struct context *c,
		       uint32_t uid)
{
	return c->uid ? uid : store_view_seq(client->view, uid);
}

/* "0 1:3,5": for SEARCH the order is known (4.3.3) */
static void write_set(struct client *client, const struct context *c,
		      const struct store_uids *uids)
{
	struct store_uids numbers = {0};

	for (size_t i = 0; i < uids->n; i++)
		pf_vec_push(&numbers, number(client, c, uids->v[i]));
	pf_buf_add_c(&client->out, "0 ");
	imap_set_write(&client->out, numbers.v, numbers.n);
	pf_vec_release(&numbers);
}

/* Pairs of position and result; what follows the one before it is one set. */
struct pairs {
	struct client *client;
	const struct context *c;
	bool begun;
	size_t next; /* position that would go on */
};

static void write_pair(struct pairs *p, size_t at, uint32_t uid, size_t next)
{
	struct pf_buf *out = &p->client->out;
	uint32_t n = number(p->client, p->c, uid);

	if (p->begun && at == p->next)
		pf_buf_addf(out, ",%u", n);
	else
		pf_buf_addf(out, "%s%zu %u", p->begun ? " " : "", at, n);
	p->begun = true;
	p->next = next;
}

static void remove_sorted(struct client *client, struct context *c,
			  const struct store_uids *gone)
{
	struct pairs pairs = {.client = client, .c = c};
	size_t to = 0;

	for (size_t i = 0; i < c->order.n; i++) {
		uint32_t uid = c->order.v[i];

		if (has(gone, uid))
			write_pair(&pairs, to + 1, uid, to + 1);
		else
			c->order.v[to++] = uid;
	}
	c->order.n = to;
}

/* `gone`: members, sorted */
static void tell_removed(struct client *client, struct context *c,
			 const struct store_uids *gone)
{
	if (gone->n == 0)
		return;
	write_begin(client, c, "REMOVEFROM");
	if (c->sorted)
		remove_sorted(client, c, gone);
	else
		write_set(client, c, gone);
	pf_buf_add_c(&client->out, ")\r\n");
	subtract(&c->members, gone);
}

/* ---- an update
 * -----------------------------------------------------------------
 */

/* What comes into a context, and what leaves it. */
struct change {
	struct context *c;
	struct store_uids in, out;
};

struct context_update {
	struct pf_arena arena;
	struct store_uids touched; /* new, or with another modseq */
	uint32_t last;		   /* before: beyond it they are new */
	/* of the context at work */
	struct pf_link *link;
	struct search *search;
	size_t at; /* of touched */
	struct pf_vec(struct change) changes;
	bool judged;
	/* FETCH of new members */
	struct imap_fetch items;
	struct store_uids told; /* sorted */
	struct fetch *fetch;
	size_t writing; /* change */
	size_t placed;	/* of its `in` */
	struct pairs pairs;
};

struct context_update *context_update_new(struct client *client)
{
	const struct store_uids *gone = store_view_expunged(client->view);
	struct context_update *u;
	uint32_t count = store_view_count(client->view);

	if (pf_list_empty(&client->contexts))
		return NULL;
	for (struct pf_link *l = client->contexts.next; l != &client->contexts;
	     l = l->next) {
		struct context *c = context_of(l);
		struct store_uids out = {0};

		for (size_t i = 0; i < gone->n; i++)
			if (has(&c->members, gone->v[i]))
				pf_vec_push(&out, gone->v[i]);
		tell_removed(client, c, &out);
		pf_vec_release(&out);
	}
	u = calloc(1, sizeof *u);
	if (!u)
		abort();
	pf_arena_init(&u->arena, KEYS_MAX);
	u->last = count ? store_view_uid(client->view, count) : 0;
	store_view_touched(client->view, &u->touched);
	u->link = client->contexts.next;
	return u;
}

void context_update_free(struct context_update **update)
{
	struct context_update *u = *update;

	*update = NULL;
	if (!u)
		return;
	search_free(&u->search);
	fetch_free(&u->fetch);
	for (size_t i = 0; i < u->changes.n; i++) {
		pf_vec_release(&u->changes.v[i].in);
		pf_vec_release(&u->changes.v[i].out);
	}
	pf_vec_release(&u->changes);
	pf_vec_release(&u->touched);
	pf_vec_release(&u->told);
	pf_arena_release(&u->arena);
	free(u);
}

bool context_update_told(const struct context_update *update, uint32_t uid)
{
	return update && has(&update->told, uid);
}

/* One message, one context. */
static void judge(struct client *client, struct context_update *u,
		  struct context *c, uint32_t uid)
{
	struct change *change = &u->changes.v[u->changes.n - 1];
	bool member = has(&c->members, uid), match = false;
	struct pf_error err = {0};

	if (uid <= u->last && !c->changes)
		return;
	pf_status status = search_message(u->search, uid, &match, &err);
	if (status == PF_EXPUNGED)
		return; /* that will be told */
	if (status != PF_OK)
		pf_log_error(PF_LOG_WARN, "context-failed", &err,
			     PF_LOGC("user", client->user->name));
	else if (match && !member)
		pf_vec_push(&change->in, uid);
	else if (!match && member)
		pf_vec_push(&change->out, uid);
}

static enum run judge_all(struct client *client, struct context_update *u)
{
	int64_t start = pf_clock_mono_ms();
	struct pf_error err = {0};

	for (; u->link != &client->contexts; u->link = u->link->next) {
		struct context *c = context_of(u->link);

		if (!u->search) {
			struct change change = {.c = c};
			if (search_new(client->view, c->root, NULL, NULL,
				       &u->search, &err) != PF_OK) {
				pf_log_error(
				    PF_LOG_WARN, "context-failed", &err,
				    PF_LOGC("user", client->user->name));
				continue;
			}
			pf_vec_push(&u->changes, change);
			u->at = 0;
		}
		for (; u->at < u->touched.n; u->at++) {
			if (u->at % 16 == 15 && slice_over(start))
				return RUN_MORE;
			judge(client, u, c, u->touched.v[u->at]);
		}
		search_free(&u->search);
	}
	return RUN_DONE;
}

/* RFC 5465 5.2, 7: the items of all that want some, in one FETCH */
static void begin_fetch(struct client *client, struct context_update *u)
{
	const struct imap_fetch *notify = notify_fetch(client);
	bool good = true;

	for (size_t i = 0; i < u->changes.n; i++) {
		const struct change *change = &u->changes.v[i];

		if (!change->c->fetch.count)
			continue;
		for (size_t k = 0; k < change->in.n; k++)
			if (change->in.v[k] > u->last &&
			    !notify_is_own(client, change->in.v[k]) &&
			    !has(&u->told, change->in.v[k]))
				pf_vec_push(&u->told, change->in.v[k]);
		add_sorted(&u->told, &(struct store_uids){0});
		good = good &&
		       imap_fetch_join(&u->items, &change->c->fetch, &u->arena);
	}
	if (u->told.n && notify)
		good = good && imap_fetch_join(&u->items, notify, &u->arena);
	if (u->told.n && good)
		u->fetch = fetch_new(client, &u->items, &u->told);
}

static void tell_set_added(struct client *client, struct context *c,
			   const struct store_uids *in)
{
	write_begin(client, c, "ADDTO");
	write_set(client, c, in);
	pf_buf_add_c(&client->out, ")\r\n");
}

/* SORT: one by one, each at its place.  MORE: the line is not complete. */
static enum run tell_placed(struct client *client, struct context_update *u,
			    struct change *change)
{
	struct context *c = change->c;
	int64_t start = pf_clock_mono_ms();
	struct pf_error err = {0};

	while (u->placed < change->in.n) {
		uint32_t uid = change->in.v[u->placed];
		size_t at = 0;

		if (u->pairs.begun && slice_over(start))
			return RUN_MORE;
		if (sort_place(client, &c->by, &c->order, uid, &at, &err) !=
		    PF_OK) { /* gone meanwhile: it never came */
			memmove(change->in.v + u->placed,
				change->in.v + u->placed + 1,
				(--change->in.n - u->placed) *
				    sizeof *change->in.v);
			continue;
		}
		if (!u->pairs.begun)
			write_begin(client, c, "ADDTO");
		write_pair(&u->pairs, at + 1, uid, at + 2);
		pf_vec_push(&c->order, uid);
		memmove(c->order.v + at + 1, c->order.v + at,
			(c->order.n - 1 - at) * sizeof *c->order.v);
		c->order.v[at] = uid;
		u->placed++;
	}
	if (u->pairs.begun)
		pf_buf_add_c(&client->out, ")\r\n");
	return RUN_DONE;
}

static enum run tell_change(struct client *client, struct context_update *u,
			    struct change *change)
{
	struct context *c = change->c;
	enum run result = RUN_DONE;

	if (u->placed == 0 && !u->pairs.begun) {
		u->pairs = (struct pairs){.client = client, .c = c};
		tell_removed(client, c, &change->out);
	}
	if (change->in.n && !c->sorted)
		tell_set_added(client, c, &change->in);
	else if (change->in.n)
		result = tell_placed(client, u, change);
	if (result != RUN_DONE)
		return result;
	add_sorted(&c->members, &change->in);
	u->pairs.begun = false;
	u->placed = 0;
	return RUN_DONE;
}

enum run context_update_tell(struct cmd *cmd, struct context_update *u)
{
	struct client *client = cmd->client;
	enum run result = RUN_DONE;

	if (!u->judged) {
		result = judge_all(client, u);
		if (result != RUN_DONE)
			return result;
		u->judged = true;
		begin_fetch(client, u);
	}
	if (u->fetch)
		result = fetch_tell(cmd, u->fetch);
	if (result != RUN_DONE)
		return result;
	fetch_free(&u->fetch);
	for (; u->writing < u->changes.n; u->writing++) {
		if (client_full(client) && !u->pairs.begun)
			return RUN_OUTPUT;
		result = tell_change(client, u, &u->changes.v[u->writing]);
		if (result != RUN_DONE)
			return result;
	}
	return RUN_DONE;
}

/* ---- CANCELUPDATE (RFC 5267 4.3.5)
 * ----------------------------------------------
 */

enum run run_cancelupdate(struct cmd *cmd)
{
	struct client *client = cmd->client;
	const struct imap_arg *arg;
	struct pf_str tag;

	if (cmd->args[0].kind == IMAP_END)
		return reply_bad(cmd, "CANCELUPDATE needs a tag");
	for (arg = cmd->args; arg->kind != IMAP_END; arg++)
		if (!imap_arg_astring(arg, &tag) || !find(client, tag))
			return reply_bad(cmd, "There is no such context");
	for (arg = cmd->args; arg->kind != IMAP_END; arg++) {
		struct context *c =
		    imap_arg_astring(arg, &tag) ? find(client, tag) : NULL;
		if (c)
			context_free(c);
	}
	return reply_ok(cmd, "No further updates");
}
