/* set: document numbers as bits; 300,000 messages are 37 KiB. */
#include "index/set.h"

#include <stdlib.h>

bool index_bits_init(struct index_bits *bits, uint32_t last)
{
	size_t words = (size_t)last / 64 + 1;
	uint64_t *v = calloc(words, sizeof *v);

	if (!v)
		return false;
	*bits = (struct index_bits){.v = v, .words = words, .last = last};
	return true;
}

void index_bits_release(struct index_bits *bits)
{
	free(bits->v);
	*bits = (struct index_bits){0};
}

void index_bits_add(struct index_bits *bits, uint32_t docid)
{
	uint64_t bit = (uint64_t)1 << (docid % 64), *word;

	if (docid == 0 || docid > bits->last)
		return;
	word = &bits->v[docid / 64];
	bits->count += !(*word & bit);
	*word |= bit;
}

bool index_bits_has(const struct index_bits *bits, uint32_t docid)
{
	return docid <= bits->last &&
	       (bits->v[docid / 64] >> (docid % 64) & 1) != 0;
}

static void count_again(struct index_bits *bits)
{
	bits->count = 0;
	for (size_t i = 0; i < bits->words; i++)
		bits->count += (uint32_t)__builtin_popcountll(bits->v[i]);
}

void index_bits_and(struct index_bits *bits, const struct index_bits *other)
{
	for (size_t i = 0; i < bits->words; i++)
		bits->v[i] &= other->v[i];
	count_again(bits);
}

void index_bits_or(struct index_bits *bits, const struct index_bits *other)
{
	for (size_t i = 0; i < bits->words; i++)
		bits->v[i] |= other->v[i];
	count_again(bits);
}

enum index_answer index_set_ask(const struct index_set *set, uint32_t docid)
{
	if (set->all || docid == 0 || docid > set->may.last)
		return INDEX_MAYBE;
	if (!index_bits_has(&set->may, docid))
		return INDEX_NO;
	if (!set->exact || index_bits_has(&set->partial, docid))
		return INDEX_MAYBE;
	return INDEX_YES;
}

uint32_t index_set_count(const struct index_set *set)
{
	return set->all ? set->may.last : set->may.count;
}

void index_set_free(struct index_set **set)
{
	if (!*set)
		return;
	index_bits_release(&(*set)->may);
	index_bits_release(&(*set)->partial);
	free(*set);
	*set = NULL;
}
