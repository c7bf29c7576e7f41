/*
 * Log records into the memory of a mailbox.  Our own changes take this way
 * too, after they were written, so memory never knows more than the disk.
 *
 * Applying is tolerant: UIDs that are not there are skipped, since a record
 * may meet a state that already has it.
 */
#include <stdlib.h>

#include "store/past.h"
#include "store/quota.h"

static void count_rec(struct store_box *box, const struct store_rec *rec,
		      bool plus)
{
	const struct store_msg *m = &rec->m;
	uint32_t one = plus ? 1 : (uint32_t)-1;

	if (!(m->flags & STORE_SEEN)) {
		box->unseen += one;
		if (m->uid < box->seen_end)
			box->seen_end = m->uid;
	}
	if (m->flags & STORE_DELETED) {
		box->deleted_count += one;
		box->deleted_size += plus ? m->size : (uint64_t)0 - m->size;
	}
	if (rec->state & REC_NEW)
		box->in_new += one;
	if (rec->state & REC_FRESH)
		box->fresh += one;
	box->size += plus ? m->size : (uint64_t)0 - m->size;
	if (box->disk_known) {
		uint64_t disk = store_rec_disk(box, rec);
		box->disk += plus ? disk : (uint64_t)0 - disk;
	}
}

void store_box_count(struct store_box *box)
{
	box->unseen = box->deleted_count = box->in_new = box->fresh = 0;
	box->size = box->deleted_size = box->disk = 0;
	box->disk_known = false;
	box->seen_end = 0;
	for (size_t i = 0; i < box->recs.n; i++)
		count_rec(box, &box->recs.v[i], true);
}

void store_rec_place(struct store_box *box, struct store_rec *rec, bool in_new,
		     struct pf_str suffix)
{
	bool info, odd, was_new = rec->state & REC_NEW;

	rec->letters = store_suffix_letters(suffix, &info, &odd);
	rec->state &= ~(uint32_t)REC_ON_DISK;
	rec->state |= (in_new ? REC_NEW : 0) | (info ? REC_INFO : 0) |
		      (odd ? REC_ODD : 0);
	if (odd) {
		/* not from the heap into the heap: it may move */
		char *base = pf_str_dup(pf_str_c(store_rec_base(box, rec)));
		rec->name = store_heap_add2(box, pf_str_c(base), suffix);
		box->heap_waste += strlen(base) + 1;
		free(base);
	}
	box->in_new += (uint32_t)in_new - (uint32_t)was_new;
}

void store_rec_renamed(struct store_box *box, struct store_rec *rec)
{
	struct pf_buf path = PF_BUF_INIT(1024);
	size_t start = 4 + strlen(store_rec_base(box, rec));

	store_rec_path_with(box, rec, store_letters_of(&rec->m), &path);
	store_rec_place(box, rec, false, pf_str_from(pf_buf_str(&path), start));
	rec->state &= ~(uint32_t)REC_DIRTY;
	pf_buf_release(&path);
}

bool store_add_parse(struct pf_str payload, struct store_add_record *add,
		     struct pf_str *base, struct pf_str *guid,
		     struct pf_str *suffix)
{
	if (payload.n < sizeof *add)
		return false;
	memcpy(add, payload.p, sizeof *add);
	struct pf_str rest = pf_str_from(payload, sizeof *add);
	if (rest.n != (size_t)add->name_len + add->guid_len + add->suffix_len ||
	    add->name_len == 0 || add->m.uid == 0 || add->m.uid == UINT32_MAX ||
	    memchr(rest.p, '\0', rest.n) || memchr(rest.p, '/', rest.n))
		return false;
	*base = pf_str_head(rest, add->name_len);
	rest = pf_str_from(rest, add->name_len);
	*guid = pf_str_head(rest, add->guid_len);
	*suffix = pf_str_from(rest, add->guid_len);
	return true;
}

static bool apply_add(struct store_box *box, struct pf_str payload)
{
	struct store_add_record add;
	struct pf_str base, guid, suffix;

	if (!store_add_parse(payload, &add, &base, &guid, &suffix))
		return false;
	uint32_t at = store_box_lower_bound(box, add.m.uid);
	if (at < box->recs.n && box->recs.v[at].m.uid == add.m.uid)
		return true;
	struct store_rec rec = {
	    .m = add.m,
	    .letters = add.letters,
	    .state = add.state & REC_KEPT,
	};
	rec.name = add.state & REC_ODD ? store_heap_add2(box, base, suffix)
				       : store_heap_add(box, base);
	if (guid.n)
		rec.guid = store_heap_add(box, guid);
	store_recs_room(box, 1);
	/* no session can be told of a message before those it knows */
	if (at < box->recs.n && store_views_know(box, add.m.uid))
		box->reset = true;
	if (at < box->recs.n)
		memmove(&box->recs.v[at + 1], &box->recs.v[at],
			(box->recs.n - at) * sizeof rec);
	box->recs.v[at] = rec;
	box->recs.n++;
	store_index_insert(box, &rec);
	count_rec(box, &rec, true);
	if (add.m.uid >= box->uidnext)
		box->uidnext = add.m.uid + 1;
	if (add.m.modseq > box->modseq)
		box->modseq = add.m.modseq;
	return true;
}

