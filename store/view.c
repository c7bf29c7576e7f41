/*
 * Views: sequence numbers as one session knows them.
 *
 * A view is the box' records up to `known` (the highest UID it was told),
 * plus the messages in `pending`: expunged in the box, but the session was
 * not told.  Both are sorted by UID, so a sequence number is a rank in their
 * union, found by binary search.  Without pending expunges it is simply the
 * position in the box.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdlib.h>

#include "store/box.h"

struct told {
	uint32_t uid;
	uint64_t modseq;
};

struct store_view {
	struct pf_link link; /* box->views */
	struct store_box *box;
	uint32_t known;		   /* highest UID told */
	uint64_t modseq;	   /* flags told up to here */
	struct store_uids pending; /* expunged, not told; sorted */
	struct store_uids recent;  /* sorted */
	bool claims;		   /* \Recent is then nobody else's */
	struct pf_vec(struct told) told;
};

/* Index of the first of `uids` that is >= uid. */
static size_t lower_bound(const struct store_uids *uids, uint32_t uid)
{
	size_t lo = 0, hi = uids->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (uids->v[mid] < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool has_uid(const struct store_uids *uids, uint32_t uid)
{
	size_t at = lower_bound(uids, uid);

	return at < uids->n && uids->v[at] == uid;
}

/* Records of the box that the view knows of. */
static uint32_t known_records(const struct store_view *view)
{
	return view->known == UINT32_MAX
		   ? (uint32_t)view->box->recs.n
		   : store_box_lower_bound(view->box, view->known + 1);
}

/* What no session has had yet becomes this one's \Recent; who only looks
 * (EXAMINE) sees it, and leaves it to the next. */
static void see_recent(struct store_view *view, uint32_t after)
{
	struct store_box *box = view->box;
	struct store_uids *recent = &view->recent;
	size_t before = recent->n, kept = 0;

	for (size_t i = 0; i < box->recent.n; i++)
		if (box->recent.v[i] > after || view->claims)
			pf_vec_push(recent, box->recent.v[i]);
	if (view->claims)
		box->recent.n = 0;
	size_t left = (size_t)box->in_new + box->fresh;
	for (size_t i = box->recs.n;
	     left > 0 && i > 0 && box->recs.v[i - 1].m.uid > after; i--) {
		uint32_t state = box->recs.v[i - 1].state;
		if (!(state & (REC_NEW | REC_FRESH)))
			continue;
		pf_vec_push(recent, box->recs.v[i - 1].m.uid);
		left -=
		    (state & REC_NEW ? 1u : 0) + (state & REC_FRESH ? 1 : 0);
	}
	if (recent->n == before)
		return;
	store_uids_sort(recent);
	for (size_t i = 0; i < recent->n; i++)
		if (i == 0 || recent->v[i] != recent->v[kept - 1])
			recent->v[kept++] = recent->v[i];
	recent->n = kept;
}

pf_status store_view_new(struct store_box *box, bool claims,
			 struct store_view **view, struct pf_error *err)
{
	struct store_view *v = calloc(1, sizeof *v);

	(void)err;
	if (!v)
		abort();
	v->box = box;
	box->refs++;
	if (box->recs.n)
		v->known = box->recs.v[box->recs.n - 1].m.uid;
	v->modseq = box->modseq;
	v->claims = claims;
	see_recent(v, 0);
	pf_list_append(&box->views, &v->link);
	*view = v;
	return PF_OK;
}

void store_view_free(struct store_view **view)
{
	struct store_view *v = *view;

	*view = NULL;
	if (!v)
		return;
	pf_list_remove(&v->link);
	pf_vec_release(&v->pending);
	pf_vec_release(&v->recent);
	pf_vec_release(&v->told);
	store_box_close(&v->box);
	free(v);
}

struct store_box *store_view_box(struct store_view *view)
{
	return view->box;
}

void store_views_expunged(struct store_box *box, const uint32_t *uids,
			  size_t count)
{
	if (!box->loaded)
		return; /* the log of the past: load() compares instead */
	for (struct pf_link *l = box->views.next; l != &box->views;
	     l = l->next) {
		struct store_view *v =
		    pf_container_of(l, struct store_view, link);
		for (size_t i = 0; i < count && uids[i] <= v->known; i++)
			pf_vec_push(&v->pending, uids[i]);
		store_uids_sort(&v->pending);
	}
}

#ifdef PF_FAULT_INJECTION
void store_views_verify(struct store_box *box)
{
	for (struct pf_link *l = box->views.next; l != &box->views; l = l->next)
		store_verify_view(box,
				  pf_container_of(l, struct store_view, link));
}
#endif

bool store_views_know(const struct store_box *box, uint32_t uid)
{
	for (struct pf_link *l = box->views.next; l != &box->views; l = l->next)
		if (pf_container_of(l, struct store_view, link)->known >= uid)
			return true;
	return false;
}

/* ---- numbers
 * -------------------------------------------------------------------- */

uint32_t store_view_count(const struct store_view *view)
{
	return known_records(view) + (uint32_t)view->pending.n;
}

uint32_t store_view_uid(const struct store_view *view, uint32_t seq)
{
	const struct store_uids *gone = &view->pending;
	uint32_t records = known_records(view);

	if (seq == 0 || seq > records + gone->n)
		return 0;
	/* how many of the first seq messages are expunged ones */
	size_t lo = 0, hi = gone->n < seq ? gone->n : seq;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		uint32_t before =
		    store_box_lower_bound(view->box, gone->v[mid]);
		if (before + mid < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* `lo` expunged ones have a rank up to seq */
	if (lo > 0 &&
	    store_box_lower_bound(view->box, gone->v[lo - 1]) + lo == seq)
		return gone->v[lo - 1];
	return view->box->recs.v[seq - lo - 1].m.uid;
}

uint32_t store_view_seq_from(const struct store_view *view, uint32_t uid)
{
	uint32_t records = known_records(view);
	uint32_t before = store_box_lower_bound(view->box, uid);

	if (before > records)
		before = records;
	return before + (uint32_t)lower_bound(&view->pending, uid) + 1;
}

uint32_t store_view_seq(const struct store_view *view, uint32_t uid)
{
	if (uid > view->known ||
	    (!store_box_find(view->box, uid) && !has_uid(&view->pending, uid)))
		return 0;
	return store_view_seq_from(view, uid);
}

/* ---- telling
 * ----------------------------------------------------------------------- */

static int compare_told(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return (x->modseq > y->modseq) - (x->modseq < y->modseq);
}

static void find_changed(struct store_view *view, uint32_t records,
			 struct store_uids *changed)
{
	if (view->box->modseq <= view->modseq)
		return;
	if (view->told.n)
		qsort(view->told.v, view->told.n, sizeof *view->told.v,
		      compare_told);
	for (uint32_t i = 0; i < records; i++) {
		const struct store_msg *m = &view->box->recs.v[i].m;
		struct told key = {m->uid, m->modseq};
		if (m->modseq <= view->modseq)
			continue;
		if (view->told.n && bsearch(&key, view->told.v, view->told.n,
					    sizeof key, compare_told))
			continue;
		pf_vec_push(changed, m->uid);
	}
}

void store_view_update(struct store_view *view, bool may_expunge,
		       struct store_view_changes *changes)
{
	struct store_box *box = view->box;

	*changes = (struct store_view_changes){0};
	if (may_expunge) {
		for (size_t i = 0; i < view->pending.n; i++) {
			uint32_t uid = view->pending.v[i];
			/* the ones before it are told and gone by then */
			uint32_t seq = store_box_lower_bound(box, uid) + 1;
			pf_vec_push(&changes->expunged_seqs, seq);
			pf_vec_push(&changes->expunged_uids, uid);
		}
		view->pending.n = 0;
	}
	uint32_t records = known_records(view), known = view->known;
	find_changed(view, records, &changes->changed);
	changes->exists_changed = records < box->recs.n;
	if (box->recs.n && box->recs.v[box->recs.n - 1].m.uid > view->known)
		view->known = box->recs.v[box->recs.n - 1].m.uid;
	view->modseq = box->modseq;
	view->told.n = 0;
	see_recent(view, known);
	changes->exists = store_view_count(view);
	changes->highest_modseq = box->modseq;
}

void store_view_changes_release(struct store_view_changes *changes)
{
	pf_vec_release(&changes->expunged_seqs);
	pf_vec_release(&changes->expunged_uids);
	pf_vec_release(&changes->changed);
}

const struct store_uids *store_view_expunged(const struct store_view *view)
{
	return &view->pending;
}

void store_view_touched(const struct store_view *view, struct store_uids *uids)
{
	for (size_t i = 0; i < view->box->recs.n; i++) {
		const struct store_msg *m = &view->box->recs.v[i].m;

		if (m->modseq > view->modseq || m->uid > view->known)
			pf_vec_push(uids, m->uid);
	}
}

bool store_view_pending(const struct store_view *view)
{
	return view->pending.n || view->box->modseq > view->modseq ||
	       known_records(view) < view->box->recs.n;
}

uint64_t store_view_modseq(const struct store_view *view)
{
	return view->modseq;
}

void store_view_told(struct store_view *view, const uint32_t *uids,
		     size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct store_msg *m = store_box_find(view->box, uids[i]);
		if (!m || m->modseq <= view->modseq)
			continue;
		struct told told = {m->uid, m->modseq};
		pf_vec_push(&view->told, told);
	}
}

bool store_view_recent(const struct store_view *view, uint32_t uid)
{
	return has_uid(&view->recent, uid);
}

uint32_t store_view_recent_count(const struct store_view *view)
{
	uint32_t n = 0;

	for (size_t i = 0; i < view->recent.n; i++)
		n += view->recent.v[i] <= view->known &&
		     (store_box_find(view->box, view->recent.v[i]) ||
		      has_uid(&view->pending, view->recent.v[i]));
	return n;
}
