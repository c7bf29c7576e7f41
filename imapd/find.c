/*
 * What SEARCH, SORT and THREAD have in common.  The search itself is search/'s:
 * it works in time slices and is exact with or without an index.  Answers
 * (RFC 3501 7.2.5, RFC 4731, RFC 5267 3, RFC 9394 3.1) are written piece by
 * piece.
 */
#include "imapd/context.h"

#include <stdlib.h>

#include "base/clock.h"

/* Numbers of an ALL set that are folded into ranges at a time. */
#define PIECE	 4096
#define KEYS_MAX ((size_t)64 << 20)

void find_release(struct find *f)
{
	search_free(&f->search);
	relevance_release(&f->relevance);
	pf_arena_release(&f->arena);
	pf_buf_release(&f->index_path);
}

enum run find_syntax(struct cmd *cmd, pf_status status,
		     const struct pf_error *err)
{
	if (status == PF_UNSUPPORTED)
		return reply_no(cmd, "[BADCHARSET (UTF-8 US-ASCII)] %s",
				err->client);
	return reply_syntax(cmd, err);
}

enum run find_begin(struct cmd *cmd, struct find *f)
{
	struct client *client = cmd->client;
	struct pf_error err = {0};

	if (!f->view) {
		f->view = client->view;
		f->box = client->box;
	}
	bool selected = f->view == client->view;
	pf_buf_init(&f->index_path, 8192);
	if (client->uidonly && f->what.has_seqs)
		return reply_bad(cmd, "[UIDREQUIRED] Only UIDs are allowed");
	if (client->rev2 && f->what.has_recent)
		return reply_bad(cmd, "IMAP4rev2 has no NEW, OLD, RECENT");
	/* RFC 9755 3 */
	if (client->utf8 && f->what.charset.n > 0 &&
	    (f->what.charset_optional ||
	     !pf_str_ieq(f->what.charset, PF_STR("UTF-8"))))
		return reply_bad(cmd, "Everything is UTF-8 after UTF8=ACCEPT");
	/* RFC 5267 4.3 */
	if ((f->what.returns & IMAP_RETURN_UPDATE) &&
	    context_exists(client, cmd->tag))
		return reply_bad(cmd, "Tag reuse");
	if (f->what.has_modseq)
		client_condstore(client);
	pf_arena_init(&f->arena, KEYS_MAX);
	search_index_path(&f->index_path, store_root(store_box_store(f->box)));
	const char *index_path = client->user->server->conf->index_enabled
				     ? f->index_path.data
				     : NULL;
	if (search_fuzzy(f->what.root, &f->arena, index_path,
			 f->relevance.grades, &err) != PF_OK)
		return reply_error(cmd, &err);
	f->relevance.wanted |= (f->what.returns & IMAP_RETURN_RELEVANCY) != 0;
	f->root = f->what.root;
	if (selected)
		limit_search(cmd, &f->what.root);
	if (search_new(f->view, f->what.root, selected ? &client->saved : NULL,
		       index_path, &f->search, &err) != PF_OK)
		return reply_error(cmd, &err);
	return RUN_MORE;
}

void find_narrow(struct find *f)
{
	const struct imap_search *what = &f->what;
	uint32_t oldest = 0, newest = 0;

	if (!what->esearch || f->relevance.wanted ||
	    !(what->returns &
	      (IMAP_RETURN_MIN | IMAP_RETURN_MAX | IMAP_RETURN_PARTIAL)) ||
	    (what->returns &
	     (IMAP_RETURN_ALL | IMAP_RETURN_COUNT | IMAP_RETURN_UPDATE)))
		return;
	if (what->returns & IMAP_RETURN_MIN)
		oldest = 1;
	if (what->returns & IMAP_RETURN_MAX)
		newest = 1;
	if (what->returns & IMAP_RETURN_PARTIAL) {
		if (what->partial_from > 0)
			oldest = (uint32_t)what->partial_to;
		else
			newest = (uint32_t)-what->partial_to;
	}
	search_want(f->search, oldest, newest);
}

void find_tell_progress(struct cmd *cmd, uint64_t done, uint64_t goal)
{
	if (progress_due(&cmd->progress, pf_clock_mono_ms()))
		progress_write(&cmd->client->out, cmd->tag, done, goal);
}

enum run find_step(struct cmd *cmd, struct find *f)
{
	struct pf_error err = {0};
	uint32_t done, goal;

	if (f->found)
		return RUN_DONE;
	pf_status status =
	    f->result ? PF_OK : search_step(f->search, CLIENT_SLICE_MS, &err);
	if (status == PF_OK && !f->result)
		f->result = search_result(f->search);
	if (status == PF_OK && f->relevance.wanted)
		status = relevance_step(cmd, f, &err);
	if (status == PF_MORE) {
		search_progress(f->search, &done, &goal);
		if (!f->quiet)
			find_tell_progress(cmd, done, goal);
		return RUN_MORE;
	}
	if (status == PF_OK) {
		f->found = f->result;
		return RUN_DONE;
	}
	/* RFC 5182 2.1: a failed SAVE empties the variable */
	if (f->what.returns & IMAP_RETURN_SAVE)
		pf_vec_release(&cmd->client->saved);
	return reply_error(cmd, &err);
}

