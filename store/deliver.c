/*
 * Putting finished drafts into mailboxes.
 *
 * Delivery is the bare Maildir rite: link the synced file into new/, sync
 * that directory, done; no lock and no log, since whoever looks next gives
 * the UID.  APPEND needs the UID now, and keywords need the mailbox' own
 * numbers: those take the lock and write the log.
 *
 * Both take the room from the quota before anything is linked.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/quota.h"

/* The file's mtime is INTERNALDATE.  A file in several mailboxes has one. */
static pf_status set_date(struct store_draft *draft, int64_t date,
			  struct pf_error *err)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = date}};
	struct stat st;

	if (date == 0 ||
	    (fstat(draft->fd, &st) == 0 && st.st_mtim.tv_sec == date))
		return PF_OK;
	if (futimens(draft->fd, times) != 0)
		return pf_error_sys(err, errno, "set the date");
	return pf_fs_sync(draft->fd, err);
}

static pf_status move_or_link(struct store_draft *draft, int dir,
			      const char *path, bool move, struct pf_error *err)
{
	pf_status status;

	if (!move)
		return pf_fs_link(draft->store->dir, draft->tmp, dir, path,
				  err);
	status =
	    pf_fs_rename_new(draft->store->dir, draft->tmp, dir, path, err);
	if (status == PF_OK)
		draft->tmp[0] = '\0'; /* nothing is left to remove */
	return status;
}

/* Links or moves the draft's file; a name that is taken gets another. */
static pf_status link_draft(struct store_draft *draft, int dir,
			    const char *part, const struct store_deliver *how,
			    char *base, size_t base_size, struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(1024);
	pf_status status = PF_EXISTS;

	(void)pf_str_copy(pf_str_c(draft->base), base, base_size);
	for (int i = 0; i < 10 && status == PF_EXISTS; i++) {
		if (i > 0) /* twice into one mailbox */
			store_base_make(base, base_size, draft->size,
					draft->vsize);
		pf_buf_clear(&path);
		pf_buf_add_c(&path, part);
		pf_buf_add_c(&path, base);
		if (how->flags)
			store_suffix_add(&path, how->flags, PF_STR(""));
		status = move_or_link(draft, dir, path.data, how->last, err);
	}
	pf_buf_release(&path);
	return status;
}

/* ---- delivery
 * ---------------------------------------------------------------- */

/* A message linked into a mailbox that was removed meanwhile is not
 * delivered; in one that was renamed it is. */
static pf_status still_there(const char *folder, int dir, struct pf_error *err)
{
	char link[64], path[PATH_MAX];

	snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return pf_error_sys(err, errno, "find %s", folder);
	struct pf_str now = {path, (size_t)n};
	struct pf_str name =
	    pf_str_from(now, (size_t)(pf_str_rchr(now, '/') + 1));
	if (!pf_str_starts(name, PF_STR(STORE_GONE_PREFIX)) &&
	    !pf_str_ends(name, PF_STR(" (deleted)")))
		return PF_OK;
	return pf_error_set(err, PF_NOTFOUND, "No such mailbox",
			    "%s: deleted during delivery", folder);
}

static pf_status open_target(struct store *store, struct pf_str mailbox,
			     struct pf_buf *folder, int *dir,
			     struct pf_error *err)
{
	pf_status status = store_folder_of(store, mailbox, folder, err);

	if (status != PF_OK)
		return status;
	status = pf_fs_open(store->dir, folder->data,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, dir, err);
	if (status == PF_NOTFOUND)
		return pf_error_set(err, PF_NOTFOUND, "No such mailbox",
				    "no folder %s", folder->data);
	return status;
}

