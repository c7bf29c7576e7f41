/*
 * Searching must answer as the oracle does: by index, half an index, none.
 *
 * Thousands of random queries over tests/data/search (many languages and
 * encodings) and one long message made here; needles are cut out of the
 * texts, over words, lines and characters.  PF_QUERIES: how many; PF_SEED: of
 * the random numbers; PF_CORPUS: a directory of messages to use instead.
 */
#include "search/search.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/utf8.h"
#include "index/index.h"
#include "mime/mime.h"
#include "tests/search/fake_store.h"
#include "tests/search/oracle.h"
#include "tests/tap.h"

#define DAY    86400
#define DIRECT 3 /* messages read before the index is asked */

static char dir[] = "/tmp/penfold-search-XXXXXX";
static struct store_box box;
static struct store_view view = {&box};
static struct pf_vec(struct oracle_msg) oracle;
static uint64_t random_state = 1;

static uint32_t roll(uint32_t n)
{
	random_state =
	    random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % n;
}

/* ---- the messages ---------------------------------------------------- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_corpus(void)
{
	char path[4096];
	const char *corpus = getenv("PF_CORPUS"), *src = getenv("PF_SRCDIR");
	struct dirent **names;
	int n;

	snprintf(path, sizeof path, "%s", corpus ? corpus : "");
	if (!corpus)
		snprintf(path, sizeof path, "%s/tests/data/search",
			 src ? src : ".");
	n = scandir(path, &names, NULL, by_name);
	for (int i = 0; i < n; i++) {
		struct pf_buf text = PF_BUF_INIT((size_t)64 << 20);
		char file[8192];

		snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' &&
		    !pf_fs_read(AT_FDCWD, file, &text, NULL))
			fake_add(&box, pf_buf_str(&text));
		pf_buf_release(&text);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

/* Characters of all lengths, so that some lie across any block's border. */
static void add_long_message(void)
{
	static const char *const words[] = {"the",
					    "gr\303\274\303\237e",
					    "\xe4\xbc\x9a\xe8\xae\xae",
					    "quarterly",
					    "\xf0\x9f\x8e\x89",
					    "na\xc3\xafve",
					    "report,",
					    "\r\n",
					    "(draft)",
					    "\xe6\x89\x8b"};
	struct pf_buf text = PF_BUF_INIT((size_t)1 << 20);

	pf_buf_add_c(&text, "Subject: long\nContent-Type: text/plain; "
			    "charset=utf-8\n\n");
	while (text.len < 100000)
		pf_buf_addf(&text, "%s%s", words[roll(10)], roll(3) ? " " : "");
	fake_add(&box, pf_buf_str(&text));
	pf_buf_release(&text);
}

static void dress(struct fake_msg *msg)
{
	msg->msg.flags = roll(2) ? STORE_SEEN : 0;
	msg->msg.keywords = roll(3) ? 0 : 1;
	msg->msg.date = 1772000000 + roll(20) * (DAY / 2);
	msg->expunged = roll(20) == 0;
}

static void make_box(void)
{
	box.keywords[0] = "$Work";
	add_corpus();
	add_long_message();
	for (size_t i = 0; i < box.msgs.n; i++) {
		struct oracle_msg msg;

		dress(&box.msgs.v[i]);
		oracle_read(&msg, &box.msgs.v[i], (uint32_t)i + 1);
		pf_vec_push(&oracle, msg);
	}
}

/* Every `step`-th message. */
static void make_index(const char *name, size_t step)
{
	struct index_writer *writer = NULL;
	char path[80];
	bool rebuilt;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (index_writer_open(path, search_text_version(), &writer, &rebuilt,
			      NULL))
		abort();
	for (size_t i = 0; i < box.msgs.n; i += step) {
		int fd = fake_fd(&box.msgs.v[i]);

		if (search_index_message(writer, pf_str_c(box.msgs.v[i].guid),
					 fd, NULL))
			abort();
		close(fd);
	}
	index_writer_close(&writer);
}

/* ---- queries --------------------------------------------------------- */

static struct pf_arena arena;

static struct imap_key *key_new(enum imap_key_kind kind)
{
	struct imap_key *key = PF_ARENA_NEW(&arena, struct imap_key);

	key->kind = kind;
	return key;
}

