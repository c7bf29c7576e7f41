/*
 * QRESYNC (RFC 7162 3.2): a client that comes back tells what it knew, and
 * hears only what changed since.
 *
 * The store remembers which UIDs were expunged at which modseq, but not for
 * ever.  What is older than its memory is answered from what is there: every
 * UID that the client may know and that is not in the mailbox.  That is why
 * clients send pairs of message numbers and UIDs (3.2.5.2): where such a pair
 * still holds, nothing up to that UID can have vanished, because messages come
 * at the end only.
 */
#include "imapd/qresync.h"

#include <stdlib.h>

/* Ranges on one line. */
#define LINE_RANGES 1000

/* ---- SELECT's parameter -----------------------------------------------------
 */

static bool read_set(struct cmd *cmd, const struct imap_arg *arg,
		     struct imap_set *set)
{
	struct pf_error err = {0};

	/* RFC 7162 7 known-uids: "*" is not allowed */
	return arg->kind == IMAP_ATOM &&
	       imap_set_parse(arg->text, 0, &cmd->arena, set, &err) == PF_OK &&
	       !set->saved && !set->star && set->n && set->v[0].from > 0;
}

static uint64_t set_count(const struct imap_set *set)
{
	uint64_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		n += (uint64_t)set->v[i].to - set->v[i].from + 1;
	return n;
}

static bool read_pairs(struct cmd *cmd, const struct imap_arg *list,
		       struct qresync_param *param)
{
	return args_are(list, 2) && read_set(cmd, &list[0], &param->at) &&
	       read_set(cmd, &list[1], &param->is) &&
	       set_count(&param->at) == set_count(&param->is);
}

static bool read_param(struct cmd *cmd, const struct imap_arg *list,
		       struct qresync_param *param)
{
	const struct imap_arg *pairs;
	uint64_t uidvalidity;

	if (!imap_arg_number(list, UINT32_MAX, &uidvalidity) ||
	    uidvalidity == 0)
		return false;
	param->uidvalidity = (uint32_t)uidvalidity;
	list++;
	if (!imap_arg_number(list, INT64_MAX, &param->modseq) ||
	    param->modseq == 0)
		return false;
	list++;
	if (list->kind == IMAP_ATOM) {
		if (!read_set(cmd, list, &param->known))
			return false;
		list++;
	} else {
		param->known.v = PF_ARENA_NEW(&cmd->arena, struct imap_range);
		param->known.v[0] = (struct imap_range){1, UINT32_MAX};
		param->known.n = 1;
	}
	if (imap_arg_list(list, &pairs)) {
		if (!read_pairs(cmd, pairs, param))
			return false;
		list++;
	}
	return list->kind == IMAP_END;
}

bool qresync_param_read(struct cmd *cmd, const struct imap_arg *list,
			struct qresync_param *param)
{
	struct qresync_param out = {0};

	if (!cmd->client->qresync) {
		reply_bad(cmd, "QRESYNC is not enabled");
		return false;
	}
	if (!read_param(cmd, list, &out)) {
		reply_bad(cmd, "Invalid QRESYNC parameter");
		return false;
	}
	if (cmd->client->uidonly && out.at.n) {
		reply_bad(cmd, "[UIDREQUIRED] Only UIDs are allowed");
		return false;
	}
	*param = out;
	return true;
}

/* ---- what vanished ----------------------------------------------------------
 */

static void add_range(struct qresync_ranges *to, uint32_t from, uint32_t last)
{
	struct imap_range *end = to->n ? &to->v[to->n - 1] : NULL;
	struct imap_range range = {from, last};

	if (end && (uint64_t)end->to + 1 >= from)
		end->to = last > end->to ? last : end->to;
	else
		pf_vec_push(to, range);
}

/* The UIDs from..last that are not in the view. */
static void add_gaps(struct qresync_ranges *to, const struct store_view *view,
		     uint32_t from, uint32_t last)
{
	uint32_t count = store_view_count(view);
	uint64_t next = from;

	for (uint32_t seq = store_view_seq_from(view, from); seq <= count;
	     seq++) {
		uint32_t uid = store_view_uid(view, seq);

		if (uid > last)
			break;
		if (uid > next)
			add_range(to, (uint32_t)next, uid - 1);
		next = (uint64_t)uid + 1;
	}
	if (next <= last)
		add_range(to, (uint32_t)next, last);
}

