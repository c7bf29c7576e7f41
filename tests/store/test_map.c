/* Mailboxes whose snapshot is mapped, as large ones are. */
#include "store/box.h"
#include "tests/store/fixture.h"

#define MANY 300

static struct store *open_mapping(void)
{
	struct store *store = fixture_open();

	store->map_least = 0;
	return store;
}

/* A mailbox of MANY messages, closed, with a fresh snapshot. */
static void fill(void)
{
	struct store *store = open_mapping();
	char path[100];

	for (int i = 1; i <= MANY; i++) {
		snprintf(path, sizeof path, "cur/%d.foreign:2,%s", 1000 + i,
			 i == 7 ? "F" : "S");
		fixture_put(path, "Subject: x\n\nbody\n");
	}
	struct store_box *box = fixture_box(store, "INBOX");
	must(store_box_lock(box, &err));
	must(store_checkpoint(box, &err));
	store_box_unlock(box);
	store_box_close(&box);
	store_close(&store);
}

static void check_content(struct store_box *box)
{
	struct store_box_info info;

	store_box_info(box, &info);
	is_int(info.messages, MANY);
	is_int(info.unseen, 1);
	is_int(info.uidnext, MANY + 1);
	is_int(store_box_first_unseen(box), 7);
	ok(store_box_find(box, 7)->flags == STORE_FLAGGED);
	is_str(store_msg_guid(box, 42).p, "1042.foreign");
}

static void it_is_opened_in_place(void)
{
	fixture_new();
	fill();
	struct store *store = open_mapping();
	struct store_box *box = fixture_box(store, "INBOX");
	ok(box->recs_area.size && box->heap_area.size && box->index_area.size);
	check_content(box);
	is_int(store_index_find(box, PF_STR("1300.foreign"))->m.uid, 300);
	ok(!store_index_find(box, PF_STR("1301.foreign")));
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void it_grows_and_shrinks_in_place(void)
{
	fixture_new();
	fill();
	struct store *store = open_mapping();
	struct store_box *box = fixture_box(store, "INBOX");
	struct store_rec *first = box->recs.v;
	uint32_t uid = fixture_append(store, "INBOX", "new\n", 0), two = 2;
	is_int(uid, MANY + 1);
	ok(box->recs_area.size && box->recs.v == first);
	good(store_box_expunge(box, &two, 1, true, &err));
	ok(box->index_area.size != 0);
	ok(!store_index_find(box, PF_STR("1002.foreign")));
	is_int(store_index_find(box, PF_STR("1003.foreign"))->m.uid, 3);
	is_int(box->recs.n, MANY);
	is_int(box->unseen, 2);
	store_box_close(&box);
	store_close(&store);

	store = open_mapping();
	box = fixture_box(store, "INBOX");
	is_int(box->recs.n, MANY);
	is_int(store_box_first_unseen(box), 7);
	ok(!store_box_find(box, 2) && store_box_find(box, uid));
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

/* Until the reserve is used up: then it is memory like any other. */
static void it_outgrows_its_reserve(void)
{
	fixture_new();
	fill();
	struct store *store = open_mapping();
	struct store_box *box = fixture_box(store, "INBOX");
	store_recs_room(box, ((size_t)4 << 20) / sizeof *box->recs.v);
	is_int(box->recs_area.size, 0);
	check_content(box);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void flip(off_t from_end)
{
	char full[600], c = 0;

	snprintf(full, sizeof full, "%s/penfold.snapshot", fixture_root);
	chmod(full, 0600);
	int fd = open(full, O_RDWR);
	off_t at = lseek(fd, 0, SEEK_END) - from_end;
	if (pread(fd, &c, 1, at) != 1)
		abort();
	c = (char)(c ^ 0x40);
	/* until the file system's clock has ticked */
	struct store_stamp before = store_stamp_of(fd, ""), now = before;
	while (store_stamp_eq(&before, &now)) {
		if (pwrite(fd, &c, 1, at) != 1)
			abort();
		now = store_stamp_of(fd, "");
	}
	close(fd);
}

/* Who has written to the file since is found out, wherever it was. */
static void a_hand_in_it_is_noticed(void)
{
	fixture_new();
	fill();
	for (off_t from_end = 100; from_end < 35000; from_end += 9973) {
		flip(from_end);
		struct store *store = open_mapping();
		struct store_box *box = fixture_box(store, "INBOX");
		check_content(box);
		store_box_close(&box);
		store_close(&store);
	}
	fixture_free();
}

/* A copy has other stamps: it is read once, and believed from then on. */
static void a_copy_is_read_once(void)
{
	char full[600];
	struct store_stamp noted[2];

	fixture_new();
	fill();
	fixture_remove("penfold.lock");
	for (int i = 0; i < 2; i++) {
		struct store *store = open_mapping();
		struct store_box *box = fixture_box(store, "INBOX");
		ok(box->recs_area.size != 0);
		check_content(box);
		store_box_close(&box);
		store_close(&store);
		snprintf(full, sizeof full, "%s/penfold.lock", fixture_root);
		noted[i] = store_stamp_of(AT_FDCWD, full);
	}
	ok(noted[0].size > 0);
	ok(store_stamp_eq(&noted[0], &noted[1]));
	fixture_free();
}

/* Garbage of the names is left behind when there is much of it. */
static void names_are_compacted(void)
{
	struct store_uids uids = {0};

	fixture_new();
	fill();
	struct store *store = open_mapping();
	struct store_box *box = fixture_box(store, "INBOX");
	size_t before = box->heap_len;
	for (uint32_t uid = 100; uid <= 250; uid++)
		pf_vec_push(&uids, uid);
	good(store_box_expunge(box, uids.v, uids.n, true, &err));
	must(store_box_lock(box, &err));
	must(store_checkpoint(box, &err));
	store_box_unlock(box);
	store_box_close(&box);
	store_close(&store);
	store = open_mapping();
	box = fixture_box(store, "INBOX");
	ok(box->heap_len < before * 2 / 3);
	is_int(box->recs.n, MANY - uids.n);
	is_str(store_msg_guid(box, 251).p, "1251.foreign");
	ok(!store_index_find(box, PF_STR("1100.foreign")));
	is_int(store_index_find(box, PF_STR("1251.foreign"))->m.uid, 251);
	store_box_close(&box);
	store_close(&store);
	pf_vec_release(&uids);
	fixture_free();
}

int main(void)
{
	it_is_opened_in_place();
	it_grows_and_shrinks_in_place();
	it_outgrows_its_reserve();
	a_hand_in_it_is_noticed();
	a_copy_is_read_once();
	names_are_compacted();
	return tap_done();
}
