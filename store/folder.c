/*
 * Making, removing and renaming mailboxes, under the root's lock.
 *
 * A new mailbox is filled under another name and then renamed, so nobody
 * sees half of one.  A removed one is renamed away first.  A rename of a
 * mailbox with children is several renames: they are written down in
 * penfold-rename before the first, and finished by the next store_open if we
 * are killed between them.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "store/past.h"
#include "store/quota.h"

#define NEW_PREFIX  "penfold-new."
#define RENAME_FILE "penfold-rename"
#define RENAME_MAX  ((size_t)16 << 20)

/* ---- create
 * ----------------------------------------------------------------------- */

static pf_status fill_folder(struct store *store, int dir, struct pf_error *err)
{
	char guid[33], text[120];
	uint32_t uidvalidity = 0;
	pf_status status = store_folder_make(dir, true, err);

	if (status == PF_OK)
		status = store_uidvalidity_next(store, 0, &uidvalidity, err);
	if (status != PF_OK)
		return status;
	store_guid_make(guid);
	snprintf(text, sizeof text, "3 V%u N%010u G%s\n", uidvalidity, 1u,
		 guid);
	return pf_fs_replace(dir, "dovecot-uidlist", pf_str_c(text),
			     STORE_FILE_MODE, true, err);
}

/* A directory of that name without cur/ becomes a mailbox. */
static pf_status fill_existing(struct store *store, const char *folder,
			       struct pf_error *err)
{
	int dir = -1;
	pf_status status =
	    pf_fs_open(store->dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
		       0, &dir, err);

	if (status == PF_OK) {
		status = store_folder_make(dir, true, err);
		close(dir);
	}
	return status;
}

static pf_status create_locked(struct store *store, const char *folder,
			       struct pf_error *err)
{
	char tmp[40];
	int dir = -1;

	if (store_folder_exists(store, folder))
		return pf_error_set(err, PF_EXISTS, "The mailbox exists",
				    "create %s: exists", folder);
	pf_status status = store_quota_room_for_mailbox(store, err);
	if (status != PF_OK)
		return status;
	snprintf(tmp, sizeof tmp, NEW_PREFIX "%08x%08x", pf_rand_u32(),
		 pf_rand_u32());
	status = pf_fs_mkdir(store->dir, tmp, STORE_FOLDER_MODE, err);
	if (status != PF_OK)
		return status;
	status =
	    pf_fs_open(store->dir, tmp, O_RDONLY | O_DIRECTORY, 0, &dir, err);
	if (status == PF_OK)
		status = fill_folder(store, dir, err);
	if (status == PF_OK)
		status = store_acl_inherit(store, folder, dir, err);
	if (dir >= 0)
		close(dir);
	if (status == PF_OK)
		status =
		    pf_fs_rename_new(store->dir, tmp, store->dir, folder, err);
	if (status == PF_EXISTS)
		status = fill_existing(store, folder, err);
	if (status == PF_OK)
		status = pf_fs_sync_dir(store->dir, ".", err);
	(void)!pf_fs_remove_tree(store->dir, tmp, NULL);
	return status;
}

/* CREATE "a/" asks for the level only; here every level can hold mail. */
static struct pf_str without_end(const struct store *store, struct pf_str name)
{
	if (name.n > 1 && name.p[name.n - 1] == store->separator)
		name.n--;
	return name;
}

pf_status store_create(struct store *store, struct pf_str name,
		       const char *special_use, struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(300);

	name = without_end(store, name);
	pf_status status = store_folder_of(store, name, &folder, err);
	if (status == PF_OK)
		status = store_root_lock(store, err);
	if (status == PF_OK) {
		status = create_locked(store, folder.data, err);
		if (status == PF_OK && special_use)
			status = store_role_set(store, name, special_use, err);
		store_root_unlock(store);
	}
	pf_buf_release(&folder);
	return status;
}

/* ---- delete
 * ------------------------------------------------------------------------- */

/* What a killed process left of mailboxes made or removed. */
static void remove_leftovers(struct store *store)
{
	int fd = -1;

	if (pf_fs_open(store->dir, ".", O_RDONLY | O_DIRECTORY, 0, &fd, NULL) !=
	    PF_OK)
		return;
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		struct pf_str name = pf_str_c(e->d_name);
		bool gone = pf_str_starts(name, PF_STR(STORE_GONE_PREFIX));
		if (gone)
			store_past_take_tree(store, NULL, e->d_name);
		if (gone || pf_str_starts(name, PF_STR(NEW_PREFIX)))
			(void)!pf_fs_remove_tree(store->dir, e->d_name, NULL);
	}
	closedir(d);
}

