/* set: the answer of index_candidates (private to index/). */
#ifndef INDEX_SET_H
#define INDEX_SET_H

#include "index/index.h"

/* A bit per document number 1..last. */
struct index_bits {
	uint64_t *v;
	size_t words;
	uint32_t last, count;
};

/* All clear; false: no memory. */
bool index_bits_init(struct index_bits *bits, uint32_t last);
void index_bits_release(struct index_bits *bits);
void index_bits_add(struct index_bits *bits, uint32_t docid);
bool index_bits_has(const struct index_bits *bits, uint32_t docid);
void index_bits_and(struct index_bits *bits, const struct index_bits *other);
void index_bits_or(struct index_bits *bits, const struct index_bits *other);

struct index_set {
	struct index_bits may;	   /* may contain the needle */
	struct index_bits partial; /* not all words are indexed */
	bool exact;		   /* `may` is the truth but for `partial` */
	bool all;		   /* the index cannot tell */
};

#endif
