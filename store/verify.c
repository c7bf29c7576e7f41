/*
 * The watch-dog on ourselves: recomputes what must hold for a mailbox, at the
 * end of each step that held its lock, and aborts with a message when it does
 * not.  Only in builds with --enable-fault-injection; there it is on.
 *
 * What it looks at: order, counts and heap of the records; that nothing which
 * only rises has fallen; snapshot and log, read afresh, give the same mailbox
 * as the memory; dovecot-uidlist names the same files; sessions' views follow
 * from the box; the directories hold a file for each record.
 *
 * The environment's PENFOLD_VERIFY can be "off", or "memory": nothing on disk.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "store/box.h"

#ifdef PF_FAULT_INJECTION

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* a large mailbox is looked at less often: the whole costs O(1) a message */
#define EACH_TIME 512

__attribute__((format(printf, 2, 3), noreturn)) static void
broken(const struct store_box *box, const char *format, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	dprintf(2, "penfold: invariant broken: %s%s: %s\n", box->store->root,
		box->folder, text);
	abort();
}

#define holds(cond, ...)                                                       \
	do {                                                                   \
		if (!(cond))                                                   \
			broken(box, __VA_ARGS__);                              \
	} while (0)

/* ---- memory ------------------------------------------------------------ */

static void verify_record(const struct store_box *box,
			  const struct store_rec *rec)
{
	uint32_t uid = rec->m.uid;

	holds(uid < box->uidnext, "uid %u, but UIDNEXT is %u", uid,
	      box->uidnext);
	holds(rec->m.modseq > 0 && rec->m.modseq <= box->modseq,
	      "uid %u: modseq above HIGHESTMODSEQ", uid);
	holds((rec->m.flags & ~(uint32_t)STORE_FLAGS_ALL) == 0,
	      "uid %u: flags %x", uid, rec->m.flags);
	holds(rec->name > 0 && rec->name < box->heap_len &&
		  rec->guid < box->heap_len,
	      "uid %u: name outside the heap", uid);
	struct pf_str base = pf_str_c(store_rec_base(box, rec));
	holds(base.n > 0 && !memchr(base.p, '/', base.n) &&
		  !memchr(base.p, ':', base.n),
	      "uid %u: no base name", uid);
	holds(!(rec->state & REC_ODD) || rec->name + base.n + 1 < box->heap_len,
	      "uid %u: suffix outside the heap", uid);
	holds(rec->state & REC_DIRTY ||
		  rec->letters == store_letters_of(&rec->m) ||
		  box->store->read_only || box->provisional,
	      "uid %u: letters %x, flags say %x, and nobody is to rename it",
	      uid, rec->letters, store_letters_of(&rec->m));
}

static void verify_counts(const struct store_box *box)
{
	uint32_t unseen = 0, deleted = 0, in_new = 0, fresh = 0, last = 0;
	uint64_t size = 0, deleted_size = 0;

	for (size_t i = 0; i < box->recs.n; i++) {
		const struct store_rec *rec = &box->recs.v[i];
		holds(rec->m.uid > last, "uid %u behind %u", rec->m.uid, last);
		last = rec->m.uid;
		verify_record(box, rec);
		unseen += !(rec->m.flags & STORE_SEEN);
		in_new += !!(rec->state & REC_NEW);
		fresh += !!(rec->state & REC_FRESH);
		size += rec->m.size;
		if (rec->m.flags & STORE_DELETED) {
			deleted++;
			deleted_size += rec->m.size;
		}
	}
	holds(unseen == box->unseen, "%u unseen, counted %u", box->unseen,
	      unseen);
	holds(deleted == box->deleted_count, "%u deleted, counted %u",
	      box->deleted_count, deleted);
	holds(in_new == box->in_new, "%u in new/, counted %u", box->in_new,
	      in_new);
	holds(fresh == box->fresh, "%u fresh, counted %u", box->fresh, fresh);
	holds(size == box->size && deleted_size == box->deleted_size,
	      "the sum of sizes is wrong");
}

static void verify_gone(const struct store_box *box)
{
	uint64_t last = 0;

	for (size_t i = 0; i < box->gone.n; i++) {
		const struct store_gone *g = &box->gone.v[i];
		holds(g->lo > 0 && g->lo <= g->hi && g->hi < box->uidnext,
		      "expunged %u:%u, UIDNEXT %u", g->lo, g->hi, box->uidnext);
		holds(g->modseq >= last && g->modseq <= box->modseq,
		      "expunged %u:%u: modseq out of order", g->lo, g->hi);
		last = g->modseq;
	}
}

