/*
 * A MOVE whose process died: the state is made by hand, a copy and a record of
 * the move in the source's log, and then opened.
 */
#include "store/box.h"
#include "tests/store/fixture.h"

/* What a mover leaves behind that was killed behind the destination's commit
 * (`copied`) or before it. */
static void leave_move(bool copied, bool back)
{
	struct store *store = fixture_open();
	struct store_uid_pairs pairs = {0};
	uint32_t uidvalidity;

	must(store_create(store, PF_STR("Work"), NULL, &err));
	uint32_t uid = fixture_append(store, "INBOX", "moved\n", 0);
	fixture_append(store, "INBOX", "other\n", 0);
	struct store_box *from = fixture_box(store, "INBOX");
	struct store_box *to = fixture_box(store, "Work");
	struct store_move move = {
	    .uid = uid,
	    .to_uid = to->uidnext,
	    .to_modseq = to->modseq,
	    .to_ino = to->ino,
	};
	struct pf_str base = PF_STR("never-linked");
	struct store_range one = {uid, uid};

	memcpy(move.to_guid, to->guid, sizeof move.to_guid);
	if (copied) {
		must(store_box_copy(from, &uid, 1, PF_STR("Work"), false,
				    &uidvalidity, &pairs, &err));
		base = pf_str_c(
		    store_rec_base(to, store_box_rec(to, pairs.v[0].to)));
	}
	must(store_box_lock(from, &err));
	store_txn_move(from, &move, base, PF_STR(".Work"), PF_STR(""));
	if (back)
		store_txn_moved(from, RECORD_MOVE_BACK, &one, 1);
	must(store_txn_commit(from, true, &err));
	store_box_unlock(from);
	pf_vec_release(&pairs);
	store_box_close(&from);
	store_box_close(&to);
	store_close(&store);
}

static uint32_t messages(struct store *store, const char *name)
{
	struct store_box_info info = {0};
	uint32_t recent;

	must(store_status(store, pf_str_c(name), &info, &recent, &err));
	return info.messages;
}

/* So many messages are in INBOX, which holds another one too, and there; and
 * it stays so. */
static bool settled(uint32_t inbox, const char *name, uint32_t there)
{
	bool good = true;

	for (int i = 0; i < 2; i++) {
		struct store *store = fixture_open();
		good = good && messages(store, "INBOX") == inbox;
		if (name)
			good = good && messages(store, name) == there;
		struct store_box *box = fixture_box(store, "INBOX");
		good = good && box->moves.n == 0 && store->held == 0;
		store_box_close(&box);
		store_close(&store);
	}
	return good;
}

static void a_committed_move_is_finished(void)
{
	fixture_new();
	leave_move(true, false);
	ok(settled(1, "Work", 1));
	fixture_free();
}

static void one_that_was_not_is_dropped(void)
{
	fixture_new();
	leave_move(false, false);
	ok(settled(2, "Work", 0));
	fixture_free();
}

static void one_given_up_is_undone(void)
{
	fixture_new();
	leave_move(true, true);
	ok(settled(2, "Work", 0));
	fixture_free();
}

static void the_destination_may_be_renamed(void)
{
	fixture_new();
	leave_move(true, false);
	struct store *store = fixture_open();
	good(store_rename(store, PF_STR("Work"), PF_STR("New"), &err));
	good(store_create(store, PF_STR("Work"), NULL, &err));
	store_close(&store);
	ok(settled(1, "New", 1));
	fixture_free();
}

static void the_destination_may_be_deleted(void)
{
	fixture_new();
	leave_move(true, false);
	struct store *store = fixture_open();
	good(store_delete(store, PF_STR("Work"), &err));
	store_close(&store);
	ok(settled(2, NULL, 0));
	fixture_free();
}

static void what_was_expunged_there_does_not_return(void)
{
	fixture_new();
	leave_move(true, false);
	struct store *store = fixture_open();
	struct store_box *work = fixture_box(store, "Work");
	good(store_box_expunge(work, NULL, 0, true, &err));
	store_box_close(&work);
	store_close(&store);
	ok(settled(1, "Work", 0));
	fixture_free();
}

static void a_checkpoint_keeps_it(void)
{
	fixture_new();
	leave_move(true, false);
	struct store *store = fixture_open();
	store->held++; /* as one that may not look yet */
	struct store_box *box = fixture_box(store, "INBOX");
	good(store_box_lock(box, &err));
	good(store_checkpoint(box, &err));
	is_int(box->moves.n, 1);
	store_box_unlock(box);
	store_box_close(&box);
	store->held--;
	store_close(&store);
	ok(settled(1, "Work", 1));
	fixture_free();
}

static void it_needs_no_snapshot(void)
{
	fixture_new();
	leave_move(true, false);
	fixture_remove("penfold.snapshot");
	fixture_remove(".Work/penfold.snapshot");
	ok(settled(1, "Work", 1));
	fixture_free();
}

static void a_reader_leaves_it(void)
{
	fixture_new();
	leave_move(true, false);
	struct store_conf conf = {
	    .root = fixture_root,
	    .separator = '.',
	    .read_only = true,
	};
	struct store *store = NULL;
	good(store_open(&conf, &store, &err));
	is_int(messages(store, "INBOX"), 2);
	store_close(&store);
	ok(settled(1, "Work", 1));
	fixture_free();
}