static pf_status delete_locked(struct store *store, struct store_box *box,
			       struct pf_error *err)
{
	char gone[40];
	uint32_t next;
	pf_status status = PF_OK;

	/* a mailbox made anew must get a greater one */
	if (box->uidvalidity >= (uint64_t)pf_clock_now())
		status =
		    store_uidvalidity_next(store, box->uidvalidity, &next, err);
	snprintf(gone, sizeof gone, STORE_GONE_PREFIX "%08x%08x", pf_rand_u32(),
		 pf_rand_u32());
	for (size_t i = 0; i < box->recs.n; i++)
		store_past_note_gone(box, &box->recs.v[i]);
	store_past_write(box, true);
	store_past_name(box);
	if (status == PF_OK)
		status = pf_fs_rename_new(store->dir, box->folder, store->dir,
					  gone, err);
	if (status == PF_OK)
		status = pf_fs_sync_dir(store->dir, ".", err);
	if (status != PF_OK) {
		store_past_unname(box);
		return status;
	}
	/* other processes that have it open read this before they write */
	store_txn_deleted(box);
	(void)!store_txn_commit(box, false, NULL);
	store_quota_moved(store, box->folder, NULL);
	box->deleted = true;
	store_past_take_tree(store, box->folder, gone);
	(void)!pf_fs_remove_tree(store->dir, gone, NULL);
	return PF_OK;
}

pf_status store_delete(struct store *store, struct pf_str name,
		       struct pf_error *err)
{
	struct store_box *box = NULL;
	pf_status status;

	if (store_is_inbox(name))
		return pf_error_set(err, PF_NOPERM, "INBOX cannot be deleted",
				    "delete of INBOX");
	store_rest_drop(store, INT64_MAX);
	status = store_root_lock(store, err);
	if (status != PF_OK)
		return status;
	remove_leftovers(store);
	status = store_box_open(store, name, &box, err);
	if (status == PF_OK)
		status = store_box_lock(box, err);
	if (status == PF_OK) {
		status = delete_locked(store, box, err);
		store_box_unlock(box);
	}
	if (status == PF_OK)
		status = store_role_set(store, name, NULL, err);
	store_box_close(&box);
	store_root_unlock(store);
	return status;
}

/* ---- rename
 * ---------------------------------------------------------------------------
 */

struct renamer {
	struct store *store;
	struct pf_str from, to; /* UTF-8 */
	struct pf_buf plan;	/* "folder TAB folder LF" each */
	pf_status status;
	struct pf_error *err;
};

static void plan_one(void *arg, const char *folder, struct pf_str name)
{
	struct renamer *r = arg;
	struct pf_buf target = PF_BUF_INIT(2048), there = PF_BUF_INIT(300);

	if (r->status != PF_OK || !pf_str_starts(name, r->from) ||
	    (name.n > r->from.n && name.p[r->from.n] != r->store->separator))
		return;
	pf_buf_add_str(&target, r->to);
	pf_buf_add_str(&target, pf_str_from(name, r->from.n));
	r->status =
	    store_folder_of(r->store, pf_buf_str(&target), &there, r->err);
	if (r->status == PF_OK && store_folder_exists(r->store, there.data))
		r->status =
		    pf_error_set(r->err, PF_EXISTS, "The target mailbox exists",
				 "rename %s: %s exists", folder, there.data);
	if (r->status == PF_OK)
		pf_buf_addf(&r->plan, "%s\t%s\n", folder, there.data);
	pf_buf_release(&target);
	pf_buf_release(&there);
}

/* Boxes that are open here go on under the new name. */
static void rename_open(struct store *store, const char *from, const char *to)
{
	struct pf_buf name = PF_BUF_INIT(2048);

	for (struct pf_link *l = store->boxes.next; l != &store->boxes;
	     l = l->next) {
		struct store_box *box =
		    pf_container_of(l, struct store_box, link);
		if (strcmp(box->folder, from) != 0 || box->deleted)
			continue;
		pf_buf_clear(&name);
		if (!store_folder_name(store, to, &name))
			continue;
		free(box->folder);
		free(box->name);
		box->folder = pf_str_dup(pf_str_c(to));
		box->name = pf_str_dup(pf_buf_str(&name));
	}
	pf_buf_release(&name);
}

/* Each line of the plan that is not yet done. */
static pf_status run_plan(struct store *store, struct pf_str plan,
			  struct pf_error *err)
{
	struct pf_buf from = PF_BUF_INIT(300), to = PF_BUF_INIT(300);
	struct pf_str line, word;
	pf_status status = PF_OK;

