/*
 * The past: expunged messages, for some days.
 *
 *	root/penfold-past/tmp/mail/		a Maildir++ of its own
 *		cur/ .Sent/cur/ ...		files of expunged messages
 *		.Sent/penfold.past		what the names do not tell
 *
 * EXPUNGE renames a file to there instead of unlinking it: the same number of
 * operations, in the same order (expunge.c), and as safe, since a rename
 * happens or does not.  It is a store like any other: IMAP shows it, COPY
 * takes mail out of it by hard link, and bringing mail back is a MOVE between
 * two stores with all that makes that one safe (move.c).  A file lies under
 * the name of the mailbox it was in; the \Deleted flag is left behind.
 *
 * Not kept: what was moved within the store (it is still there), what other
 * programs removed, and what does not fit any more: when the disk is full
 * expunged mail goes for good, or nobody could make room.
 *
 * How long a file has been there its ctime tells, which the rename sets.
 */
#include "store/past.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

/* Not more often than that is it looked what is too old. */
#define TIDY_EVERY 3600
#define TIDY_STAMP "tidied"
/* in a folder that is being removed: what it was called */
#define WAS_NAME "penfold-was"

/* ---- where ------------------------------------------------------------- */

static bool open_dir(int in, const char *name, int *dir, struct pf_error *err)
{
	return pf_fs_open(in, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, dir,
			  err) == PF_OK;
}

/* Makes and opens a directory with cur/, new/ and tmp/; -1. */
static int make_maildir(int in, const char *name, bool marker,
			struct pf_error *err)
{
	int dir = -1;
	pf_status status = pf_fs_mkdir(in, name, STORE_FOLDER_MODE, err);

	if ((status != PF_OK && status != PF_EXISTS) ||
	    !open_dir(in, name, &dir, err))
		return -1;
	if (store_folder_make(dir, marker, err) == PF_OK &&
	    pf_fs_sync_dir(in, ".", err) == PF_OK)
		return dir;
	close(dir);
	return -1;
}

static int make_root(struct store *store, struct pf_error *err)
{
	int top = make_maildir(store->dir, PAST_DIR, false, err);

	if (top < 0)
		return -1;
	int root = make_maildir(top, "tmp/mail", false, err);
	close(top);
	return root;
}

int store_past_dir(struct store *store, const char *folder, bool make,
		   struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(512);
	int dir = -1;

	pf_buf_addf(&path, "%s/%s", PAST_ROOT, folder);
	if (!open_dir(store->dir, path.data, &dir, err) && make) {
		int root = make_root(store, err);
		bool inbox = strcmp(folder, ".") == 0;
		if (root >= 0 && !inbox) {
			dir = make_maildir(root, folder, true, err);
			close(root);
		} else {
			dir = root;
		}
	}
	pf_buf_release(&path);
	return dir;
}

void store_past_renamed(struct store *store, const char *from, const char *to)
{
	int root = -1;

	/* a past that the new name already has is left alone */
	if (!open_dir(store->dir, PAST_ROOT, &root, NULL))
		return;
	if (pf_fs_rename_new(root, from, root, to, NULL) == PF_OK)
		(void)!pf_fs_sync_dir(root, ".", NULL);
	close(root);
}

/* ---- in ---------------------------------------------------------------- */

/* "new/base" -> "cur/base:2,"; "cur/base:2,FST" -> "cur/base:2,FS" */
static void name_there(const char *path, struct pf_buf *to)
{
	struct pf_str file = pf_str_from(pf_str_c(path), 4);
	struct pf_str base = store_base_of(file);
	struct pf_str suffix = pf_str_from(file, base.n);
	ptrdiff_t at =
	    pf_str_starts(suffix, PF_STR(":2,")) ? pf_str_chr(suffix, 'T') : -1;

	pf_buf_clear(to);
	pf_buf_add(to, "cur/", 4);
	pf_buf_add_str(to, base);
	if (suffix.n == 0)
		suffix = PF_STR(":2,");
	if (at > 0) {
		pf_buf_add_str(to, pf_str_head(suffix, (size_t)at));
		suffix = pf_str_from(suffix, (size_t)at + 1);
	}
	pf_buf_add_str(to, suffix);
}

static bool is_full(const struct pf_error *err)
{
	return err->sys_errno == ENOSPC || err->sys_errno == EDQUOT ||
	       err->sys_errno == EXDEV;
}

