/*
 * Memory that is freed all at once: one arena per command, per message, per
 * parse.  Small allocations may abort when memory is out; sizes that a peer
 * chooses are bounded by the arena's maximum and then give NULL.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct pf_arena_block;

struct pf_arena {
	struct pf_arena_block *blocks;
	size_t used; /* bytes handed out so far */
	size_t max;
};

void pf_arena_init(struct pf_arena *arena, size_t max);

/* Frees everything; the arena is empty and usable again. */
void pf_arena_release(struct pf_arena *arena);

/* The same, after overwriting every byte (passwords). */
void pf_arena_wipe(struct pf_arena *arena);

/* Zeroed, aligned for any type.  NULL only when `max` would be exceeded. */
void *pf_arena_alloc(struct pf_arena *arena, size_t n);
void *pf_arena_array(struct pf_arena *arena, size_t count, size_t size);

/* Copies with a NUL behind; {NULL,0} when over `max`. */
struct pf_str pf_arena_str(struct pf_arena *arena, struct pf_str s);
char *pf_arena_cstr(struct pf_arena *arena, struct pf_str s);

#define PF_ARENA_NEW(arena, type)                                              \
	((type *)pf_arena_alloc((arena), sizeof(type)))

#endif