/* ---- the answer -------------------------------------------------------------
 */

static uint32_t number(const struct cmd *cmd, uint32_t uid)
{
	return cmd->uid ? uid : store_view_seq(cmd->client->view, uid);
}

void partial_span(int64_t from, int64_t to, size_t count, size_t *first,
		  size_t *end)
{
	bool back = from < 0;
	size_t near = (size_t)(back ? -from : from) - 1;
	size_t far = (size_t)(back ? -to : to);

	near = near < count ? near : count;
	far = far < count ? far : count;
	*first = back ? count - far : near;
	*end = back ? count - near : far;
}

/* Which of the results are told. */
static void partial(const struct imap_search *what, size_t count, size_t *first,
		    size_t *end)
{
	*first = 0;
	*end = count;
	if (what->returns & IMAP_RETURN_PARTIAL)
		partial_span(what->partial_from, what->partial_to, count, first,
			     end);
}

static uint64_t highest_modseq(const struct find *f, const uint32_t *uids,
			       size_t count)
{
	uint64_t highest = 0;

	for (size_t i = 0; i < count; i++) {
		const struct store_msg *msg = store_box_find(f->box, uids[i]);
		if (msg && msg->modseq > highest)
			highest = msg->modseq;
	}
	return highest;
}

/* RFC 4731 3.2: of those that are told */
static uint64_t told_modseq(const struct find *f, const struct store_uids *uids)
{
	const struct imap_search *what = &f->what;
	uint64_t highest = 0, other;
	size_t first, end;

	if (!what->esearch ||
	    (what->returns & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT)))
		return highest_modseq(f, uids->v, uids->n);
	if (what->returns & IMAP_RETURN_MIN)
		highest = highest_modseq(f, uids->v, 1);
	if (what->returns & IMAP_RETURN_MAX) {
		other = highest_modseq(f, uids->v + uids->n - 1, 1);
		highest = other > highest ? other : highest;
	}
	if (what->returns & IMAP_RETURN_PARTIAL) {
		partial(what, uids->n, &first, &end);
		other = highest_modseq(f, uids->v + first, end - first);
		highest = other > highest ? other : highest;
	}
	return highest;
}

/* "* SEARCH 2 84 882 (MODSEQ 917162500)" */
static enum run answer_plain(struct cmd *cmd, struct find *f, const char *name,
			     const struct store_uids *uids)
{
	struct pf_buf *out = &cmd->client->out;

	if (!f->begun)
		pf_buf_addf(out, "* %s", name);
	f->begun = true;
	for (; f->at < uids->n; f->at++) {
		if (client_full(cmd->client))
			return RUN_OUTPUT;
		write_number(out, " ", number(cmd, uids->v[f->at]), "");
	}
	if (f->what.has_modseq && uids->n)
		pf_buf_addf(out, " (MODSEQ %llu)",
			    (unsigned long long)told_modseq(f, uids));
	pf_buf_add_c(out, "\r\n");
	return RUN_DONE;
}

static void answer_head(struct cmd *cmd, const struct find *f,
			const struct store_uids *uids)
{
	struct pf_buf *out = &cmd->client->out;
	unsigned returns = f->what.returns;

	pf_buf_add_c(out, "* ESEARCH (TAG ");
	imap_write_quoted(out, cmd->tag);
	if (f->mailbox.n) { /* RFC 7377 2.1 */
		pf_buf_add_c(out, " MAILBOX ");
		write_mailbox(out, cmd->client, f->mailbox);
		pf_buf_addf(out, " UIDVALIDITY %u", f->uidvalidity);
	}
	pf_buf_add_c(out, cmd->uid ? ") UID" : ")");
	if ((returns & IMAP_RETURN_MIN) && uids->n)
		pf_buf_addf(out, " MIN %u", number(cmd, uids->v[0]));
	if ((returns & IMAP_RETURN_MAX) && uids->n)
		pf_buf_addf(out, " MAX %u", number(cmd, uids->v[uids->n - 1]));
	if (returns & IMAP_RETURN_COUNT)
		pf_buf_addf(out, " COUNT %zu", uids->n);
	uint64_t modseq =
	    f->what.has_modseq && uids->n ? told_modseq(f, uids) : 0;
	if (modseq)
		pf_buf_addf(out, " MODSEQ %llu", (unsigned long long)modseq);
}

/* " RELEVANCY (4 99 42)" (RFC 6203 4): of what ALL or PARTIAL told, in that
 * order; also closes PARTIAL. */