static pf_status deliver_plain(struct store *store, struct pf_str mailbox,
			       struct store_draft *draft,
			       const struct store_deliver *how, char *base,
			       size_t base_size, struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(300);
	const char *part = how->flags ? "cur" : "new";
	char prefix[8];
	int dir = -1;
	pf_status status = open_target(store, mailbox, &folder, &dir, err);

	snprintf(prefix, sizeof prefix, "%s/", part);
	if (status == PF_OK)
		status = set_date(draft, how->date, err);
	if (status == PF_OK) {
		status =
		    link_draft(draft, dir, prefix, how, base, base_size, err);
		if (status == PF_NOTFOUND) { /* a folder not quite made */
			status = store_folder_make(dir, false, err);
			if (status == PF_OK)
				status = link_draft(draft, dir, prefix, how,
						    base, base_size, err);
		}
	}
	if (status == PF_OK)
		status = pf_fs_sync_dir(dir, part, err);
	if (status == PF_OK)
		status = still_there(folder.data, dir, err);
	if (dir >= 0)
		close(dir);
	pf_buf_release(&folder);
	return status;
}

/* ---- APPEND
 * ---------------------------------------------------------------------- */

static pf_status keyword_bits(struct store_box *box,
			      const struct store_deliver *how, uint64_t *bits,
			      struct pf_error *err)
{
	*bits = 0;
	for (size_t i = 0; i < how->keyword_count; i++) {
		unsigned number;
		pf_status status = store_box_keyword_number(
		    box, how->keywords[i], true, &number, err);
		if (status != PF_OK)
			return status;
		*bits |= UINT64_C(1) << number;
	}
	return PF_OK;
}

/* The path of a draft in cur/, chosen so that it is free. */
static void choose_path(struct store_box *box, struct store_draft *draft,
			uint32_t letters, struct pf_buf *base,
			struct pf_buf *path)
{
	char name[256];
	struct stat st;

	(void)pf_str_copy(pf_str_c(draft->base), name, sizeof name);
	for (int i = 0; i < 10; i++) {
		pf_buf_clear(base);
		pf_buf_clear(path);
		pf_buf_add_c(base, name);
		pf_buf_add_c(path, "cur/");
		pf_buf_add_c(path, name);
		store_suffix_add(path, letters, PF_STR(""));
		if (!store_index_find(box, pf_buf_str(base)) &&
		    fstatat(box->dir, path->data, &st, AT_SYMLINK_NOFOLLOW))
			return;
		store_base_make(name, sizeof name, draft->size, draft->vsize);
	}
}

struct append {
	struct pf_buf base, path;
	struct store_msg m;
	bool linked;
};

static pf_status prepare(struct store_box *box, struct store_draft *draft,
			 const struct store_deliver *how, struct append *append,
			 struct pf_error *err)
{
	pf_buf_init(&append->base, 300);
	pf_buf_init(&append->path, 400);
	append->m = (struct store_msg){
	    .flags = how->flags & STORE_FLAGS_ALL,
	    .size = draft->vsize,
	    .save_date = pf_clock_now(),
	};
	pf_status status = keyword_bits(box, how, &append->m.keywords, err);
	if (status == PF_OK)
		status = set_date(draft, how->date, err);
	struct stat st;
	if (status == PF_OK && fstat(draft->fd, &st) != 0)
		status = pf_error_sys(err, errno, "stat the message");
	if (status != PF_OK)
		return status;
	append->m.date = st.st_mtim.tv_sec;
	choose_path(box, draft, store_letters_of(&append->m), &append->base,
		    &append->path);
	return PF_OK;
}

static pf_status link_all(struct store_box *box,
			  struct store_draft *const *drafts,
			  struct append *appends, size_t count,
			  struct pf_error *err)
{
	pf_status status = PF_OK;

	for (size_t i = 0; i < count; i++)
		store_txn_intent(box, pf_buf_str(&appends[i].path));
	/* one message alone: what a power cut leaves is whole or nothing */
	status = store_txn_commit(box, count > 1, err);
	store_scan_own_begin(box);
	for (size_t i = 0; i < count && status == PF_OK; i++) {
		status = pf_fs_link(drafts[i]->store->dir, drafts[i]->tmp,
				    box->dir, appends[i].path.data, err);
		appends[i].linked = status == PF_OK;
		store_own_did(box, 0, appends[i].linked);
	}
	if (status == PF_OK)
		status = pf_fs_sync_dir(box->dir, "cur", err);
	store_scan_own_end(box);
	return status;
}