/* The ranges behind a record's fixed part: ascending, checked. */
static bool parse_ranges(struct pf_str bytes, struct store_ranges *ranges)
{
	size_t n = bytes.n / sizeof *ranges->v;

	if (bytes.n % sizeof *ranges->v)
		return false;
	if (n)
		pf_vec_room(ranges, n);
	if (n)
		memcpy(ranges->v, bytes.p, bytes.n);
	ranges->n = n;
	for (size_t i = 0; i < n; i++) {
		const struct store_range *r = &ranges->v[i];
		if (r->lo == 0 || r->lo > r->hi ||
		    (i > 0 && r->lo <= ranges->v[i - 1].hi))
			return false;
	}
	return true;
}

static void change_rec(struct store_box *box, struct store_rec *rec,
		       const struct store_flags_record *c)
{
	uint32_t before = store_letters_of(&rec->m);

	count_rec(box, rec, false);
	rec->m.flags = (rec->m.flags & ~c->remove) | c->add;
	rec->m.flags &= STORE_FLAGS_ALL;
	rec->m.keywords =
	    (rec->m.keywords & ~c->remove_keywords) | c->add_keywords;
	rec->m.modseq = c->modseq;
	count_rec(box, rec, true);
	if (box->rebooted) {
		struct store_past past = {rec->m.uid, before};
		pf_vec_push(&box->past, past);
	}
	if (store_letters_of(&rec->m) != rec->letters &&
	    !(rec->state & REC_DIRTY)) {
		rec->state |= REC_DIRTY;
		pf_vec_push(&box->dirty, rec->m.uid);
	}
}

static bool apply_flags(struct store_box *box, struct pf_str payload)
{
	struct store_flags_record c;
	struct store_ranges ranges = {0};

	if (payload.n < sizeof c)
		return false;
	memcpy(&c, payload.p, sizeof c);
	bool good = parse_ranges(pf_str_from(payload, sizeof c), &ranges);
	for (size_t i = 0; good && i < ranges.n; i++) {
		uint32_t at = store_box_lower_bound(box, ranges.v[i].lo);
		for (; at < box->recs.n &&
		       box->recs.v[at].m.uid <= ranges.v[i].hi;
		     at++)
			change_rec(box, &box->recs.v[at], &c);
	}
	if (good && c.modseq > box->modseq)
		box->modseq = c.modseq;
	pf_vec_release(&ranges);
	return good;
}

static void remember_gone(struct store_box *box, uint64_t modseq,
			  const struct store_ranges *ranges)
{
	for (size_t i = 0; i < ranges->n; i++) {
		struct store_gone gone = {ranges->v[i].lo, ranges->v[i].hi,
					  modseq};
		pf_vec_push(&box->gone, gone);
	}
	if (box->gone.n > STORE_GONE_MAX) {
		size_t drop = box->gone.n - STORE_GONE_MAX / 2;
		box->gone_floor = box->gone.v[drop - 1].modseq;
		box->gone.n -= drop;
		memmove(box->gone.v, box->gone.v + drop,
			box->gone.n * sizeof *box->gone.v);
	}
}

static bool apply_expunge(struct store_box *box, struct pf_str payload)
{
	struct store_ranges ranges = {0};
	struct store_uids uids = {0};
	uint64_t modseq;

	if (payload.n < sizeof modseq)
		return false;
	memcpy(&modseq, payload.p, sizeof modseq);
	if (!parse_ranges(pf_str_from(payload, sizeof modseq), &ranges) ||
	    ranges.n == 0) {
		pf_vec_release(&ranges);
		return false;
	}
	size_t from = store_box_lower_bound(box, ranges.v[0].lo), to = from;
	for (size_t r = 0; from < box->recs.n; from++) {
		struct store_rec *rec = &box->recs.v[from];
		while (r < ranges.n && ranges.v[r].hi < rec->m.uid)
			r++;
		if (r == ranges.n || rec->m.uid < ranges.v[r].lo) {
			if (to != from)
				box->recs.v[to] = *rec;
			to++;
			continue;
		}
		pf_vec_push(&uids, rec->m.uid);
		count_rec(box, rec, false);
		box->heap_waste += strlen(store_rec_base(box, rec)) + 1;
		if (box->rebooted) {
			pf_vec_push(&box->doomed, rec->name);
			store_past_note_gone(box, rec);
		}
	}
	if (uids.n)
		store_views_expunged(box, uids.v, uids.n);
	box->recs.n = to;
	store_moves_end(box, &ranges);
	remember_gone(box, modseq, &ranges);
	if (modseq > box->modseq)
		box->modseq = modseq;
	pf_vec_release(&uids);
	pf_vec_release(&ranges);
	return true;
}

