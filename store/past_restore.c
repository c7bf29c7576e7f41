/*
 * Bringing back: messages out of the past, and flags of some time.
 *
 * A message comes back under a new UID: clients have been told that the old
 * one is gone for good, and some (mbsync) never look at UIDs below the last
 * they know (docs/decisions/155).
 *
 * Flags at a time: as they are now, or were when the message was expunged,
 * then every later change undone, the last one first.
 */
#include "store/past.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/map.h"

/* What a message is to have. */
struct wish {
	uint32_t uid; /* while we look back: the old one */
	uint32_t to;  /* that it has where it is changed */
	uint32_t flags;
	struct pf_str keywords; /* names */
	uint64_t bits;		/* the same in the mailbox */
	bool known;		/* something is known of it */
	bool changed;		/* since then */
};
struct wishes pf_vec(struct wish);

struct past {
	struct pf_buf text;
	struct store_past_lines lines;
	struct pf_map gone; /* base -> its last E line */
};

static pf_status read_past(int dir, struct past *past, struct pf_error *err)
{
	*past = (struct past){.text = PF_BUF_INIT(1)};
	pf_status status = store_past_read(dir, &past->text, &past->lines, err);

	for (size_t i = 0; status == PF_OK && i < past->lines.n; i++)
		if (past->lines.v[i].kind == 'E')
			pf_map_set(&past->gone, past->lines.v[i].base,
				   &past->lines.v[i]);
	return status;
}

static void past_release(struct past *past)
{
	pf_map_release(&past->gone);
	pf_vec_release(&past->lines);
	pf_buf_release(&past->text);
}

/* ---- what there is ------------------------------------------------------ */

pf_status store_past_list(struct store_box *box,
			  struct store_past_messages *list,
			  struct pf_error *err)
{
	struct past past;
	pf_status status = read_past(box->dir, &past, err);

	list->n = 0;
	for (size_t i = 0; status == PF_OK && i < box->recs.n; i++) {
		const struct store_rec *rec = &box->recs.v[i];
		const struct store_past_line *line =
		    pf_map_get(&past.gone, pf_str_c(store_rec_base(box, rec)));
		struct store_past_message one = {.uid = rec->m.uid,
						 .since = rec->m.date};
		if (line) {
			one.old_uid = line->lo;
			one.us = line->us;
			one.since = line->save_date;
		}
		pf_vec_push(list, one);
	}
	past_release(&past);
	return status;
}

/* ---- looking back -------------------------------------------------------- */