static void all_missing(struct qresync *q, const struct client *client,
			const struct imap_set *known, uint32_t trusted)
{
	struct store_box_info info;

	store_box_info(client->box, &info);
	for (size_t i = 0; i < known->n; i++) {
		uint32_t from = known->v[i].from, to = known->v[i].to;

		if (from <= trusted)
			from = trusted + 1;
		if (to >= info.uidnext)
			to = info.uidnext - 1;
		if (from && from <= to)
			add_gaps(&q->vanished, client->view, from, to);
	}
}

pf_status qresync_vanished(struct qresync *q, struct client *client,
			   const struct imap_set *known, uint64_t modseq,
			   uint32_t trusted, struct pf_error *err)
{
	struct store_uids gone = {0};
	bool complete = false;
	pf_status status = store_box_expunged_since(client->box, modseq, &gone,
						    &complete, err);

	if (status == PF_OK && !complete)
		all_missing(q, client, known, trusted);
	/* what the view still has is told as VANISHED without EARLIER */
	for (size_t i = 0; status == PF_OK && complete && i < gone.n; i++)
		if (imap_set_has(known, gone.v[i]) &&
		    !store_view_seq(client->view, gone.v[i]))
			add_range(&q->vanished, gone.v[i], gone.v[i]);
	pf_vec_release(&gone);
	return status;
}

/* Walks numbers of a set, one by one. */
struct walk {
	const struct imap_set *set;
	size_t range;
	uint32_t next;
};

static bool walk_next(struct walk *w, uint32_t *number)
{
	if (w->range == w->set->n)
		return false;
	if (w->next < w->set->v[w->range].from)
		w->next = w->set->v[w->range].from;
	*number = w->next;
	if (w->next == w->set->v[w->range].to)
		w->range++;
	else
		w->next++;
	return true;
}

uint32_t qresync_agreed(const struct client *client,
			const struct qresync_param *param)
{
	struct walk at = {.set = &param->at}, is = {.set = &param->is};
	uint32_t seq, uid, agreed = 0;

	/* ends at the latest behind the last message */
	while (walk_next(&at, &seq) && walk_next(&is, &uid) &&
	       store_view_uid(client->view, seq) == uid)
		agreed = uid;
	return agreed;
}

/* ---- telling ----------------------------------------------------------------
 */

static void write_range(struct pf_buf *to, const struct imap_range *range)
{
	pf_buf_addf(to, "%u", range->from);
	if (range->to != range->from)
		pf_buf_addf(to, ":%u", range->to);
}

enum run qresync_tell(struct qresync *q, struct client *client)
{
	struct pf_buf *out = &client->out;

	while (q->at < q->vanished.n) {
		if (client_full(client))
			return RUN_OUTPUT;
		pf_buf_add_c(out, "* VANISHED (EARLIER) ");
		for (size_t i = 0; i < LINE_RANGES && q->at < q->vanished.n;
		     i++, q->at++) {
			if (i)
				pf_buf_add_byte(out, ',');
			write_range(out, &q->vanished.v[q->at]);
		}
		pf_buf_add_c(out, "\r\n");
	}
	return RUN_DONE;
}

void qresync_release(struct qresync *q)
{
	pf_vec_release(&q->vanished);
}

/* ---- behind an expunge ------------------------------------------------------
 */

uint64_t qresync_modseq(const struct client *client)
{
	struct store_box_info info;

	store_box_info(client->box, &info);
	return info.highest_modseq;
}

/* RFC 7162 3.2.7-3.2.9.  Everything up to this modseq is told before the
 * tagged line (sync.c) unless EXPUNGEs have to wait: then it must not be
 * said, or a client that is cut off would never hear of them. */
enum run qresync_reply(struct cmd *cmd, uint64_t before)
{
	uint64_t now = qresync_modseq(cmd->client);

	if (!cmd->client->condstore || cmd->defer_expunge || now == before)
		return reply_completed(cmd);
	return reply_ok(cmd, "[HIGHESTMODSEQ %llu] %s completed",
			(unsigned long long)now, cmd->def->name);
}
