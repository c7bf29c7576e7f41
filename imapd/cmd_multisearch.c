/*
 * ESEARCH: a search in many mailboxes (RFC 7377).
 *
 * One mailbox after the other is opened, searched as SEARCH does it (find.c,
 * in time slices, with its index) and answered, if anything is found there.
 * The selected one is searched as the session knows it; the others as they
 * are, and nobody's \Recent changes.
 *
 * The keys are read anew for each mailbox: "*" and the numbers of messages
 * mean something else in each.
 */
#include "imapd/context.h"
#include "imapd/mailboxes.h"
#include "imapd/place.h"

#include "base/clock.h"

#define KEYS_MAX ((size_t)8 << 20)

struct target {
	struct pf_str name;
	bool selected;
};

struct multi {
	struct imap_source source;
	const struct imap_arg *keys; /* and RETURN, CHARSET */
	struct imap_search what;     /* as far as it is the same everywhere */
	struct pf_vec(struct target) targets;
	struct pf_map seen;
	size_t at;
	bool updates; /* the context was made, or refused */
	/* the mailbox at work */
	bool open;
	struct pf_arena arena;
	struct find find;
	struct store_box *box;
	struct store_view *view;
};

static void leave_box(struct multi *m)
{
	find_release(&m->find);
	m->find = (struct find){0};
	pf_buf_init(&m->find.index_path, 0);
	store_view_free(&m->view);
	store_box_close(&m->box);
	pf_arena_release(&m->arena);
	m->open = false;
}

static void release(struct cmd *cmd)
{
	struct multi *m = cmd->state;

	leave_box(m);
	pf_vec_release(&m->targets);
	pf_map_release(&m->seen);
}

/* ---- which mailboxes
 * -----------------------------------------------------------
 */

static bool selects(const struct imap_filter *filter)
{
	return filter->kind == IMAP_FILTER_SELECTED;
}

/* Once, however often it is meant. */
static void add_target(struct multi *m, struct pf_str name, bool selected)
{
	struct target target = {name, selected};

	if (!name.p || pf_map_set(&m->seen, name, m))
		return;
	pf_vec_push(&m->targets, target);
}

static void add_selected(struct cmd *cmd, struct multi *m)
{
	struct client *client = cmd->client;
	struct pf_buf name = PF_BUF_INIT(8192);

	if (!client->view)
		return;
	share_box_name(client->user->share, client->box, &name);
	add_target(m, pf_arena_str(&cmd->arena, pf_buf_str(&name)), true);
	pf_buf_release(&name);
}

static bool is_meant(const struct client *client, const struct multi *m,
		     const struct mailbox *mailbox)
{
	for (size_t i = 0; i < m->source.count; i++)
		if (mailboxes_match(client, &m->source.filters[i],
				    mailbox->name, mailbox->own,
				    mailbox->flags & STORE_NAME_SUBSCRIBED))
			return true;
	return false;
}

/* Named outright, what may be read need not be looked up (RFC 7377 2.2). */
static void add_named(struct cmd *cmd, struct multi *m)
{
	struct client *client = cmd->client;

	for (size_t i = 0; i < m->source.count; i++) {
		const struct imap_filter *filter = &m->source.filters[i];

		for (size_t k = 0; k < filter->count; k++)
			add_target(
			    m, filter->names[k],
			    mailboxes_selected(client, filter->names[k]));
	}
}

static pf_status find_targets(struct cmd *cmd, struct multi *m,
			      struct pf_error *err)
{
	struct client *client = cmd->client;
	struct mailboxes list = {0};
	bool shared = false, others = false;
	pf_status status = PF_OK;

	add_named(cmd, m);
	for (size_t i = 0; i < m->source.count; i++) {
		const struct imap_filter *filter = &m->source.filters[i];

		if (selects(filter))
			add_selected(cmd, m);
		shared |= mailboxes_shared(filter) && !selects(filter);
		others |=
		    !selects(filter) && filter->kind != IMAP_FILTER_MAILBOXES;
	}
	if (others)
		status =
		    mailboxes_read(client, shared, &cmd->arena, &list, err);
	for (size_t i = 0; i < list.n; i++)
		if ((list.v[i].flags & STORE_NAME_EXISTS) &&
		    is_meant(client, m, &list.v[i]))
			add_target(m, list.v[i].name,
				   mailboxes_selected(client, list.v[i].name));
	pf_vec_release(&list);
	return status;
}

/* ---- beginning
 * ------------------------------------------------------------------
 */

static bool means_selected(const struct multi *m)
{
	for (size_t i = 0; i < m->source.count; i++)
		if (selects(&m->source.filters[i]))
			return true;
	return m->source.count == 0;
}

/* False: it was refused. */
static bool check(struct cmd *cmd, const struct multi *m)
{
	const struct client *client = cmd->client;
	unsigned returns = m->what.returns;

	if (means_selected(m) && !client->view) {
		reply_bad(cmd, "No mailbox is selected");
		return false;
	}
	if ((returns & IMAP_RETURN_SAVE) &&
	    !(m->source.count <= 1 && means_selected(m))) {
		reply_bad(cmd, "SAVE is for the selected mailbox alone");
		return false;
	}
	if ((returns & IMAP_RETURN_UPDATE) && !client->view) {
		reply_bad(cmd, "UPDATE needs a selected mailbox");
		return false;
	}
	return true;
}

