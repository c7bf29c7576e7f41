/* Whether only we changed a directory: own.c, and the scan it spares. */
#include "base/clock.h"
#include "store/box.h"
#include "tests/store/fixture.h"

#define MANY 20

static struct store *store;
static struct store_box *box;

static void open_many(void)
{
	char path[100];

	fixture_new();
	store = fixture_open();
	store->own_least = MANY - 1;
	for (int i = 1; i <= MANY; i++) {
		snprintf(path, sizeof path, "cur/%d.foreign:2,", 10000 + i);
		fixture_put(path, "Subject: x\n\nbody\n");
	}
	box = fixture_box(store, "INBOX");
	usleep(30000); /* until the stamps can be trusted */
	good(store_box_sync(box, false, &err));
	is_int(box->rescan_at, 0);
}

static void close_many(void)
{
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void flag(uint32_t uid)
{
	struct store_flag_change change = {
	    .mode = STORE_FLAGS_ADD,
	    .flags = STORE_FLAGGED,
	    .unchanged_since = UINT64_MAX,
	};

	good(store_box_change_flags(box, &uid, 1, &change, NULL, &err));
}

/* As if the two seconds had gone by. */
static void come_due(void)
{
	usleep(30000);
	ok(box->rescan_at != 0);
	box->rescan_at = 1;
	ok(store_scan_due(box));
}

static void our_own_changes_are_all(void)
{
	uint32_t nine = 9;

	open_many();
	flag(7);
	ok(box->own.fd > 0);
	fixture_append(store, "INBOX", "new\n", 0);
	good(store_box_expunge(box, &nine, 1, true, &err));
	come_due();
	is_int(store_own_end(box), 0);
	flag(8);
	is_int(box->own.fd, 0); /* something is still to be looked for */
	close_many();
}

static void nothing_is_read_then(void)
{
	open_many();
	flag(7);
	come_due();
	struct store_stamp seen = box->seen[STORE_CUR];
	good(store_box_sync(box, false, &err));
	ok(store_stamp_eq(&seen, &box->seen[STORE_CUR]));
	is_int(box->rescan_at, 0);
	is_int(box->own.fd, 0);
	ok(!store_scan_due(box) && !box->unclean);
	close_many();
}

static void others_are_heard_of(void)
{
	open_many();
	flag(7);
	fixture_rename("cur/10008.foreign:2,", "cur/10008.foreign:2,S");
	flag(9); /* hides it behind a stamp of ours */
	come_due();
	good(store_box_sync(box, false, &err));
	is_int(store_box_find(box, 8)->flags, STORE_SEEN);
	close_many();
}

static void mail_that_comes_in_new_is_not_cur(void)
{
	open_many();
	flag(7);
	fixture_put("new/20000.foreign", "x\n");
	is_int(store_own_end(box), RESCAN_NEW);
	close_many();
}

static void a_close_settles_it(void)
{
	open_many();
	flag(7);
	usleep(30000);
	store_box_close(&box);
	box = fixture_box(store, "INBOX");
	is_int(box->rescan_at, 0);
	ok(!store_scan_due(box));
	close_many();
}

int main(void)
{
	our_own_changes_are_all();
	nothing_is_read_then();
	others_are_heard_of();
	mail_that_comes_in_new_is_not_cur();
	a_close_settles_it();
	return tap_done();
}
