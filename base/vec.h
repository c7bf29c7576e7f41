/*
 * A growing array of any type, and an intrusive list.
 *
 *	struct pf_vec(uint32_t) uids = {0};
 *	pf_vec_push(&uids, 7);
 *	for (size_t i = 0; i < uids.n; i++) use(uids.v[i]);
 *	pf_vec_release(&uids);
 *
 * Growth aborts when memory is out, so the caller bounds what a peer chooses.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>
#include <stdlib.h>

#define pf_vec(type)                                                           \
	{                                                                      \
		type *v;                                                       \
		size_t n, cap;                                                 \
	}

void *pf_vec_grow(void *v, size_t *cap, size_t need, size_t size);

#define pf_vec_room(vec, extra)                                                \
	((vec)->v = pf_vec_grow((vec)->v, &(vec)->cap, (vec)->n + (extra),     \
				sizeof *(vec)->v))

#define pf_vec_push(vec, value)                                                \
	(pf_vec_room((vec), 1), (void)((vec)->v[(vec)->n++] = (value)))

#define pf_vec_release(vec)                                                    \
	(free((vec)->v), (vec)->v = NULL, (vec)->n = (vec)->cap = 0)

/* A doubly linked ring; the head is a link too. */
struct pf_link {
	struct pf_link *next, *prev;
};

static inline void pf_list_init(struct pf_link *head)
{
	head->next = head->prev = head;
}

static inline int pf_list_empty(const struct pf_link *head)
{
	return head->next == head;
}

static inline void pf_list_append(struct pf_link *head, struct pf_link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* Safe to call twice. */
static inline void pf_list_remove(struct pf_link *link)
{
	if (!link->next)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->next = link->prev = NULL;
}

#define pf_container_of(ptr, type, member)                                     \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
