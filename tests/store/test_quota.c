/* Quota: its rules, its counting, and what others see of it. */
#include "store/quota.h"
#include <sys/wait.h>

#include "base/clock.h"
#include "tests/store/fixture.h"

static int64_t later; /* than it is */

static int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 + later;
}

static struct store *open_with(const char *rules)
{
	static char full[600];
	struct store_conf conf = {
	    .root = fixture_root,
	    .separator = '.',
	    .special_use = "Trash:Trash",
	    .quota = rules,
	    .quota_full = full,
	};
	struct store *store = NULL;

	snprintf(full, sizeof full, "%s/full", fixture_root);
	must(store_open(&conf, &store, &err));
	return store;
}

static struct store_quota get(struct store *store, const char *root)
{
	struct store_quota quota = {0};
	struct pf_arena arena;

	pf_arena_init(&arena, 10000);
	must(store_quota_get(store, pf_str_c(root), &arena, &quota, &err));
	pf_arena_release(&arena);
	return quota;
}

static pf_status put(struct store *store, const char *box, size_t n,
		     bool append)
{
	static char text[100000];
	struct store_deliver how = {0};
	struct store_draft *draft = NULL;
	uint32_t validity = 0, uid = 0;

	memset(text, 'x', sizeof text);
	must(store_draft_new(store, &draft, &err));
	must(store_draft_write(draft, text, n, &err));
	pf_status status = store_deliver(store, pf_str_c(box), draft, &how,
					 append ? &validity : NULL,
					 append ? &uid : NULL, NULL, NULL);
	store_draft_free(&draft);
	return status;
}

static bool is_used(struct store *store, uint64_t storage, uint64_t messages)
{
	struct store_quota q = get(store, "User quota");
	bool good = q.storage == storage && q.messages == messages;

	if (!good)
		printf("# %llu bytes, %llu messages\n",
		       (unsigned long long)q.storage,
		       (unsigned long long)q.messages);
	return good;
}

static void rules_are_dovecots(void)
{
	struct quota_rules rules = {0};

	good(store_quota_rules_parse(
	    &rules,
	    PF_STR("*:storage=1G:messages=10 Trash:storage=+10%:messages=+5 "
		   "Spam:storage=100M Lists*:ignore *:mailboxes=7 "
		   "\"Sent Items:storage=-512\" *:messages=20 Old:bytes=5k"),
	    &err));
	is_int(rules.account.storage, 1 << 30);
	is_int(rules.account.messages, 20);
	is_int(rules.account.mailboxes, 7);
	struct quota_limit l =
	    store_quota_rules_account(&rules, PF_STR("Trash"));
	is_int(l.storage, (1 << 30) + (1 << 30) / 10);
	is_int(l.messages, 25);
	l = store_quota_rules_account(&rules, PF_STR("Sent Items"));
	is_int(l.storage, (1 << 30) - (512 << 10));
	l = store_quota_rules_own(&rules, PF_STR("Spam"));
	is_int(l.storage, 100 << 20);
	is_int(store_quota_rules_own(&rules, PF_STR("Old")).storage, 5120);
	is_int(store_quota_rules_own(&rules, PF_STR("Trash")).storage, 0);
	ok(store_quota_rules_ignore(&rules, PF_STR("Lists.a.b")));
	ok(!store_quota_rules_ignore(&rules, PF_STR("List")));
	store_quota_rules_release(&rules);
}

