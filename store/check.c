/*
 * The store's fsck: what is on disk, looked at without believing any of it.
 *
 * Findings are problems (mail, flags or names are wrong or unreadable, for us
 * or for Dovecot) or notes (what heals by itself when the mailbox is opened).
 * Repairing means: put right what only an administrator's word can put right,
 * open each mailbox so that it heals, look again, and tell which findings
 * are gone.  Files with mail are never removed or changed.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/names.h"
#include "store/quota.h"

/* as Dovecot: what lies in tmp/ for longer was given up */
#define TMP_SECONDS (36 * 3600)

struct file {
	char *name;
	size_t base; /* length of the base name */
	bool in_new;
	struct stat st;
};

struct check {
	struct store *store;
	struct store_findings *list;
	struct pf_buf name; /* of the mailbox, UTF-8 */
	const char *folder;
	int dir;
	bool repair;
	struct pf_vec(struct file) files; /* by name */
	struct store_box *known;	  /* snapshot and log */
};

__attribute__((format(printf, 4, 5))) static void
found(struct check *c, bool problem, const char *cure, const char *format, ...)
{
	struct store_finding f = {.problem = problem, .cure = cure};
	va_list ap;

	f.mailbox = pf_str_dup(pf_buf_str(&c->name));
	va_start(ap, format);
	vsnprintf(f.text, sizeof f.text, format, ap);
	va_end(ap);
	for (char *at = f.text; *at; at++) /* file names are anybody's */
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	pf_vec_push(c->list, f);
}

void store_findings_release(struct store_findings *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i].mailbox);
	pf_vec_release(list);
}

/* ---- files ------------------------------------------------------------- */

static int compare_files(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	struct pf_str p = {x->name, x->base}, q = {y->name, y->base};
	int order = pf_str_cmp(p, q);

	return order ? order : strcmp(x->name, y->name);
}

