/* queue: whose mail is to be indexed next (private to indexd/). */
#ifndef INDEXD_QUEUE_H
#define INDEXD_QUEUE_H

#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"

/* What is known to be new for one user. */
struct indexd_order {
	struct indexd_order *next;
	char *user;
	struct pf_vec(char *) boxes; /* UTF-8 names; look at these */
	bool all;		     /* and then at everything */
	bool rebuild;		     /* after throwing the index away */
	unsigned failures;	     /* in a row */
	int64_t due_ms;		     /* not before */
};

/* Zeroed is empty. */
struct indexd_queue {
	struct pf_map users;
	struct indexd_order *first;
	size_t count;
	size_t boxes; /* of all orders in it */
};

/* Mail came for a user (box.n == 0: who knows what).  Joins what waits. */
void indexd_queue_add(struct indexd_queue *queue, struct pf_str user,
		      struct pf_str box, int64_t due_ms);
/* The order to do now, taken out: named boxes before whole users, then the
 * longest due.  NULL: none is due; *wait_ms until the next (-1: never). */
struct indexd_order *indexd_queue_take(struct indexd_queue *queue,
				       int64_t now_ms, int *wait_ms);
/* Back in, for later; joins with what came meanwhile. */
void indexd_queue_return(struct indexd_queue *queue, struct indexd_order *order,
			 int64_t due_ms);
void indexd_order_free(struct indexd_order **order);
void indexd_queue_release(struct indexd_queue *queue);

#endif
