/* Whose mail is next: joining, order, coming back. */
#include "indexd/queue.h"

#include <stdio.h>

#include "base/buf.h"
#include "tests/tap.h"

static void news_of_one_user_joins(void)
{
	struct indexd_queue queue = {0};
	struct indexd_order *order;
	int wait;

	indexd_queue_add(&queue, PF_STR("ann"), PF_STR("INBOX"), 100);
	indexd_queue_add(&queue, PF_STR("ann"), PF_STR("Sent"), 200);
	indexd_queue_add(&queue, PF_STR("ann"), PF_STR("INBOX"), 300);
	is_int(queue.count, 1);
	ok(!indexd_queue_take(&queue, 40, &wait));
	is_int(wait, 60);
	order = indexd_queue_take(&queue, 100, &wait);
	ok(order && order->boxes.n == 2 && !order->all);
	is_str(order->user, "ann");
	ok(!indexd_queue_take(&queue, 1000, &wait));
	is_int(wait, -1);
	indexd_order_free(&order);
	indexd_queue_release(&queue);
}

static void named_boxes_go_before_whole_users(void)
{
	struct indexd_queue queue = {0};
	struct indexd_order *order;
	int wait;

	indexd_queue_add(&queue, PF_STR("ann"), PF_STR(""), 1);
	indexd_queue_add(&queue, PF_STR("bob"), PF_STR(""), 0);
	indexd_queue_add(&queue, PF_STR("cid"), PF_STR("INBOX"), 5);
	for (int i = 0; i < 3; i++) {
		static const char *const want[] = {"cid", "bob", "ann"};

		order = indexd_queue_take(&queue, 10, &wait);
		is_str(order ? order->user : NULL, want[i]);
		indexd_order_free(&order);
	}
	indexd_queue_release(&queue);
}

static void a_returned_order_joins_what_came_meanwhile(void)
{
	struct indexd_queue queue = {0};
	struct indexd_order *order;
	int wait;

	indexd_queue_add(&queue, PF_STR("ann"), PF_STR("A"), 0);
	order = indexd_queue_take(&queue, 0, &wait);
	indexd_queue_add(&queue, PF_STR("ann"), PF_STR("B"), 0);
	indexd_queue_add(&queue, PF_STR("ann"), PF_STR(""), 0);
	order->failures = 1;
	indexd_queue_return(&queue, order, 500);
	is_int(queue.count, 1);
	/* news do not hurry an order that failed */
	indexd_queue_add(&queue, PF_STR("ann"), PF_STR("C"), 0);
	ok(!indexd_queue_take(&queue, 499, &wait));
	order = indexd_queue_take(&queue, 500, &wait);
	ok(order && order->all);
	is_int(order->boxes.n, 3);
	indexd_order_free(&order);
	indexd_queue_release(&queue);
}

static void many_boxes_become_all(void)
{
	struct indexd_queue queue = {0};
	struct indexd_order *order;
	int wait;

	for (int i = 0; i < 100; i++) {
		char name[20];

		snprintf(name, sizeof name, "box%d", i);
		indexd_queue_add(&queue, PF_STR("ann"), pf_str_c(name), 0);
	}
	order = indexd_queue_take(&queue, 0, &wait);
	ok(order && order->all);
	ok(order->boxes.n < 100);
	indexd_order_free(&order);
	indexd_queue_release(&queue);
}

static void who_asks_for_much_gets_no_more_memory(void)
{
	struct indexd_queue queue = {0};
	struct indexd_order *order;
	struct pf_buf name = PF_BUF_INIT(8192);
	int wait;

	for (int i = 0; i < 5000; i++)
		pf_buf_add_byte(&name, 'x');
	indexd_queue_add(&queue, pf_buf_str(&name), PF_STR("A"), 0);
	is_int(queue.count, 0);
	indexd_queue_add(&queue, PF_STR("ann"), pf_buf_str(&name), 0);
	order = indexd_queue_take(&queue, 0, &wait);
	ok(order && order->all && order->boxes.n == 0);
	indexd_order_free(&order);
	for (int i = 0; i < 300 * 64; i++) {
		char user[20], box[20];

		snprintf(user, sizeof user, "u%d", i / 64);
		snprintf(box, sizeof box, "%d", i);
		indexd_queue_add(&queue, pf_str_c(user), pf_str_c(box), 0);
	}
	is_int(queue.count, 300);
	is_int(queue.boxes, 16384);
	while ((order = indexd_queue_take(&queue, 0, &wait)))
		indexd_order_free(&order);
	is_int(queue.boxes, 0);
	pf_buf_release(&name);
	indexd_queue_release(&queue);
}

int main(void)
{
	news_of_one_user_joins();
	named_boxes_go_before_whole_users();
	a_returned_order_joins_what_came_meanwhile();
	many_boxes_become_all();
	who_asks_for_much_gets_no_more_memory();
	return tap_done();
}
