/* The past: expunged messages and old flags come back. */
#include <fcntl.h>
#include <time.h>

#include "base/clock.h"
#include "store/past.h"
#include "tests/store/fixture.h"

static int64_t now_us;

static int64_t clock_of_test(void)
{
	return now_us++;
}

static void set_clock(void)
{
	now_us = (int64_t)time(NULL) * 1000000;
	pf_clock_set_source(clock_of_test);
}

static struct store *open_store(int64_t keep, uint64_t size)
{
	struct store_conf conf = {
	    .root = fixture_root,
	    .separator = '.',
	    .special_use = "",
	    .past_keep = keep,
	    .past_size = size,
	};
	struct store *store = NULL;

	must(store_open(&conf, &store, &err));
	return store;
}

static struct store *begin(void)
{
	fixture_new();
	set_clock();
	return open_store(14 * 86400, 0);
}

static void end(struct store **store)
{
	store_close(store);
	fixture_free();
	pf_clock_set_source(NULL);
}

static void expunge(struct store_box *box, uint32_t uid)
{
	must(store_box_expunge(box, &uid, 1, true, &err));
}

static void set_flags(struct store_box *box, uint32_t uid, uint32_t flags,
		      const char *keyword)
{
	struct store_flag_change change = {
	    .mode = STORE_FLAGS_SET,
	    .flags = flags,
	    .unchanged_since = UINT64_MAX,
	};
	unsigned number;

	if (keyword) {
		must(store_box_keyword_number(box, pf_str_c(keyword), true,
					      &number, &err));
		change.keywords = UINT64_C(1) << number;
	}
	must(store_box_change_flags(box, &uid, 1, &change, NULL, &err));
}

static bool has_keyword(struct store_box *box, const struct store_msg *m,
			const char *name)
{
	unsigned number;

	return store_box_keyword_number(box, pf_str_c(name), false, &number,
					NULL) == PF_OK &&
	       m->keywords & UINT64_C(1) << number;
}

/* Number of messages in the past of a mailbox; -1: there is no such. */
static int past_count(struct store *store, const char *name)
{
	struct store_past_messages list = {0};
	struct store_box *box = NULL;
	struct store *past = NULL;
	int n = -1;

	if (store_past_open(store, &past, NULL) == PF_OK &&
	    store_box_open(past, pf_str_c(name), &box, NULL) == PF_OK) {
		must(store_past_list(box, &list, &err));
		n = (int)list.n;
	}
	pf_vec_release(&list);
	store_box_close(&box);
	store_close(&past);
	return n;
}

static size_t undelete(struct store *store, const char *name, int64_t at_us)
{
	struct store_past_messages list = {0};
	struct store_uids uids = {0};
	struct store_box *box = NULL;
	struct store *past = NULL;
	size_t restored = 0;

	must(store_past_open(store, &past, &err));
	must(store_box_open(past, pf_str_c(name), &box, &err));
	must(store_past_list(box, &list, &err));
	for (size_t i = 0; i < list.n; i++)
		pf_vec_push(&uids, list.v[i].uid);
	must(store_past_undelete(box, uids.v, uids.n, store, pf_str_c(name),
				 at_us, &restored, &err));
	pf_vec_release(&uids);
	pf_vec_release(&list);
	store_box_close(&box);
	store_close(&past);
	return restored;
}

static void an_expunged_message_comes_back(void)
{
	struct store *store = begin();
	uint32_t uid = fixture_append(store, "INBOX", "one\n", 0);
	struct store_box *box = fixture_box(store, "INBOX");
	int64_t date = store_box_find(box, uid)->date;
	char guid[256];

	(void)pf_str_copy(store_msg_guid(box, uid), guid, sizeof guid);
	set_flags(box, uid, STORE_FLAGGED | STORE_SEEN | STORE_DELETED, "todo");
	must(store_box_expunge(box, NULL, 0, false, &err));
	is_int((int)box->recs.n, 0);
	is_int(past_count(store, "INBOX"), 1);
	is_int((int)undelete(store, "INBOX", 0), 1);
	must(store_box_sync(box, false, &err));
	const struct store_msg *m = store_box_at(box, 0);
	ok(m && m->uid == uid + 1);
	ok(m && m->flags == (STORE_FLAGGED | STORE_SEEN));
	ok(m && has_keyword(box, m, "todo"));
	ok(m && m->date == date);
	ok(m && pf_str_eq(store_msg_guid(box, m->uid), pf_str_c(guid)));
	is_int(past_count(store, "INBOX"), 0);
	is_int((int)undelete(store, "INBOX", 0), 0);
	store_box_close(&box);
	end(&store);
}