static void bad_rules_are_told(void)
{
	static const char *const bad[] = {
	    "*",
	    ":storage=1",
	    "*:storage",
	    "*:storage=x",
	    "*:storage=+1M",
	    "*:ignore",
	    "*:foo=1",
	    "Trash:mailboxes=1",
	    "*:storage=99999999999T",
	    "*:messages=1k",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		tap_check(store_quota_check(pf_str_c(bad[i]), NULL) ==
			      PF_INVALID,
			  "%s", bad[i]);
	is_int(store_quota_check(PF_STR("*:storage=0"), NULL), PF_OK);
}

static void each_way_in_counts_and_is_refused(void)
{
	struct store_uid_pairs pairs = {0};
	uint32_t validity, uids[] = {1};

	fixture_new();
	struct store *store = open_with("*:bytes=1000:messages=4:mailboxes=2");
	is_int(put(store, "INBOX", 400, true), PF_OK);
	is_int(put(store, "INBOX", 300, false), PF_OK);
	ok(is_used(store, 700, 2));
	is_int(store_quota_percent(store), 70);
	is_int(put(store, "INBOX", 301, true), PF_OVERQUOTA);
	is_int(put(store, "INBOX", 301, false), PF_OVERQUOTA);
	ok(is_used(store, 700, 2));
	good(store_create(store, PF_STR("a"), NULL, &err));
	is_int(store_create(store, PF_STR("b"), NULL, NULL), PF_OVERQUOTA);
	is_int(get(store, "User quota").mailboxes, 2);

	struct store_box *box = fixture_box(store, "INBOX");
	is_int(store_box_copy(box, uids, 1, PF_STR("a"), false, &validity,
			      &pairs, NULL),
	       PF_OVERQUOTA);
	good(store_box_copy(box, uids, 1, PF_STR("a"), true, &validity, &pairs,
			    &err));
	ok(is_used(store, 700, 2));
	is_int(put(store, "a", 300, true), PF_OK);
	ok(fixture_has("full")); /* nothing fits in */
	is_int(store_quota_percent(store), 100);
	uids[0] = 2;
	good(store_box_expunge(box, uids, 1, true, &err));
	ok(!fixture_has("full"));
	ok(is_used(store, 700, 2));
	is_int(put(store, "INBOX", 1, true), PF_OK);
	is_int(put(store, "INBOX", 1, true), PF_OK);
	is_int(put(store, "INBOX", 1, true), PF_OVERQUOTA); /* the fifth */
	pf_vec_release(&pairs);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void mailboxes_have_rules_of_their_own(void)
{
	struct store_uid_pairs pairs = {0};
	uint32_t validity, uids[] = {1};

	fixture_new();
	struct store *store = open_with(
	    "*:bytes=1000 Trash:bytes=+500 Spam:messages=1 Old:ignore");
	good(store_create(store, PF_STR("Trash"), NULL, &err));
	good(store_create(store, PF_STR("Spam"), NULL, &err));
	good(store_create(store, PF_STR("Old"), NULL, &err));
	is_int(put(store, "INBOX", 1000, true), PF_OK);
	is_int(put(store, "INBOX", 1, true), PF_OVERQUOTA);
	is_int(put(store, "Trash", 500, true), PF_OK);
	is_int(put(store, "Trash", 1, true), PF_OVERQUOTA);
	is_int(put(store, "Old", 5000, true), PF_OK);
	ok(is_used(store, 1500, 2));
	/* from where nothing is counted */
	struct store_box *box = fixture_box(store, "Old");
	is_int(store_box_copy(box, uids, 1, PF_STR("INBOX"), true, &validity,
			      &pairs, NULL),
	       PF_OVERQUOTA);
	store_box_close(&box);
	box = fixture_box(store, "Trash");
	good(store_box_expunge(box, uids, 1, true, &err));
	store_box_close(&box);
	box = fixture_box(store, "INBOX");
	good(store_box_expunge(box, uids, 1, true, &err));
	store_box_close(&box);
	ok(is_used(store, 0, 0));
	is_int(put(store, "Spam", 10, false), PF_OK);
	is_int(put(store, "Spam", 10, false), PF_OVERQUOTA);
	is_int(get(store, "Mailbox Spam").messages_max, 1);
	is_int(get(store, "Mailbox Spam").messages, 1);
	pf_vec_release(&pairs);
	store_close(&store);
	fixture_free();
}

/* What others do to the files is counted when the mailbox is looked at. */
static void foreign_changes_are_found(void)
{
	fixture_new();
	struct store *store = open_with("*:storage=10k:messages=3");
	is_int(put(store, "INBOX", 100, true), PF_OK);
	fixture_put("new/1.M1P1.other,S=6000", "short, but says that");
	fixture_put("new/2.M1P1.other", "a\nb\n"); /* 4 bytes, 6 with CRLF */
	ok(is_used(store, 100, 1));
	struct store_box *box = fixture_box(store, "INBOX");
	ok(is_used(store, 6106, 3));
	is_int(put(store, "INBOX", 1, false), PF_OVERQUOTA);
	fixture_remove("new/1.M1P1.other,S=6000");
	/* a refusal looks first, but not all the time */
	later += INT64_C(60000000);
	is_int(put(store, "INBOX", 1, false), PF_OK);
	store_box_close(&box);
	ok(is_used(store, 107, 3));
	store_close(&store);
	fixture_free();
}

/* A mailbox that stays open here, while another process counts a message that
 * comes and goes. */
static void what_another_counted_is_corrected(void)
{
	fixture_new();
	struct store *store = open_with("*:storage=10k");
	is_int(put(store, "INBOX", 100, true), PF_OK);
	struct store_box *box = fixture_box(store, "INBOX");
	must(store_box_sync(box, false, &err));
	fixture_put("new/1.M1P1.other,S=7", "1234567");
	struct store *other = open_with("*:storage=10k");
	good(store_quota_recount(other, &err));
	ok(is_used(other, 107, 2));
	fixture_remove("new/1.M1P1.other,S=7");
	for (int i = 0; i < 3; i++)
		must(store_box_sync(box, false, &err));
	ok(is_used(store, 100, 1));
	store_close(&other);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

/* A reservation whose process died goes with the next look. */
static void what_never_came_is_not_counted(void)
{
	fixture_new();
	struct store *store = open_with("*:storage=10k");
	is_int(put(store, "INBOX", 100, true), PF_OK);
	struct quota_want want = {
	    .mailbox = PF_STR("INBOX"), .storage = 9000, .messages = 1};
	good(store_quota_take(store, &want, &err));
	ok(is_used(store, 9100, 2));
	store_close(&store);
	store = open_with("*:storage=10k");
	is_int(put(store, "INBOX", 2000, false), PF_OVERQUOTA);
	struct store_box *box = fixture_box(store, "INBOX");
	is_int(put(store, "INBOX", 2000, true), PF_OK);
	ok(is_used(store, 2100, 2));
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

static void folders_come_and_go(void)
{
	fixture_new();
	struct store *store = open_with("*:storage=10k");
	good(store_create(store, PF_STR("a"), NULL, &err));
	is_int(put(store, "a", 100, false), PF_OK);
	good(store_rename(store, PF_STR("a"), PF_STR("b"), &err));
	ok(is_used(store, 100, 1));
	is_int(put(store, "b", 100, false), PF_OK);
	ok(is_used(store, 200, 2));
	good(store_delete(store, PF_STR("b"), &err));
	ok(is_used(store, 0, 0));
	store_close(&store);
	fixture_free();
}

/* The count is a cache: away, torn, from before a reboot. */
static void a_lost_count_is_made_anew(void)
{
	static const char *const broken[] = {
	    "",
	    "penfold-quota 1 00 1700000000 rules\n1 1 1 .\n",
	    "penfold-quota 1",
	    "\0\0\0",
	    "1 2 3 .\n",
	};

	fixture_new();
	struct store *store = open_with("*:storage=10k");
	is_int(put(store, "INBOX", 100, false), PF_OK);
	store_close(&store);
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		fixture_put("penfold-quota", broken[i]);
		store = open_with("*:storage=10k");
		ok(is_used(store, 100, 1));
		store_close(&store);
	}
	fixture_remove("penfold-quota");
	store = open_with("*:storage=10k");
	ok(is_used(store, 100, 1));
	store_close(&store);
	fixture_free();
}

static void maildirsize_is_kept(void)
{
	fixture_new();
	struct store *store = open_with("*:storage=10k:messages=100");
	is_int(put(store, "INBOX", 100, false), PF_OK);
	is_int(put(store, "INBOX", 50, false), PF_OK);
	is_str(fixture_text("maildirsize"),
	       "10240S,100C\n           0            0\n"
	       "         100            1\n          50            1\n");
	for (int i = 0; i < 98; i++)
		is_int(put(store, "INBOX", 1, false), PF_OK);
	struct quota_limit limit;
	struct quota_use sum;
	ok(store_maildirsize_parse(pf_str_c(fixture_text("maildirsize")),
				   &limit, &sum));
	is_int(sum.storage, 248);
	is_int(sum.messages, 100);
	store_close(&store);
	/* other limits */
	store = open_with("*:storage=20k");
	is_int(put(store, "INBOX", 1, false), PF_OK);
	is_str(fixture_text("maildirsize"),
	       "20480S\n         249          101\n");
	/* somebody else delivers, and says so */
	fixture_put("new/1.M1P1.maildrop,S=7", "1234567");
	fixture_put("maildirsize", "20480S\n249 101\n7 1\n");
	later += INT64_C(60000000);
	ok(is_used(store, 256, 102));
	store_close(&store);
	/* who does not know the rules goes by it, and leaves it */
	store = open_with(NULL);
	ok(is_used(store, 256, 102));
	is_int(put(store, "INBOX", 20480, false), PF_OVERQUOTA);
	is_int(put(store, "INBOX", 4, true), PF_OK);
	store_close(&store);
	store = open_with("*:storage=20k");
	ok(is_used(store, 260, 103));
	store_close(&store);
	/* no rule any more: ours goes */
	store = open_with("");
	ok(!fixture_has("maildirsize"));
	store_close(&store);
	fixture_free();
}

/* A store that was taken over keeps its quota. */
static void limits_are_adopted_from_maildirsize(void)
{
	fixture_new();
	struct store *store = open_with("");
	is_int(put(store, "INBOX", 100, false), PF_OK);
	is_int(store_quota_percent(store), -1);
	store_close(&store);
	fixture_put("maildirsize", "200S,5C\n          12            3\n");
	store = open_with("");
	is_int(put(store, "INBOX", 101, false), PF_OVERQUOTA);
	is_int(put(store, "INBOX", 100, false), PF_OK);
	is_int(get(store, "User quota").messages_max, 5);
	ok(is_used(store, 200, 2));
	store_close(&store);
	store = open_with("");
	is_int(put(store, "INBOX", 1, false), PF_OVERQUOTA);
	store_close(&store);
	fixture_put("maildirsize", "0S\n");
	store = open_with("");
	is_int(put(store, "INBOX", 1, false), PF_OK);
	store_close(&store);
	fixture_free();
}

/* However many processes deliver at once: the limit holds, but for what is in
 * flight, and the count is exact behind it. */
static void processes_do_not_overrun_it(void)
{
	pid_t children[4];
	int code;

	fixture_new();
	struct store *store = open_with("*:storage=200k");
	ok(is_used(store, 0, 0));
	for (int i = 0; i < 4; i++) {
		children[i] = fork();
		if (children[i])
			continue;
		struct store *own = open_with("*:storage=200k");
		int taken = 0;
		while (put(own, "INBOX", 4096, i % 2) == PF_OK)
			taken++;
		store_close(&own);
		_exit(taken);
	}
	int taken = 0;
	for (int i = 0; i < 4; i++) {
		is_int(waitpid(children[i], &code, 0), children[i]);
		taken += WEXITSTATUS(code);
	}
	ok(taken >= 50 && taken <= 53);
	struct store_box *box = fixture_box(store, "INBOX");
	ok(is_used(store, (uint64_t)taken * 4096, (uint64_t)taken));
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

int main(void)
{
	pf_clock_set_source(clock_us);
	rules_are_dovecots();
	bad_rules_are_told();
	each_way_in_counts_and_is_refused();
	mailboxes_have_rules_of_their_own();
	foreign_changes_are_found();
	what_another_counted_is_corrected();
	what_never_came_is_not_counted();
	folders_come_and_go();
	a_lost_count_is_made_anew();
	maildirsize_is_kept();
	limits_are_adopted_from_maildirsize();
	processes_do_not_overrun_it();
	return tap_done();
}
