/*
 * What the directories say, against what we know.
 *
 * Any program may rename, add and remove files while we look, and readdir()
 * promises little then: a file that is renamed during the scan may be seen
 * under both names, or under none.  So:
 *
 * - Seen is certain: the file is there (or was a moment ago).  Seen under two
 *   names: whichever still exists counts; if both do it is a double.
 * - Not seen proves nothing.  A message is expunged only after a second scan
 *   of both directories, begun when neither had changed for longer than the
 *   tick of the file system's clock, and ended with both unchanged: in such a
 *   scan nothing was renamed.  Until then it stays.
 * - A directory's time stamp tells whether it changed, but only ticks every
 *   few milliseconds: a change in the same tick as our scan leaves the stamp
 *   as it was.  A stamp that was that fresh is not trusted the next time.
 * - Our own renames change the stamps too.  They are noted as ours (APPLIED
 *   in the log, so that no other process needs to scan), at the price that a
 *   foreign change in between is only found by the scan that is due two
 *   seconds later (box->rescan_at), unless the kernel says that there was
 *   none (own.c).
 *
 * Flags are merged three ways: what the file said when we last saw it, what
 * it says now, and what clients have been told; only a letter that somebody
 * else changed is taken over.  After a reboot a file may also have gone back
 * to an earlier state of ours (box->past): that is no change of anybody's.
 *
 * New files get UIDs in Dovecot's order, and nobody hears of them before the
 * log has them.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/past.h"

/* more new files than this go into a snapshot rather than the log */
#define BULK 2000
/* file systems with fine stamps still tick in jiffies (10 ms at worst) */
#define TICK_FINE_US   20000
#define TICK_COARSE_US 2000000
/* how long after changes of our own we look for those of others that fell
 * into the same tick */
#define RESCAN_US 2000000
/* messages from which on a tick is waited for at the close */
#define SETTLE_LEAST 50000

struct found {
	uint32_t name; /* in scan.names: file name */
	uint32_t uid;  /* claimed, or 0 */
	uint32_t guid; /* in the box' heap, or 0 */
	bool in_new;
	struct store_base_key key; /* once all are found: see sort_fresh */
};

struct merge {
	uint32_t uid, flags;
	uint64_t keywords;
};

struct scan {
	struct store_box *box;
	struct pf_buf names;
	struct pf_vec(struct found) fresh;
	struct pf_vec(struct found) doubles;
	struct pf_vec(struct found) moved; /* known, but not where they were */
	struct pf_vec(struct merge) merges;
	struct store_stamp before[2];
	bool read[2];	      /* which directories it looked at */
	struct pf_map doomed; /* bases of expunged files, after a reboot */
	bool stable;
	/* a bit for each record: not in the records, which are mapped */
	unsigned char *seen;
	size_t unseen;
};

static const char *const dir_names[2] = {"new", "cur"};

/* ---- is a scan due? --------------------------------------------------------
 */

bool store_scan_due(struct store_box *box)
{
	if (box->rescan || box->missing ||
	    (box->rescan_at && pf_clock_us() >= box->rescan_at))
		return true;
	for (int i = 0; i < 2; i++) {
		struct store_stamp now = store_stamp_of(box->dir, dir_names[i]);
		if (!store_stamp_eq(&now, &box->seen[i]))
			return true;
	}
	return false;
}

void store_scan_own_begin(struct store_box *box)
{
	store_own_begin(box);
	for (int i = 0; i < 2; i++) {
		struct store_stamp now = store_stamp_of(box->dir, dir_names[i]);
		if (!store_stamp_eq(&now, &box->seen[i]))
			box->rescan |= 1u << i;
	}
}

void store_scan_own_end(struct store_box *box)
{
	for (int i = 0; i < 2; i++)
		box->seen[i] = store_stamp_of(box->dir, dir_names[i]);
	box->rescan_at = pf_clock_us() + RESCAN_US;
}

/* How long until a change would show in the stamp; 0: it would now. */
static int64_t ticking_us(const struct store_stamp *stamp)
{
	int64_t tick =
	    stamp->mtime % 1000000000 ? TICK_FINE_US : TICK_COARSE_US;
	struct timespec now;

	/* the kernel's own clock: its stamps know no other */
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t age =
	    now.tv_sec * 1000000 + now.tv_nsec / 1000 - stamp->mtime / 1000;

	return age >= 0 && age >= tick ? 0 : tick - (age > 0 ? age : 0);
}

