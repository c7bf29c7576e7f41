/*
 * From a file's base name to its message.
 *
 * A hash table of UIDs, not of positions: so it stays true when messages are
 * expunged (a UID that is no longer there is passed over), and is kept in the
 * snapshot, where a mailbox of a million names finds one of them without
 * reading the others.  The hash depends on nothing but the name: names of
 * files are not chosen by strangers.
 */
#include <stdlib.h>

#include "base/crc.h"
#include "store/box.h"

#define SLOTS_LEAST 64

static size_t hash(struct pf_str base)
{
	return pf_crc32c(0, base.p, base.n) * UINT64_C(0x9e3779b97f4a7c15) >>
	       32;
}

void store_index_drop(struct store_box *box)
{
	store_area_free(&box->index_area, box->index);
	box->index = NULL;
	box->index_cap = 0;
	box->index_count = 0;
	box->index_last = 0;
}

static void put(struct store_box *box, const struct store_rec *rec)
{
	size_t slot = hash(pf_str_c(store_rec_base(box, rec)));

	for (slot &= box->index_cap - 1; box->index[slot];)
		slot = (slot + 1) & (box->index_cap - 1);
	box->index[slot] = rec->m.uid;
	box->index_count++;
}

void store_index_insert(struct store_box *box, const struct store_rec *rec)
{
	if (!box->index || rec->m.uid > box->index_last)
		return; /* comes with the next look-up */
	if (box->index_count * 4 >= box->index_cap * 3)
		store_index_drop(box);
	else
		put(box, rec);
}

/* UIDs of expunged messages count too, until there is no room left. */
void store_index_complete(struct store_box *box)
{
	size_t n = box->recs.n;
	size_t from =
	    box->index ? store_box_lower_bound(box, box->index_last + 1) : 0;

	if (!box->index ||
	    (box->index_count + (n - from)) * 4 > box->index_cap * 3) {
		store_index_drop(box);
		box->index_cap = SLOTS_LEAST;
		while (box->index_cap < n * 2)
			box->index_cap *= 2;
		box->index = calloc(box->index_cap, sizeof *box->index);
		if (!box->index)
			abort();
		from = 0;
	}
	for (; from < n; from++)
		put(box, &box->recs.v[from]);
	if (n)
		box->index_last = box->recs.v[n - 1].m.uid;
}

/* UIDs mostly stand where their share of the range says. */
static struct store_rec *guess(struct store_box *box, uint32_t uid)
{
	const struct store_rec *v = box->recs.v;
	size_t n = box->recs.n;

	if (n == 0 || uid < v[0].m.uid || uid > v[n - 1].m.uid)
		return NULL;
	*box->near = (uint32_t)((uint64_t)(uid - v[0].m.uid) * (n - 1) /
				(v[n - 1].m.uid - v[0].m.uid + UINT64_C(1)));
	return store_box_rec(box, uid);
}

struct store_rec *store_index_find(struct store_box *box, struct pf_str base)
{
	uint32_t last = box->recs.n ? box->recs.v[box->recs.n - 1].m.uid : 0;

	if (!box->index || box->index_last < last)
		store_index_complete(box);
	size_t slot = hash(base) & (box->index_cap - 1);
	for (size_t i = 0; i < box->index_cap && box->index[slot];
	     i++, slot = (slot + 1) & (box->index_cap - 1)) {
		struct store_rec *rec = guess(box, box->index[slot]);
		if (rec && pf_str_eq(pf_str_c(store_rec_base(box, rec)), base))
			return rec;
	}
	return NULL;
}
