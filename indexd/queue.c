/* queue: whose mail is to be indexed next. */
#include "indexd/queue.h"

#include <limits.h>
#include <stdlib.h>

#include "auth/auth.h"

/* Whoever writes to our socket gets no more memory than this: past it, all of
 * a user's mailboxes are looked at, or the next round finds the user. */
#define BOXES_MAX     64 /* of one user */
#define BOXES_ALL_MAX 16384
#define USERS_MAX     100000
#define BOX_NAME_MAX  1024

static struct indexd_order *find_or_add(struct indexd_queue *queue,
					struct pf_str user, int64_t due_ms)
{
	struct indexd_order *order = pf_map_get(&queue->users, user);

	if (order || queue->count >= USERS_MAX || user.n > AUTH_NAME_MAX)
		return order;
	order = calloc(1, sizeof *order);
	if (!order)
		return NULL;
	order->user = pf_str_dup(user);
	order->due_ms = due_ms;
	order->next = queue->first;
	queue->first = order;
	queue->count++;
	pf_map_set(&queue->users, user, order);
	return order;
}

static void add_box(struct indexd_queue *queue, struct indexd_order *order,
		    struct pf_str box)
{
	for (size_t i = 0; i < order->boxes.n; i++)
		if (pf_str_eq(box, pf_str_c(order->boxes.v[i])))
			return;
	if (!box.n || box.n > BOX_NAME_MAX || order->boxes.n >= BOXES_MAX ||
	    queue->boxes >= BOXES_ALL_MAX) {
		order->all = true;
		return;
	}
	pf_vec_push(&order->boxes, pf_str_dup(box));
	queue->boxes++;
}

void indexd_queue_add(struct indexd_queue *queue, struct pf_str user,
		      struct pf_str box, int64_t due_ms)
{
	struct indexd_order *order = find_or_add(queue, user, due_ms);

	if (!order)
		return;
	/* after failures it waits all the same */
	if (order->due_ms > due_ms && !order->failures)
		order->due_ms = due_ms;
	add_box(queue, order, box);
}

static bool goes_before(const struct indexd_order *a,
			const struct indexd_order *b)
{
	bool a_named = a->boxes.n > 0, b_named = b->boxes.n > 0;

	return a_named != b_named ? a_named : a->due_ms < b->due_ms;
}

struct indexd_order *indexd_queue_take(struct indexd_queue *queue,
				       int64_t now_ms, int *wait_ms)
{
	struct indexd_order **best = NULL, *order;
	int64_t wait = -1;

	for (struct indexd_order **at = &queue->first; *at; at = &(*at)->next) {
		int64_t left = (*at)->due_ms - now_ms;

		if (left > 0)
			wait = wait < 0 || left < wait ? left : wait;
		else if (!best || goes_before(*at, *best))
			best = at;
	}
	*wait_ms = (int)(wait > INT_MAX ? INT_MAX : wait);
	if (!best)
		return NULL;
	order = *best;
	*best = order->next;
	order->next = NULL;
	queue->count--;
	queue->boxes -= order->boxes.n;
	pf_map_remove(&queue->users, pf_str_c(order->user));
	return order;
}

void indexd_queue_return(struct indexd_queue *queue, struct indexd_order *order,
			 int64_t due_ms)
{
	struct indexd_order *other =
	    pf_map_remove(&queue->users, pf_str_c(order->user));

	queue->boxes += order->boxes.n;
	if (other) {
		struct indexd_order **at = &queue->first;

		queue->boxes -= other->boxes.n;
		for (size_t i = 0; i < other->boxes.n; i++)
			add_box(queue, order, pf_str_c(other->boxes.v[i]));
		order->all = order->all || other->all;
		while (*at != other)
			at = &(*at)->next;
		*at = other->next;
		queue->count--;
		indexd_order_free(&other);
	}
	order->due_ms = due_ms;
	order->next = queue->first;
	queue->first = order;
	queue->count++;
	pf_map_set(&queue->users, pf_str_c(order->user), order);
}

void indexd_order_free(struct indexd_order **order)
{
	if (!*order)
		return;
	for (size_t i = 0; i < (*order)->boxes.n; i++)
		free((*order)->boxes.v[i]);
	pf_vec_release(&(*order)->boxes);
	free((*order)->user);
	free(*order);
	*order = NULL;
}

void indexd_queue_release(struct indexd_queue *queue)
{
	while (queue->first) {
		struct indexd_order *order = queue->first;

		queue->first = order->next;
		indexd_order_free(&order);
	}
	pf_map_release(&queue->users);
	queue->count = queue->boxes = 0;
}