/* ---- one file
 * ----------------------------------------------------------------- */

static int compare_past(const void *a, const void *b)
{
	const struct store_past *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return (x->letters > y->letters) - (x->letters < y->letters);
}

static bool in_past(const struct store_box *box, uint32_t uid, uint32_t letters)
{
	struct store_past key = {uid, letters};

	return box->past.n && bsearch(&key, box->past.v, box->past.n,
				      sizeof key, compare_past);
}

static uint64_t letters_keywords(uint32_t letters)
{
	return letters >> STORE_LETTERS_KEYWORD;
}

/* The file of a known message is called `suffix` now. */
static void meet(struct scan *scan, struct store_rec *rec, bool in_new,
		 struct pf_str suffix)
{
	struct store_box *box = scan->box;
	bool info, odd;
	uint32_t letters = store_suffix_letters(suffix, &info, &odd);
	uint32_t wanted = store_letters_of(&rec->m);
	uint32_t changed = letters ^ rec->letters;

	if (box->rebooted && in_past(box, rec->m.uid, letters))
		changed = 0;
	store_rec_place(box, rec, in_new, suffix);
	uint32_t merged = (wanted & ~changed) | (letters & changed);
	if (merged != wanted) {
		uint64_t low = (UINT64_C(1) << STORE_KEYWORD_LETTERS) - 1;
		struct merge merge = {
		    .uid = rec->m.uid,
		    .flags = merged & STORE_FLAGS_ALL,
		    .keywords =
			(rec->m.keywords & ~low) | letters_keywords(merged),
		};
		pf_vec_push(&scan->merges, merge);
	}
	if (merged != letters && !(rec->state & REC_DIRTY)) {
		rec->state |= REC_DIRTY;
		pf_vec_push(&box->dirty, rec->m.uid);
	}
}

static bool same_place(const struct store_box *box, const struct store_rec *rec,
		       bool in_new, struct pf_str suffix)
{
	bool info, odd;
	uint32_t state = rec->state & REC_ON_DISK;

	if (state & REC_ODD) {
		return in_new == !!(state & REC_NEW) &&
		       pf_str_eq(store_rec_suffix(box, rec), suffix);
	}
	uint32_t letters = store_suffix_letters(suffix, &info, &odd);
	return !odd && letters == rec->letters &&
	       state == ((in_new ? REC_NEW : 0u) | (info ? REC_INFO : 0u));
}

static bool test_seen(const struct scan *scan, const struct store_rec *rec)
{
	size_t at = (size_t)(rec - scan->box->recs.v);

	return scan->seen[at / 8] >> at % 8 & 1;
}

static void set_seen(struct scan *scan, const struct store_rec *rec)
{
	size_t at = (size_t)(rec - scan->box->recs.v);

	scan->seen[at / 8] = (unsigned char)(scan->seen[at / 8] | 1u << at % 8);
	scan->unseen--;
}

/* All count as seen whose directory is not looked at. */
static void expect(struct scan *scan, bool read_new, bool read_cur)
{
	const struct store_box *box = scan->box;
	size_t n = box->recs.n, left = box->in_new;

	if (!scan->seen && !(scan->seen = malloc(n / 8 + 1)))
		abort();
	memset(scan->seen, read_cur ? 0 : 0xff, n / 8 + 1);
	scan->unseen = read_cur ? n : 0;
	if (read_new == read_cur)
		return;
	for (size_t i = n; left > 0 && i-- > 0;) { /* mostly the last ones */
		if (!(box->recs.v[i].state & REC_NEW))
			continue;
		left--;
		scan->seen[i / 8] ^= (unsigned char)(1u << i % 8);
		scan->unseen += read_new ? 1 : (size_t)-1;
	}
}

static void see_file(struct scan *scan, const char *name, bool in_new)
{
	struct store_box *box = scan->box;
	struct pf_str file = pf_str_c(name), base = store_base_of(file);
	struct pf_str suffix = pf_str_from(file, base.n);
	struct store_rec *rec = store_index_find(box, base);
	struct found found = {
	    .name = (uint32_t)scan->names.len,
	    .in_new = in_new,
	};

	if (base.n == 0)
		return;
	if (rec && !test_seen(scan, rec) &&
	    same_place(box, rec, in_new, suffix)) {
		set_seen(scan, rec);
		return;
	}
	pf_buf_add(&scan->names, name, file.n + 1);
	if (rec)
		pf_vec_push(&scan->moved, found);
	else
		pf_vec_push(&scan->fresh, found);
}

