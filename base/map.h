/*
 * Hash map from bytes to a pointer.  Keys are copied; hashing is SipHash with
 * a per-process random key, so a peer cannot choose collisions.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct pf_map_entry {
	char *key; /* NUL-terminated copy, NULL when the slot is free */
	size_t key_len;
	uint64_t hash;
	void *value;
};

struct pf_map {
	struct pf_map_entry *slots;
	size_t count, cap;
};

/* A zeroed struct pf_map is an empty map. */
void pf_map_release(struct pf_map *map);

/* The value, or NULL. */
void *pf_map_get(const struct pf_map *map, struct pf_str key);

/* Sets; returns the old value or NULL.  `value` must not be NULL. */
void *pf_map_set(struct pf_map *map, struct pf_str key, void *value);

/* Removes; returns the old value or NULL. */
void *pf_map_remove(struct pf_map *map, struct pf_str key);

/* Walks: start with *pos = 0; NULL at the end.  No change while walking. */
const struct pf_map_entry *pf_map_next(const struct pf_map *map, size_t *pos);

/* SipHash-2-4 with the process' key */
uint64_t pf_hash(const void *p, size_t n);

#endif