static pf_status commit_appends(struct store_box *box, struct append *appends,
				size_t count, struct pf_error *err)
{
	uint64_t modseq = box->modseq + 1;
	uint32_t next = box->uidnext;
	pf_status status =
	    store_uidlist_reserve(box, next + (uint32_t)count - 1, err);

	if (status != PF_OK)
		return status;
	for (size_t i = 0; i < count; i++) {
		struct store_msg *m = &appends[i].m;
		m->uid = next + (uint32_t)i;
		m->modseq = modseq;
		store_txn_add(box, m, store_letters_of(m), REC_INFO | REC_FRESH,
			      pf_buf_str(&appends[i].base), PF_STR(""),
			      PF_STR(""));
	}
	store_txn_applied(box);
	return store_txn_commit(box, true, err);
}

static void undo_appends(struct store_box *box, struct append *appends,
			 size_t count)
{
	store_scan_own_begin(box);
	for (size_t i = 0; i < count; i++)
		if (appends[i].linked)
			(void)!pf_fs_unlink(box->dir, appends[i].path.data,
					    NULL);
	store_scan_own_end(box);
	store_txn_applied(box);
	(void)!store_txn_commit(box, false, NULL);
}

static pf_status append_locked(struct store_box *box,
			       struct store_draft *const *drafts,
			       const struct store_deliver *hows,
			       struct append *appends, size_t count,
			       struct pf_error *err)
{
	pf_status status = PF_OK;

	/* what is there already comes first */
	if (store_scan_due(box))
		status = store_scan(box, false, err);
	for (size_t i = 0; i < count && status == PF_OK; i++)
		status = prepare(box, drafts[i], &hows[i], &appends[i], err);
	if (status != PF_OK)
		return status;
	status = link_all(box, drafts, appends, count, err);
	if (status == PF_OK)
		status = commit_appends(box, appends, count, err);
	if (status != PF_OK) {
		store_txn_drop(box);
		undo_appends(box, appends, count);
	}
	return status;
}

static pf_status make_target(struct store *store, struct pf_str mailbox,
			     struct pf_error *err)
{
	pf_status status = store_create(store, mailbox, NULL, err);

	if (status == PF_EXISTS)
		return PF_OK;
	if (status == PF_OK)
		status = store_subscribe(store, mailbox, true, err);
	return status;
}

static pf_status open_for_append(struct store *store, struct pf_str mailbox,
				 bool create, struct store_box **box,
				 struct pf_error *err)
{
	pf_status status = store_box_open(store, mailbox, box, err);

	if (status == PF_NOTFOUND && create) {
		status = make_target(store, mailbox, err);
		if (status == PF_OK)
			status = store_box_open(store, mailbox, box, err);
	}
	return status;
}

static uint64_t bytes_of(struct store_draft *const *drafts, size_t count)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += drafts[i]->size;
	return bytes;
}

static pf_status take_room(struct store *store, struct pf_str mailbox,
			   struct store_draft *const *drafts, size_t count,
			   const struct store_deliver *how,
			   struct pf_error *err)
{
	struct quota_want want = {.mailbox = mailbox,
				  .storage = bytes_of(drafts, count),
				  .messages = count};
	struct store_box *old = how->replaces;
	const struct store_rec *rec = old && old->store == store
					  ? store_box_rec(old, how->replaced)
					  : NULL;

	if (!store->quota)
		return PF_OK;
	if (rec && !store_quota_rules_ignore(&store->quota->rules,
					     pf_str_c(old->name))) {
		want.frees_storage = store_rec_disk(old, rec);
		want.frees_messages = 1;
	}
	return store_quota_take(store, &want, err);
}