static pf_status read_dir(struct scan *scan, int which, struct pf_error *err)
{
	int fd = -1;
	pf_status status = pf_fs_open(scan->box->dir, dir_names[which],
				      O_RDONLY | O_DIRECTORY, 0, &fd, err);

	if (status != PF_OK)
		return status;
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return pf_error_sys(err, errno, "read %s", dir_names[which]);
	}
	errno = 0;
	for (struct dirent *e; (e = readdir(d)); errno = 0)
		if (e->d_name[0] != '.' && e->d_type != DT_DIR)
			see_file(scan, e->d_name, which == STORE_NEW);
	if (errno)
		status = pf_error_sys(err, errno, "read %s", dir_names[which]);
	closedir(d);
	if (status == PF_OK)
		status = pf_buf_status(&scan->names, err);
	return status;
}

/* Known files under other names.  Only now, when all was looked at, is clear
 * which of them are copies beside the file that we know. */
static void settle_moved(struct scan *scan)
{
	struct store_box *box = scan->box;

	for (size_t i = 0; i < scan->moved.n; i++) {
		const struct found *found = &scan->moved.v[i];
		struct pf_str file = pf_str_c(scan->names.data + found->name);
		struct pf_str base = store_base_of(file);
		struct store_rec *rec = store_index_find(box, base);

		if (test_seen(scan, rec)) {
			pf_vec_push(&scan->doubles, *found);
			continue;
		}
		set_seen(scan, rec);
		meet(scan, rec, found->in_new, pf_str_from(file, base.n));
	}
	scan->moved.n = 0;
}

/* ---- doubles
 * --------------------------------------------------------------------- */

static void found_path(const struct scan *scan, const struct found *found,
		       struct pf_buf *path)
{
	pf_buf_clear(path);
	pf_buf_add_c(path, found->in_new ? "new/" : "cur/");
	pf_buf_add_c(path, scan->names.data + found->name);
}

/* Gives a new file a base name of its own. */
static void rename_found(struct scan *scan, const struct found *found,
			 uint64_t size)
{
	struct pf_buf from = PF_BUF_INIT(1024), to = PF_BUF_INIT(1024);
	struct pf_str file = pf_str_c(scan->names.data + found->name);
	struct pf_str base = store_base_of(file);
	char fresh[256];

	store_base_make(fresh, sizeof fresh, size, 0);
	found_path(scan, found, &from);
	pf_buf_add_c(&to, found->in_new ? "new/" : "cur/");
	pf_buf_add_c(&to, fresh);
	if (!memchr(file.p, '\n', file.n))
		pf_buf_add_str(&to, pf_str_from(file, base.n));
	(void)!pf_fs_rename(scan->box->dir, from.data, scan->box->dir, to.data,
			    NULL);
	scan->box->rescan = RESCAN_BOTH;
	pf_buf_release(&from);
	pf_buf_release(&to);
}

/* A second file with a known base name. */
static void settle_double(struct scan *scan, struct found *found)
{
	struct store_box *box = scan->box;
	struct pf_buf first = PF_BUF_INIT(1024), second = PF_BUF_INIT(1024);
	struct pf_str file = pf_str_c(scan->names.data + found->name);
	struct pf_str base = store_base_of(file);
	struct store_rec *rec = store_index_find(box, base);
	struct stat a, b;

	if (rec) {
		store_rec_path(box, rec, &first);
		found_path(scan, found, &second);
	}
	if (!rec || fstatat(box->dir, second.data, &b, AT_SYMLINK_NOFOLLOW)) {
		/* it was the old name */
	} else if (fstatat(box->dir, first.data, &a, AT_SYMLINK_NOFOLLOW)) {
		meet(scan, rec, found->in_new, pf_str_from(file, base.n));
	} else if (!scan->stable) {
		/* names in motion: who is it, will be seen when it is quiet */
		box->rescan = RESCAN_BOTH;
	} else if (!box->store->read_only && a.st_ino == b.st_ino &&
		   a.st_dev == b.st_dev) {
		/* half of a link-and-unlink rename; were one of the names
		 * just moving, the scan would not be stable */
		(void)!pf_fs_unlink(box->dir, second.data, NULL);
		box->rescan = RESCAN_BOTH;
	} else if (!box->store->read_only) {
		rename_found(scan, found, (uint64_t)b.st_size);
	}
	pf_buf_release(&first);
	pf_buf_release(&second);
}