static void keywords_without_a_letter_come_back(void)
{
	struct store *store = begin();
	uint32_t uid = fixture_append(store, "INBOX", "one\n", 0);
	struct store_box *box = fixture_box(store, "INBOX");
	char name[16];
	unsigned number;

	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof name, "k%d", i);
		must(store_box_keyword_number(box, pf_str_c(name), true,
					      &number, &err));
	}
	set_flags(box, uid, 0, "k29");
	expunge(box, uid);
	is_int((int)undelete(store, "INBOX", 0), 1);
	must(store_box_sync(box, false, &err));
	ok(has_keyword(box, store_box_at(box, 0), "k29"));
	store_box_close(&box);
	end(&store);
}

static void what_was_moved_is_not_kept(void)
{
	struct store *store = begin();
	uint32_t uid = fixture_append(store, "INBOX", "one\n", 0), validity;
	struct store_box *box = fixture_box(store, "INBOX");
	struct store_uid_pairs pairs = {0};

	must(store_create(store, PF_STR("Trash"), NULL, &err));
	must(store_box_copy(box, &uid, 1, PF_STR("Trash"), true, &validity,
			    &pairs, &err));
	is_int(past_count(store, "INBOX"), 0);
	struct store_box *trash = fixture_box(store, "Trash");
	expunge(trash, pairs.v[0].to);
	is_int(past_count(store, "Trash"), 1);
	store_box_close(&trash);
	store_box_close(&box);
	pf_vec_release(&pairs);
	end(&store);
}

static void a_deleted_mailbox_comes_back(void)
{
	struct store *store = begin();

	must(store_create(store, PF_STR("Work.old"), NULL, &err));
	fixture_append(store, "Work.old", "one\n", STORE_FLAGGED);
	fixture_deliver(store, "Work.old", "two\n", 0);
	must(store_delete(store, PF_STR("Work.old"), &err));
	is_int(past_count(store, "Work.old"), 2);
	is_int((int)undelete(store, "Work.old", 0), 2);
	struct store_box *box = fixture_box(store, "Work.old");
	is_int((int)box->recs.n, 2);
	store_box_close(&box);
	end(&store);
}

static void a_killed_delete_loses_nothing(void)
{
	struct store *store = begin();

	must(store_create(store, PF_STR("A"), NULL, &err));
	must(store_create(store, PF_STR("B"), NULL, &err));
	fixture_append(store, "A", "one\n", 0);
	/* as if killed behind the rename */
	fixture_put(".A/penfold-was", ".A");
	fixture_rename(".A", "penfold-gone.00000001");
	must(store_delete(store, PF_STR("B"), &err));
	ok(!fixture_has("penfold-gone.00000001"));
	is_int(past_count(store, "A"), 1);
	end(&store);
}

static void a_renamed_mailbox_keeps_its_past(void)
{
	struct store *store = begin();

	must(store_create(store, PF_STR("A"), NULL, &err));
	uint32_t uid = fixture_append(store, "A", "one\n", 0);
	struct store_box *box = fixture_box(store, "A");
	expunge(box, uid);
	store_box_close(&box);
	must(store_rename(store, PF_STR("A"), PF_STR("B"), &err));
	is_int(past_count(store, "A"), -1);
	is_int(past_count(store, "B"), 1);
	end(&store);
}

/* The path below the root of the only message. */
static void only_path(struct store_box *box, char *path, size_t size)
{
	struct pf_buf at = PF_BUF_INIT(1024);

	must(store_msg_path(box, store_box_at(box, 0)->uid, &at, &err));
	(void)pf_str_copy(pf_buf_str(&at), path, size);
	pf_buf_release(&at);
}