static enum run answer_scores(struct cmd *cmd, struct find *f,
			      const struct store_uids *uids, size_t first,
			      size_t end)
{
	struct pf_buf *out = &cmd->client->out;

	if (!f->scores_begun) {
		if (f->what.returns & IMAP_RETURN_PARTIAL)
			pf_buf_add_byte(out, ')');
		pf_buf_add_c(out, " RELEVANCY (");
		f->score_at = first;
	}
	f->scores_begun = true;
	for (; f->score_at < end; f->score_at++) {
		if (client_full(cmd->client))
			return RUN_OUTPUT;
		pf_buf_addf(out, "%s%u", f->score_at > first ? " " : "",
			    relevance_score(f, uids->v[f->score_at]));
	}
	pf_buf_add_byte(out, ')');
	return RUN_DONE;
}

/* "* ESEARCH (TAG "a") UID MIN 2 MAX 9 COUNT 5 ALL 2:4,8:9", or for ALL
 * "PARTIAL (1:2 2:3)" */
static enum run answer_esearch(struct cmd *cmd, struct find *f,
			       const struct store_uids *uids)
{
	struct pf_buf *out = &cmd->client->out;
	unsigned returns = f->what.returns;
	uint32_t piece[PIECE];
	size_t first, end;

	partial(&f->what, uids->n, &first, &end);
	if (!f->begun) {
		answer_head(cmd, f, uids);
		if ((returns & IMAP_RETURN_ALL) && uids->n)
			pf_buf_add_c(out, " ALL ");
		if (returns & IMAP_RETURN_PARTIAL)
			pf_buf_addf(out, " PARTIAL (%.*s %s",
				    (int)f->what.partial.n, f->what.partial.p,
				    first < end ? "" : "NIL");
		f->at = first;
	}
	f->begun = true;
	while ((returns & (IMAP_RETURN_ALL | IMAP_RETURN_PARTIAL)) &&
	       f->at < end) {
		size_t n = end - f->at;

		if (client_full(cmd->client))
			return RUN_OUTPUT;
		if (n > PIECE)
			n = PIECE;
		for (size_t i = 0; i < n; i++)
			piece[i] = number(cmd, uids->v[f->at + i]);
		if (f->at > first)
			pf_buf_add_byte(out, ',');
		imap_set_write(out, piece, n);
		f->at += n;
	}
	if ((returns & IMAP_RETURN_RELEVANCY) &&
	    answer_scores(cmd, f, uids, first, end) != RUN_DONE)
		return RUN_OUTPUT;
	if ((returns & IMAP_RETURN_PARTIAL) && !f->scores_begun)
		pf_buf_add_byte(out, ')');
	pf_buf_add_c(out, "\r\n");
	return RUN_DONE;
}

static int compare_uids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* RFC 5182 2.1: "$" becomes the result; with MIN, MAX or PARTIAL, and neither
 * ALL nor COUNT, just those (RFC 9394 3.1). */
static void save(struct cmd *cmd, const struct find *f,
		 const struct store_uids *uids)
{
	struct store_uids *saved = &cmd->client->saved;
	unsigned returns = f->what.returns;
	bool all = !(returns & (IMAP_RETURN_MIN | IMAP_RETURN_MAX |
				IMAP_RETURN_PARTIAL)) ||
		   (returns & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT));
	size_t first, end;

	pf_vec_release(saved);
	if (uids->n == 0)
		return;
	partial(&f->what, uids->n, &first, &end);
	if (all)
		first = 0, end = uids->n;
	else if (!(returns & IMAP_RETURN_PARTIAL))
		end = first;
	if (!all && (returns & IMAP_RETURN_MIN))
		pf_vec_push(saved, uids->v[0]);
	if (!all && (returns & IMAP_RETURN_MAX))
		pf_vec_push(saved, uids->v[uids->n - 1]);
	for (size_t i = first; i < end; i++)
		pf_vec_push(saved, uids->v[i]);
	if (saved->n == 0)
		return;
	qsort(saved->v, saved->n, sizeof *saved->v, compare_uids);
	size_t kept = 1;
	for (size_t i = 1; i < saved->n; i++)
		if (saved->v[i] != saved->v[kept - 1])
			saved->v[kept++] = saved->v[i];
	saved->n = kept;
}

enum run find_answer(struct cmd *cmd, struct find *f, const char *name,
		     const struct store_uids *uids)
{
	if (!f->begun && (f->what.returns & IMAP_RETURN_SAVE))
		save(cmd, f, uids);
	if (!f->what.esearch)
		return answer_plain(cmd, f, name, uids);
	if (f->what.returns == IMAP_RETURN_SAVE)
		return RUN_DONE; /* SAVE alone: no answer */
	return answer_esearch(cmd, f, uids);
}