/* ---- absence
 * ------------------------------------------------------------------------ */

/* Reads one or both directories into `scan`. */
static pf_status pass(struct scan *scan, bool read_new, bool read_cur,
		      struct pf_error *err)
{
	struct store_box *box = scan->box;
	pf_status status = PF_OK;
	bool read[2] = {read_new, read_cur};

	memcpy(scan->read, read, sizeof read);
	pf_buf_clear(&scan->names);
	scan->fresh.n = scan->doubles.n = scan->moved.n = 0;
	scan->stable = true;
	expect(scan, read_new, read_cur);
	for (int i = 0; i < 2; i++) {
		scan->before[i] = store_stamp_of(box->dir, dir_names[i]);
		if (ticking_us(&scan->before[i]))
			scan->stable = false;
	}
	/* new/ first: mail moves from there to cur/ */
	for (int i = 0; i < 2 && status == PF_OK; i++)
		if (read[i])
			status = read_dir(scan, i, err);
	if (status == PF_OK)
		settle_moved(scan);
	for (int i = 0; i < 2; i++) {
		struct store_stamp after =
		    store_stamp_of(box->dir, dir_names[i]);
		if (!store_stamp_eq(&after, &scan->before[i]))
			scan->stable = false;
	}
	for (size_t i = 0; i < scan->doubles.n && status == PF_OK; i++)
		settle_double(scan, &scan->doubles.v[i]);
	return status;
}

/* Sleeps until a change would show, if that is soon. */
static void wait_for_tick(const struct scan *scan)
{
	int64_t us = 0;

	for (int i = 0; i < 2; i++) {
		int64_t left = ticking_us(&scan->before[i]);
		if (left > us)
			us = left;
	}
	if (us > 0 && us <= TICK_FINE_US)
		usleep((useconds_t)us + 1000);
}

/* Messages that were not seen: looks again, and tells which are gone. */
static pf_status prove_absence(struct scan *scan, struct store_ranges *gone,
			       struct pf_error *err)
{
	struct store_box *box = scan->box;

	unsigned char *first = scan->seen; /* of the scan before this one */

	scan->seen = NULL;
	for (size_t i = 0; i < 2; i++)
		scan->before[i] = store_stamp_of(box->dir, dir_names[i]);
	wait_for_tick(scan);
	pf_status status = pass(scan, true, true, err);
	if (status == PF_OK)
		box->missing = false;
	bool joined = false;
	size_t left = status == PF_OK ? scan->unseen : 0;
	for (size_t i = 0; left > 0; i++) {
		struct store_rec *rec = &box->recs.v[i];
		bool absent = !test_seen(scan, rec);
		left -= absent;
		if (absent && scan->stable && !(first[i / 8] >> i % 8 & 1)) {
			store_ranges_add(gone, rec->m.uid, joined);
			joined = true;
			continue;
		}
		joined = false;
		if (absent)
			box->missing = true; /* the next sync looks again */
	}
	free(first);
	return status;
}

/* ---- new files
 * -------------------------------------------------------------------------- */

static struct pf_str found_base(const struct scan *scan,
				const struct found *found)
{
	return store_base_of(pf_str_c(scan->names.data + found->name));
}

/* Claimed UIDs first, in their order; then as Dovecot would. */
static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->uid != y->uid && x->uid && y->uid)
		return x->uid < y->uid ? -1 : 1;
	if (!x->uid != !y->uid)
		return x->uid ? -1 : 1;
	return store_base_key_cmp(&x->key, &y->key);
}

static int compare_claims(const void *a, const void *b, void *arg)
{
	const struct store_box *box = arg;
	const struct store_claim *x = a, *y = b;
	int order = strcmp(box->heap + x->name, box->heap + y->name);

	/* the later UID wins */
	return order ? order : (x->uid < y->uid) - (x->uid > y->uid);
}

static const struct store_claim *find_claim(const struct store_box *box,
					    struct pf_str base)
{
	size_t lo = 0, hi = box->claims.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const char *name = box->heap + box->claims.v[mid].name;
		if (pf_str_cmp(pf_str_c(name), base) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < box->claims.n &&
	    pf_str_eq(pf_str_c(box->heap + box->claims.v[lo].name), base))
		return &box->claims.v[lo];
	return NULL;
}

