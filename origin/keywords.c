/* Who has which keyword: a bitmap per keyword over a sorted list of UIDs. */
#include "origin/origin.h"

#define ARENA_MAX ((size_t)256 << 20)

void origin_keywords_init(struct origin_keywords *keywords,
			  const uint32_t *uids, uint32_t count)
{
	*keywords = (struct origin_keywords){.uids = uids, .uid_count = count};
	pf_arena_init(&keywords->arena, ARENA_MAX);
}

void origin_keywords_release(struct origin_keywords *keywords)
{
	pf_vec_release(&keywords->list);
	pf_arena_release(&keywords->arena);
}

/* Position of the first UID >= uid. */
static uint32_t lower_bound(const struct origin_keywords *k, uint32_t uid)
{
	uint32_t low = 0, high = k->uid_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (k->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct origin_keyword *find(struct origin_keywords *k,
				   struct pf_str name, bool create)
{
	for (size_t i = 0; i < k->list.n; i++)
		if (pf_str_ieq(k->list.v[i].name, name))
			return &k->list.v[i];
	if (!create)
		return NULL;
	struct origin_keyword one = {
	    .name = pf_arena_str(&k->arena, name),
	    .bits = pf_arena_alloc(&k->arena, k->uid_count / 8 + 1),
	};
	if (k->list.n == ORIGIN_KEYWORDS_MAX || !one.name.p || !one.bits) {
		k->lost = true;
		return NULL;
	}
	pf_vec_push(&k->list, one);
	return &k->list.v[k->list.n - 1];
}

static void set_bit(unsigned char *bits, uint32_t at, bool on)
{
	unsigned char bit = (unsigned char)(1u << at % 8);

	bits[at / 8] =
	    (unsigned char)(on ? bits[at / 8] | bit : bits[at / 8] & ~bit);
}

void origin_keywords_mark(struct origin_keywords *k, struct pf_str name,
			  uint32_t first, uint32_t last, bool on)
{
	struct origin_keyword *one = find(k, name, on);

	for (uint32_t i = one ? lower_bound(k, first) : k->uid_count;
	     i < k->uid_count && k->uids[i] <= last; i++)
		set_bit(one->bits, i, on);
}

void origin_keywords_clear(struct origin_keywords *k, uint32_t first,
			   uint32_t last)
{
	for (size_t n = 0; n < k->list.n; n++)
		for (uint32_t i = lower_bound(k, first);
		     i < k->uid_count && k->uids[i] <= last; i++)
			set_bit(k->list.v[n].bits, i, false);
}

bool origin_keywords_has(const struct origin_keyword *keyword, uint32_t at)
{
	return keyword->bits[at / 8] & 1u << at % 8;
}

void origin_keywords_count(struct origin_keywords *k)
{
	for (size_t n = 0; n < k->list.n; n++) {
		k->list.v[n].count = 0;
		for (uint32_t i = 0; i < k->uid_count; i++)
			k->list.v[n].count +=
			    origin_keywords_has(&k->list.v[n], i);
	}
}