static int compare_bases(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Two records of one file would be one message twice. */
static void verify_names(struct store_box *box)
{
	const char **bases = calloc(box->recs.n + 1, sizeof *bases);

	if (!bases)
		abort();
	for (size_t i = 0; i < box->recs.n; i++)
		bases[i] = store_rec_base(box, &box->recs.v[i]);
	qsort(bases, box->recs.n, sizeof *bases, compare_bases);
	for (size_t i = 1; i < box->recs.n; i++)
		holds(strcmp(bases[i - 1], bases[i]) != 0,
		      "two records of one file");
	free(bases);
	for (size_t i = 0; box->index && i < box->recs.n; i++) {
		const struct store_rec *rec = &box->recs.v[i];
		struct pf_str base = pf_str_c(store_rec_base(box, rec));
		holds(rec->m.uid > box->index_last ||
			  store_index_find(box, base) == rec,
		      "uid %u is not in the index", rec->m.uid);
	}
}

static void verify_risen(struct store_box *box)
{
	if (box->verified.uidvalidity == box->uidvalidity) {
		holds(box->uidnext >= box->verified.uidnext,
		      "UIDNEXT fell from %u to %u", box->verified.uidnext,
		      box->uidnext);
		holds(box->modseq >= box->verified.modseq,
		      "HIGHESTMODSEQ fell by %llu",
		      (unsigned long long)(box->verified.modseq - box->modseq));
	} else {
		holds(box->verified.uidvalidity == 0 || box->reset,
		      "UIDVALIDITY went from %u to %u",
		      box->verified.uidvalidity, box->uidvalidity);
	}
	box->verified.uidvalidity = box->uidvalidity;
	box->verified.uidnext = box->uidnext;
	box->verified.modseq = box->modseq;
}

/* ---- disk -------------------------------------------------------------- */

/* A second mailbox of the same files, which nobody else knows. */
static struct store_box *shadow_new(const struct store_box *box,
				    struct store *store)
{
	struct store_box *shadow = calloc(1, sizeof *shadow);

	*store = (struct store){.read_only = true, .root = box->store->root};
	if (!shadow || !(shadow->near = calloc(1, sizeof *shadow->near)))
		abort();
	shadow->store = store;
	shadow->folder = box->folder;
	shadow->dir = box->dir;
	shadow->log_fd = shadow->lock_fd = -1;
	pf_list_init(&shadow->views);
	store_box_forget(shadow);
	return shadow;
}

static void shadow_free(struct store_box *shadow)
{
	store_box_forget(shadow);
	free(shadow->heap);
	free(shadow->near);
	free(shadow);
}

static void verify_same(const struct store_box *box,
			const struct store_box *disk)
{
	holds(disk->uidnext == box->uidnext && disk->modseq == box->modseq &&
		  disk->recs.n == box->recs.n,
	      "the disk has %zu messages, UIDNEXT %u, the memory %zu, %u%s",
	      disk->recs.n, disk->uidnext, box->recs.n, box->uidnext,
	      disk->modseq == box->modseq ? "" : ", and another modseq");
	for (size_t i = 0; i < box->recs.n; i++) {
		const struct store_rec *a = &box->recs.v[i],
				       *b = &disk->recs.v[i];
		holds(memcmp(&a->m, &b->m, sizeof a->m) == 0,
		      "uid %u and %u: memory and log differ", a->m.uid,
		      b->m.uid);
		holds(strcmp(store_rec_base(box, a), store_rec_base(disk, b)) ==
			      0 &&
			  strcmp(box->heap + a->guid, disk->heap + b->guid) ==
			      0,
		      "uid %u: its name is another in the log", a->m.uid);
	}
	for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++) {
		const char *a = box->keywords[i], *b = disk->keywords[i];
		holds(!a == !b && (!a || strcmp(a, b) == 0),
		      "keyword %u differs", i);
	}
}

static void verify_log(const struct store_box *box)
{
	struct store store;
	struct store_box *disk = shadow_new(box, &store);
	bool reload = false;

	/* a snapshot that somebody damaged is no fault of ours */
	if (store_snapshot_load(disk) == PF_OK &&
	    store_log_read(disk, &reload, NULL) == PF_OK && !reload &&
	    disk->seq == box->seq)
		verify_same(box, disk);
	shadow_free(disk);
}