static void sort_fresh(struct scan *scan)
{
	struct store_box *box = scan->box;
	uint32_t last = 0;

	if (scan->fresh.n == 0)
		return;
	for (size_t i = 0; i < scan->fresh.n; i++) {
		struct found *found = &scan->fresh.v[i];
		found->key = store_base_key(found_base(scan, found));
	}
	for (size_t i = 0; i < scan->fresh.n; i++)
		if (store_past_may_return(box,
					  found_base(scan, &scan->fresh.v[i]),
					  scan->fresh.v[i].in_new)) {
			store_past_claims(box);
			break;
		}
	if (box->claims.n)
		qsort_r(box->claims.v, box->claims.n, sizeof *box->claims.v,
			compare_claims, box);
	for (size_t i = 0; i < scan->fresh.n && box->claims.n; i++) {
		struct found *found = &scan->fresh.v[i];
		const struct store_claim *claim =
		    find_claim(box, found_base(scan, found));
		if (claim && !store_box_find(box, claim->uid)) {
			found->uid = claim->uid;
			found->guid = claim->guid;
		}
	}
	qsort(scan->fresh.v, scan->fresh.n, sizeof *scan->fresh.v,
	      compare_found);
	for (size_t i = 0; i < scan->fresh.n; i++) { /* one UID, two files */
		struct found *found = &scan->fresh.v[i];
		if (found->uid && found->uid == last)
			found->uid = 0;
		else if (found->uid)
			last = found->uid;
	}
	if (last)
		qsort(scan->fresh.v, scan->fresh.n, sizeof *scan->fresh.v,
		      compare_found);
}

pf_status store_virtual_size(int fd, uint64_t *size, struct pf_error *err)
{
	char block[65536];
	uint64_t total = 0, bare = 0;
	char last = 0;

	for (;;) {
		size_t got = 0;
		pf_status status = pf_fs_pread(fd, block, sizeof block,
					       (off_t)total, &got, err);
		if (status != PF_OK)
			return status;
		const char *at = block, *end = block + got;
		while ((at = memchr(at, '\n', (size_t)(end - at)))) {
			bare += (at > block ? at[-1] : last) != '\r';
			if (++at == end)
				break;
		}
		total += got;
		if (got < sizeof block)
			break;
		last = block[got - 1];
	}
	*size = total + bare;
	return PF_OK;
}

/* NOTFOUND when the file has gone on; UNSUPPORTED when it is no message. */
static pf_status examine(struct scan *scan, const struct found *found,
			 struct store_msg *m, struct pf_error *err)
{
	struct store_box *box = scan->box;
	struct pf_buf path = PF_BUF_INIT(1024);
	struct stat st;
	int fd = -1;
	pf_status status = PF_OK;

	found_path(scan, found, &path);
	if (fstatat(box->dir, path.data, &st, AT_SYMLINK_NOFOLLOW) != 0)
		status = pf_error_sys(err, errno, "stat %s", path.data);
	else if (!S_ISREG(st.st_mode))
		status = PF_UNSUPPORTED;
	if (status == PF_OK &&
	    !store_base_number(found_base(scan, found), 'W', &m->size)) {
		status = pf_fs_open(box->dir, path.data, O_RDONLY | O_NOFOLLOW,
				    0, &fd, err);
		if (status == PF_OK)
			status = store_virtual_size(fd, &m->size, err);
		if (status == PF_NOPERM || status == PF_IO) {
			m->size = (uint64_t)st.st_size; /* shown, unreadable */
			status = PF_OK;
		}
	}
	if (fd >= 0)
		close(fd);
	pf_buf_release(&path);
	if (status != PF_OK)
		return status;
	m->date = st.st_mtim.tv_sec;
	m->save_date = st.st_ctim.tv_sec;
	return PF_OK;
}

/* A file of an expunged message that came back with the power. */
static bool is_doomed(struct scan *scan, const struct found *found)
{
	struct store_box *box = scan->box;
	struct pf_buf path = PF_BUF_INIT(1024);
	bool doomed = pf_map_get(&scan->doomed, found_base(scan, found));

	if (doomed && !box->store->read_only) {
		found_path(scan, found, &path);
		(void)!store_past_take(box, path.data, true, NULL);
		box->rescan = RESCAN_BOTH;
	}
	pf_buf_release(&path);
	return doomed;
}