static void give_room(struct store *store, struct pf_str mailbox,
		      struct store_draft *const *drafts, size_t count)
{
	store_quota_give(store, mailbox, bytes_of(drafts, count), count);
}

pf_status store_deliver_many(struct store *store, struct pf_str mailbox,
			     struct store_draft *const *drafts,
			     const struct store_deliver *hows, size_t count,
			     uint32_t *uidvalidity, struct store_uids *uids,
			     struct pf_error *err)
{
	struct pf_vec(struct append) appends = {0};
	struct store_box *box = NULL;
	pf_status status = store_writable(store, err);

	uids->n = 0;
	for (size_t i = 0; i < count && status == PF_OK; i++)
		status = store_draft_finish(drafts[i], NULL, err);
	if (status == PF_OK)
		status = open_for_append(
		    store, mailbox, count > 0 && hows[0].create, &box, err);
	if (status != PF_OK)
		return status;
	if (count == 0) {
		*uidvalidity = box->uidvalidity;
		store_box_close(&box);
		return PF_OK;
	}
	pf_vec_room(&appends, count);
	memset(appends.v, 0, count * sizeof *appends.v);
	status = take_room(store, mailbox, drafts, count, hows, err);
	if (status == PF_OK) {
		status = store_box_lock(box, err);
		if (status != PF_OK)
			give_room(store, mailbox, drafts, count);
	}
	if (status == PF_OK) {
		status =
		    append_locked(box, drafts, hows, appends.v, count, err);
		if (status != PF_OK)
			box->published = false; /* gives the room back */
		if (status == PF_OK) {
			*uidvalidity = box->uidvalidity;
			for (size_t i = 0; i < count; i++)
				pf_vec_push(uids, appends.v[i].m.uid);
		}
		store_box_unlock(box);
	}
	for (size_t i = 0; i < count; i++) {
		pf_buf_release(&appends.v[i].base);
		pf_buf_release(&appends.v[i].path);
	}
	pf_vec_release(&appends);
	store_box_close(&box);
	return status;
}

static pf_status deliver_or_make(struct store *store, struct pf_str mailbox,
				 struct store_draft *draft,
				 const struct store_deliver *how, char *base,
				 size_t base_size, struct pf_error *err)
{
	pf_status status = PF_NOTFOUND;

	for (int i = 0; i < 3; i++) {
		status = deliver_plain(store, mailbox, draft, how, base,
				       base_size, err);
		if (status != PF_NOTFOUND || !how->create)
			break;
		status = make_target(store, mailbox, err);
		if (status != PF_OK)
			break;
	}
	return status;
}

pf_status store_deliver(struct store *store, struct pf_str mailbox,
			struct store_draft *draft,
			const struct store_deliver *how, uint32_t *uidvalidity,
			uint32_t *uid, struct pf_buf *name,
			struct pf_error *err)
{
	struct store_uids uids = {0};
	uint32_t validity = 0;
	char base[256] = "";
	pf_status status = store_writable(store, err);

	if (status == PF_OK)
		status = store_draft_finish(draft, NULL, err);
	if (status != PF_OK)
		return status;
	if (uid || how->keyword_count) {
		status = store_deliver_many(store, mailbox, &draft, how, 1,
					    &validity, &uids, err);
		(void)pf_str_copy(pf_str_c(draft->base), base, sizeof base);
	} else {
		if (!how->exempt)
			status = take_room(store, mailbox, &draft, 1, how, err);
		if (status == PF_OK) {
			status = deliver_or_make(store, mailbox, draft, how,
						 base, sizeof base, err);
			if (status != PF_OK && !how->exempt)
				give_room(store, mailbox, &draft, 1);
		}
	}
	if (status == PF_OK && uidvalidity)
		*uidvalidity = validity;
	if (status == PF_OK && uid)
		*uid = uids.v[0];
	if (status == PF_OK && name)
		pf_buf_add_c(name, base);
	pf_vec_release(&uids);
	return status;
}
