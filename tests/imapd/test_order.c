/* Orders that SORT keeps (imapd/order.h). */
#include "imapd/order.h"

#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

#define N 1000

static const char guid[] = "0123456789abcdef0123456789abcdef";
static const struct order_key by_date = {guid, 7, PF_STR("SORT 2")};

/* UIDs 10, 20, ..., ordered from the last to the first */
static void keep(struct orders **orders, const struct order_key *key, size_t n)
{
	struct store_uids uids = {0};
	uint32_t *positions = calloc(n, sizeof *positions);

	for (size_t i = 0; i < n; i++) {
		pf_vec_push(&uids, (uint32_t)(i + 1) * 10);
		positions[i] = (uint32_t)(n - 1 - i);
	}
	orders_put(orders, key, &uids, positions);
	free(positions);
	pf_vec_release(&uids);
}

static void fewer_messages_have_the_same_order(void)
{
	struct orders *orders = NULL;
	struct store_uids ordered = {0};
	uint32_t some[] = {10, 500, 510, 10000};
	struct store_uids found = {.v = some, .n = 4};

	keep(&orders, &by_date, N);
	ok(orders_get(orders, &by_date, &found, &ordered));
	is_int(ordered.n, 4);
	ok(ordered.v[0] == 10000 && ordered.v[1] == 510 &&
	   ordered.v[2] == 500 && ordered.v[3] == 10);
	/* a few new ones do not push the many out */
	keep(&orders, &by_date, 10);
	ok(orders_get(orders, &by_date, &found, &ordered));
	found.n = 0;
	ok(orders_get(orders, &by_date, &found, &ordered));
	is_int(ordered.n, 0);
	pf_vec_release(&ordered);
	orders_free(&orders);
}

static void what_is_not_known_is_not_answered(void)
{
	struct orders *orders = NULL;
	struct store_uids ordered = {0};
	uint32_t newer[] = {10, 10010}, between[] = {10, 15};
	uint32_t one[] = {10};
	struct store_uids found = {.v = newer, .n = 2};
	struct order_key other = by_date;

	ok(!orders_get(orders, &by_date, &found, &ordered));
	keep(&orders, &by_date, N);
	ok(!orders_get(orders, &by_date, &found, &ordered));
	found.v = between;
	ok(!orders_get(orders, &by_date, &found, &ordered));
	found = (struct store_uids){.v = one, .n = 1};
	other.uidvalidity = 8;
	ok(!orders_get(orders, &other, &found, &ordered));
	other = by_date;
	other.how = PF_STR("SORT -2");
	ok(!orders_get(orders, &other, &found, &ordered));
	other = by_date;
	other.guid = "f123456789abcdef0123456789abcdef";
	ok(!orders_get(orders, &other, &found, &ordered));
	ok(orders_get(orders, &by_date, &found, &ordered));
	pf_vec_release(&ordered);
	orders_free(&orders);
}

static void a_text_belongs_to_just_these(void)
{
	struct orders *orders = NULL;
	struct store_uids uids = {0};

	for (uint32_t i = 1; i <= N; i++)
		pf_vec_push(&uids, i);
	orders_put_text(&orders, &by_date, &uids, PF_STR("(1)(2)"));
	ok(pf_str_eq(orders_get_text(orders, &by_date, &uids),
		     PF_STR("(1)(2)")));
	uids.n--;
	ok(!orders_get_text(orders, &by_date, &uids).p);
	pf_vec_release(&uids);
	orders_free(&orders);
}

/* The memory has a bound: the one that was not used goes. */
static void old_ones_go(void)
{
	struct orders *orders = NULL;
	struct store_uids ordered = {0};
	uint32_t one[] = {10};
	struct store_uids found = {.v = one, .n = 1};
	struct order_key first = by_date, second = by_date, third = by_date;

	first.uidvalidity = 1;
	second.uidvalidity = 2;
	third.uidvalidity = 3;
	keep(&orders, &first, 400000); /* 3.2 of 8 MiB */
	keep(&orders, &second, 400000);
	ok(orders_get(orders, &first, &found, &ordered));
	keep(&orders, &third, 400000);
	ok(orders_get(orders, &first, &found, &ordered));
	ok(!orders_get(orders, &second, &found, &ordered));
	ok(orders_get(orders, &third, &found, &ordered));
	keep(&orders, &second, 3000000); /* too big */
	ok(!orders_get(orders, &second, &found, &ordered));
	pf_vec_release(&ordered);
	orders_free(&orders);
}

int main(void)
{
	fewer_messages_have_the_same_order();
	what_is_not_known_is_not_answered();
	a_text_belongs_to_just_these();
	old_ones_go();
	return tap_done();
}
