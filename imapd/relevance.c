/*
 * Scores of what FUZZY found: 1, and 33 for each grade (search/fuzzy.c) that a
 * message has.  Each grade is a search of its own among what was found.
 */
#include "imapd/find.h"

#include <stdlib.h>

static bool all_of(const struct store_uids *uids, struct pf_arena *arena,
		   struct imap_set *set)
{
	*set = (struct imap_set){0};
	set->v = pf_arena_array(arena, uids->n + 1, sizeof *set->v);
	for (size_t i = 0; set->v && i < uids->n; i++) {
		struct imap_range one = {uids->v[i], uids->v[i]};

		if (set->n && set->v[set->n - 1].to + 1 == one.from)
			set->v[set->n - 1].to = one.to;
		else
			set->v[set->n++] = one;
	}
	return set->v != NULL;
}

/* AND of the grade and the UIDs that were found */
static pf_status begin(struct cmd *cmd, struct find *f, struct pf_error *err)
{
	struct relevance *r = &f->relevance;
	struct imap_key *and = PF_ARENA_NEW(&f->arena, struct imap_key);
	struct imap_key *uids = PF_ARENA_NEW(&f->arena, struct imap_key);

	if (!and || !uids || !all_of(f->result, &f->arena, &uids->set))
		return pf_error_set(err, PF_LIMIT, "Too many messages found",
				    "relevance: over the arena's limit");
	uids->kind = IMAP_KEY_UID;
	uids->next = r->grades[r->grade];
	and->kind = IMAP_KEY_AND;
	and->child = uids;
	return search_new(f->view, and, NULL,
			  cmd->client->user->server->conf->index_enabled
			      ? f->index_path.data
			      : NULL,
			  &r->search, err);
}

static void add_points(struct find *f, const struct store_uids *graded)
{
	struct relevance *r = &f->relevance;

	/* both are sorted */
	for (size_t i = 0, k = 0; i < f->result->n && k < graded->n; i++)
		if (f->result->v[i] == graded->v[k]) {
			r->scores.v[i] = (uint8_t)(r->scores.v[i] + 33);
			k++;
		}
}

pf_status relevance_step(struct cmd *cmd, struct find *f, struct pf_error *err)
{
	struct relevance *r = &f->relevance;
	pf_status status = PF_OK;

	if (r->scores.n == 0)
		for (size_t i = 0; i < f->result->n; i++)
			pf_vec_push(&r->scores, 1);
	for (; r->grade < SEARCH_GRADES && f->result->n; r->grade++) {
		if (!r->grades[r->grade]) { /* no text: all are alike */
			add_points(f, f->result);
			continue;
		}
		if (!r->search)
			status = begin(cmd, f, err);
		if (status == PF_OK)
			status = search_step(r->search, CLIENT_SLICE_MS, err);
		if (status != PF_OK)
			return status;
		add_points(f, search_result(r->search));
		search_free(&r->search);
	}
	return PF_OK;
}

static int compare_uids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

unsigned relevance_score(const struct find *f, uint32_t uid)
{
	const struct store_uids *uids = f->result;
	const uint32_t *at =
	    uids->n ? bsearch(&uid, uids->v, uids->n, sizeof uid, compare_uids)
		    : NULL;

	return at ? f->relevance.scores.v[at - uids->v] : 1;
}

void relevance_release(struct relevance *r)
{
	search_free(&r->search);
	pf_vec_release(&r->scores);
}
