/*
 * SEARCH and UID SEARCH (RFC 3501 6.4.4; RETURN: RFC 4731; SAVE and "$":
 * RFC 5182; MODSEQ: RFC 7162 3.1.5; OLDER, YOUNGER: RFC 5032).
 *
 * The search itself is search/'s: it works in time slices and is exact with or
 * without an index.  Long answers are written piece by piece.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "imapd/client.h"
#include "search/search.h"

/* Numbers of an ALL set that are folded into ranges at a time. */
#define PIECE 4096

struct search_cmd {
	struct imap_search what;
	struct search *search;
	const struct store_uids *found; /* the search's */
	struct pf_buf index_path;
	size_t at;
	bool begun; /* the answer */
};

static void release(struct cmd *cmd)
{
	struct search_cmd *s = cmd->state;

	search_free(&s->search);
	pf_buf_release(&s->index_path);
}

static enum run begin(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct search_cmd *s = PF_ARENA_NEW(&cmd->arena, struct search_cmd);
	struct pf_error err = {0};

	pf_buf_init(&s->index_path, 8192);
	cmd->state = s;
	cmd->release = release;
	pf_status status =
	    imap_search_parse(cmd->args, store_view_count(client->view),
			      star_uid(client), &cmd->arena, &s->what, &err);
	if (status == PF_UNSUPPORTED)
		return reply_no(cmd, "[BADCHARSET (UTF-8 US-ASCII)] %s",
				err.client);
	if (status != PF_OK)
		return reply_syntax(cmd, &err);
	if (s->what.has_modseq)
		client_condstore(client);
	search_index_path(&s->index_path, store_root(client->user->store));
	if (search_new(client->view, s->what.root, &client->saved,
		       client->user->server->conf->index_enabled
			   ? s->index_path.data
			   : NULL,
		       &s->search, &err) != PF_OK)
		return reply_error(cmd, &err);
	return RUN_MORE;
}

static uint32_t number(const struct cmd *cmd, uint32_t uid)
{
	return cmd->uid ? uid : store_view_seq(cmd->client->view, uid);
}

/* Where only MIN or MAX is asked for, of these alone (RFC 4731 3.2). */
static uint64_t highest_modseq(const struct cmd *cmd,
			       const struct search_cmd *s)
{
	const struct store_uids *found = s->found;
	unsigned ends = s->what.returns & (IMAP_RETURN_MIN | IMAP_RETURN_MAX);
	bool all =
	    !ends || (s->what.returns & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT));
	uint64_t highest = 0;

	for (size_t i = 0; i < found->n; i++) {
		const struct store_msg *msg =
		    store_box_find(cmd->client->box, found->v[i]);
		bool counts = all || (i == 0 && (ends & IMAP_RETURN_MIN)) ||
			      (i == found->n - 1 && (ends & IMAP_RETURN_MAX));
		if (msg && counts && msg->modseq > highest)
			highest = msg->modseq;
	}
	return highest;
}

/* "* SEARCH 2 84 882 (MODSEQ 917162500)" */
static enum run answer_plain(struct cmd *cmd, struct search_cmd *s)
{
	struct pf_buf *out = &cmd->client->out;

	if (!s->begun)
		pf_buf_add_c(out, "* SEARCH");
	s->begun = true;
	for (; s->at < s->found->n; s->at++) {
		if (client_full(cmd->client))
			return RUN_OUTPUT;
		pf_buf_addf(out, " %u", number(cmd, s->found->v[s->at]));
	}
	if (s->what.has_modseq && s->found->n)
		pf_buf_addf(out, " (MODSEQ %llu)",
			    (unsigned long long)highest_modseq(cmd, s));
	pf_buf_add_c(out, "\r\n");
	return RUN_DONE;
}