static void a_file_from_a_backup_gets_its_uid(void)
{
	struct store *store = begin();
	uint32_t first = fixture_append(store, "INBOX", "one\n", 0);
	struct store_box *box = fixture_box(store, "INBOX");
	struct store_uids gone = {0};
	struct store_view *view = NULL;
	bool complete;
	char path[300];

	only_path(box, path, sizeof path);
	uint64_t modseq = box->modseq;
	expunge(box, first);
	uint32_t second = fixture_append(store, "INBOX", "two\n", 0);
	must(store_view_new(box, false, &view, &err));
	/* rsync puts it back by name */
	fixture_put(path, "one\n");
	must(store_box_sync(box, false, &err));
	const struct store_msg *m = store_box_find(box, first);
	ok(m && m->size == 5);
	ok(store_box_find(box, second));
	ok(m && m->modseq > modseq);
	must(store_box_expunged_since(box, modseq, &gone, &complete, &err));
	ok(complete && gone.n == 0); /* it has not vanished */
	/* who had later messages selected must select again */
	ok(!store_box_exists(box));
	pf_vec_release(&gone);
	store_view_free(&view);
	store_box_close(&box);
	end(&store);
}

static void a_uid_that_is_taken_stays_where_it_is(void)
{
	struct store *store = begin();
	uint32_t uid = fixture_append(store, "INBOX", "one\n", 0);
	struct store_box *box = fixture_box(store, "INBOX");
	char path[300], copy[320];

	only_path(box, path, sizeof path);
	expunge(box, uid);
	fixture_put(path, "one\n");
	must(store_box_sync(box, false, &err));
	/* another file now, of a name that never was here */
	snprintf(copy, sizeof copy, "cur/1000000000.M1P1.other:2,");
	fixture_put(copy, "other\n");
	must(store_box_sync(box, false, &err));
	is_int((int)box->recs.n, 2);
	ok(store_box_find(box, uid) && store_box_find(box, uid + 1));
	store_box_close(&box);
	end(&store);
}

static void flags_come_back(void)
{
	struct store *store = begin();
	uint32_t uid = fixture_append(store, "INBOX", "one\n", 0);
	struct store_box *box = fixture_box(store, "INBOX");
	char path[300], bare[300];
	size_t changed;

	now_us += 2000000;
	set_flags(box, uid, STORE_FLAGGED | STORE_ANSWERED, "todo");
	int64_t then = ++now_us;
	now_us += 1000000;
	/* a program that knows nothing of flags */
	only_path(box, path, sizeof path);
	(void)pf_str_copy(store_base_of(pf_str_c(path)), bare, sizeof bare);
	fixture_rename(path, bare);
	must(store_box_sync(box, false, &err));
	is_int((int)store_box_at(box, 0)->flags, 0);
	good(store_past_flags(box, then, true, &changed, &err));
	ok(changed == 1 && store_box_at(box, 0)->flags == 0);
	good(store_past_flags(box, then, false, &changed, &err));
	ok(store_box_at(box, 0)->flags == (STORE_FLAGGED | STORE_ANSWERED));
	ok(has_keyword(box, store_box_at(box, 0), "todo"));
	good(store_past_flags(box, then, false, &changed, &err));
	is_int((int)changed, 0);
	store_box_close(&box);
	end(&store);
}

static void a_message_comes_back_as_it_was_then(void)
{
	struct store *store = begin();
	uint32_t uid = fixture_append(store, "INBOX", "one\n", 0);
	struct store_box *box = fixture_box(store, "INBOX");

	now_us += 2000000;
	set_flags(box, uid, STORE_FLAGGED, NULL);
	int64_t then = ++now_us;
	now_us += 1000000;
	set_flags(box, uid, STORE_SEEN | STORE_DELETED, NULL);
	expunge(box, uid);
	is_int((int)undelete(store, "INBOX", then), 1);
	must(store_box_sync(box, false, &err));
	is_int((int)store_box_at(box, 0)->flags, STORE_FLAGGED);
	store_box_close(&box);
	end(&store);
}

