/* A mailbox in memory only, for parsers of its files. */
#ifndef TESTS_STORE_MEMORY_BOX_H
#define TESTS_STORE_MEMORY_BOX_H

#include <stdlib.h>

#include "store/box.h"

static struct store memory_store = {
    .dir = -1, .separator = '.', .read_only = true, .root_lock_fd = -1};

static inline struct store_box *memory_box_new(void)
{
	struct store_box *box = calloc(1, sizeof *box);

	if (!box || !(box->near = calloc(1, sizeof *box->near)))
		abort();
	box->store = &memory_store;
	box->folder = pf_str_dup(PF_STR("."));
	box->dir = box->lock_fd = box->log_fd = box->past_dir = -1;
	pf_list_init(&box->views);
	store_box_forget(box);
	return box;
}

static inline void memory_box_free(struct store_box *box)
{
	store_box_forget(box);
	free(box->heap);
	free(box->folder);
	free(box->near);
	free(box);
}

/* UIDs ascend, offsets are inside the heap, counts are right. */
static inline void memory_box_verify(const struct store_box *box)
{
	uint32_t last = 0, unseen = 0;

	for (size_t i = 0; i < box->recs.n; i++) {
		const struct store_rec *rec = &box->recs.v[i];
		struct pf_buf path = PF_BUF_INIT(1 << 20);
		if (rec->m.uid <= last || rec->m.uid >= box->uidnext ||
		    rec->name >= box->heap_len || rec->guid >= box->heap_len)
			abort();
		store_rec_path(box, rec, &path);
		pf_buf_release(&path);
		last = rec->m.uid;
		unseen += !(rec->m.flags & STORE_SEEN);
	}
	if (unseen != box->unseen)
		abort();
}

#endif