pf_status store_past_take(struct store_box *box, const char *path, bool keep,
			  struct pf_error *err)
{
	struct pf_buf there = PF_BUF_INIT(1024);
	struct pf_error here = {0};
	pf_status status = PF_NOTFOUND;
	struct stat st;

	if (!keep || !box->store->past_keep)
		return pf_fs_unlink(box->dir, path, err);
	name_there(path, &there);
	for (int i = 0; i < 2; i++) {
		if (box->past_dir < 0)
			box->past_dir = store_past_dir(box->store, box->folder,
						       true, &here);
		status = here.status;
		if (box->past_dir < 0)
			break;
		status = pf_fs_rename(box->dir, path, box->past_dir, there.data,
				      &here);
		if (status != PF_NOTFOUND ||
		    fstatat(box->dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
			break;
		/* it was tidied away meanwhile */
		close(box->past_dir);
		box->past_dir = -1;
	}
	pf_buf_release(&there);
	if (status != PF_OK && is_full(&here))
		return pf_fs_unlink(box->dir, path, err);
	if (status != PF_OK && err)
		*err = here;
	return status;
}

static void take_part(int from, int to, const char *part)
{
	struct pf_buf path = PF_BUF_INIT(1024), there = PF_BUF_INIT(1024);
	int fd = -1;
	DIR *d = open_dir(from, part, &fd, NULL) ? fdopendir(fd) : NULL;

	if (!d && fd >= 0)
		close(fd);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		pf_buf_clear(&path);
		pf_buf_addf(&path, "%s/%s", part, e->d_name);
		name_there(path.data, &there);
		(void)!pf_fs_rename(from, path.data, to, there.data, NULL);
	}
	if (d)
		closedir(d);
	pf_buf_release(&path);
	pf_buf_release(&there);
}

void store_past_take_tree(struct store *store, const char *folder,
			  const char *name)
{
	struct pf_buf was = PF_BUF_INIT(300);
	int from = -1, to = -1;

	if (!store->past_keep || !open_dir(store->dir, name, &from, NULL))
		return;
	if (!folder) { /* left by a killed process */
		struct pf_buf made = PF_BUF_INIT(2048);
		if (pf_fs_read(from, WAS_NAME, &was, NULL) == PF_OK &&
		    was.len > 1 && !memchr(was.data, '/', was.len) &&
		    store_folder_name(store, was.data, &made))
			folder = was.data;
		pf_buf_release(&made);
	}
	if (folder)
		to = store_past_dir(store, folder, true, NULL);
	if (to >= 0) {
		take_part(from, to, "cur");
		take_part(from, to, "new");
		(void)!pf_fs_sync_dir(to, "cur", NULL);
		close(to);
	}
	close(from);
	pf_buf_release(&was);
}

void store_past_name(struct store_box *box)
{
	if (box->store->past_keep)
		(void)!pf_fs_replace(box->dir, WAS_NAME, pf_str_c(box->folder),
				     STORE_FILE_MODE, true, NULL);
}

void store_past_unname(struct store_box *box)
{
	if (box->store->past_keep)
		(void)!pf_fs_unlink(box->dir, WAS_NAME, NULL);
}

/* ---- the store of it --------------------------------------------------- */

pf_status store_past_open(struct store *store, struct store **past,
			  struct pf_error *err)
{
	struct pf_buf root = PF_BUF_INIT(4096);
	struct stat st;
	pf_status status;