/* 1 to 40 characters out of a text, now and then in the other case. */
static struct pf_str cut(const struct oracle_text *text)
{
	struct pf_str s = {text->plain, text->plain_n}, needle;
	struct pf_buf out = PF_BUF_INIT(1000);
	size_t at = s.n ? roll((uint32_t)s.n) : 0, end, len;
	uint32_t chars = 1 + roll(roll(2) ? 40 : 8);

	while (at > 0 && ((unsigned char)s.p[at] & 0xc0) == 0x80)
		at--;
	for (end = at; end < s.n && chars; chars--) {
		pf_utf8_next(pf_str_from(s, end), &len);
		end += len;
	}
	needle = pf_str_head(pf_str_from(s, at), end - at);
	pf_buf_add_str(&out, needle);
	if (roll(3) == 0)
		for (size_t i = 0; i < out.len; i++)
			out.data[i] = roll(2) ? pf_ascii_upper(out.data[i])
					      : pf_ascii_lower(out.data[i]);
	at = out.len ? roll((uint32_t)out.len) : 0;
	if (roll(8) == 0 && out.len && (unsigned char)out.data[at] < 0x80)
		out.data[at] = " .xe"[roll(4)];
	needle = pf_arena_str(&arena, pf_buf_str(&out));
	pf_buf_release(&out);
	return needle;
}

static struct pf_str some_needle(void)
{
	const struct oracle_msg *msg = &oracle.v[roll((uint32_t)oracle.n)];

	if (!msg->texts.n || roll(40) == 0)
		return PF_STR("");
	return cut(&msg->texts.v[roll((uint32_t)msg->texts.n)]);
}

/* A field and a piece of its value, so that it is likely found. */
static void set_header(struct imap_key *key)
{
	static const char *const names[] = {
	    "subject", "From", "TO", "Cc", "received", "X-Spam-Flag", "bcc"};
	const struct oracle_msg *msg = &oracle.v[roll((uint32_t)oracle.n)];
	const struct oracle_text *text;

	key->name = pf_str_c(names[roll(7)]);
	key->text = some_needle();
	if (!msg->texts.n)
		return;
	text = &msg->texts.v[roll((uint32_t)msg->texts.n)];
	if (text->name && roll(4)) {
		key->name = pf_str_c(text->name);
		key->text = cut(text);
	}
}

static struct imap_key *text_key(void)
{
	static const enum imap_key_kind kinds[] = {IMAP_KEY_TEXT, IMAP_KEY_BODY,
						   IMAP_KEY_HEADER};
	struct imap_key *key = key_new(kinds[roll(3)]);

	if (key->kind == IMAP_KEY_HEADER)
		set_header(key);
	else
		key->text = some_needle();
	return key;
}

static void set_range(struct imap_set *set, uint32_t max)
{
	set->v = PF_ARENA_NEW(&arena, struct imap_range);
	set->v->from = 1 + roll(max);
	set->v->to = set->v->from + roll(max);
	set->n = 1;
}

static struct imap_key *record_key(void)
{
	static const enum imap_key_kind kinds[] = {
	    IMAP_KEY_ALL,     IMAP_KEY_SEQ,	  IMAP_KEY_UID,
	    IMAP_KEY_FLAG,    IMAP_KEY_FLAG,	  IMAP_KEY_BEFORE,
	    IMAP_KEY_ON,      IMAP_KEY_SINCE,	  IMAP_KEY_SENTBEFORE,
	    IMAP_KEY_SENTON,  IMAP_KEY_SENTSINCE, IMAP_KEY_LARGER,
	    IMAP_KEY_SMALLER, IMAP_KEY_MODSEQ};
	struct imap_key *key = key_new(kinds[roll(14)]);

	key->name = roll(2) ? PF_STR("\\Seen") : PF_STR("$work");
	key->number = key->kind == IMAP_KEY_MODSEQ ? roll(50) : roll(2000);
	key->date = (1772000000 / DAY + roll(20)) * DAY;
	if (key->kind == IMAP_KEY_SEQ)
		set_range(&key->set, (uint32_t)box.msgs.n);
	if (key->kind == IMAP_KEY_UID)
		set_range(&key->set, 3 * (uint32_t)box.msgs.n);
	return key;
}

