/* A mailbox end to end: delivery, APPEND, flags, expunge, copy, reopening. */
#include "tests/store/fixture.h"

static void delivers_and_numbers(void)
{
	fixture_new();
	struct store *store = fixture_open();
	struct store_box *box = fixture_box(store, "INBOX");
	struct store_box_info info;

	fixture_deliver(store, "inbox", "Subject: a\r\n\r\none\r\n", 0);
	fixture_deliver(store, "INBOX", "Subject: b\r\n\r\ntwo\r\n",
			STORE_SEEN);
	good(store_box_sync(box, true, &err));
	store_box_info(box, &info);
	is_int(info.messages, 2);
	is_int(info.unseen, 1);
	is_int(info.uidnext, 3);
	const struct store_msg *m = store_box_find(box, 1);
	ok(m && m->size == 19);
	uint32_t uid = fixture_append(store, "INBOX", "x\n", STORE_FLAGGED);
	is_int(uid, 3);
	ok(store_box_find(box, 3)->flags == STORE_FLAGGED);
	is_int(store_box_find(box, 3)->size, 3);

	int fd = -1;
	uint64_t size = 0;
	char text[100];
	good(store_msg_open(box, 1, &fd, &size, &err));
	is_int(size, 16);
	is_int(read(fd, text, sizeof text), 16);
	is_mem(text, 16, "Subject: a\n\none\n");
	close(fd);
	store_box_close(&box);
	store_close(&store);

	store = fixture_open();
	box = fixture_box(store, "INBOX");
	store_box_info(box, &info);
	is_int(info.messages, 3);
	is_int(info.uidnext, 4);
	ok(store_box_find(box, 2)->flags == STORE_SEEN);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void changes_flags(void)
{
	fixture_new();
	struct store *store = fixture_open(), *other = fixture_open();
	struct store_box *box = fixture_box(store, "INBOX"), *box2;
	uint32_t all[] = {1, 2, 3, 4};
	struct store_flag_change change = {
	    .mode = STORE_FLAGS_ADD,
	    .flags = STORE_SEEN | STORE_DELETED,
	    .unchanged_since = UINT64_MAX,
	};
	struct store_box_info before, after;

	for (int i = 0; i < 4; i++)
		fixture_append(store, "INBOX", "x\n", 0);
	box2 = fixture_box(other, "INBOX");
	store_box_info(box, &before);
	unsigned number = 99;
	good(store_box_keyword_number(box, PF_STR("$Junk"), true, &number,
				      &err));
	is_int(number, 0);
	change.keywords = 1u << number;
	good(store_box_change_flags(box, all, 2, &change, NULL, &err));
	store_box_info(box, &after);
	ok(after.highest_modseq > before.highest_modseq);
	is_int(after.unseen, 2);
	is_int(after.deleted, 2);
	is_str(fixture_text("dovecot-keywords"), "0 $Junk\n");
	good(store_box_sync(box2, false, &err));
	is_int(store_box_find(box2, 2)->flags, STORE_SEEN | STORE_DELETED);
	is_int(store_box_find(box2, 2)->keywords, 1);
	is_str(store_box_keyword(box2, 0), "$Junk");
	is_int(store_box_find(box2, 2)->modseq, after.highest_modseq);

	struct store_uids modified = {0};
	change.unchanged_since = before.highest_modseq;
	change.mode = STORE_FLAGS_SET;
	change.keywords = 0;
	change.flags = STORE_DRAFT;
	good(store_box_change_flags(box2, all, 4, &change, &modified, &err));
	is_int(modified.n, 2);
	is_int(store_box_find(box2, 1)->flags, STORE_SEEN | STORE_DELETED);
	is_int(store_box_find(box2, 4)->flags, STORE_DRAFT);
	pf_vec_release(&modified);

	/* the log alone tells what another process committed */
	is_int(store_box_find(box, 4)->flags, 0);
	good(store_box_catch_up(box, &err));
	is_int(store_box_find(box, 4)->flags, STORE_DRAFT);
	good(store_box_expunge(box, NULL, 0, false, &err));
	store_box_info(box, &after);
	is_int(after.messages, 2);
	ok(!store_box_find(box, 1));
	bool complete = false;
	struct store_uids gone = {0};
	good(store_box_expunged_since(box, before.highest_modseq, &gone,
				      &complete, &err));
	ok(complete);
	ok(gone.n == 2 && gone.v[0] == 1 && gone.v[1] == 2);
	pf_vec_release(&gone);
	good(store_box_sync(box2, false, &err));
	ok(!store_box_find(box2, 1));
	store_box_close(&box2);
	store_close(&other);
	store_close(&store); /* closes the box too */
	fixture_free();
}

static void copies_and_moves(void)
{
	fixture_new();
	struct store *store = fixture_open();
	struct store_box *box = fixture_box(store, "INBOX"), *to;
	struct store_uid_pairs pairs = {0};
	uint32_t uids[] = {1, 2, 7}, validity = 0;
	struct pf_error none;

	fixture_append(store, "INBOX", "a\n", STORE_SEEN);
	fixture_append(store, "INBOX", "b\n", STORE_FLAGGED);
	is_int(store_box_copy(box, uids, 3, PF_STR("Sent"), false, &validity,
			      &pairs, &none),
	       PF_NOTFOUND);
	good(store_create(store, PF_STR("Sent"), NULL, &err));
	good(store_box_copy(box, uids, 3, PF_STR("Sent"), false, &validity,
			    &pairs, &err));
	is_int(pairs.n, 2);
	to = fixture_box(store, "Sent");
	struct store_box_info info;
	store_box_info(to, &info);
	is_int(info.messages, 2);
	is_int(validity, info.uidvalidity);
	is_int(store_box_find(to, pairs.v[1].to)->flags, STORE_FLAGGED);
	struct pf_str a = store_msg_guid(box, 1),
		      b = store_msg_guid(to, pairs.v[0].to);
	ok(pf_str_eq(a, b));
	good(store_box_copy(box, uids, 1, PF_STR("Sent"), true, &validity,
			    &pairs, &err));
	store_box_info(box, &info);
	is_int(info.messages, 1);
	store_box_info(to, &info);
	is_int(info.messages, 3);
	good(store_box_copy(box, uids, 3, PF_STR("INBOX"), false, &validity,
			    &pairs, &err));
	store_box_info(box, &info);
	is_int(info.messages, 2);
	pf_vec_release(&pairs);
	store_box_close(&to);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void follows_other_programs(void)
{
	fixture_new();
	struct store *store = fixture_open();
	struct store_box *box = fixture_box(store, "INBOX");
	struct store_box_info info;

	fixture_put("new/1700000000.M2P1.h", "two\n");
	fixture_put("new/1700000000.M1P1.h", "one\n");
	fixture_put("cur/1600000000.zero:2,RS", "zero\n");
	good(store_box_sync(box, true, &err));
	ok(fixture_has("cur/1700000000.M1P1.h:2,"));
	is_int(store_box_find(box, 1)->flags, STORE_SEEN | STORE_ANSWERED);
	struct pf_str guid = store_msg_guid(box, 2);
	is_mem(guid.p, guid.n, "1700000000.M1P1.h");
	fixture_rename("cur/1700000000.M1P1.h:2,",
		       "cur/1700000000.M1P1.h:2,FSX");
	fixture_remove("cur/1600000000.zero:2,RS");
	good(store_box_sync(box, false, &err));
	is_int(store_box_find(box, 2)->flags, STORE_SEEN | STORE_FLAGGED);
	ok(!store_box_find(box, 1));
	uint32_t two = 2;
	struct store_flag_change change = {
	    .mode = STORE_FLAGS_REMOVE,
	    .flags = STORE_FLAGGED,
	    .unchanged_since = UINT64_MAX,
	};
	good(store_box_change_flags(box, &two, 1, &change, NULL, &err));
	ok(fixture_has("cur/1700000000.M1P1.h:2,SX")); /* X is kept */
	store_box_info(box, &info);
	is_int(info.messages, 2);
	is_int(info.uidnext, 4);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void either_copy_is_enough(void)
{
	fixture_new();
	struct store *store = fixture_open();
	struct store_box_info info, again;
	struct store_box *box;

	for (int i = 0; i < 5; i++)
		fixture_append(store, "INBOX", "x\n", i & 1 ? STORE_SEEN : 0);
	box = fixture_box(store, "INBOX");
	uint32_t three = 3;
	good(store_box_expunge(box, &three, 1, true, &err));
	store_box_info(box, &info);
	store_box_close(&box);
	store_close(&store);

	for (int lost = 0; lost < 4; lost++) {
		if (lost == 0)
			fixture_remove("penfold.log");
		if (lost == 1)
			fixture_remove("penfold.snapshot");
		if (lost == 2) {
			fixture_remove("penfold.log");
			fixture_remove("penfold.snapshot");
		}
		if (lost == 3)
			fixture_put("dovecot-uidlist", "garbage\n");
		store = fixture_open();
		box = fixture_box(store, "INBOX");
		store_box_info(box, &again);
		is_int(again.uidvalidity, info.uidvalidity);
		is_int(again.messages, 4);
		ok(again.uidnext >= info.uidnext);
		is_str(again.guid, info.guid);
		ok(!store_box_find(box, 3));
		ok(store_box_find(box, 4) && store_box_find(box, 4)->flags);
		ok(again.highest_modseq >= info.highest_modseq);
		info = again;
		store_box_close(&box);
		store_close(&store);
	}
	fixture_free();
}

/* A mailbox that nobody uses rests; what others do meanwhile is seen. */
static void rests_and_wakes(void)
{
	struct store *store = NULL, *other;
	struct store_conf conf = {.separator = '.', .rest = 1 << 20};
	struct store_box_info info;

	fixture_new();
	conf.root = fixture_root;
	good(store_open(&conf, &store, &err));
	other = fixture_open();
	fixture_append(other, "INBOX", "x\n", 0);
	struct store_box *box = fixture_box(store, "INBOX"), *first = box;
	store_box_close(&box);
	ok(store_rests(store) && !store_busy(store));
	fixture_append(other, "INBOX", "y\n", 0);
	fixture_put("new/1.foreign", "z\n");
	box = fixture_box(store, "INBOX");
	ok(box == first && store_busy(store) && !store_rests(store));
	store_box_info(box, &info);
	is_int(info.messages, 3);
	store_box_close(&box);
	/* gone and made anew meanwhile: another mailbox */
	good(store_create(other, PF_STR("Work"), NULL, &err));
	box = fixture_box(store, "Work");
	store_box_close(&box);
	good(store_delete(other, PF_STR("Work"), &err));
	is_int(store_box_open(store, PF_STR("Work"), &box, NULL), PF_NOTFOUND);
	/* what this store removes does not rest */
	good(store_create(store, PF_STR("Work"), NULL, &err));
	box = fixture_box(store, "Work");
	store_box_close(&box);
	good(store_rename(store, PF_STR("Work"), PF_STR("Play"), &err));
	ok(!store_rests(store));
	box = fixture_box(store, "Play");
	store_box_close(&box);
	store_close(&store);
	store_close(&other);
	fixture_free();
}

/* More than may rest: the oldest goes, never the one that comes. */
static void rests_a_few_at_a_time(void)
{
	enum {
		BOXES = 40
	};
	struct store *store = NULL;
	struct store_conf conf = {.separator = '.', .rest = 1 << 20};
	struct store_box *boxes[BOXES], *box;
	char name[20];

	fixture_new();
	conf.root = fixture_root;
	good(store_open(&conf, &store, &err));
	for (int i = 0; i < BOXES; i++) {
		snprintf(name, sizeof name, "Box%d", i);
		good(store_create(store, pf_str_c(name), NULL, &err));
		boxes[i] = fixture_box(store, name);
	}
	for (int i = 0; i < BOXES; i++)
		store_box_close(&boxes[i]);
	ok(store_rests(store) && !store_busy(store));
	for (int i = BOXES; i-- > 0;) {
		snprintf(name, sizeof name, "Box%d", i);
		box = fixture_box(store, name);
		ok(store_box_exists(box));
		store_box_close(&box);
	}
	store_close(&store);
	fixture_free();
}

int main(void)
{
	delivers_and_numbers();
	changes_flags();
	copies_and_moves();
	follows_other_programs();
	either_copy_is_enough();
	rests_and_wakes();
	rests_a_few_at_a_time();
	return tap_done();
}
