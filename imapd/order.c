/*
 * Orders that are kept (order.h).
 *
 * An entry has the UIDs it knows, ascending, and for SORT their positions in
 * the order: 8 bytes a message.  To answer for fewer messages, both ascending
 * lists are walked side by side to mark who is wanted, then the order is
 * walked: linear, nothing is compared.
 */
#include "imapd/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one user, all entries. */
#define BYTES_MAX ((size_t)8 << 20)

struct entry {
	struct pf_link link; /* orders->entries: the last used is last */
	char guid[33];
	uint32_t uidvalidity;
	char *how;
	struct store_uids uids;
	uint32_t *positions; /* SORT */
	char *text;	     /* THREAD */
	size_t text_n, bytes;
};

struct orders {
	struct pf_link entries;
	size_t bytes;
};

static struct entry *entry_of(struct pf_link *link)
{
	return pf_container_of(link, struct entry, link);
}

static void entry_free(struct orders *orders, struct entry *e)
{
	pf_list_remove(&e->link);
	orders->bytes -= e->bytes;
	pf_vec_release(&e->uids);
	free(e->positions);
	free(e->text);
	free(e->how);
	free(e);
}

void orders_free(struct orders **orders)
{
	struct orders *o = *orders;

	*orders = NULL;
	if (!o)
		return;
	while (!pf_list_empty(&o->entries))
		entry_free(o, entry_of(o->entries.next));
	free(o);
}

static struct entry *find(struct orders *orders, const struct order_key *key)
{
	if (!orders)
		return NULL;
	for (struct pf_link *l = orders->entries.next; l != &orders->entries;
	     l = l->next) {
		struct entry *e = entry_of(l);

		if (e->uidvalidity != key->uidvalidity ||
		    strcmp(e->guid, key->guid) != 0 ||
		    !pf_str_eq(pf_str_c(e->how), key->how))
			continue;
		pf_list_remove(&e->link);
		pf_list_append(&orders->entries, &e->link);
		return e;
	}
	return NULL;
}

/* Instead of an older one of the same key, unless that knows far more; NULL:
 * not worth it. */
static struct entry *entry_new(struct orders **orders,
			       const struct order_key *key,
			       const struct store_uids *found, size_t more)
{
	size_t bytes = found->n * sizeof *found->v + more;
	struct entry *old = find(*orders, key);

	if (old && old->uids.n / 2 > found->n)
		return NULL;
	if (old)
		entry_free(*orders, old);
	if (found->n == 0 || bytes > BYTES_MAX)
		return NULL;
	if (!*orders) {
		*orders = calloc(1, sizeof **orders);
		if (!*orders)
			abort();
		pf_list_init(&(*orders)->entries);
	}
	struct orders *o = *orders;
	while (o->bytes + bytes > BYTES_MAX)
		entry_free(o, entry_of(o->entries.next));
	struct entry *e = calloc(1, sizeof *e);
	if (!e)
		abort();
	snprintf(e->guid, sizeof e->guid, "%s", key->guid);
	e->uidvalidity = key->uidvalidity;
	e->how = pf_str_dup(key->how);
	for (size_t i = 0; i < found->n; i++)
		pf_vec_push(&e->uids, found->v[i]);
	e->bytes = bytes;
	o->bytes += bytes;
	pf_list_append(&o->entries, &e->link);
	return e;
}

/* Marks those of `known` that are in `found`; false: one is not known. */
static bool mark(const struct store_uids *known, const struct store_uids *found,
		 bool *wanted)
{
	size_t at = 0;

	for (size_t i = 0; i < found->n; i++) {
		while (at < known->n && known->v[at] < found->v[i])
			at++;
		if (at == known->n || known->v[at] != found->v[i])
			return false;
		wanted[at++] = true;
	}
	return true;
}

bool orders_get(struct orders *orders, const struct order_key *key,
		const struct store_uids *found, struct store_uids *ordered)
{
	struct entry *e = find(orders, key);

	ordered->n = 0;
	if (!e || !e->positions)
		return false;
	bool *wanted = calloc(e->uids.n, sizeof *wanted);
	if (!wanted)
		abort();
	bool known = mark(&e->uids, found, wanted);
	for (size_t i = 0; known && i < e->uids.n; i++)
		if (wanted[e->positions[i]])
			pf_vec_push(ordered, e->uids.v[e->positions[i]]);
	free(wanted);
	return known;
}

void orders_put(struct orders **orders, const struct order_key *key,
		const struct store_uids *found, const uint32_t *positions)
{
	size_t bytes = found->n * sizeof *positions;
	struct entry *e = entry_new(orders, key, found, bytes);

	if (!e)
		return;
	e->positions = malloc(bytes);
	if (!e->positions)
		abort();
	memcpy(e->positions, positions, bytes);
}

struct pf_str orders_get_text(struct orders *orders,
			      const struct order_key *key,
			      const struct store_uids *found)
{
	struct entry *e = find(orders, key);

	if (!e || !e->text || e->uids.n != found->n ||
	    memcmp(e->uids.v, found->v, found->n * sizeof *found->v) != 0)
		return (struct pf_str){0};
	return pf_str_mem(e->text, e->text_n);
}

void orders_put_text(struct orders **orders, const struct order_key *key,
		     const struct store_uids *found, struct pf_str text)
{
	struct entry *e = entry_new(orders, key, found, text.n);

	if (!e)
		return;
	e->text = pf_str_dup(text);
	e->text_n = text.n;
}
