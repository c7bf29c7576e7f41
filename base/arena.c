#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct pf_arena_block {
	struct pf_arena_block *next;
	size_t size, used;
	alignas(max_align_t) char data[];
};

void pf_arena_init(struct pf_arena *arena, size_t max)
{
	*arena = (struct pf_arena){.max = max};
}

void pf_arena_release(struct pf_arena *arena)
{
	for (struct pf_arena_block *b = arena->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	pf_arena_init(arena, arena->max);
}

void pf_arena_wipe(struct pf_arena *arena)
{
	for (struct pf_arena_block *b = arena->blocks; b; b = b->next)
		explicit_bzero(b->data, b->used);
	pf_arena_release(arena);
}

static struct pf_arena_block *add_block(struct pf_arena *arena, size_t need)
{
	size_t size = arena->blocks ? arena->blocks->size * 2 : 512;

	if (size > 65536)
		size = 65536;
	if (size < need)
		size = need;
	struct pf_arena_block *b = malloc(sizeof *b + size);
	if (!b)
		abort();
	b->size = size;
	b->used = 0;
	b->next = arena->blocks;
	arena->blocks = b;
	return b;
}

void *pf_arena_alloc(struct pf_arena *arena, size_t n)
{
	const size_t align = alignof(max_align_t);

	if (n > arena->max || arena->used > arena->max - n)
		return NULL;
	size_t rounded = (n + align - 1) / align * align;
	struct pf_arena_block *b = arena->blocks;
	if (!b || b->size - b->used < rounded)
		b = add_block(arena, rounded);
	void *p = b->data + b->used;
	b->used += rounded;
	arena->used += n;
	memset(p, 0, n);
	return p;
}

void *pf_arena_array(struct pf_arena *arena, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		return NULL;
	return pf_arena_alloc(arena, n);
}

struct pf_str pf_arena_str(struct pf_arena *arena, struct pf_str s)
{
	char *copy = pf_arena_cstr(arena, s);

	return (struct pf_str){copy, copy ? s.n : 0};
}

char *pf_arena_cstr(struct pf_arena *arena, struct pf_str s)
{
	char *copy = s.n < SIZE_MAX ? pf_arena_alloc(arena, s.n + 1) : NULL;

	if (copy && s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}
