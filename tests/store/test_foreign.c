/*
 * What other programs do to a Maildir: nothing is lost, no other UID changes.
 */
#include <time.h>

#include "base/clock.h"
#include "store/box.h"
#include "tests/store/fixture.h"

/* The real clock, put forward so that what is due in two seconds is due. */
static int64_t ahead_us;
static int64_t test_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 + ahead_us;
}

static struct store *store;
static struct store_box *box;

static void begin(void)
{
	fixture_new();
	store = fixture_open();
	for (int i = 1; i <= 3; i++) {
		char text[16];
		snprintf(text, sizeof text, "%d\n", i);
		fixture_append(store, "INBOX", text, i == 2 ? STORE_SEEN : 0);
	}
	box = fixture_box(store, "INBOX");
	must(store_box_sync(box, true, &err));
	ahead_us += 3000000;
	must(store_box_sync(box, true, &err));
}

static void end(void)
{
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void sync_now(void)
{
	for (int i = 0; i < 3; i++) {
		ahead_us += 3000000;
		usleep(25000);
		must(store_box_sync(box, true, &err));
	}
}

static const char *path_of(uint32_t uid)
{
	static char path[512];
	struct pf_buf to = PF_BUF_INIT(sizeof path);

	must(store_msg_path(box, uid, &to, &err));
	(void)pf_str_copy(pf_buf_str(&to), path, sizeof path);
	pf_buf_release(&to);
	return path;
}

static const char *text_of(uint32_t uid)
{
	return store_box_find(box, uid) ? fixture_text(path_of(uid)) : "none";
}

static uint32_t count(void)
{
	struct store_box_info info;

	store_box_info(box, &info);
	return info.messages;
}

static void copies_beside_the_file_are_other_messages(void)
{
	char copy[600];

	begin();
	/* a backup's copy lands in new/, which is read first */
	const char *file = strrchr(path_of(2), '/') + 1;
	snprintf(copy, sizeof copy, "new/%.*s", (int)strcspn(file, ":"), file);
	fixture_put(copy, "other\n");
	sync_now();
	is_str(text_of(2), "2\n");
	is_int(store_box_find(box, 2)->flags, STORE_SEEN);
	is_int(count(), 4);
	is_str(text_of(4), "other\n");
	end();
}

static void a_file_that_comes_back_gets_a_new_uid(void)
{
	char path[512];

	begin();
	(void)pf_str_copy(pf_str_c(path_of(2)), path, sizeof path);
	fixture_remove(path);
	sync_now();
	is_int(count(), 2);
	ok(!store_box_find(box, 2));
	fixture_put(path, "2\n");
	sync_now();
	is_int(count(), 3);
	is_str(text_of(4), "2\n");
	is_int(store_box_find(box, 4)->flags, STORE_SEEN);
	is_str(text_of(1), "1\n");
	is_str(text_of(3), "3\n");
	end();
}

static void odd_names_are_mail_too(void)
{
	static const char *const names[] = {
	    "cur/plain",
	    "new/a b c",
	    "cur/1.x:2,ZQS",
	    "cur/2.x:1,S",
	    "cur/3.x:",
	    "cur/4.\xff\xfe\xe4:2,F",
	    "cur/5.x,S=4:2,",
	    "cur/6.x,S=999,W=5:2,",
	    "cur/7.x\ny:2,S",
	    "new/8.\n",
	    "cur/9.x:2,S:2,F",
	    "new/;=,,;",
	    "cur/1700000000.M1P1.\xc3\xa4:2,",
	};
	size_t n = sizeof names / sizeof *names;
	uint32_t validity = 0;

	begin();
	for (size_t i = 0; i < n; i++)
		fixture_put(names[i], "a: b\n");
	sync_now();
	is_int(count(), 3 + (long)n);
	for (uint32_t uid = 4; uid < 4 + n; uid++)
		is_str(text_of(uid), "a: b\n");
	/* the list that Dovecot reads is enough to know them all again */
	must(store_box_flush(box, &err));
	validity = box->uidvalidity;
	char names_before[32][300];
	for (uint32_t uid = 1; uid < 4 + n; uid++)
		snprintf(names_before[uid], 300, "%s", path_of(uid));
	store_box_close(&box);
	store_close(&store);
	fixture_remove("penfold.snapshot");
	fixture_remove("penfold.log");
	store = fixture_open();
	box = fixture_box(store, "INBOX");
	sync_now();
	is_int(box->uidvalidity, validity);
	is_int(count(), 3 + (long)n);
	for (uint32_t uid = 1; uid < 4 + n; uid++)
		is_str(store_box_find(box, uid) ? path_of(uid) : "none",
		       names_before[uid]);
	end();
}

static void letters_that_nobody_knows_stay(void)
{
	struct store_flag_change change = {
	    .mode = STORE_FLAGS_ADD,
	    .flags = STORE_FLAGGED,
	    .unchanged_since = UINT64_MAX,
	};
	uint32_t uid = 4;

	begin();
	fixture_put("cur/1.x:2,SZ", "a: b\n");
	sync_now();
	good(store_box_change_flags(box, &uid, 1, &change, NULL, &err));
	ok(strchr(strrchr(path_of(4), ','), 'Z') != NULL);
	ok(strchr(strrchr(path_of(4), ','), 'F') != NULL);
	ok(strchr(strrchr(path_of(4), ','), 'S') != NULL);
	end();
}

/* We say \Flagged, somebody else \Seen, at the same time. */
static void flags_are_merged_three_ways(void)
{
	struct store_flag_change change = {
	    .mode = STORE_FLAGS_ADD,
	    .flags = STORE_FLAGGED,
	    .unchanged_since = UINT64_MAX,
	};
	uint32_t both[] = {1, 2};
	char from[400], to[420];

	begin();
	for (size_t i = 0; i < 2; i++) {
		(void)pf_str_copy(pf_str_c(path_of(both[i])), from,
				  sizeof from);
		/* 1 is read; 2, which was, is answered and not read */
		snprintf(to, sizeof to, "%.*s:2,%s", (int)strcspn(from, ":"),
			 from, i ? "R" : "S");
		fixture_rename(from, to);
	}
	good(store_box_change_flags(box, both, 2, &change, NULL, &err));
	sync_now();
	is_int(store_box_find(box, 1)->flags, STORE_SEEN | STORE_FLAGGED);
	is_int(store_box_find(box, 2)->flags, STORE_ANSWERED | STORE_FLAGGED);
	end();
}

/* dovecot-keywords cut short: ours stay, and it is whole again. */
static void a_list_of_keywords_cut_short_takes_no_name_away(void)
{
	unsigned number;

	begin();
	good(store_box_keyword_number(box, PF_STR("first"), true, &number,
				      &err));
	good(store_box_keyword_number(box, PF_STR("second"), true, &number,
				      &err));
	is_str(fixture_text("dovecot-keywords"), "0 first\n1 second\n");
	fixture_put("dovecot-keywords", "0 first\n1 sec");
	sync_now();
	is_str(store_box_keyword(box, 1), "second");
	is_str(fixture_text("dovecot-keywords"), "0 first\n1 second\n");
	fixture_put("dovecot-keywords", "0 fi)rst\n1 \001\n2 third\n");
	sync_now();
	is_str(store_box_keyword(box, 0), "first");
	is_str(fixture_text("dovecot-keywords"),
	       "0 first\n1 second\n2 third\n");
	fixture_remove("dovecot-keywords");
	sync_now();
	is_str(fixture_text("dovecot-keywords"),
	       "0 first\n1 second\n2 third\n");
	end();
}

/* Without a watch: the next sync sees it. */
static void the_next_sync_sees_it(void)
{
	begin();
	usleep(30000);
	must(store_box_sync(box, false, &err));
	is_int(count(), 3);
	fixture_put("new/1.foreign", "4\n");
	must(store_box_sync(box, false, &err));
	is_int(count(), 4);
	end();
}

int main(void)
{
	pf_clock_set_source(test_clock);
	copies_beside_the_file_are_other_messages();
	a_file_that_comes_back_gets_a_new_uid();
	odd_names_are_mail_too();
	letters_that_nobody_knows_stay();
	flags_are_merged_three_ways();
	a_list_of_keywords_cut_short_takes_no_name_away();
	the_next_sync_sees_it();
	return tap_done();
}
