/*
 * order: what SORT and THREAD worked out, kept until it is asked for again.
 *
 * What a message is sorted or threaded by never changes, so an order of a
 * mailbox stays right: for fewer messages it is the same order with some left
 * out; only new messages make it incomplete.  Kept per user in memory, the
 * least used goes first.  Used in the user's queue only.
 */
#ifndef IMAPD_ORDER_H
#define IMAPD_ORDER_H

#include "store/store.h"

struct orders;

struct order_positions pf_vec(uint32_t);

/* Where an order belongs: this mailbox, worked out this way. */
struct order_key {
	const char *guid; /* of the mailbox */
	uint32_t uidvalidity;
	struct pf_str how; /* "SORT -DATE SUBJECT", "THREAD REFS" */
};

/* Gives the memory of all back; NULL is fine. */
void orders_free(struct orders **orders);

/* `found` (ascending) in the order that is known; false: it is not known for
 * all of them.  `ordered` is cleared first. */
bool orders_get(struct orders *orders, const struct order_key *key,
		const struct store_uids *found, struct store_uids *ordered);
/* Keeps: `found`, and which of them comes first, second, ...  *orders is made
 * when it is NULL; too many are not kept. */
void orders_put(struct orders **orders, const struct order_key *key,
		const struct store_uids *found, const uint32_t *positions);

/* The same for a text that belongs to exactly these messages; it lives until
 * the next put.  p is NULL where there is none. */
struct pf_str orders_get_text(struct orders *orders,
			      const struct order_key *key,
			      const struct store_uids *found);
void orders_put_text(struct orders **orders, const struct order_key *key,
		     const struct store_uids *found, struct pf_str text);

#endif
