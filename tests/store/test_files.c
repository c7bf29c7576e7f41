/* File names, drafts, summaries, watching, and what harm files can come to. */
#include <poll.h>

#include "base/crc.h"
#include "store/box.h"
#include "tests/store/fixture.h"

static void letters_go_both_ways(void)
{
	static const struct {
		const char *suffix, *back;
		uint32_t letters;
		bool info, odd;
	} cases[] = {
	    {"", ":2,", 0, false, false},
	    {":2,", ":2,", 0, true, false},
	    {":2,FS", ":2,FS", STORE_FLAGGED | STORE_SEEN, true, false},
	    {":2,DPRTaz", ":2,DPRTaz",
	     STORE_DRAFT | STORE_PASSED | STORE_ANSWERED | STORE_DELETED |
		 1u << 6 | 1u << 31,
	     true, false},
	    {":2,SF", ":2,FS", STORE_FLAGGED | STORE_SEEN, true, true},
	    {":2,SX", ":2,SX", STORE_SEEN, true, true},
	    {":2,SX,U=3", ":2,SX,U=3", STORE_SEEN, true, true},
	    {":1,x", ":2,", 0, false, true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pf_buf back = PF_BUF_INIT(100);
		struct pf_str s = pf_str_c(cases[i].suffix);
		bool info, odd;
		is_int(store_suffix_letters(s, &info, &odd), cases[i].letters);
		is_int(info, cases[i].info);
		is_int(odd, cases[i].odd);
		store_suffix_add(&back, cases[i].letters, s);
		is_str(back.data, cases[i].back);
		pf_buf_release(&back);
	}
}

static void new_files_come_in_dovecots_order(void)
{
	static const char *const order[] = {
	    "1.M2P1.h", "2.M9P1.h", "2.M10P1.h", "2.M10P2.h", "10.x", "a",
	};

	for (size_t i = 1; i < sizeof order / sizeof *order; i++)
		tap_check(i == 5 || store_base_cmp(pf_str_c(order[i - 1]),
						   pf_str_c(order[i])) < 0,
			  "%s before %s", order[i - 1], order[i]);
	uint64_t n = 0;
	ok(store_base_number(PF_STR("1.M2.h,S=12,W=345"), 'W', &n));
	is_int(n, 345);
	ok(!store_base_number(PF_STR("1.M2.h,SW=12"), 'W', &n));
}

/* In pieces of each size: the same bytes on disk. */
static void drafts_keep_every_byte(void)
{
	static const struct {
		const char *in, *disk;
		int size; /* as read back with CRLF */
	} cases[] = {
	    {"a\r\nb\r\n", "a\nb\n", 6},
	    {"a\nb", "a\nb", 4},
	    {"a\rb\r\n", "a\rb\n", 5},
	    {"a\r\r\nb\r", "a\r\r\nb\r", 6},
	    {"\r\n\r\n", "\n\n", 4},
	    {"\r\r\r\n", "\r\r\r\n", 4},
	    {"", "", 0},
	};

	fixture_new();
	struct store *store = fixture_open();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t step = 1; step < 5; step++) {
			struct store_draft *d = NULL;
			char disk[100];
			size_t n = strlen(cases[i].in);
			int fd = -1;
			good(store_draft_new(store, &d, &err));
			for (size_t at = 0; at < n; at += step)
				good(store_draft_write(
				    d, cases[i].in + at,
				    n - at < step ? n - at : step, &err));
			good(store_draft_finish(d, &fd, &err));
			ssize_t got = read(fd, disk, sizeof disk);
			is_mem(disk, (size_t)got, cases[i].disk);
			is_int(d->vsize, cases[i].size);
			uint64_t counted = 99;
			good(store_virtual_size(fd, &counted, &err));
			is_int(counted, cases[i].size);
			store_draft_free(&d);
		}
	ok(!fixture_text("tmp/x")[0]);
	store_close(&store);
	fixture_free();
}