	pf_buf_addf(&root, "%s/%s", store->root, PAST_ROOT);
	struct store_conf conf = {
	    .root = root.data,
	    .separator = store->separator,
	    .special_use = "",
	    .read_only = store->read_only,
	};
	if (fstatat(store->dir, PAST_ROOT, &st, AT_SYMLINK_NOFOLLOW) != 0)
		status = pf_error_set(err, PF_NOTFOUND, "Nothing was expunged",
				      "%s: nothing was expunged", store->root);
	else
		status = store_open(&conf, past, err);
	pf_buf_release(&root);
	return status;
}

/* ---- out --------------------------------------------------------------- */

struct old {
	int64_t since;
	uint64_t size;
	uint32_t box, uid;
};
struct olds pf_vec(struct old);

static int compare_olds(const void *a, const void *b)
{
	const struct old *x = a, *y = b;

	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	if (x->box != y->box)
		return x->box < y->box ? -1 : 1;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

static int compare_places(const void *a, const void *b)
{
	const struct old *x = a, *y = b;

	if (x->box != y->box)
		return x->box < y->box ? -1 : 1;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

static void weigh(struct store_box *box, uint32_t at, struct olds *all)
{
	struct pf_buf path = PF_BUF_INIT(1024);
	struct stat st;

	for (size_t i = 0; i < box->recs.n; i++) {
		pf_buf_clear(&path);
		store_rec_path(box, &box->recs.v[i], &path);
		if (fstatat(box->dir, path.data, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		struct old one = {st.st_ctim.tv_sec, (uint64_t)st.st_size, at,
				  box->recs.v[i].m.uid};
		pf_vec_push(all, one);
	}
	pf_buf_release(&path);
}

/* How many of them, the oldest first, have to go. */
static size_t too_many(const struct olds *all, int64_t before, uint64_t max)
{
	uint64_t total = 0;
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		total += all->v[i].size;
	while (n < all->n && (all->v[n].since < before || (max && total > max)))
		total -= all->v[n++].size;
	return n;
}

/* Of one mailbox: all->v[*at] and what follows. */
static pf_status drop_from(struct store *past, const struct store_names *names,
			   const struct olds *all, size_t *at, size_t end,
			   struct pf_error *err)
{
	struct store_uids uids = {0};
	struct store_box *box = NULL;
	uint32_t number = all->v[*at].box;

	for (; *at < end && all->v[*at].box == number; ++*at)
		pf_vec_push(&uids, all->v[*at].uid);
	pf_status status =
	    store_box_open(past, names->v[number].name, &box, err);
	if (status == PF_OK)
		status = store_box_expunge(box, uids.v, uids.n, true, err);
	store_box_close(&box);
	pf_vec_release(&uids);
	return status;
}

/* Nothing is in it, nor has been put there or taken from it for as long as
 * things are kept. */
static bool is_over(struct store_box *box, int64_t before)
{
	struct stat cur, journal;

	return box->recs.n == 0 && strcmp(box->folder, ".") != 0 &&
	       fstatat(box->dir, "cur", &cur, 0) == 0 &&
	       cur.st_mtim.tv_sec < before &&
	       fstatat(box->dir, PAST_JOURNAL, &journal, 0) != 0;
}

static pf_status tidy(struct store *store, struct store *past, size_t *dropped,
		      struct pf_error *err)
{
	int64_t now = pf_clock_now(), before = now - store->past_keep;
	struct store_names names = {0};
	struct olds all = {0};
	struct pf_arena arena;

	pf_arena_init(&arena, 64 << 20);
	pf_status status = store_list(past, &arena, &names, err);
	for (size_t i = 0; status == PF_OK && i < names.n; i++) {
		struct store_box *box = NULL;
		if (!(names.v[i].flags & STORE_NAME_EXISTS))
			continue;
		status = store_box_open(past, names.v[i].name, &box, err);
		if (status != PF_OK)
			break;
		weigh(box, (uint32_t)i, &all);
		store_past_shorten(box->dir, before * 1000000);
		bool empty = is_over(box, before);
		store_box_close(&box);
		if (empty)
			status = store_delete(past, names.v[i].name, err);
	}
	if (all.n)
		qsort(all.v, all.n, sizeof *all.v, compare_olds);
	size_t end = too_many(&all, before, store->past_size);
	if (end)
		qsort(all.v, end, sizeof *all.v, compare_places);
	for (size_t at = 0; status == PF_OK && at < end;)
		status = drop_from(past, &names, &all, &at, end, err);
	*dropped = end;
	pf_vec_release(&all);
	pf_vec_release(&names);
	pf_arena_release(&arena);
	return status;
}

/* Was it done not long ago?  If not, it is now. */
static bool tidied(struct store *store)
{
	struct stat st;

	if (fstatat(store->dir, PAST_DIR "/" TIDY_STAMP, &st,
		    AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtim.tv_sec > pf_clock_now() - TIDY_EVERY)
		return true;
	(void)!pf_fs_replace(store->dir, PAST_DIR "/" TIDY_STAMP, PF_STR(""),
			     STORE_FILE_MODE, false, NULL);
	return false;
}

pf_status store_past_tidy(struct store *store, bool now, size_t *dropped,
			  struct pf_error *err)
{
	struct store *past = NULL;

	*dropped = 0;
	if (store->read_only ||
	    faccessat(store->dir, PAST_ROOT, F_OK, 0) != 0 ||
	    (!now && tidied(store)))
		return PF_OK;
	pf_status status = store_past_open(store, &past, err);
	if (status == PF_OK)
		status = tidy(store, past, dropped, err);
	store_close(&past);
	return status;
}