static struct imap_key *any_key(int depth)
{
	uint32_t what = roll(depth ? 10 : 6);
	struct imap_key *key;

	if (what < 5)
		return text_key();
	if (what < 6)
		return record_key();
	key = key_new(what < 8	 ? IMAP_KEY_AND
		      : what < 9 ? IMAP_KEY_OR
				 : IMAP_KEY_NOT);
	key->child = any_key(depth - 1);
	if (key->kind != IMAP_KEY_NOT)
		for (uint32_t n = 1 + roll(2); n; n--) {
			struct imap_key *child = any_key(depth - 1);

			child->next = key->child;
			key->child = child;
		}
	return key;
}

/* ---- comparing ------------------------------------------------------- */

static void show(const struct imap_key *key)
{
	printf("# (%d %.*s \"", key->kind, (int)key->name.n, key->name.p);
	for (size_t i = 0; i < key->text.n; i++)
		printf((unsigned char)key->text.p[i] < 0x20 ? "\\x%02x" : "%c",
		       (unsigned char)key->text.p[i]);
	printf("\"\n");
	for (const struct imap_key *k = key->child; k; k = k->next)
		show(k);
	printf("# )\n");
}

/* ends: of each end, how many are wanted; 0, 0: all. */
static bool run_some(const struct imap_key *key, const char *index,
		     int slice_ms, const uint32_t ends[2],
		     struct store_uids *found)
{
	struct search *search = NULL;
	char path[80];
	pf_status status;

	snprintf(path, sizeof path, "%s/%s", dir, index ? index : "");
	if (search_new(&view, key, NULL, index ? path : NULL, &search, NULL))
		return false;
	if (ends[0] || ends[1])
		search_want(search, ends[0], ends[1]);
	do
		status = search_step(search, slice_ms, NULL);
	while (status == PF_MORE);
	found->n = 0;
	for (size_t i = 0; i < search_result(search)->n; i++)
		pf_vec_push(found, search_result(search)->v[i]);
	search_free(&search);
	return status == PF_OK;
}

static bool run(const struct imap_key *key, const char *index, int slice_ms,
		struct store_uids *found)
{
	return run_some(key, index, slice_ms, (uint32_t[2]){0, 0}, found);
}

/* Does `some` have the right ends of the whole result, and nothing else? */
static bool some_agrees(const struct imap_key *key, const char *index,
			const struct store_uids *all)
{
	uint32_t ends[2] = {roll(3), roll(3) + 1};
	struct store_uids some = {0};
	bool good = run_some(key, index, 0, ends, &some);
	size_t at = 0;

	for (size_t i = 0; i < all->n && good; i++) {
		bool got = at < some.n && some.v[at] == all->v[i];

		at += got;
		if (!got && (i < ends[0] || all->n - i <= ends[1]))
			good = false;
	}
	good = good && at == some.n;
	pf_vec_release(&some);
	return good;
}

static bool agrees(const struct imap_key *key, const char *index)
{
	struct store_uids found = {0};
	bool good = run(key, index, (int)roll(2), &found);
	size_t at = 0;

	for (size_t i = 0; i < oracle.n && good; i++) {
		uint32_t uid = oracle.v[i].msg->msg.uid;
		bool want = oracle_matches(&oracle.v[i], key);
		bool got = at < found.n && found.v[at] == uid;

		at += got;
		if (want != got) {
			printf("# uid %u: %s, index %s\n", uid,
			       want ? "missed" : "wrong",
			       index ? index : "off");
			good = false;
		}
	}
	good = good && at == found.n && some_agrees(key, index, &found);
	if (!good)
		show(key);
	pf_vec_release(&found);
	return good;
}

/* ---- while mail comes and goes --------------------------------------- */

static struct {
	struct index_writer *writer;
	size_t indexed; /* in an order of its own */
	bool *expunged; /* during this search */
	size_t changes;
} moving;

static void index_another(void)
{
	size_t at = moving.indexed++ * 7 % box.msgs.n;
	int fd = fake_fd(&box.msgs.v[at]);

	if (search_index_message(moving.writer, pf_str_c(box.msgs.v[at].guid),
				 fd, NULL) ||
	    index_writer_commit(moving.writer, NULL))
		abort();
	close(fd);
}

