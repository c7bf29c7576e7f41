#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/rand.h"

static uint64_t hash_key[2];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void choose_key(void)
{
	pf_rand_bytes(hash_key, sizeof hash_key);
}

static uint64_t rotl(uint64_t x, int b)
{
	return (x << b) | (x >> (64 - b));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t pf_hash(const void *p, size_t n)
{
	const unsigned char *at = p;
	uint64_t last = (uint64_t)n << 56, m;

	pthread_once(&hash_once, choose_key);
	uint64_t v[4] = {
	    hash_key[0] ^ 0x736f6d6570736575u,
	    hash_key[1] ^ 0x646f72616e646f6du,
	    hash_key[0] ^ 0x6c7967656e657261u,
	    hash_key[1] ^ 0x7465646279746573u,
	};
	for (; n >= 8; n -= 8, at += 8) {
		memcpy(&m, at, 8);
		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	for (size_t i = 0; i < n; i++)
		last |= (uint64_t)at[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void pf_map_release(struct pf_map *map)
{
	for (size_t i = 0; i < map->cap; i++)
		free(map->slots[i].key);
	free(map->slots);
	*map = (struct pf_map){0};
}

/* The slot that holds the key, or the free one where it belongs. */
static struct pf_map_entry *find_slot(const struct pf_map *map,
				      struct pf_str key, uint64_t hash)
{
	size_t i = hash & (map->cap - 1);

	for (;; i = (i + 1) & (map->cap - 1)) {
		struct pf_map_entry *e = &map->slots[i];
		if (!e->key || (e->hash == hash &&
				pf_str_eq(key, pf_str_mem(e->key, e->key_len))))
			return e;
	}
}

void *pf_map_get(const struct pf_map *map, struct pf_str key)
{
	if (!map->count)
		return NULL;
	return find_slot(map, key, pf_hash(key.p, key.n))->value;
}

static void resize(struct pf_map *map, size_t cap)
{
	struct pf_map bigger = {calloc(cap, sizeof *bigger.slots), map->count,
				cap};

	if (!bigger.slots)
		abort();
	for (size_t i = 0; i < map->cap; i++) {
		struct pf_map_entry *e = &map->slots[i];
		if (e->key)
			*find_slot(&bigger, pf_str_mem(e->key, e->key_len),
				   e->hash) = *e;
	}
	free(map->slots);
	*map = bigger;
}

void *pf_map_set(struct pf_map *map, struct pf_str key, void *value)
{
	uint64_t hash = pf_hash(key.p, key.n);

	if (map->count * 4 >= map->cap * 3)
		resize(map, map->cap ? map->cap * 2 : 16);
	struct pf_map_entry *e = find_slot(map, key, hash);
	void *old = e->value;
	if (!e->key) {
		*e = (struct pf_map_entry){pf_str_dup(key), key.n, hash, NULL};
		map->count++;
	}
	e->value = value;
	return old;
}

void *pf_map_remove(struct pf_map *map, struct pf_str key)
{
	if (!map->count)
		return NULL;
	struct pf_map_entry *e = find_slot(map, key, pf_hash(key.p, key.n));
	void *old = e->value;
	if (!e->key)
		return NULL;
	free(e->key);
	*e = (struct pf_map_entry){0};
	map->count--;
	/* close the gap: whatever follows may have wanted this slot */
	size_t i = (size_t)(e - map->slots);
	for (i = (i + 1) & (map->cap - 1); map->slots[i].key;
	     i = (i + 1) & (map->cap - 1)) {
		struct pf_map_entry moved = map->slots[i];
		map->slots[i] = (struct pf_map_entry){0};
		*find_slot(map, pf_str_mem(moved.key, moved.key_len),
			   moved.hash) = moved;
	}
	return old;
}

const struct pf_map_entry *pf_map_next(const struct pf_map *map, size_t *pos)
{
	while (*pos < map->cap) {
		const struct pf_map_entry *e = &map->slots[(*pos)++];
		if (e->key)
			return e;
	}
	return NULL;
}