/* Adds a record for each new file to the transaction. */
static pf_status add_fresh(struct scan *scan, uint64_t modseq, size_t *added,
			   struct pf_error *err)
{
	struct store_box *box = scan->box;
	uint32_t next = box->uidnext;
	pf_status status = PF_OK;

	*added = 0;
	sort_fresh(scan);
	for (size_t i = 0; i < scan->fresh.n; i++) {
		const struct found *found = &scan->fresh.v[i];
		struct pf_str file = pf_str_c(scan->names.data + found->name);
		struct pf_str base = found_base(scan, found);
		struct pf_str suffix = pf_str_from(file, base.n);
		struct pf_str guid = {NULL, 0};
		bool info, odd;
		uint32_t letters = store_suffix_letters(suffix, &info, &odd);
		struct store_msg m = {
		    .flags = letters & STORE_FLAGS_ALL,
		    .keywords = letters_keywords(letters),
		    .modseq = modseq,
		};
		if (is_doomed(scan, found))
			continue;
		/* dovecot-uidlist, a list of lines, could not name it */
		if (memchr(file.p, '\n', file.n) && !box->store->read_only) {
			rename_found(scan, found, 0);
			continue;
		}
		/* the same base in new/ and cur/: one now, one next time */
		if (i > 0 && pf_str_eq(base, found_base(scan, found - 1))) {
			box->rescan = RESCAN_BOTH;
			continue;
		}
		status = examine(scan, found, &m, err);
		if (status == PF_UNSUPPORTED)
			continue;
		if (status == PF_NOTFOUND) {
			box->rescan = RESCAN_BOTH;
			continue;
		}
		if (status != PF_OK)
			return status;
		m.uid = found->uid ? found->uid : next++;
		if (next >= UINT32_MAX - 1)
			return pf_error_set(err, PF_LIMIT,
					    "The mailbox has used up its UIDs",
					    "%s: no UID left", box->folder);
		if (found->guid)
			guid = pf_str_c(box->heap + found->guid);
		store_txn_add(box, &m, letters,
			      (found->in_new ? REC_NEW : 0u) |
				  (info ? REC_INFO : 0u) | (odd ? REC_ODD : 0u),
			      base, guid, odd ? suffix : PF_STR(""));
		++*added;
	}
	if (*added && !box->store->read_only)
		return store_uidlist_reserve(box, next - 1, err);
	return PF_OK;
}

/* ---- the whole
 * ------------------------------------------------------------------------------
 */

static void add_merges(struct scan *scan, uint64_t modseq)
{
	struct store_ranges one = {0};
	struct store_flags_record last = {0};

	for (size_t i = 0; i < scan->merges.n; i++) {
		const struct merge *merge = &scan->merges.v[i];
		struct store_flags_record change = {
		    .modseq = modseq,
		    .add = merge->flags,
		    .remove = STORE_FLAGS_ALL,
		    .add_keywords = merge->keywords,
		    .remove_keywords = UINT64_MAX,
		};
		bool same = memcmp(&change, &last, sizeof change) == 0;
		/* ranges ascend; found order is the directory's */
		if (one.n && (!same || merge->uid <= one.v[one.n - 1].hi)) {
			store_txn_flags(scan->box, &last, one.v, one.n);
			one.n = 0;
		}
		store_ranges_add(&one, merge->uid, false);
		last = change;
	}
	if (one.n)
		store_txn_flags(scan->box, &last, one.v, one.n);
	pf_vec_release(&one);
}

static pf_status commit_scan(struct scan *scan, const struct store_ranges *gone,
			     struct pf_error *err)
{
	struct store_box *box = scan->box;
	uint64_t modseq = box->modseq + 1;
	size_t added = 0;
	pf_status status = add_fresh(scan, modseq, &added, err);