static bool remove_index(const char *path)
{
	pf_status status = pf_fs_remove_tree(AT_FDCWD, path, NULL);

	return status == PF_OK || status == PF_NOTFOUND;
}

/* An index that is as far as another message, or is begun anew. */
static void move_index(void)
{
	char path[80];
	bool rebuilt;

	if (moving.writer && moving.indexed < box.msgs.n) {
		index_another();
		return;
	}
	index_writer_close(&moving.writer);
	snprintf(path, sizeof path, "%s/moving", dir);
	if (!remove_index(path) ||
	    index_writer_open(path, search_text_version(), &moving.writer,
			      &rebuilt, NULL))
		abort();
	moving.indexed = 0;
}

static void something_happens(void)
{
	struct fake_msg *msg;
	size_t at;

	if (roll(4) == 0) {
		move_index();
		moving.changes++;
	} else if (roll(4) == 0) {
		at = roll((uint32_t)box.msgs.n);
		msg = &box.msgs.v[at];
		moving.changes += !msg->expunged;
		moving.expunged[at] = moving.expunged[at] || !msg->expunged;
		msg->expunged = true;
	}
}

/* What is there all the time is found or not as ever. */
static bool agrees_while_moving(const struct imap_key *key)
{
	struct store_uids found = {0};
	bool good;
	size_t at = 0;

	box.on_open = something_happens;
	good = run(key, "moving", 0, &found);
	box.on_open = NULL;
	for (size_t i = 0; i < oracle.n && good; i++) {
		bool got = at < found.n && found.v[at] == box.msgs.v[i].msg.uid;

		at += got;
		good = moving.expunged[i] ||
		       got == oracle_matches(&oracle.v[i], key);
	}
	good = good && at == found.n;
	if (!good)
		show(key);
	for (size_t i = 0; i < oracle.n; i++)
		if (moving.expunged[i])
			box.msgs.v[i].expunged = moving.expunged[i] = false;
	pf_vec_release(&found);
	return good;
}

static void random_queries(void)
{
	const char *queries = getenv("PF_QUERIES"), *seed = getenv("PF_SEED");
	long n = queries ? atol(queries) : 2000, bad = 0, hits = 0;

	random_state = seed ? strtoull(seed, NULL, 10) : 1;
	moving.expunged = calloc(box.msgs.n, sizeof *moving.expunged);
	move_index();
	for (long i = 0; i < n && bad < 5; i++) {
		struct imap_key *key;

		pf_arena_init(&arena, (size_t)1 << 24);
		key = any_key((int)roll(4));
		bad += !agrees(key, NULL);
		bad += !agrees(key, "full");
		bad += !agrees(key, "half");
		if (i % 8 == 0)
			bad += !agrees_while_moving(key);
		for (size_t m = 0; m < oracle.n; m++)
			hits += oracle_matches(&oracle.v[m], key);
		pf_arena_release(&arena);
	}
	is_int(bad, 0);
	ok(hits > n); /* else it would be no test */
	ok(moving.changes > (size_t)n / 50);
	printf("# measured: %ld queries, %ld hits, %zu changes meanwhile\n", n,
	       hits, moving.changes);
	index_writer_close(&moving.writer);
	free(moving.expunged);
}

/* How many messages a key reads. */
static unsigned cost_of_some(struct imap_key *key, const char *index,
			     uint32_t oldest, uint32_t newest)
{
	struct store_uids found = {0};

	box.opened = 0;
	if (!run_some(key, index, 0, (uint32_t[2]){oldest, newest}, &found))
		return 99999;
	pf_vec_release(&found);
	return box.opened;
}

static unsigned cost(struct imap_key *key, const char *index)
{
	return cost_of_some(key, index, 0, 0);
}