	while (status == PF_OK && pf_str_split(&plan, '\n', &line)) {
		if (!pf_str_split(&line, '\t', &word) || word.n < 2 ||
		    line.n < 2 || word.p[0] != '.' || line.p[0] != '.' ||
		    memchr(word.p, '/', word.n) || memchr(line.p, '/', line.n))
			continue; /* not a line of ours */
		pf_buf_clear(&from);
		pf_buf_clear(&to);
		pf_buf_add_str(&from, word);
		pf_buf_add_str(&to, line);
		status = pf_fs_rename_new(store->dir, from.data, store->dir,
					  to.data, err);
		if (status == PF_OK) {
			rename_open(store, from.data, to.data);
			store_quota_moved(store, from.data, to.data);
			store_past_renamed(store, from.data, to.data);
		}
		if (status == PF_NOTFOUND)
			status = PF_OK; /* done before */
	}
	if (status == PF_OK)
		status = pf_fs_sync_dir(store->dir, ".", err);
	pf_buf_release(&from);
	pf_buf_release(&to);
	return status;
}

static pf_status rename_locked(struct store *store, struct pf_str from,
			       struct pf_str to, struct pf_error *err)
{
	struct renamer r = {.store = store, .from = from, .to = to, .err = err};

	pf_buf_init(&r.plan, RENAME_MAX);
	pf_status status = store_folders(store, plan_one, &r, err);
	if (status == PF_OK)
		status = r.status;
	if (status == PF_OK)
		status = pf_buf_status(&r.plan, err);
	if (status == PF_OK && r.plan.len == 0)
		status = pf_error_set(err, PF_NOTFOUND, "No such mailbox",
				      "rename: no such mailbox");
	if (status == PF_OK)
		status =
		    pf_fs_replace(store->dir, RENAME_FILE, pf_buf_str(&r.plan),
				  STORE_FILE_MODE, true, err);
	if (status == PF_OK) {
		status = run_plan(store, pf_buf_str(&r.plan), err);
		if (status == PF_OK)
			status = store_role_move(store, from, to, err);
		(void)!pf_fs_unlink(store->dir, RENAME_FILE, NULL);
	}
	pf_buf_release(&r.plan);
	return status;
}

void store_folder_heal(struct store *store)
{
	struct pf_buf plan = PF_BUF_INIT(RENAME_MAX);
	struct stat st;

	if (fstatat(store->dir, RENAME_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    store_root_lock(store, NULL) != PF_OK)
		return;
	if (pf_fs_read(store->dir, RENAME_FILE, &plan, NULL) == PF_OK &&
	    run_plan(store, pf_buf_str(&plan), NULL) == PF_OK)
		(void)!pf_fs_unlink(store->dir, RENAME_FILE, NULL);
	store_root_unlock(store);
	pf_buf_release(&plan);
}

/* RFC 9051 6.3.6: INBOX stays, its messages go. */
static pf_status rename_inbox(struct store *store, struct pf_str to,
			      struct pf_error *err)
{
	struct store_box *box = NULL;
	struct store_uids uids = {0};
	struct store_uid_pairs pairs = {0};
	uint32_t uidvalidity;
	pf_status status = store_create(store, to, NULL, err);

	if (status == PF_OK)
		status = store_box_open(store, PF_STR("INBOX"), &box, err);
	if (status != PF_OK)
		return status;
	for (size_t i = 0; i < box->recs.n; i++)
		pf_vec_push(&uids, box->recs.v[i].m.uid);
	status = store_box_copy(box, uids.v, uids.n, to, true, &uidvalidity,
				&pairs, err);
	pf_vec_release(&uids);
	pf_vec_release(&pairs);
	store_box_close(&box);
	return status;
}

pf_status store_rename(struct store *store, struct pf_str from,
		       struct pf_str to, struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(300);

	store_rest_drop(store, INT64_MAX);
	to = without_end(store, to);
	if (store_is_inbox(from))
		return rename_inbox(store, to, err);
	pf_status status = store_folder_of(store, from, &folder, err);
	if (status == PF_OK)
		status = store_folder_of(store, to, &folder, err);
	if (status == PF_OK && store_folder_exists(store, folder.data))
		status =
		    pf_error_set(err, PF_EXISTS, "The target mailbox exists",
				 "rename: %s exists", folder.data);
	if (status == PF_OK && pf_str_starts(to, from) &&
	    (to.n == from.n || to.p[from.n] == store->separator))
		status = pf_error_set(err, PF_INVALID,
				      "A mailbox cannot be moved below itself",
				      "rename below itself");
	pf_buf_release(&folder);
	if (status == PF_OK)
		status = store_root_lock(store, err);
	if (status != PF_OK)
		return status;
	status = rename_locked(store, from, to, err);
	store_root_unlock(store);
	return status;
}