/* who has both open hears of it before it touches either */
static void others_that_are_open_hear_of_it(void)
{
	fixture_new();
	struct store *store = fixture_open();
	struct store_box *inbox = fixture_box(store, "INBOX");
	leave_move(true, false);
	struct store_box *work = fixture_box(store, "Work");
	struct store_uid_pairs pairs = {0};
	uint32_t uidvalidity, uid = 1;
	good(store_box_copy(inbox, &uid, 1, PF_STR("Work"), true, &uidvalidity,
			    &pairs, &err));
	is_int(pairs.n, 0);
	good(store_box_sync(work, false, &err));
	is_int(work->recs.n, 1);
	is_int(inbox->recs.n, 1);
	is_int(store->held, 0);
	store_box_close(&inbox);
	store_box_close(&work);
	store_close(&store);
	pf_vec_release(&pairs);
	fixture_free();
}

/* ---- into another user's store ----------------------------------------- */

static char other_root[600];

static struct store *open_other(void)
{
	struct store_conf conf = {.root = other_root, .separator = '.'};
	struct store *store = NULL;

	must(store_open(&conf, &store, &err));
	return store;
}

static void leave_move_to_other(bool copied)
{
	struct store *store = fixture_open();
	snprintf(other_root, sizeof other_root, "%s/other", fixture_root);
	struct store *other = open_other();
	struct store_uid_pairs pairs = {0};
	uint32_t uidvalidity;

	must(store_create(other, PF_STR("Work"), NULL, &err));
	uint32_t uid = fixture_append(store, "INBOX", "moved\n", 0);
	fixture_append(store, "INBOX", "other\n", 0);
	struct store_box *from = fixture_box(store, "INBOX");
	struct store_box *to = fixture_box(other, "Work");
	struct store_move move = {
	    .uid = uid,
	    .to_uid = to->uidnext,
	    .to_modseq = to->modseq,
	    .to_ino = to->ino,
	};
	struct store_copy copy = {.store = other, .name = PF_STR("Work")};
	struct pf_str base = PF_STR("never-linked");

	memcpy(move.to_guid, to->guid, sizeof move.to_guid);
	if (copied) {
		must(store_box_copy_to(from, &uid, 1, &copy, &uidvalidity,
				       &pairs, &err));
		base = pf_str_c(
		    store_rec_base(to, store_box_rec(to, pairs.v[0].to)));
	}
	must(store_box_lock(from, &err));
	store_txn_move(from, &move, base, PF_STR(".Work"),
		       pf_str_c(other_root));
	must(store_txn_commit(from, true, &err));
	store_box_unlock(from);
	pf_vec_release(&pairs);
	store_box_close(&from);
	store_box_close(&to);
	store_close(&other);
	store_close(&store);
}

static void between_stores(bool copied)
{
	fixture_new();
	leave_move_to_other(copied);
	for (int i = 0; i < 2; i++) {
		struct store *store = fixture_open();
		struct store *other = open_other();
		is_int(messages(store, "INBOX"), copied ? 1 : 2);
		is_int(messages(other, "Work"), copied ? 1 : 0);
		struct store_box *box = fixture_box(store, "INBOX");
		is_int(box->moves.n, 0);
		store_box_close(&box);
		is_int(store->held, 0);
		store_close(&other);
		store_close(&store);
	}
	fixture_free();
}

static void a_move_to_another_store_is_finished_too(void)
{
	between_stores(true);
}

static void one_that_came_to_nothing_is_dropped_there_too(void)
{
	between_stores(false);
}

/* flags are dropped as asked, and UIDs told */
static void moves_between_stores(void)
{
	struct store_uid_pairs pairs = {0};
	uint32_t uidvalidity = 0;

	fixture_new();
	struct store *store = fixture_open();
	snprintf(other_root, sizeof other_root, "%s/other", fixture_root);
	struct store *other = open_other();
	uint32_t uid = fixture_append(store, "INBOX", "moved\n",
				      STORE_SEEN | STORE_FLAGGED);
	struct store_box *from = fixture_box(store, "INBOX");
	struct store_copy copy = {.store = other,
				  .name = PF_STR("INBOX"),
				  .move = true,
				  .drop_flags = STORE_FLAGGED};
	good(store_box_copy_to(from, &uid, 1, &copy, &uidvalidity, &pairs,
			       &err));
	is_int(pairs.n, 1);
	is_int(messages(store, "INBOX"), 0);
	struct store_box *to = fixture_box(other, "INBOX");
	is_int(to->recs.n, 1);
	is_int(to->recs.v[0].m.flags, STORE_SEEN);
	is_int(store->held + other->held, 0);
	copy.name = PF_STR("Nowhere");
	is_int(
	    store_box_copy_to(from, &uid, 1, &copy, &uidvalidity, &pairs, NULL),
	    PF_NOTFOUND);
	store_box_close(&from);
	store_box_close(&to);
	store_close(&other);
	store_close(&store);
	pf_vec_release(&pairs);
	fixture_free();
}

int main(void)
{
	moves_between_stores();
	a_move_to_another_store_is_finished_too();
	one_that_came_to_nothing_is_dropped_there_too();
	a_committed_move_is_finished();
	one_that_was_not_is_dropped();
	one_given_up_is_undone();
	the_destination_may_be_renamed();
	the_destination_may_be_deleted();
	what_was_expunged_there_does_not_return();
	a_checkpoint_keeps_it();
	it_needs_no_snapshot();
	a_reader_leaves_it();
	others_that_are_open_hear_of_it();
	return tap_done();
}