static void reads_no_more_than_needed(void)
{
	struct imap_key *key, *flag;

	pf_arena_init(&arena, (size_t)1 << 20);
	key = key_new(IMAP_KEY_TEXT);
	key->text = PF_STR("unch");
	ok(cost(key, NULL) >= box.msgs.n - 10);
	ok(cost(key, "full") <= DIRECT); /* one word: the index decides */
	key->text = PF_STR("lunch on Friday");
	ok(cost(key, "full") >= 1);
	ok(cost(key, "full") <= 4 + DIRECT);
	key->text = PF_STR("...");
	ok(cost(key, "full") >= box.msgs.n - 10);
	/* MIN, MAX: every mail has an "e" somewhere */
	key->text = PF_STR("e");
	ok(cost(key, NULL) >= box.msgs.n - 10);
	ok(cost_of_some(key, NULL, 0, 1) <= 3);
	ok(cost_of_some(key, NULL, 1, 0) <= 3);
	ok(cost_of_some(key, NULL, 1, 1) <= 6);
	key->kind = IMAP_KEY_HEADER;
	key->name = PF_STR("X-Spam-Flag");
	key->text = PF_STR("");
	ok(cost(key, "full") <= 2 + DIRECT);
	/* the flag decides first, whatever the order */
	flag = key_new(IMAP_KEY_NOT);
	flag->child = key_new(IMAP_KEY_ALL);
	flag->next = key;
	key = key_new(IMAP_KEY_AND);
	key->child = flag;
	is_int(cost(key, NULL), 0);
	pf_arena_release(&arena);
}

static void deep_trees_cost_no_stack(void)
{
	struct imap_key *key;
	struct store_uids found = {0};

	pf_arena_init(&arena, (size_t)1 << 28);
	key = key_new(IMAP_KEY_ALL);
	for (int i = 0; i < 200000; i++) {
		struct imap_key *not = key_new(IMAP_KEY_NOT);

		not ->child = key;
		key = not ;
	}
	ok(run(key, NULL, 0, &found));
	ok(found.n > 0);
	pf_vec_release(&found);
	pf_arena_release(&arena);
}

static bool judge(struct imap_key *key, uint32_t uid)
{
	bool match = false;

	return search_matches(&view, uid, key, &match, NULL) == PF_OK && match;
}

/* As `penfold search` would use it. */
static void an_example(void)
{
	struct imap_key *key;
	struct search *search = NULL;
	char path[80];

	snprintf(path, sizeof path, "%s/full", dir);
	pf_arena_init(&arena, (size_t)1 << 20);
	key = key_new(IMAP_KEY_TEXT);
	key->text = PF_STR("brunch");
	is_int(search_new(&view, key, NULL, path, &search, NULL), PF_OK);
	is_int(search_step(search, 0, NULL), PF_OK);
	is_int(search_step(search, 0, NULL), PF_OK); /* does no harm */
	is_int(search_result(search)->n, 1);
	if (search_result(search)->n)
		ok(judge(key, search_result(search)->v[0]));
	search_free(&search);
	pf_arena_release(&arena);
}

static void keys_of_the_record(void)
{
	struct fake_msg *msg = &box.msgs.v[0];
	uint32_t uid = msg->msg.uid;
	struct store_uids saved = {.v = &uid, .n = 1, .cap = 1};
	struct search *search = NULL;
	struct imap_key *key;
	struct pf_buf id = PF_BUF_INIT(1000);

	pf_arena_init(&arena, (size_t)1 << 20);
	msg->expunged = false;
	msg->msg.date = msg->msg.save_date = pf_clock_now() - 100;
	key = key_new(IMAP_KEY_YOUNGER);
	key->number = 1000;
	ok(judge(key, uid));
	key->number = 50;
	ok(!judge(key, uid));
	key->kind = IMAP_KEY_OLDER;
	ok(judge(key, uid));
	key->kind = IMAP_KEY_SAVEDSINCE;
	key->date = msg->msg.save_date / DAY * DAY;
	ok(judge(key, uid));
	key->kind = IMAP_KEY_SAVEDON;
	ok(judge(key, uid));
	key->kind = IMAP_KEY_SAVEDBEFORE;
	ok(!judge(key, uid));
	msg->recent = true;
	key->kind = IMAP_KEY_RECENT;
	ok(judge(key, uid));
	key->kind = IMAP_KEY_EMAILID;
	search_email_id(&id, pf_str_c(msg->guid));
	is_str(id.data, "M1700000000_2eM0P1_2ehost");
	key->text = pf_buf_str(&id);
	ok(judge(key, uid));
	ok(!judge(key, box.msgs.v[1].msg.uid));
	key->kind = IMAP_KEY_THREADID;
	ok(!judge(key, uid));
	key->kind = IMAP_KEY_SAVED;
	ok(!judge(key, uid));
	is_int(search_new(&view, key, &saved, NULL, &search, NULL), PF_OK);
	is_int(search_step(search, 0, NULL), PF_OK);
	is_int(search_result(search)->n, 1);
	search_free(&search);
	pf_buf_release(&id);
	pf_arena_release(&arena);
}

