/* One user's mail into the index: what is done, noted, removed, resumed. */
#include "indexd/work.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "index/index.h"
#include "search/search.h"
#include "search/text.h"
#include "tests/tap.h"

#define NONE (&(struct pf_error){0})

static char dir[] = "/tmp/penfold-indexd-XXXXXX", root[64];
static struct pf_buf index_path;
static volatile sig_atomic_t stop;
static struct indexd_work work = {.slice_ms = 60000, .stop = &stop};
static const struct store_conf conf = {
    .root = root, .separator = '.', .special_use = ""};

static struct store *open_store(void)
{
	struct store *store = NULL;

	if (store_open(&conf, &store, NONE))
		abort();
	return store;
}

static void deliver(const char *box, const char *text)
{
	struct store *store = open_store();
	struct store_draft *draft = NULL;
	struct store_deliver how = {.create = true};
	int fd;

	if (store_draft_new(store, &draft, NONE) ||
	    store_draft_write(draft, text, strlen(text), NONE) ||
	    store_draft_finish(draft, &fd, NONE) ||
	    store_deliver(store, pf_str_c(box), draft, &how, NULL, NULL, NULL,
			  NONE))
		abort();
	store_draft_free(&draft);
	store_close(&store);
}

static pf_status run(const char *box, bool all)
{
	char *boxes[] = {pf_str_dup(pf_str_c(box))};
	struct indexd_order order = {.user = NULL, .all = all};
	pf_status status;

	order.boxes.v = boxes;
	order.boxes.n = box != NULL;
	work.store = &conf;
	work.order = &order;
	status = indexd_work_run(&work, NONE);
	free(boxes[0]);
	return status;
}

/* Documents with the needle, -1: no index. */
static int hits(const char *needle)
{
	struct index *index = NULL;
	struct index_set *set = NULL;
	struct pf_buf folded = PF_BUF_INIT(1000);
	int n = -1;

	search_fold_needle(&folded, pf_str_c(needle));
	if (!index_open(index_path.data, search_text_version(), &index, NONE) &&
	    !index_candidates(index, pf_buf_str(&folded), INDEX_ALL_FIELDS,
			      &set, NONE))
		n = (int)index_set_count(set);
	index_set_free(&set);
	if (index)
		index_close(&index);
	pf_buf_release(&folded);
	return n;
}

static void indexes_what_is_named(void)
{
	deliver("INBOX", "Subject: apples\n\ngreen\n");
	deliver("Lists", "Subject: pears\n\ngreen\n");
	is_int(hits("green"), -1);
	is_int(run("INBOX", false), PF_OK);
	is_int(work.indexed, 1);
	is_int(hits("green"), 1);
	is_int(run("Lists", false), PF_OK);
	is_int(work.indexed, 1);
	is_int(hits("green"), 2);
	is_int(run("Nowhere", false), PF_OK);
	is_int(work.indexed, 0);
}

static void a_round_finds_the_rest_and_only_that(void)
{
	deliver("INBOX", "Subject: plums\n\nblue\n");
	deliver("Deep.Down", "Subject: figs\n\nblue\n");
	is_int(run(NULL, true), PF_OK);
	is_int(work.indexed, 2);
	is_int(hits("blue"), 2);
	is_int(run(NULL, true), PF_OK);
	is_int(work.indexed, 0);
}

/* \Recent is the first session's, not ours. */
static void leaves_new_mail_new(void)
{
	struct store *store = open_store();
	struct store_box_info info;
	uint32_t recent = 0;

	is_int(store_status(store, PF_STR("Deep.Down"), &info, &recent, NONE),
	       PF_OK);
	is_int(recent, 1);
	store_close(&store);
}

static void a_short_slice_is_resumed(void)
{
	for (int i = 0; i < 5; i++)
		deliver("Many", "Subject: nuts\n\nbrown\n");
	stop = 1;
	is_int(run("Many", false), PF_MORE);
	is_int(work.indexed, 0);
	stop = 0;
	is_int(run("Many", false), PF_OK);
	is_int(work.indexed, 5);
	is_int(hits("brown"), 5);
}

static int64_t tomorrow_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((int64_t)now.tv_sec + 100000) * 1000000;
}

static void a_sweep_removes_what_no_mailbox_holds(void)
{
	struct store *store = open_store();
	struct store_box *box = NULL;
	struct store_uid_pairs pairs = {0};
	uint32_t uidvalidity;

	/* one of the five lives on as a copy: no new document for it */
	is_int(store_box_open(store, PF_STR("Many"), &box, NONE), PF_OK);
	is_int(store_box_copy(box, &store_box_at(box, 0)->uid, 1,
			      PF_STR("INBOX"), false, &uidvalidity, &pairs,
			      NONE),
	       PF_OK);
	is_int(store_box_expunge(box, NULL, 0, true, NONE), PF_OK);
	store_box_close(&box);
	store_close(&store);
	pf_vec_release(&pairs);
	is_int(run(NULL, true), PF_OK);
	is_int(hits("brown"), 5); /* not yet */
	pf_clock_set_source(tomorrow_us);
	is_int(run(NULL, true), PF_OK);
	pf_clock_set_source(NULL);
	is_int(work.indexed, 0);
	is_int(work.removed, 4);
	is_int(hits("brown"), 1);
	is_int(hits("green"), 2);
}

static void a_damaged_index_is_built_again(void)
{
	char file[100];

	snprintf(file, sizeof file, "%s/iamglass", index_path.data);
	is_int(truncate(file, 10), 0);
	is_int(hits("green"), -1);
	is_int(run(NULL, true), PF_OK);
	ok(work.rebuilt);
	is_int(hits("green"), 2);
	is_int(hits("brown"), 1);
}

int main(void)
{
	struct store *store;

	if (!mkdtemp(dir))
		return 1;
	snprintf(root, sizeof root, "%s/Maildir", dir);
	pf_buf_init(&index_path, 4096);
	store = open_store();
	search_index_path(&index_path, store_root(store));
	store_close(&store);
	indexes_what_is_named();
	a_round_finds_the_rest_and_only_that();
	leaves_new_mail_new();
	a_short_slice_is_resumed();
	a_sweep_removes_what_no_mailbox_holds();
	a_damaged_index_is_built_again();
	pf_buf_release(&index_path);
	return pf_fs_remove_tree(AT_FDCWD, dir, NONE) || tap_done();
}
