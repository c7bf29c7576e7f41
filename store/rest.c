/*
 * Mailboxes that nobody uses any more rest in memory for a while: a program
 * that goes from folder to folder and back finds them as they were and only
 * looks for what is new.
 *
 * A resting box has no views and no references; it is in store->boxes behind
 * those in use, the one that rests longest first.  Everything it owes the disk
 * was written before.  Bounds: bytes (store_conf.rest), number (each holds
 * three descriptors), time.
 */
#include "base/clock.h"
#include "store/box.h"

#define REST_BOXES 64
#define REST_MS	   20000

static struct store_box *box_of(struct pf_link *link)
{
	return pf_container_of(link, struct store_box, link);
}

static void wake(struct store_box *box)
{
	box->store->resting--;
	box->store->rest_bytes -= box->rest_bytes;
	box->rest_bytes = 0;
}

static void end(struct store_box *box)
{
	wake(box);
	store_box_free(box);
}

/* The one that rests longest; NULL: none. */
static struct store_box *oldest(struct store *store)
{
	for (struct pf_link *l = store->boxes.next; l != &store->boxes;
	     l = l->next)
		if (box_of(l)->refs == 0)
			return box_of(l);
	return NULL;
}

bool store_rest_begin(struct store_box *box)
{
	struct store *store = box->store;
	size_t bytes = store_box_bytes(box);

	if (bytes > store->rest_max || !box->loaded || box->deleted ||
	    box->reset || !store_box_exists(box))
		return false;
	/* behind all others first: the oldest is then never this one */
	pf_list_remove(&box->link);
	pf_list_append(&store->boxes, &box->link);
	while (store->resting >= REST_BOXES ||
	       (store->resting && store->rest_bytes + bytes > store->rest_max))
		end(oldest(store));
	box->rest_bytes = bytes;
	box->rest_since = pf_clock_mono_ms();
	store->resting++;
	store->rest_bytes += bytes;
	return true;
}

void store_rest_end(struct store_box *box)
{
	if (box->refs == 0)
		wake(box);
}

void store_rest_drop(struct store *store, int64_t since)
{
	struct store_box *box;

	while (store->resting && (box = oldest(store)) &&
	       box->rest_since <= since)
		end(box);
}

void store_rest_flush(struct store *store)
{
	store_rest_drop(store, pf_clock_mono_ms() - REST_MS);
}

bool store_rests(const struct store *store)
{
	return store->resting > 0;
}