static void many_drafts_or_none(void)
{
	struct store_deliver hows[2] = {
	    {.flags = STORE_SEEN, .date = 1000000000},
	    {.keyword_count = 1},
	};
	struct pf_str keyword = PF_STR("bad keyword");
	struct store_draft *drafts[2];
	struct store_uids uids = {0};
	uint32_t validity;

	fixture_new();
	struct store *store = fixture_open();
	hows[1].keywords = &keyword;
	for (int i = 0; i < 2; i++) {
		good(store_draft_new(store, &drafts[i], &err));
		good(store_draft_write(drafts[i], "x\n", 2, &err));
	}
	is_int(store_deliver_many(store, PF_STR("INBOX"), drafts, hows, 2,
				  &validity, &uids, NULL),
	       PF_INVALID);
	struct store_box *box = fixture_box(store, "INBOX");
	ok(!store_box_at(box, 0));
	keyword = PF_STR("Work");
	good(store_deliver_many(store, PF_STR("INBOX"), drafts, hows, 2,
				&validity, &uids, &err));
	is_int(uids.n, 2);
	is_int(store_box_find(box, uids.v[0])->date, 1000000000);
	is_int(store_box_find(box, uids.v[1])->keywords, 1);
	hows[0].create = true;
	struct pf_buf name = PF_BUF_INIT(300);
	good(store_deliver(store, PF_STR("Lists.new"), drafts[0], &hows[0],
			   NULL, NULL, &name, &err));
	ok(name.len > 0);
	is_str(fixture_text("subscriptions"), "V\t2\n\nLists\tnew\n");
	pf_buf_release(&name);
	store_draft_free(&drafts[0]);
	store_draft_free(&drafts[1]);
	pf_vec_release(&uids);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void summaries_come_and_go(void)
{
	struct pf_buf text = PF_BUF_INIT(1000);

	fixture_new();
	struct store *store = fixture_open(), *other = fixture_open();
	uint32_t uid = fixture_append(store, "INBOX", "x\n", 0);
	struct store_box *box = fixture_box(store, "INBOX");
	struct store_box *seen = fixture_box(other, "INBOX");
	is_int(store_summary_get(box, uid, STORE_SUMMARY_BODY, &text),
	       PF_NOTFOUND);
	store_summary_put(box, uid, STORE_SUMMARY_BODY, PF_STR("(body)"));
	store_summary_put(box, uid, STORE_SUMMARY_ENVELOPE, PF_STR("(env)"));
	is_int(store_summary_get(seen, uid, STORE_SUMMARY_BODY, &text), PF_OK);
	is_str(text.data, "(body)");
	/* made again, because the old one is of no use: the new one counts */
	store_summary_put(seen, uid, STORE_SUMMARY_BODY, PF_STR("(new)"));
	pf_buf_clear(&text);
	is_int(store_summary_get(seen, uid, STORE_SUMMARY_BODY, &text), PF_OK);
	is_str(text.data, "(new)");
	/* a text that another process adds is found */
	store_summary_put(seen, uid, STORE_SUMMARY_HEADERS, PF_STR("a: b"));
	pf_buf_clear(&text);
	is_int(store_summary_get(box, uid, STORE_SUMMARY_HEADERS, &text),
	       PF_OK);
	is_str(text.data, "a: b");
	fixture_put("penfold.summary", "garbage of some length to read on");
	is_int(store_summary_get(box, uid, STORE_SUMMARY_PREVIEW, &text),
	       PF_NOTFOUND);
	is_int(store_summary_get(box, uid, STORE_SUMMARY_BODY, &text),
	       PF_NOTFOUND);
	store_summary_put(box, uid, STORE_SUMMARY_BODY, PF_STR("(again)"));
	pf_buf_clear(&text);
	is_int(store_summary_get(box, uid, STORE_SUMMARY_BODY, &text), PF_OK);
	is_str(text.data, "(again)");
	pf_buf_release(&text);
	store_box_close(&box);
	store_box_close(&seen);
	store_close(&store);
	store_close(&other);
	fixture_free();
}

static uint64_t heard;
static void hear(void *arg, uint64_t token)
{
	(void)arg;
	heard |= token;
}

static bool wait_and_read(struct store_watch *watch)
{
	struct pollfd p = {.fd = store_watch_fd(watch), .events = POLLIN};

	heard = 0;
	if (poll(&p, 1, 0) <= 0)
		return false;
	store_watch_read(watch);
	return true;
}

static void watching_hears_of_changes(void)
{
	struct store_watch *watch = NULL;

	fixture_new();
	struct store *store = fixture_open();
	struct store_box *box = fixture_box(store, "INBOX");
	good(store_watch_new(hear, NULL, &watch, &err));
	good(store_watch_add(watch, box, 1, &err));
	good(store_watch_add(watch, box, 2, &err));
	ok(!wait_and_read(watch));
	fixture_deliver(store, "INBOX", "x\n", 0);
	ok(wait_and_read(watch));
	is_int(heard, 3);
	store_watch_remove(watch, 1);
	wait_and_read(watch);
	good(store_box_sync(box, true, &err));
	ok(wait_and_read(watch));
	is_int(heard, 2);
	fixture_put("unrelated", "x");
	wait_and_read(watch);
	is_int(heard, 0);
	store_watch_free(&watch);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void watching_by_name(void)
{
	struct store_watch *watch = NULL;

	fixture_new();
	struct store *store = fixture_open();
	good(store_create(store, PF_STR("Work"), NULL, &err));
	good(store_watch_new(hear, NULL, &watch, &err));
	good(store_watch_add_list(watch, store, 1, &err));
	good(store_watch_add_name(watch, store, PF_STR("Work"), 2, &err));
	good(store_watch_add_name(watch, store, PF_STR("INBOX"), 4, &err));
	is_int(store_watch_add_name(watch, store, PF_STR("None"), 8, NULL),
	       PF_NOTFOUND);
	fixture_deliver(store, "Work", "x\n", 0);
	ok(wait_and_read(watch));
	is_int(heard, 2);
	fixture_deliver(store, "INBOX", "x\n", 0);
	ok(wait_and_read(watch));
	is_int(heard, 4);
	good(store_subscribe(store, PF_STR("Work"), true, &err));
	ok(wait_and_read(watch));
	is_int(heard, 1);
	good(store_create(store, PF_STR("More"), NULL, &err));
	ok(wait_and_read(watch));
	is_int(heard & 1, 1);
	/* made anew: only the second question finds it */
	good(store_delete(store, PF_STR("Work"), &err));
	ok(wait_and_read(watch));
	is_int(heard, 3);
	good(store_create(store, PF_STR("Work"), NULL, &err));
	good(store_watch_add_name(watch, store, PF_STR("Work"), 2, &err));
	good(store_watch_add_name(watch, store, PF_STR("Work"), 2, &err));
	wait_and_read(watch);
	fixture_deliver(store, "Work", "x\n", 0);
	ok(wait_and_read(watch));
	is_int(heard, 2);
	store_watch_remove(watch, 4);
	fixture_deliver(store, "INBOX", "x\n", 0);
	wait_and_read(watch);
	is_int(heard, 0);
	store_watch_free(&watch);
	store_close(&store);
	fixture_free();
}

/* What a power cut leaves: a longer log with zeros, or half a record. */
static void a_torn_log_is_no_error(void)
{
	struct store_box_info info;
	char path[600];

	fixture_new();
	struct store *store = fixture_open();
	fixture_append(store, "INBOX", "a\n", 0);
	store_close(&store);
	snprintf(path, sizeof path, "%s/penfold.log", fixture_root);
	for (int torn = 0; torn < 3; torn++) {
		struct stat st;
		ok(stat(path, &st) == 0);
		if (torn == 0)
			ok(truncate(path, st.st_size + 4096) == 0);
		if (torn == 1)
			ok(truncate(path, st.st_size - 3) == 0);
		if (torn == 2)
			ok(truncate(path, 20) == 0);
		store = fixture_open();
		struct store_box *box = fixture_box(store, "INBOX");
		store_box_info(box, &info);
		is_int(info.messages, torn + 1);
		uint32_t uid = fixture_append(store, "INBOX", "b\n", 0);
		ok(uid >= info.uidnext);
		store_box_close(&box);
		store_close(&store);
	}
	fixture_free();
}

/* A log that lost what is behind the intent of a message looks as if that was
 * never committed; dovecot-uidlist knows better. */
static void a_lost_commit_costs_no_message(void)
{
	struct store_box_info info;
	char path[600], log[8192];

	fixture_new();
	struct store *store = fixture_open();
	uint32_t uid = fixture_append(store, "INBOX", "a\n", 0);
	store_close(&store);
	snprintf(path, sizeof path, "%s/penfold.log", fixture_root);
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(log, 1, sizeof log, f) : 0;
	if (f)
		fclose(f);
	const char *intent = memmem(log, n, "cur/", 4);
	ok(intent);
	size_t end = intent ? (size_t)(intent - log) + strlen(intent) : 0;
	ok(truncate(path, (off_t)((end + 7) / 8 * 8)) == 0);
	store = fixture_open();
	struct store_box *box = fixture_box(store, "INBOX");
	store_box_info(box, &info);
	is_int(info.messages, 1);
	ok(store_box_find(box, uid));
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void doubles_are_settled(void)
{
	struct store_box_info info;

	fixture_new();
	struct store *store = fixture_open();
	struct store_box *box = fixture_box(store, "INBOX");
	fixture_put("cur/17.one:2,S", "one\n");
	good(store_box_sync(box, false, &err));
	fixture_put("cur/17.one:2,", "another\n"); /* a copy, half restored */
	for (int i = 0; i < 3; i++)
		good(store_box_sync(box, false, &err));
	store_box_info(box, &info);
	is_int(info.messages, 2);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void a_later_uidvalidity_is_taken(void)
{
	struct store_box_info info;

	fixture_new();
	struct store *store = fixture_open();
	fixture_put("cur/17.one:2,S", "one\n");
	struct store_box *box = fixture_box(store, "INBOX");
	fixture_put("dovecot-uidlist",
		    "3 V4000000000 N77 G95d553092087016baf79000083ecc375\n"
		    "70 :17.one\n");
	good(store_box_sync(box, false, &err));
	ok(!store_box_exists(box)); /* sessions must select it anew */
	store_box_close(&box);
	box = fixture_box(store, "INBOX");
	store_box_info(box, &info);
	is_int(info.uidvalidity, 4000000000u);
	is_int(info.uidnext, 77);
	ok(store_box_find(box, 70) != NULL);
	/* an old backup of the file changes nothing */
	fixture_put("dovecot-uidlist",
		    "3 V12 N7 G95d553092087016baf79000083ecc375\n"
		    "3 :17.one\n");
	good(store_box_sync(box, false, &err));
	store_box_info(box, &info);
	is_int(info.uidvalidity, 4000000000u);
	ok(store_box_find(box, 70) != NULL);
	ok(strstr(fixture_text("dovecot-uidlist"), "70 :17.one\n") != NULL);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void a_reader_writes_nothing(void)
{
	struct store_conf conf = {
	    .root = fixture_root, .separator = '.', .read_only = true};
	struct store *store = NULL;
	struct store_box *box = NULL;
	struct store_box_info info;
	uint32_t uid = 1;

	fixture_new();
	char part[600];
	for (int i = 0; i < 3; i++) {
		static const char *const parts[] = {"cur", "new", "tmp"};
		snprintf(part, sizeof part, "%s/%s", fixture_root, parts[i]);
		ok(mkdir(part, 0700) == 0);
	}
	fixture_put("new/17.one", "one\n");
	good(store_open(&conf, &store, &err));
	good(store_box_open(store, PF_STR("INBOX"), &box, &err));
	good(store_box_sync(box, true, &err));
	store_box_info(box, &info);
	is_int(info.messages, 1);
	is_int(store_box_expunge(box, &uid, 1, true, NULL), PF_NOPERM);
	ok(fixture_has("new/17.one"));
	ok(!fixture_has("penfold.log") && !fixture_has("dovecot-uidlist") &&
	   !fixture_has("penfold.lock"));
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

/* A log from before a reboot: what it says is done again. */
static void a_reboot_may_undo_renames(void)
{
	char path[600], bytes[8] = {0};

	fixture_new();
	struct store *store = fixture_open();
	struct store_box *box = fixture_box(store, "INBOX");
	fixture_put("cur/17.one:2,", "one\n");
	fixture_put("cur/17.two:2,", "two\n");
	good(store_box_sync(box, false, &err));
	uint32_t uids[] = {1, 2};
	struct store_flag_change change = {.mode = STORE_FLAGS_ADD,
					   .flags = STORE_SEEN,
					   .unchanged_since = UINT64_MAX};
	good(store_box_change_flags(box, uids, 1, &change, NULL, &err));
	change.flags = STORE_FLAGGED;
	good(store_box_change_flags(box, uids, 1, &change, NULL, &err));
	good(store_box_expunge(box, uids + 1, 1, true, &err));
	store_box_close(&box);
	store_close(&store);
	/* the power cut: renames and unlinks since then never happened */
	fixture_rename("cur/17.one:2,FS", "cur/17.one:2,S");
	fixture_put("cur/17.two:2,", "two\n");
	snprintf(path, sizeof path, "%s/penfold.log", fixture_root);
	int fd = open(path, O_RDWR);
	struct store_log_header h;
	ok(pread(fd, &h, sizeof h, 0) == sizeof h);
	memcpy(h.boot, bytes, sizeof bytes);
	h.crc = pf_crc32c(0, &h, offsetof(struct store_log_header, crc));
	ok(pwrite(fd, &h, sizeof h, 0) == sizeof h);
	close(fd);
	store = fixture_open();
	box = fixture_box(store, "INBOX");
	is_int(store_box_find(box, 1)->flags, STORE_SEEN | STORE_FLAGGED);
	ok(fixture_has("cur/17.one:2,FS"));
	ok(!fixture_has("cur/17.two:2,"));
	ok(!store_box_at(box, 1));
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

int main(void)
{
	letters_go_both_ways();
	new_files_come_in_dovecots_order();
	drafts_keep_every_byte();
	many_drafts_or_none();
	summaries_come_and_go();
	watching_hears_of_changes();
	watching_by_name();
	a_torn_log_is_no_error();
	a_lost_commit_costs_no_message();
	doubles_are_settled();
	a_later_uidvalidity_is_taken();
	a_reader_writes_nothing();
	a_reboot_may_undo_renames();
	return tap_done();
}