static int compare_wishes(const void *a, const void *b)
{
	const struct wish *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

/* The first with that UID or a higher one. */
static size_t find_wish(const struct wishes *wishes, uint32_t uid)
{
	size_t lo = 0, hi = wishes->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (wishes->v[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Undoes what happened after `us`; `wishes` are sorted by the old UID. */
static void look_back(const struct past *past, uint32_t uidvalidity, int64_t us,
		      struct wishes *wishes)
{
	for (size_t i = past->lines.n; i > 0; i--) {
		const struct store_past_line *line = &past->lines.v[i - 1];
		if (line->us <= us || line->uidvalidity != uidvalidity)
			continue;
		for (size_t at = find_wish(wishes, line->lo);
		     at < wishes->n && wishes->v[at].uid <= line->hi; at++) {
			struct wish *wish = &wishes->v[at];
			wish->flags = line->flags;
			wish->keywords = line->keywords;
			wish->known = wish->changed = true;
		}
	}
}

/* ---- making it so -------------------------------------------------------- */

static pf_status number_keywords(struct store_box *box, struct wish *wish,
				 bool create, struct pf_error *err)
{
	struct pf_str rest = wish->keywords, name;
	unsigned number;

	wish->bits = 0;
	while (pf_str_split(&rest, ' ', &name)) {
		pf_status status =
		    store_box_keyword_number(box, name, create, &number, err);
		if (status == PF_NOTFOUND) { /* a keyword yet to be made */
			wish->bits = UINT64_MAX;
			return PF_OK;
		}
		if (status == PF_LIMIT || status == PF_INVALID)
			continue; /* better without it than not */
		if (status != PF_OK)
			return status;
		wish->bits |= UINT64_C(1) << number;
	}
	return PF_OK;
}

/* Those that are to get the same stand together, in the order of UIDs. */
static int compare_flags(const void *a, const void *b)
{
	const struct wish *x = a, *y = b;

	if (x->flags != y->flags)
		return x->flags < y->flags ? -1 : 1;
	if (x->bits != y->bits)
		return x->bits < y->bits ? -1 : 1;
	return (x->to > y->to) - (x->to < y->to);
}

/* Sets flags and keywords of wish->to where they differ.  dry: counts. */
static pf_status fulfil(struct store_box *box, struct wishes *wishes, bool dry,
			size_t *changed, struct pf_error *err)
{
	struct store_uids uids = {0};
	pf_status status = PF_OK;
	size_t kept = 0;

	for (size_t i = 0; i < wishes->n && status == PF_OK; i++) {
		struct wish *wish = &wishes->v[i];
		const struct store_msg *m = store_box_find(box, wish->to);
		if (!m || !wish->known)
			continue;
		/* never more \Deleted than there is */
		wish->flags &= m->flags | ~(uint32_t)STORE_DELETED;
		status = number_keywords(box, wish, !dry, err);
		m = store_box_find(box, wish->to);
		if (m && (m->flags != wish->flags || m->keywords != wish->bits))
			wishes->v[kept++] = *wish;
	}
	wishes->n = *changed = kept;
	if (kept)
		qsort(wishes->v, kept, sizeof *wishes->v, compare_flags);
	for (size_t i = 0; i < kept && !dry && status == PF_OK;) {
		struct wish first = wishes->v[i];
		struct store_flag_change change = {
		    .mode = STORE_FLAGS_SET,
		    .flags = first.flags,
		    .keywords = first.bits,
		    .unchanged_since = UINT64_MAX,
		};
		for (uids.n = 0;
		     i < kept && wishes->v[i].flags == first.flags &&
		     wishes->v[i].bits == first.bits;
		     i++)
			pf_vec_push(&uids, wishes->v[i].to);
		status = store_box_change_flags(box, uids.v, uids.n, &change,
						NULL, err);
	}
	pf_vec_release(&uids);
	return status;
}

pf_status store_past_flags(struct store_box *box, int64_t at_us, bool dry,
			   size_t *changed, struct pf_error *err)
{
	struct wishes wishes = {0};
	struct past past;
	int dir = store_past_dir(box->store, box->folder, false, NULL);

	*changed = 0;
	if (dir < 0)
		return PF_OK;
	pf_status status = read_past(dir, &past, err);
	for (size_t i = 0; status == PF_OK && i < box->recs.n; i++) {
		const struct store_msg *m = &box->recs.v[i].m;
		struct wish wish = {.uid = m->uid, .to = m->uid};
		if (m->save_date * 1000000 <= at_us)
			pf_vec_push(&wishes, wish);
	}
	if (status == PF_OK)
		look_back(&past, box->uidvalidity, at_us, &wishes);
	if (status == PF_OK)
		status = fulfil(box, &wishes, dry, changed, err);
	pf_vec_release(&wishes);
	past_release(&past);
	close(dir);
	return status;
}

/* ---- messages --------------------------------------------------------------
 */

/* What those that are going to be moved are to have: of the past's UIDs. */
static void wishes_of(struct store_box *box, const struct past *past,
		      const uint32_t *uids, size_t count, int64_t at_us,
		      struct wishes *wishes)
{
	uint32_t uidvalidity = 0;

	for (size_t i = 0; i < count; i++) {
		const struct store_rec *rec = store_box_rec(box, uids[i]);
		const struct store_past_line *line =
		    rec ? pf_map_get(&past->gone,
				     pf_str_c(store_rec_base(box, rec)))
			: NULL;
		if (!line)
			continue;
		struct wish wish = {
		    .uid = line->lo,
		    .to = uids[i],
		    .flags = line->flags & ~(uint32_t)STORE_DELETED,
		    .keywords = line->keywords,
		    .known = true,
		};
		uidvalidity = line->uidvalidity;
		pf_vec_push(wishes, wish);
	}
	if (wishes->n)
		qsort(wishes->v, wishes->n, sizeof *wishes->v, compare_wishes);
	if (at_us)
		look_back(past, uidvalidity, at_us, wishes);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct store_uid_pair *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/* From the past's UIDs to those they have now. */
static void follow(struct wishes *wishes, const struct store_uid_pairs *pairs)
{
	for (size_t i = 0; i < wishes->n; i++) {
		struct store_uid_pair key = {.from = wishes->v[i].to};
		const struct store_uid_pair *pair =
		    pairs->n ? bsearch(&key, pairs->v, pairs->n, sizeof key,
				       compare_pairs)
			     : NULL;
		wishes->v[i].to = pair ? pair->to : 0;
	}
}

static pf_status move_back(struct store_box *past, const uint32_t *uids,
			   size_t count, struct store *store,
			   struct pf_str mailbox, struct store_uid_pairs *pairs,
			   struct pf_error *err)
{
	struct store_copy how = {
	    .store = store,
	    .name = mailbox,
	    .move = true,
	    .drop_flags = STORE_DELETED,
	};
	uint32_t uidvalidity;
	bool exists = false;
	pf_status status = store_name_check(store, mailbox, &exists, err);

	if (status == PF_OK && !exists) {
		status = store_create(store, mailbox, NULL, err);
		if (status == PF_OK)
			status = store_subscribe(store, mailbox, true, err);
	}
	if (status == PF_OK)
		status = store_box_copy_to(past, uids, count, &how,
					   &uidvalidity, pairs, err);
	return status;
}

pf_status store_past_undelete(struct store_box *box, const uint32_t *uids,
			      size_t count, struct store *store,
			      struct pf_str mailbox, int64_t at_us,
			      size_t *restored, struct pf_error *err)
{
	struct store_uid_pairs pairs = {0};
	struct store_box *to = NULL;
	struct wishes wishes = {0};
	struct past past;
	size_t changed;
	pf_status status = read_past(box->dir, &past, err);

	if (status == PF_OK)
		wishes_of(box, &past, uids, count, at_us, &wishes);
	if (status == PF_OK)
		status =
		    move_back(box, uids, count, store, mailbox, &pairs, err);
	*restored = pairs.n;
	if (status == PF_OK)
		status = store_box_open(store, mailbox, &to, err);
	follow(&wishes, &pairs);
	if (status == PF_OK)
		status = fulfil(to, &wishes, false, &changed, err);
	store_box_close(&to);
	pf_vec_release(&wishes);
	pf_vec_release(&pairs);
	past_release(&past);
	return status;
}