static void read_files(struct check *c, const char *dir)
{
	int fd = openat(c->dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d) {
		found(c, true, "make it a directory that can be read",
		      "%s/: %m", dir);
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		struct file f = {.in_new = dir[0] == 'n'};
		if (e->d_name[0] == '.' ||
		    fstatat(fd, e->d_name, &f.st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		f.name = pf_str_dup(pf_str_c(e->d_name));
		f.base = store_base_of(pf_str_c(f.name)).n;
		pf_vec_push(&c->files, f);
	}
	closedir(d);
}

static void forget_files(struct check *c)
{
	for (size_t i = 0; i < c->files.n; i++)
		free(c->files.v[i].name);
	pf_vec_release(&c->files);
}

static const char *dir_of(const struct file *f)
{
	return f->in_new ? "new" : "cur";
}

static bool printable(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			return false;
	return true;
}

static int open_file(const struct check *c, const struct file *f)
{
	char path[300];

	snprintf(path, sizeof path, "%s/%s", dir_of(f), f->name);
	return openat(c->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* S= and W= in the name, and what we believe. */
static void check_sizes(struct check *c, const struct file *f,
			const struct store_rec *rec)
{
	struct pf_str base = {f->name, f->base};
	uint64_t said, real = 0;
	int fd = open_file(c, f);

	if (fd < 0)
		return; /* was said */
	if (store_virtual_size(fd, &real, NULL) != PF_OK)
		found(c, true, "restore it from a backup", "%s/%s: %m",
		      dir_of(f), f->name);
	close(fd);
	if (store_base_number(base, 'S', &said) &&
	    said != (uint64_t)f->st.st_size)
		found(c, false, "Dovecot renames such a file when it is read",
		      "%s/%s has %lld bytes", dir_of(f), f->name,
		      (long long)f->st.st_size);
	if (rec && real && rec->m.size != real)
		found(c, true, "--repair corrects it",
		      "uid %u is said to have %llu bytes and has %llu",
		      rec->m.uid, (unsigned long long)rec->m.size,
		      (unsigned long long)real);
}

static bool same_base(const struct file *f, const struct file *g)
{
	return f->base == g->base && memcmp(f->name, g->name, f->base) == 0;
}

static void check_file(struct check *c, const struct file *f, bool alone)
{
	struct store_rec *rec =
	    c->known
		? store_index_find(c->known, (struct pf_str){f->name, f->base})
		: NULL;

	if (!S_ISREG(f->st.st_mode)) {
		found(c, true, "take it away: it is no message", "%s/%s: %s",
		      dir_of(f), f->name,
		      S_ISLNK(f->st.st_mode) ? "a symbolic link"
					     : "not a file");
		return;
	}
	if (f->base == 0 || !printable(f->name))
		found(c, true, "rename it to something with letters and digits",
		      "%s/: a file name that Dovecot does not read, inode %llu",
		      dir_of(f), (unsigned long long)f->st.st_ino);
	if (!(f->st.st_mode & S_IRUSR) || f->st.st_uid != geteuid())
		found(c, true, "--repair makes it readable for its owner",
		      "%s/%s: mode %03o, owner %u", dir_of(f), f->name,
		      (unsigned)f->st.st_mode & 0777, (unsigned)f->st.st_uid);
	check_sizes(c, f, alone ? rec : NULL);
	if (c->known && !rec)
		found(c, false, "it gets its UID when the mailbox is opened",
		      "%s/%s: a file without a record", dir_of(f), f->name);
}

static void check_files(struct check *c)
{
	read_files(c, "new");
	read_files(c, "cur");
	if (c->files.n)
		qsort(c->files.v, c->files.n, sizeof *c->files.v,
		      compare_files);
	for (size_t i = 0; i < c->files.n; i++) {
		const struct file *f = &c->files.v[i], *g = f - 1;
		bool again = i > 0 && same_base(f, g);
		check_file(c, f,
			   !again &&
			       (i + 1 == c->files.n || !same_base(f, f + 1)));
		if (!again)
			continue;
		if (f->st.st_ino == g->st.st_ino)
			found(c, false, "opening the mailbox removes one name",
			      "%s/%s is there twice, under two names",
			      dir_of(f), f->name);
		else
			found(c, false, "opening the mailbox renames one",
			      "%s/%s and %s/%s are two messages of one name",
			      dir_of(g), g->name, dir_of(f), f->name);
	}
}

static bool has_file(const struct check *c, const char *base)
{
	size_t lo = 0, hi = c->files.n;
	struct pf_str want = pf_str_c(base);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct pf_str at = {c->files.v[mid].name, c->files.v[mid].base};
		if (pf_str_cmp(at, want) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->files.n &&
	       pf_str_eq(
		   (struct pf_str){c->files.v[lo].name, c->files.v[lo].base},
		   want);
}

static void check_records(struct check *c)
{
	for (size_t i = 0; c->known && i < c->known->recs.n; i++) {
		const struct store_rec *rec = &c->known->recs.v[i];
		if (!has_file(c, store_rec_base(c->known, rec)))
			found(c, false,
			      "put the file back from a backup, or open the "
			      "mailbox: then the message counts as expunged",
			      "uid %u has no file: %s", rec->m.uid,
			      store_rec_base(c->known, rec));
	}
}

static void check_tmp(struct check *c)
{
	int fd = openat(c->dir, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct stat st;

	if (!d) {
		found(c, true, "make it a directory that can be read",
		      "tmp/: %m");
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.' || fstatat(fd, e->d_name, &st, 0) ||
		    st.st_mtim.tv_sec > pf_clock_now() - TMP_SECONDS)
			continue;
		found(c, false, "--repair removes it",
		      "tmp/%s: a delivery that never ended", e->d_name);
		if (c->repair)
			(void)!pf_fs_unlink(fd, e->d_name, NULL);
	}
	closedir(d);
}

/* ---- what is kept beside them ------------------------------------------ */

/* Snapshot and log into c->known, read only. */
static void check_cache(struct check *c)
{
	struct stat snapshot, log;
	struct store_box *box = c->known;
	bool reload = false;
	bool have = fstatat(c->dir, "penfold.snapshot", &snapshot, 0) == 0;

	if (store_snapshot_load(box) != PF_OK) {
		if (have)
			found(c, false,
			      "it is made anew from the log, dovecot-uidlist "
			      "and the files",
			      "penfold.snapshot is damaged");
		store_box_free(box);
		c->known = NULL;
		return;
	}
	if (store_log_read(box, &reload, NULL) != PF_OK || reload) {
		found(c, false, "both are made anew",
		      "penfold.log belongs to another snapshot");
		store_box_free(box);
		c->known = NULL;
		return;
	}
	if (fstatat(c->dir, "penfold.log", &log, 0) != 0 || box->log_fd < 0)
		found(c, false, "it is made anew",
		      "penfold.log is missing or damaged");
	else if (log.st_size > box->log_end)
		found(c, false,
		      "no reader goes there, and the next writer cuts it off",
		      "penfold.log has %lld bytes behind its last record",
		      (long long)(log.st_size - box->log_end));
	if (box->moves.n)
		found(c, false, "opening the mailbox finishes them",
		      "%zu messages are half way to another mailbox",
		      box->moves.n);
}

/* A mailbox in memory of which nobody else knows. */
static struct store_box *shadow(struct check *c)
{
	struct store_box *box = calloc(1, sizeof *box);

	if (!box || !(box->near = calloc(1, sizeof *box->near)))
		abort();
	box->store = c->store;
	box->folder = pf_str_dup(pf_str_c(c->folder));
	box->dir = dup(c->dir);
	box->log_fd = box->lock_fd = -1;
	pf_list_init(&box->views);
	pf_list_init(&box->link);
	store_box_forget(box);
	return box;
}

static size_t count_lines(struct pf_str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static void check_uidlist(struct check *c)
{
	struct pf_buf text = PF_BUF_INIT(STORE_FILE_MAX);
	struct store_box *theirs = shadow(c);
	struct store_uidlist list;

	if (pf_fs_read(c->dir, "dovecot-uidlist", &text, NULL) != PF_OK) {
		if (c->known && c->known->recs.n)
			found(c, false, "it is written at the next change",
			      "dovecot-uidlist is missing");
	} else if (!store_uidlist_parse(theirs, pf_buf_str(&text), &list)) {
		found(c, !c->known, "it is made anew from our own log",
		      "dovecot-uidlist is damaged");
	} else {
		size_t lines = count_lines(pf_buf_str(&text));
		if (lines != (size_t)list.lines + 1)
			found(c, false, "it is made anew from our own log",
			      "dovecot-uidlist: line %u cannot be read",
			      list.lines + 2);
		if (c->known && list.uidvalidity != c->known->uidvalidity)
			found(
			    c, true,
			    "the later one counts, when the mailbox is opened",
			    "dovecot-uidlist says UIDVALIDITY %u, we %u",
			    list.uidvalidity, c->known->uidvalidity);
		for (size_t i = 0; c->known && i < theirs->claims.n; i++) {
			const struct store_claim *claim = &theirs->claims.v[i];
			const struct store_rec *rec =
			    store_box_rec(c->known, claim->uid);
			if (rec && strcmp(theirs->heap + claim->name,
					  store_rec_base(c->known, rec)) != 0)
				found(c, true, "--repair: ours counts",
				      "dovecot-uidlist: uid %u is another "
				      "file there",
				      claim->uid);
		}
	}
	store_box_free(theirs);
	pf_buf_release(&text);
}

static void check_texts(struct check *c)
{
	static const char *const names[] = {
	    "dovecot-keywords",	  "penfold.summary", "dovecot-acl",
	    "penfold-metadata",	  "subscriptions",   "maildirsize",
	    "dovecot-uidvalidity"};
	struct store_acl acl = {0};
	struct pf_arena arena;
	struct stat st;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (fstatat(c->dir, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (!S_ISREG(st.st_mode) ||
		     faccessat(c->dir, names[i], R_OK, AT_EACCESS) != 0))
			found(c, true, "--repair makes it readable",
			      "%s cannot be read", names[i]);
	pf_arena_init(&arena, 16 << 20);
	struct pf_str name = pf_buf_str(&c->name);
	struct pf_error err = {0};
	if (store_acl_read(c->store, name, &arena, &acl, &err) == PF_INVALID)
		found(c, true,
		      "write it as Dovecot does: until then nobody but the "
		      "owner has any rights",
		      "dovecot-acl: %s", err.log);
	pf_vec_release(&acl);
	pf_arena_release(&arena);
}

/* ---- a mailbox --------------------------------------------------------- */

static void fix_modes(struct check *c, const char *dir)
{
	int fd = openat(c->dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct stat st;

	for (struct dirent *e; d && (e = readdir(d));)
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && !(st.st_mode & S_IRUSR))
			(void)!fchmodat(
			    fd, e->d_name,
			    (st.st_mode & 07777) | S_IRUSR | S_IWUSR, 0);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

/* Sizes that clients were told wrongly: there is no record for such a change,
 * so all of them go into a new snapshot. */
static void fix_sizes(struct store_box *box)
{
	bool changed = false;

	if (store_box_lock(box, NULL) != PF_OK)
		return;
	for (size_t i = 0; i < box->recs.n; i++) {
		struct store_rec *rec = &box->recs.v[i];
		struct pf_buf path = PF_BUF_INIT(1024);
		uint64_t real;
		store_rec_path(box, rec, &path);
		int fd = openat(box->dir, path.data, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && store_virtual_size(fd, &real, NULL) == PF_OK &&
		    real && real != rec->m.size) {
			rec->m.size = real;
			changed = true;
		}
		if (fd >= 0)
			close(fd);
		pf_buf_release(&path);
	}
	if (changed) {
		store_box_count(box);
		(void)!store_checkpoint(box, NULL);
	}
	store_box_unlock(box);
}

/* Does a finding of this mailbox begin like that? */
static bool was_found(const struct check *c, const char *text)
{
	for (size_t i = 0; i < c->list->n; i++)
		if (pf_str_eq(pf_str_c(c->list->v[i].mailbox),
			      pf_buf_str(&c->name)) &&
		    strncmp(c->list->v[i].text, text, strlen(text)) == 0)
			return true;
	return false;
}

/* Dovecot's list as a whole, from what we know. */
static void write_list_anew(struct store_box *box)
{
	if (store_box_lock(box, NULL) != PF_OK)
		return;
	if (pf_fs_unlink(box->dir, "dovecot-uidlist", NULL) == PF_OK) {
		box->noted =
		    (struct store_noted){.keywords = box->noted.keywords};
		(void)!store_uidlist_write(box, true, NULL);
		(void)!store_checkpoint(box, NULL);
	}
	store_box_unlock(box);
}

static void heal(struct check *c)
{
	struct store_box *box = NULL;

	if (!was_found(c, ""))
		return;
	fix_modes(c, ".");
	fix_modes(c, "new");
	fix_modes(c, "cur");
	(void)!store_folder_make(c->dir, false, NULL);
	/* twice: what is absent has to be missed twice */
	for (int i = 0; i < 2; i++) {
		if (store_box_open(c->store, pf_buf_str(&c->name), &box,
				   NULL) != PF_OK)
			return;
		box->rescan = RESCAN_BOTH;
		(void)!store_box_sync(box, false, NULL);
		if (i == 0)
			fix_sizes(box);
		if (i == 0 && was_found(c, "dovecot-uidlist"))
			write_list_anew(box);
		if (was_found(c, "penfold.") &&
		    store_box_lock(box, NULL) == PF_OK) {
			(void)!store_checkpoint(box, NULL);
			store_box_unlock(box);
		}
		store_box_close(&box);
	}
}

static void check_folder(struct check *c)
{
	int lock = openat(c->dir, "penfold.lock", O_RDONLY | O_CLOEXEC);

	/* so that nothing of ours changes meanwhile */
	if (lock >= 0 && pf_fs_lock(lock, false, STORE_LOCK_MS, NULL) != PF_OK)
		found(c, true, "look who holds penfold.lock",
		      "it is locked for a long time");
	c->known = shadow(c);
	check_cache(c);
	check_files(c);
	check_records(c);
	check_tmp(c);
	check_uidlist(c);
	check_texts(c);
	if (c->known)
		store_box_free(c->known);
	c->known = NULL;
	forget_files(c);
	if (lock >= 0)
		close(lock);
}

/* Every directory below the root that is a mailbox, and those that are none. */
static pf_status each_folder(struct check *c, void (*fn)(struct check *c),
			     struct pf_error *err)
{
	int fd = -1;
	pf_status status =
	    pf_fs_open(c->store->dir, ".", O_RDONLY | O_DIRECTORY, 0, &fd, err);
	DIR *d = status == PF_OK ? fdopendir(fd) : NULL;
	struct stat st;

	for (struct dirent *e; d && (e = readdir(d));) {
		pf_buf_clear(&c->name);
		if (e->d_name[0] != '.' || strcmp(e->d_name, "..") == 0 ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISDIR(st.st_mode))
			continue;
		if (strcmp(e->d_name, ".") != 0 &&
		    !store_folder_exists(c->store, e->d_name)) {
			pf_buf_add_c(&c->name, e->d_name);
			if (fn == check_folder)
				found(c, false, "remove it if nobody needs it",
				      "a directory without cur/: no mailbox");
			continue;
		}
		if (!store_folder_name(c->store, e->d_name, &c->name)) {
			pf_buf_add_c(&c->name, e->d_name);
			if (fn == check_folder)
				found(c, true,
				      "rename it: no client sees what is in it",
				      "no name that a mailbox can have");
			continue;
		}
		c->folder = e->d_name;
		c->dir =
		    openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (c->dir < 0) {
			found(c, true, "make it readable", "%m");
			continue;
		}
		fn(c);
		close(c->dir);
	}
	if (d)
		closedir(d);
	return status;
}

static pf_status look(struct store *store, struct store_findings *list,
		      bool remove_tmp, struct pf_error *err)
{
	struct check c = {
	    .store = store, .list = list, .repair = remove_tmp, .dir = -1};

	pf_buf_init(&c.name, 4096);
	pf_status status = each_folder(&c, check_folder, err);
	pf_buf_release(&c.name);
	return status;
}

static bool still_there(const struct store_finding *f,
			const struct store_findings *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(f->text, list->v[i].text) == 0 &&
		    strcmp(f->mailbox, list->v[i].mailbox) == 0)
			return true;
	return false;
}

pf_status store_check(const struct store_conf *conf, bool repair,
		      struct store_findings *list, struct pf_error *err)
{
	struct store_conf reading = *conf;
	struct store_findings before = {0}, left = {0};
	struct store *store = NULL;

	reading.read_only = true;
	pf_status status = store_open(&reading, &store, err);
	if (status == PF_OK)
		status = look(store, &before, repair, err);
	store_close(&store);
	if (status == PF_OK && repair) {
		struct check c = {.list = &before, .dir = -1};
		pf_buf_init(&c.name, 4096);
		reading.read_only = false;
		status = store_open(&reading, &store, err);
		c.store = store;
		if (status == PF_OK)
			status = each_folder(&c, heal, err);
		if (status == PF_OK && store->quota)
			status = store_quota_recount(store, err);
		store_close(&store);
		pf_buf_release(&c.name);
		reading.read_only = true;
		if (status == PF_OK)
			status = store_open(&reading, &store, err);
		if (status == PF_OK)
			status = look(store, &left, false, err);
		store_close(&store);
		for (size_t i = 0; i < before.n; i++)
			before.v[i].repaired =
			    !still_there(&before.v[i], &left);
	}
	store_findings_release(&left);
	if (status == PF_OK)
		*list = before;
	else
		store_findings_release(&before);
	return status;
}