static bool apply_taken(struct store_box *box, struct pf_str payload)
{
	struct store_ranges ranges = {0};
	bool good = parse_ranges(payload, &ranges);

	for (size_t i = 0; good && i < ranges.n; i++) {
		uint32_t at = store_box_lower_bound(box, ranges.v[i].lo);
		for (; at < box->recs.n &&
		       box->recs.v[at].m.uid <= ranges.v[i].hi;
		     at++) {
			struct store_rec *rec = &box->recs.v[at];
			if (rec->state & REC_FRESH)
				box->fresh--;
			if (rec->state & REC_NEW) {
				box->in_new--;
				if (!(rec->state & REC_ODD))
					rec->state |= REC_INFO;
			}
			rec->state &= ~(uint32_t)(REC_NEW | REC_FRESH);
		}
	}
	pf_vec_release(&ranges);
	return good;
}

static bool apply_moved(struct store_box *box, bool end, struct pf_str payload)
{
	struct store_ranges ranges = {0};
	bool good = parse_ranges(payload, &ranges);

	if (good && end)
		store_moves_end(box, &ranges);
	for (size_t i = 0; good && !end && i < box->moves.n; i++) {
		struct store_move *m = &box->moves.v[i];
		if (store_ranges_have(&ranges, m->uid))
			m->back = true;
	}
	pf_vec_release(&ranges);
	return good;
}

static bool apply_applied(struct store_box *box, struct pf_str payload)
{
	struct store_applied_record applied;

	if (payload.n != sizeof applied)
		return false;
	memcpy(&applied, payload.p, sizeof applied);
	box->intents.n = 0;
	box->unapplied = false;
	if (box->rebooted)
		return true; /* the renames may have been lost: look */
	for (size_t i = 0; i < box->dirty.n; i++) {
		struct store_rec *rec = store_box_rec(box, box->dirty.v[i]);
		if (rec && rec->state & REC_DIRTY)
			store_rec_renamed(box, rec);
	}
	box->dirty.n = 0;
	box->seen[0] = applied.seen[0];
	box->seen[1] = applied.seen[1];
	box->rescan = applied.rescan & RESCAN_BOTH;
	box->rescan_at = applied.rescan_at;
	box->unclean = box->rescan || box->rescan_at;
	return true;
}

static bool apply_keyword(struct store_box *box, struct pf_str payload)
{
	uint32_t number;

	if (payload.n < sizeof number)
		return false;
	memcpy(&number, payload.p, sizeof number);
	struct pf_str name = pf_str_from(payload, sizeof number);
	if (number >= STORE_KEYWORDS_MAX || memchr(name.p, '\0', name.n))
		return false;
	free(box->keywords[number]);
	box->keywords[number] = name.n ? pf_str_dup(name) : NULL;
	/* until we hear (NOTED) that dovecot-keywords was written, it may not
	 * have been: the one who was to do it may have died */
	if (number < STORE_KEYWORD_LETTERS)
		box->noted.keywords = (struct store_stamp){.ino = 1};
	return true;
}

bool store_apply(struct store_box *box, uint32_t type, struct pf_str payload)
{
	uint32_t uidnext;

	switch (type) {
	case RECORD_ADD:
		return apply_add(box, payload);
	case RECORD_FLAGS:
		return apply_flags(box, payload);
	case RECORD_EXPUNGE:
		return apply_expunge(box, payload);
	case RECORD_KEYWORD:
		return apply_keyword(box, payload);
	case RECORD_UIDNEXT:
		if (payload.n != sizeof uidnext)
			return false;
		memcpy(&uidnext, payload.p, sizeof uidnext);
		if (uidnext > box->uidnext)
			box->uidnext = uidnext;
		return true;
	case RECORD_APPLIED:
		return apply_applied(box, payload);
	case RECORD_NOTED:
		if (payload.n != sizeof box->noted)
			return false;
		memcpy(&box->noted, payload.p, sizeof box->noted);
		return true;
	case RECORD_INTENT:
		pf_vec_push(&box->intents, store_heap_add(box, payload));
		box->heap_waste += payload.n + 1;
		return true;
	case RECORD_DELETED:
		box->deleted = true;
		return true;
	case RECORD_TAKEN:
		return apply_taken(box, payload);
	case RECORD_MOVE:
		return store_move_apply(box, payload);
	case RECORD_MOVE_BACK:
	case RECORD_MOVE_END:
		return apply_moved(box, type == RECORD_MOVE_END, payload);
	default:
		return true; /* from a later version: not for us */
	}
}