static void an_unreadable_message_is_no_answer(void)
{
	struct store_uids found = {0};
	struct imap_key *key;

	pf_arena_init(&arena, (size_t)1 << 20);
	box.msgs.v[3].expunged = false;
	box.msgs.v[3].unreadable = true;
	key = key_new(IMAP_KEY_BODY);
	key->text = PF_STR("unch");
	ok(!run(key, NULL, 0, &found));
	ok(run(key, "full", 0, &found));
	box.msgs.v[3].unreadable = false;
	pf_vec_release(&found);
	pf_arena_release(&arena);
}

/* Damage below the index: other answers are a failure, slow ones are not. */
static void damaged_indexes(void)
{
	struct imap_key *key;
	char command[200];
	long bad = 0;

	pf_arena_init(&arena, (size_t)1 << 20);
	key = key_new(IMAP_KEY_TEXT);
	key->text = PF_STR("unch");
	for (int i = 0; i < 4; i++) {
		static const char *const names[] = {
		    "postlist.glass", "iamglass", "words", "postlist.glass"};
		struct stat st;

		make_index("torn", 1);
		snprintf(command, sizeof command, "%s/torn/%s", dir, names[i]);
		if (stat(command, &st) ||
		    truncate(command, i == 3 ? 0 : st.st_size / 2))
			bad++;
		bad += !agrees(key, "torn");
		snprintf(command, sizeof command, "%s/torn", dir);
		if (pf_fs_remove_tree(AT_FDCWD, command, NULL))
			bad++;
	}
	is_int(bad, 0);
	pf_arena_release(&arena);
}

static bool thread_is(const char *header, const char *want)
{
	struct pf_buf id = PF_BUF_INIT(1000);

	search_thread_id_of(&id, pf_str_c(header), PF_STR("guid.1"));
	bool same = pf_str_eq(pf_buf_str(&id), pf_str_c(want));
	if (!same)
		printf("# %s\n", id.data);
	pf_buf_release(&id);
	return same;
}

/* RFC 8474 5.2: from nothing but the message */
static void thread_ids_name_the_first_message(void)
{
	static char big[2000];

	ok(thread_is("Message-ID: <a@b>\n\n", "Ta_40b"));
	ok(thread_is("Message-ID: <a@b>\nIn-Reply-To: <p@b> (yours)\n\n",
		     "Tp_40b"));
	ok(thread_is("In-Reply-To: <p@b>\nREFERENCES: <r@b>\n <p@b>\n\n",
		     "Tr_40b"));
	ok(thread_is("References: none\nIn-Reply-To: your mail of Monday\n"
		     "Message-ID: <a@b>\n\n",
		     "Ta_40b"));
	ok(thread_is("Subject: x\n\n", "Tguid_2e1"));
	ok(thread_is("", "Tguid_2e1"));
	/* at most 255 characters */
	memset(big, '.', sizeof big - 1);
	memcpy(big, "References: <", 13);
	memcpy(big + sizeof big - 8, "@b>\n\n", 6);
	struct pf_buf id = PF_BUF_INIT(1000);
	search_thread_id_of(&id, pf_str_c(big), PF_STR("g"));
	is_int(id.len, 255);
	pf_buf_release(&id);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	make_box();
	make_index("full", 1);
	make_index("half", 2);
	random_queries();
	if (!getenv("PF_CORPUS")) {
		reads_no_more_than_needed();
		an_example();
		an_unreadable_message_is_no_answer();
		damaged_indexes();
		keys_of_the_record();
	}
	deep_trees_cost_no_stack();
	for (size_t i = 0; i < oracle.n; i++)
		oracle_release(&oracle.v[i]);
	pf_vec_release(&oracle);
	fake_release(&box);
	if (pf_fs_remove_tree(AT_FDCWD, dir, NULL))
		return 1;
	thread_ids_name_the_first_message();
	return tap_done();
}