static void answer_head(struct cmd *cmd, struct search_cmd *s)
{
	struct pf_buf *out = &cmd->client->out;
	const struct store_uids *found = s->found;
	unsigned returns = s->what.returns;

	pf_buf_add_c(out, "* ESEARCH (TAG ");
	imap_write_quoted(out, cmd->tag);
	pf_buf_add_c(out, cmd->uid ? ") UID" : ")");
	if ((returns & IMAP_RETURN_MIN) && found->n)
		pf_buf_addf(out, " MIN %u", number(cmd, found->v[0]));
	if ((returns & IMAP_RETURN_MAX) && found->n)
		pf_buf_addf(out, " MAX %u",
			    number(cmd, found->v[found->n - 1]));
	if (returns & IMAP_RETURN_COUNT)
		pf_buf_addf(out, " COUNT %zu", found->n);
	if (s->what.has_modseq && found->n)
		pf_buf_addf(out, " MODSEQ %llu",
			    (unsigned long long)highest_modseq(cmd, s));
	if ((returns & IMAP_RETURN_ALL) && found->n)
		pf_buf_add_c(out, " ALL ");
}

/* "* ESEARCH (TAG "a") UID MIN 2 MAX 9 COUNT 5 ALL 2:4,8:9" */
static enum run answer_esearch(struct cmd *cmd, struct search_cmd *s)
{
	struct pf_buf *out = &cmd->client->out;
	uint32_t piece[PIECE];

	if (!s->begun)
		answer_head(cmd, s);
	s->begun = true;
	while ((s->what.returns & IMAP_RETURN_ALL) && s->at < s->found->n) {
		size_t n = s->found->n - s->at;

		if (client_full(cmd->client))
			return RUN_OUTPUT;
		if (n > PIECE)
			n = PIECE;
		for (size_t i = 0; i < n; i++)
			piece[i] = number(cmd, s->found->v[s->at + i]);
		if (s->at > 0)
			pf_buf_add_byte(out, ',');
		imap_set_write(out, piece, n);
		s->at += n;
	}
	pf_buf_add_c(out, "\r\n");
	return RUN_DONE;
}

/* RFC 5182 2.1: "$" becomes the result; with MIN or MAX alone just those. */
static void save(struct cmd *cmd, const struct search_cmd *s)
{
	struct client *client = cmd->client;
	unsigned returns = s->what.returns;
	const struct store_uids *found = s->found;

	pf_vec_release(&client->saved);
	if (found->n == 0)
		return;
	if ((returns & (IMAP_RETURN_MIN | IMAP_RETURN_MAX)) &&
	    !(returns & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT))) {
		if (returns & IMAP_RETURN_MIN)
			pf_vec_push(&client->saved, found->v[0]);
		if ((returns & IMAP_RETURN_MAX) &&
		    (found->n > 1 || !(returns & IMAP_RETURN_MIN)))
			pf_vec_push(&client->saved, found->v[found->n - 1]);
		return;
	}
	for (size_t i = 0; i < found->n; i++)
		pf_vec_push(&client->saved, found->v[i]);
}

static enum run failed(struct cmd *cmd, const struct search_cmd *s,
		       const struct pf_error *err)
{
	/* RFC 5182 2.1: a failed SAVE empties the variable */
	if (s->what.returns & IMAP_RETURN_SAVE)
		pf_vec_release(&cmd->client->saved);
	return reply_error(cmd, err);
}

enum run run_search(struct cmd *cmd)
{
	struct pf_error err = {0};
	enum run result;

	if (!cmd->state) {
		result = begin(cmd);
		if (result != RUN_MORE)
			return result;
	}
	struct search_cmd *s = cmd->state;
	if (!s->found) {
		pf_status status =
		    search_step(s->search, CLIENT_SLICE_MS, &err);
		if (status == PF_MORE)
			return RUN_MORE;
		if (status != PF_OK)
			return failed(cmd, s, &err);
		s->found = search_result(s->search);
		if (s->what.returns & IMAP_RETURN_SAVE)
			save(cmd, s);
	}
	if (!s->what.esearch)
		result = answer_plain(cmd, s);
	else if (s->what.returns == IMAP_RETURN_SAVE)
		result = RUN_DONE; /* SAVE alone: no answer */
	else
		result = answer_esearch(cmd, s);
	return result == RUN_DONE ? reply_completed(cmd) : result;
}
