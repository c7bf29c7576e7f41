/* A user's Maildir as a whole: opening, closing, flushing. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/quota.h"

/* Asked before mkdir(2), which locks the directory even if there is nothing to
 * make: deliveries would wait for each other. */
static bool is_complete(int dir)
{
	return faccessat(dir, "new", F_OK, 0) == 0 &&
	       faccessat(dir, "cur", F_OK, 0) == 0 &&
	       faccessat(dir, "tmp", F_OK, 0) == 0;
}

static pf_status open_root(const struct store_conf *conf, int *dir,
			   struct pf_error *err)
{
	pf_status status = pf_fs_open(AT_FDCWD, conf->root,
				      O_RDONLY | O_DIRECTORY, 0, dir, err);

	if (status == PF_NOTFOUND && !conf->read_only) {
		status = pf_fs_mkdirs(conf->root, STORE_FOLDER_MODE, err);
		if (status == PF_OK)
			status =
			    pf_fs_open(AT_FDCWD, conf->root,
				       O_RDONLY | O_DIRECTORY, 0, dir, err);
	}
	if (status == PF_OK && !conf->read_only && !is_complete(*dir)) {
		status = store_folder_make(*dir, false, err);
		if (status != PF_OK)
			close(*dir);
	}
	return status;
}

pf_status store_open(const struct store_conf *conf, struct store **store,
		     struct pf_error *err)
{
	int dir = -1;
	pf_status status = open_root(conf, &dir, err);
	struct store *s;

	if (status != PF_OK)
		return status;
	s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->root = pf_str_dup(pf_str_c(conf->root));
	s->dir = dir;
	s->separator = conf->separator == '/' ? '/' : '.';
	s->read_only = conf->read_only;
	s->size_max = conf->size_max;
	s->map_least = STORE_MAP_LEAST;
	s->own_least = STORE_OWN_LEAST;
	s->inherit_root = conf->inherit_root;
	s->root_lock_fd = -1;
	s->rest_max = conf->rest;
	s->past_keep = conf->past_keep > 0 ? conf->past_keep : 0;
	s->past_size = conf->past_size;
	pf_list_init(&s->boxes);
	store_special_parse(s, conf->special_use);
	if (!s->read_only)
		store_folder_heal(s);
	store_quota_open(s, conf);
	*store = s;
	return PF_OK;
}

void store_close(struct store **store)
{
	struct store *s = *store;

	*store = NULL;
	if (!s)
		return;
	s->rest_max = 0;
	store_rest_drop(s, INT64_MAX);
	while (!pf_list_empty(&s->boxes)) {
		struct store_box *box =
		    pf_container_of(s->boxes.next, struct store_box, link);
		box->refs = 1;
		store_box_close(&box);
	}
	for (size_t i = 0; i < s->specials.n; i++) {
		free(s->specials.v[i].role);
		free(s->specials.v[i].name);
	}
	store_quota_close(s);
	pf_vec_release(&s->specials);
	if (s->root_lock_fd >= 0)
		close(s->root_lock_fd);
	close(s->dir);
	free(s->root);
	free(s);
}

const char *store_root(const struct store *store)
{
	return store->root;
}

bool store_busy(const struct store *store)
{
	for (struct pf_link *l = store->boxes.next; l != &store->boxes;
	     l = l->next)
		if (pf_container_of(l, struct store_box, link)->refs)
			return true;
	return false;
}

void store_flush(struct store *store, int older_ms)
{
	int64_t now = pf_clock_mono_ms();

	for (struct pf_link *l = store->boxes.next; l != &store->boxes;
	     l = l->next) {
		struct store_box *box =
		    pf_container_of(l, struct store_box, link);
		if (box->changed_docs && now - box->docs_since >= older_ms)
			(void)!store_box_flush(box, NULL);
		if (box->refs &&
		    (box->missing || (box->rescan_at && store_scan_due(box))))
			(void)!store_box_sync(box, false, NULL);
	}
	store_rest_flush(store);
}