static enum run begin(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct multi *m = PF_ARENA_NEW(&cmd->arena, struct multi);
	struct pf_error err = {0};

	pf_arena_init(&m->arena, KEYS_MAX);
	pf_buf_init(&m->find.index_path, 0);
	cmd->state = m;
	cmd->release = release;
	m->keys = cmd->args;
	if (imap_source_parse(&m->keys, client_utf8(client), &cmd->arena,
			      &m->source, &err) != PF_OK)
		return reply_syntax(cmd, &err);
	pf_status status =
	    imap_search_parse(m->keys, 1, 1, &cmd->arena, &m->what, &err);
	if (status != PF_OK)
		return find_syntax(cmd, status, &err);
	if (!check(cmd, m))
		return RUN_DONE;
	if (m->source.count == 0)
		add_selected(cmd, m);
	else if (find_targets(cmd, m, &err) != PF_OK)
		return reply_error(cmd, &err);
	return RUN_MORE;
}

/* ---- one mailbox
 * -----------------------------------------------------------------
 */

/* NOTFOUND: not there, or not for this user. */
static pf_status open_box(struct cmd *cmd, struct multi *m,
			  struct pf_error *err)
{
	struct client *client = cmd->client;
	const struct target *target = &m->targets.v[m->at];
	struct share_place place;
	pf_status status;

	if (target->selected && client->view) {
		m->find.view = client->view;
		m->find.box = client->box;
		return PF_OK;
	}
	status = place_quietly(client, target->name, STORE_READ, &place, err);
	if (status == PF_OK)
		status = store_box_open(place.store, place.name, &m->box, err);
	if (status == PF_OK)
		status = store_view_new(m->box, false, &m->view, err);
	m->find.view = m->view;
	m->find.box = m->box;
	return status;
}

/* MORE: it is being searched.  DONE: nothing there, or a refusal (the reply
 * says it). */
static enum run begin_box(struct cmd *cmd, struct multi *m)
{
	struct store_box_info info;
	struct pf_error err = {0};
	struct find *f = &m->find;

	pf_status status = open_box(cmd, m, &err);
	m->open = true;
	if (status == PF_NOTFOUND || status == PF_INVALID)
		return RUN_DONE;
	if (status != PF_OK)
		return reply_error(cmd, &err);
	uint32_t count = store_view_count(f->view);
	if (count == 0 && !(m->what.returns & IMAP_RETURN_SAVE) &&
	    !(m->what.returns & IMAP_RETURN_UPDATE))
		return RUN_DONE;
	uint32_t star = count ? store_view_uid(f->view, count) : 1;
	status =
	    imap_search_parse(m->keys, count, star, &m->arena, &f->what, &err);
	if (status != PF_OK)
		return find_syntax(cmd, status, &err);
	if (!f->what.esearch)
		f->what.returns = IMAP_RETURN_ALL;
	f->what.esearch = true;
	store_box_info(f->box, &info);
	f->mailbox = m->targets.v[m->at].name;
	f->uidvalidity = info.uidvalidity;
	f->quiet = true;
	enum run result = find_begin(cmd, f);
	if (result == RUN_MORE)
		find_narrow(f);
	return result;
}

/* RFC 7377 2.1: there is no answer where there is nothing. */
static enum run answer_box(struct cmd *cmd, struct multi *m)
{
	struct find *f = &m->find;
	enum run result = RUN_DONE;

	if (f->found->n)
		result = find_answer(cmd, f, "ESEARCH", f->found);
	else if (f->what.returns & IMAP_RETURN_SAVE)
		pf_vec_release(&cmd->client->saved);
	if (result != RUN_DONE)
		return result;
	if ((f->what.returns & IMAP_RETURN_UPDATE) &&
	    m->targets.v[m->at].selected && cmd->client->view) {
		context_add(cmd, f, NULL, f->found);
		m->updates = true;
	}
	return RUN_DONE;
}

/* DONE: with this mailbox, or a refusal. */
static enum run search_box(struct cmd *cmd, struct multi *m)
{
	enum run result;

	if (!m->open) {
		result = begin_box(cmd, m);
		if (result != RUN_MORE)
			return result;
	}
	if (!m->find.found) {
		result = find_step(cmd, &m->find);
		if (result == RUN_MORE)
			find_tell_progress(cmd, m->at, m->targets.n);
		if (result != RUN_DONE || !m->find.found)
			return result;
	}
	return answer_box(cmd, m);
}

enum run run_esearch(struct cmd *cmd)
{
	enum run result;

	if (!cmd->state) {
		result = begin(cmd);
		if (result != RUN_MORE)
			return result;
	}
	struct multi *m = cmd->state;
	int64_t start = pf_clock_mono_ms();
	for (; m->at < m->targets.n; m->at++) {
		if (!m->open && client_full(cmd->client))
			return RUN_OUTPUT;
		if (!m->open && slice_over(start))
			return RUN_MORE;
		result = search_box(cmd, m);
		if (result != RUN_DONE || cmd->reply.len)
			return result;
		leave_box(m);
	}
	/* it speaks of the selected mailbox, which was not among these */
	if ((m->what.returns & IMAP_RETURN_UPDATE) && !m->updates)
		context_refuse(cmd);
	return reply_completed(cmd);
}
