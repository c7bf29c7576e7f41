/*
 * state_dir/shared-mailboxes: which users have shared something, and with
 * whom.  Sorted, without doubles, replaced as a whole under a lock.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "share/share.h"

#define FILE_NAME "shared-mailboxes"
#define LOCK_NAME "shared-mailboxes.lock"
#define FILE_MAX  ((size_t)64 << 20)
#define FILE_MODE 0600
#define LOCK_MS	  30000

struct lines pf_vec(struct pf_str);

static int compare(const void *a, const void *b)
{
	return pf_str_cmp(*(const struct pf_str *)a, *(const struct pf_str *)b);
}

static void split_sorted(struct pf_str text, struct lines *lines)
{
	struct pf_str line;
	size_t kept = 0;

	while (pf_str_split(&text, '\n', &line))
		if (pf_str_chr(line, '\t') > 0)
			pf_vec_push(lines, line);
	if (lines->n)
		qsort(lines->v, lines->n, sizeof *lines->v, compare);
	for (size_t i = 0; i < lines->n; i++)
		if (i == 0 || !pf_str_eq(lines->v[i], lines->v[kept - 1]))
			lines->v[kept++] = lines->v[i];
	lines->n = kept;
}

static pf_status write_sorted(int dir, struct pf_str text, struct pf_error *err)
{
	struct pf_buf out = PF_BUF_INIT(FILE_MAX);
	struct lines lines = {0};

	split_sorted(text, &lines);
	for (size_t i = 0; i < lines.n; i++) {
		pf_buf_add_str(&out, lines.v[i]);
		pf_buf_add_byte(&out, '\n');
	}
	pf_status status = pf_buf_status(&out, err);
	if (status == PF_OK)
		status = pf_fs_replace(dir, FILE_NAME, pf_buf_str(&out),
				       FILE_MODE, true, err);
	pf_vec_release(&lines);
	pf_buf_release(&out);
	return status;
}

/* state_dir, locked */
static pf_status begin(const struct pf_conf *conf, int *dir, int *lock,
		       struct pf_error *err)
{
	*dir = *lock = -1;
	pf_status status = pf_fs_mkdirs(conf->state_dir, 0700, err);

	if (status == PF_OK)
		status = pf_fs_open(AT_FDCWD, conf->state_dir,
				    O_RDONLY | O_DIRECTORY, 0, dir, err);
	if (status == PF_OK)
		status = pf_fs_open(*dir, LOCK_NAME, O_RDWR | O_CREAT,
				    FILE_MODE, lock, err);
	if (status == PF_OK)
		status = pf_fs_lock(*lock, true, LOCK_MS, err);
	return status;
}

static void finish(int dir, int lock)
{
	if (lock >= 0)
		close(lock); /* and with it the lock */
	if (dir >= 0)
		close(dir);
}

static void add_line(struct pf_buf *text, const struct store_acl_entry *entry,
		     const char *owner)
{
	struct pf_buf id = PF_BUF_INIT(4096);

	store_acl_id_write(&id, entry);
	if (!id.failed && !memchr(id.data, '\t', id.len) &&
	    !memchr(id.data, '\n', id.len))
		pf_buf_addf(text, "%s\t%s\n", id.data, owner);
	pf_buf_release(&id);
}

/* Would somebody else see the mailbox because of it? */
static bool shows(const struct store_acl_entry *entry, const char *owner)
{
	return !entry->negative && entry->rights &&
	       entry->kind != STORE_ACL_OWNER &&
	       !(entry->kind == STORE_ACL_USER &&
		 pf_str_ieq(entry->name, pf_str_c(owner)));
}

pf_status share_index_add(const struct pf_conf *conf,
			  const struct store_acl_entry *entry,
			  const char *owner, struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(FILE_MAX), line = PF_BUF_INIT(8192);
	int dir, lock;

	if (!shows(entry, owner))
		return PF_OK;
	add_line(&line, entry, owner);
	pf_status status = begin(conf, &dir, &lock, err);
	if (status == PF_OK) {
		status = pf_fs_read(dir, FILE_NAME, &text, err);
		if (status == PF_NOTFOUND)
			status = PF_OK;
	}
	if (status == PF_OK &&
	    !memmem(text.data, text.len, line.data, line.len)) {
		pf_buf_add_str(&text, pf_buf_str(&line));
		status = write_sorted(dir, pf_buf_str(&text), err);
	}
	finish(dir, lock);
	pf_buf_release(&text);
	pf_buf_release(&line);
	return status;
}

pf_status share_index_scan(struct store *store, const char *owner,
			   struct pf_buf *text, struct pf_error *err)
{
	struct store_names names = {0};
	struct store_acl acl = {0};
	struct pf_arena arena;

	pf_arena_init(&arena, (size_t)64 << 20);
	pf_status status = store_list(store, &arena, &names, err);
	for (size_t i = 0; i < names.n && status == PF_OK; i++) {
		if (!(names.v[i].flags & STORE_NAME_EXISTS) ||
		    store_acl_read(store, names.v[i].name, &arena, &acl,
				   NULL) != PF_OK)
			continue;
		for (size_t k = 0; k < acl.n; k++)
			if (shows(&acl.v[k], owner))
				add_line(text, &acl.v[k], owner);
	}
	pf_vec_release(&names);
	pf_vec_release(&acl);
	pf_arena_release(&arena);
	return status;
}

pf_status share_index_write(const struct pf_conf *conf, struct pf_str text,
			    struct pf_error *err)
{
	int dir, lock;
	pf_status status = begin(conf, &dir, &lock, err);

	if (status == PF_OK)
		status = write_sorted(dir, text, err);
	finish(dir, lock);
	return status;
}

static bool concerns(struct pf_str id, const struct store_who *who)
{
	struct store_acl_entry entry;
	struct store_acl one = {.v = &entry, .n = 1, .cap = 1};

	if (!store_acl_id_parse(id, &entry))
		return false;
	entry.rights = STORE_LOOKUP;
	return store_acl_rights(&one, who) != 0;
}

pf_status share_index_read(const struct pf_conf *conf,
			   const struct store_who *who,
			   void (*each)(void *arg, struct pf_str owner),
			   void *arg, struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(FILE_MAX);
	struct pf_str rest, line, id;
	struct lines owners = {0};
	struct store_who other = *who;
	int dir = -1;
	pf_status status = pf_fs_open(AT_FDCWD, conf->state_dir,
				      O_RDONLY | O_DIRECTORY, 0, &dir, err);

	other.owner = NULL;
	if (status == PF_OK) {
		status = pf_fs_read(dir, FILE_NAME, &text, err);
		close(dir);
	}
	rest = pf_buf_str(&text);
	while (status == PF_OK && pf_str_split(&rest, '\n', &line))
		if (pf_str_split(&line, '\t', &id) && line.n &&
		    !pf_str_eq(line, pf_str_c(who->user)) &&
		    concerns(id, &other))
			pf_vec_push(&owners, line);
	if (owners.n)
		qsort(owners.v, owners.n, sizeof *owners.v, compare);
	for (size_t i = 0; i < owners.n; i++)
		if (i == 0 || !pf_str_eq(owners.v[i], owners.v[i - 1]))
			each(arg, owners.v[i]);
	pf_vec_release(&owners);
	pf_buf_release(&text);
	return status == PF_NOTFOUND ? PF_OK : status;
}