	if (status != PF_OK) {
		store_txn_drop(box);
		return status;
	}
	add_merges(scan, modseq);
	if (gone->n)
		store_txn_expunge(box, modseq, gone->v, gone->n);
	bool news = box->txn.len > 0;
	for (int i = 0; i < 2; i++) {
		if (!scan->read[i])
			continue;
		box->seen[i] = scan->before[i];
		if (ticking_us(&scan->before[i]))
			box->rescan |= 1u << i;
	}
	if (box->lists_read) {
		store_txn_uidnext(box, box->uidnext);
		store_txn_noted(box);
	}
	bool clean = !box->rescan && !box->rescan_at && !box->missing;
	if (news || box->lists_read || (clean && box->unclean) ||
	    (box->unapplied && box->dirty.n == 0)) {
		/* files yet to be renamed: APPLIED comes after that */
		if (box->dirty.n == 0)
			store_txn_applied(box);
		status = added > BULK && !box->store->read_only
			     ? store_txn_commit_bulk(box, err)
			     : store_txn_commit(box, news, err);
	}
	if (status == PF_OK) {
		if (news)
			store_box_docs_changed(box);
		box->lists_read = false;
		if (box->claims.n) /* all their names */
			box->heap_waste = box->heap_len;
		box->claims.n = 0;
	}
	return status;
}

static pf_status scan_once(struct store_box *box, bool force,
			   struct pf_error *err)
{
	struct scan scan = {.box = box};
	struct store_ranges gone = {0};
	bool read[2] = {true, true};
	bool due = box->rescan_at && pf_clock_us() >= box->rescan_at;

	if (due && !force && !box->missing) {
		unsigned doubt = store_own_end(box);
		box->rescan |= doubt;
		due = doubt == RESCAN_BOTH;
		if (!due)
			box->rescan_at = 0;
	}
	if (!force && !box->missing && !due)
		for (int i = 0; i < 2; i++) {
			struct store_stamp now =
			    store_stamp_of(box->dir, dir_names[i]);
			read[i] = box->rescan & 1u << i ||
				  !store_stamp_eq(&now, &box->seen[i]);
		}
	for (int i = 0; i < 2; i++)
		if (read[i])
			box->rescan &= ~(1u << i);
	if (read[0] && read[1])
		box->rescan_at = 0;
	if (!box->rescan_at)
		store_own_stop(box);
	pf_buf_init(&scan.names, STORE_FILE_MAX);
	if (box->past.n)
		qsort(box->past.v, box->past.n, sizeof *box->past.v,
		      compare_past);
	for (size_t i = 0; i < box->doomed.n; i++)
		pf_map_set(&scan.doomed, pf_str_c(box->heap + box->doomed.v[i]),
			   box);
	pf_status status = pass(&scan, read[0], read[1], err);
	bool moving = scan.doubles.n && !scan.stable;
	if (status == PF_OK && (box->missing || moving || scan.unseen))
		status = prove_absence(&scan, &gone, err);
	if (status == PF_OK)
		status = commit_scan(&scan, &gone, err);
	if (status != PF_OK)
		box->rescan = RESCAN_BOTH;
	free(scan.seen);
	pf_map_release(&scan.doomed);
	pf_buf_release(&scan.names);
	pf_vec_release(&scan.fresh);
	pf_vec_release(&scan.doubles);
	pf_vec_release(&scan.moved);
	pf_vec_release(&scan.merges);
	pf_vec_release(&gone);
	return status;
}

void store_scan_settle(struct store_box *box)
{
	int64_t us = 0;

	if (box->own.fd <= 0 || !box->rescan_at)
		return;
	for (int i = 0; i < 2; i++) {
		int64_t left = ticking_us(&box->seen[i]);
		if (left > us)
			us = left;
	}
	/* less than whoever opens it next would need to read all of it */
	if (us > TICK_FINE_US || (us > 0 && box->recs.n < SETTLE_LEAST))
		return;
	if (us > 0)
		usleep((useconds_t)us + 1000);
	box->rescan_at = 1;
	(void)!store_scan(box, false, NULL);
}

pf_status store_scan(struct store_box *box, bool force, struct pf_error *err)
{
	pf_status status = PF_OK;
	bool again = true;

	for (int i = 0; i < 4 && again && status == PF_OK; i++) {
		again = false;
		status = scan_once(box, force || i > 0, err);
		if (status == PF_OK && box->dirty.n && !box->store->read_only)
			status = store_rename_dirty(box, &again, err);
	}
	if (status == PF_OK && box->rebooted && !box->store->read_only) {
		/* all of the log has been looked after */
		status = store_checkpoint(box, err);
		if (status == PF_OK) {
			box->rebooted = false;
			box->past.n = box->doomed.n = 0;
		}
	}
	return status;
}