/* Lines of dovecot-uidlist, unless somebody else wrote it. */
static void verify_uidlist(const struct store_box *box)
{
	struct pf_buf text = PF_BUF_INIT(STORE_FILE_MAX);
	struct store_stamp now = store_stamp_of(box->dir, "dovecot-uidlist");
	struct store_uidlist list;
	struct store store;

	if (!store_stamp_eq(&now, &box->noted.uidlist) || box->lists_read ||
	    now.mtime == 0 ||
	    pf_fs_read(box->dir, "dovecot-uidlist", &text, NULL) != PF_OK) {
		pf_buf_release(&text);
		return;
	}
	struct store_box *disk = shadow_new(box, &store);
	holds(store_uidlist_parse(disk, pf_buf_str(&text), &list),
	      "dovecot-uidlist cannot be read");
	holds(list.uidvalidity == box->uidvalidity,
	      "dovecot-uidlist has another UIDVALIDITY");
	size_t at = 0;
	for (size_t i = 0; i < box->recs.n; i++) {
		const struct store_rec *rec = &box->recs.v[i];
		if (rec->m.uid > box->noted.listed)
			break;
		while (at < disk->claims.n &&
		       disk->claims.v[at].uid < rec->m.uid)
			at++;
		holds(at < disk->claims.n &&
			  disk->claims.v[at].uid == rec->m.uid,
		      "uid %u is not in dovecot-uidlist", rec->m.uid);
		holds(strcmp(disk->heap + disk->claims.v[at].name,
			     store_rec_base(box, rec)) == 0,
		      "uid %u is another file in dovecot-uidlist", rec->m.uid);
	}
	if (box->recs.n)
		holds(list.uidnext > box->recs.v[box->recs.n - 1].m.uid,
		      "dovecot-uidlist: N%u is behind", list.uidnext);
	shadow_free(disk);
	pf_buf_release(&text);
}

static bool at_rest(const struct store_box *box)
{
	for (int i = 0; i < 2; i++) {
		struct store_stamp now =
		    store_stamp_of(box->dir, i == STORE_NEW ? "new" : "cur");
		if (!store_stamp_eq(&now, &box->seen[i]))
			return false;
	}
	return true;
}

static bool dir_has(const struct store_box *box, const char *dir,
		    const char *base)
{
	int fd = openat(box->dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	bool found = false;

	for (struct dirent *e; d && !found && (e = readdir(d));)
		found = pf_str_eq(store_base_of(pf_str_c(e->d_name)),
				  pf_str_c(base));
	if (d)
		closedir(d);
	return found;
}

/* When no scan is due, now or later, there is a file for each record: what a
 * foreign program did would show in the stamps.  It may have another name
 * than we think, if another process of ours met it there. */
static void verify_files(const struct store_box *box)
{
	struct pf_buf path = PF_BUF_INIT(1024);

	for (size_t i = 0; i < box->recs.n; i++) {
		const struct store_rec *rec = &box->recs.v[i];
		const char *base = store_rec_base(box, rec);
		pf_buf_clear(&path);
		store_rec_path(box, rec, &path);
		holds(!faccessat(box->dir, path.data, F_OK,
				 AT_SYMLINK_NOFOLLOW) ||
			  dir_has(box, "cur", base) ||
			  dir_has(box, "new", base) || !at_rest(box),
		      "uid %u has no file: no %s", rec->m.uid, path.data);
	}
	pf_buf_release(&path);
}

/* ---- all --------------------------------------------------------------- */

void store_verify(struct store_box *box)
{
	const char *mode = getenv("PENFOLD_VERIFY");

	if (mode && strcmp(mode, "off") == 0)
		return;
	box->verify_debt += EACH_TIME;
	if (box->verify_debt < box->recs.n)
		return;
	box->verify_debt = 0;
	verify_counts(box);
	verify_gone(box);
	verify_names(box);
	verify_risen(box);
	store_views_verify(box);
	if (box->store->read_only || box->log_fd < 0 ||
	    (mode && strcmp(mode, "memory") == 0))
		return;
	verify_log(box);
	verify_uidlist(box);
	if (!box->rescan && !box->rescan_at && !box->missing &&
	    !box->rebooted && at_rest(box))
		verify_files(box);
}

void store_verify_view(const struct store_box *box, struct store_view *view)
{
	const struct store_uids *pending = store_view_expunged(view);
	uint32_t count = store_view_count(view), last = 0;

	for (size_t i = 0; i < pending->n; i++) {
		uint32_t uid = pending->v[i];
		holds(i == 0 || uid > pending->v[i - 1],
		      "a view's expunges are out of order");
		holds(!store_box_find(box, uid),
		      "uid %u is there, and expunged in a view", uid);
	}
	for (uint32_t seq = 1; seq <= count; seq++) {
		uint32_t uid = store_view_uid(view, seq);
		holds(uid > last && uid < box->uidnext,
		      "a view's message %u is uid %u, behind %u", seq, uid,
		      last);
		holds(store_view_seq(view, uid) == seq,
		      "a view's uid %u is not number %u", uid, seq);
		last = uid;
	}
	holds(store_view_modseq(view) <= box->modseq,
	      "a view knows more than the box");
}

#else

void store_verify(struct store_box *box)
{
	(void)box;
}

#endif