static void age_past(const char *name)
{
	char path[1024];

	snprintf(path, sizeof path, "%s/%s", fixture_root, name);
	(void)path;
	now_us += INT64_C(20) * 86400 * 1000000;
}

static void the_old_goes(void)
{
	struct store *store = begin();
	uint32_t uid = fixture_append(store, "INBOX", "one\n", 0);
	struct store_box *box = fixture_box(store, "INBOX");
	size_t dropped = 9;

	expunge(box, uid);
	good(store_past_tidy(store, true, &dropped, &err));
	is_int((int)dropped, 0);
	age_past("INBOX");
	good(store_past_tidy(store, false, &dropped, &err));
	is_int((int)dropped, 1);
	is_int(past_count(store, "INBOX"), 0);
	ok(!fixture_has(PAST_ROOT "/" PAST_JOURNAL));
	store_box_close(&box);
	end(&store);
}

static void the_oldest_goes_when_there_is_too_much(void)
{
	fixture_new();
	struct store *store = open_store(14 * 86400, 10);
	struct store_box *box = NULL;
	struct timespec pause = {0, 20000000};
	size_t dropped = 9;

	for (int i = 0; i < 3; i++) {
		char text[] = "mail0\n";
		text[4] = (char)('0' + i);
		uint32_t uid = fixture_append(store, "INBOX", text, 0);
		store_box_close(&box);
		box = fixture_box(store, "INBOX");
		expunge(box, uid);
		nanosleep(&pause, NULL);
	}
	good(store_past_tidy(store, true, &dropped, &err));
	is_int((int)dropped, 2);
	store_box_close(&box);
	end(&store);
}

static void without_days_nothing_is_kept(void)
{
	fixture_new();
	struct store *store = open_store(0, 0);
	uint32_t uid = fixture_append(store, "INBOX", "one\n", 0);
	struct store_box *box = fixture_box(store, "INBOX");

	expunge(box, uid);
	ok(!fixture_has(PAST_DIR));
	store_box_close(&box);
	end(&store);
}

static void torn_lines_are_skipped(void)
{
	static const char text[] =
	    "E\t12\t7\t3\tSF\t-5\tbase\t\ta b\n"
	    "E\t12\t7\t0\tSF\t5\tbase\t\t\n" /* no UID */
	    "E\t12\t7\t3\tSX\t5\tbase\t\t\n" /* no flag */
	    "E\t12\t7\t3\tS\t5\tba/se\t\t\n" /* no file name */
	    "F\t13\t7\t3:9\t-\t\n"
	    "F\t13\t7\t9:3\t-\t\n"
	    "\0\0\0\0\n"
	    "F\t14\t7\t3:9\tS\tx"; /* half */
	struct store_past_lines lines = {0};

	store_past_parse(pf_str_mem(text, sizeof text - 1), &lines);
	is_int((int)lines.n, 2);
	ok(lines.n == 2 && lines.v[0].kind == 'E' && lines.v[0].lo == 3 &&
	   lines.v[0].flags == (STORE_SEEN | STORE_FLAGGED) &&
	   lines.v[0].save_date == -5 &&
	   pf_str_eq(lines.v[0].keywords, PF_STR("a b")));
	ok(lines.n == 2 && lines.v[1].kind == 'F' && lines.v[1].lo == 3 &&
	   lines.v[1].hi == 9 && lines.v[1].flags == 0);
	pf_vec_release(&lines);
}

int main(void)
{
	an_expunged_message_comes_back();
	keywords_without_a_letter_come_back();
	what_was_moved_is_not_kept();
	a_deleted_mailbox_comes_back();
	a_killed_delete_loses_nothing();
	a_renamed_mailbox_keeps_its_past();
	a_file_from_a_backup_gets_its_uid();
	a_uid_that_is_taken_stays_where_it_is();
	flags_come_back();
	a_message_comes_back_as_it_was_then();
	the_old_goes();
	the_oldest_goes_when_there_is_too_much();
	without_days_nothing_is_kept();
	torn_lines_are_skipped();
	return tap_done();
}
