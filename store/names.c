/*
 * Mailbox names and the directories they live in (Maildir++):
 *
 *	INBOX		the root itself, "."
 *	Lists.nanog	.Lists.nanog	(separator "." or "/" outside)
 *
 * On disk a name is in modified UTF-7, as Dovecot and older Couriers write
 * it; a folder that Courier 5 named in UTF-8 is found and kept as it is.
 */
#include <errno.h>
#include <unistd.h>

#include "base/utf8.h"
#include "store/box.h"

#define FOLDER_MAX 255 /* NAME_MAX: the whole path is one directory name */

bool store_is_inbox(struct pf_str name)
{
	return pf_str_ieq(name, PF_STR("INBOX"));
}

static pf_status check_text(const struct store *store, struct pf_str name,
			    struct pf_error *err)
{
	const char *why = NULL;

	if (name.n == 0)
		why = "The mailbox name is empty";
	else if (!pf_utf8_valid(name))
		why = "The mailbox name is not valid UTF-8";
	for (size_t i = 0; i < name.n && !why; i++) {
		unsigned char c = (unsigned char)name.p[i];
		bool ends = i + 1 == name.n;
		if (c < 0x20 || c == 0x7f)
			why = "Control characters cannot be in mailbox names";
		else if (c == '/' && store->separator != '/')
			why = "The character / cannot be in mailbox names";
		else if (c == '.' && store->separator != '.')
			why = "The character . cannot be in mailbox names";
		else if ((char)c == store->separator &&
			 (i == 0 || ends || name.p[i - 1] == store->separator))
			why = "A part of the mailbox name is empty";
	}
	if (!why)
		return PF_OK;
	return pf_error_set(err, PF_INVALID, why, "mailbox name: %s", why);
}

/* Appends ".A.B"; `utf7` says in which spelling. */
static bool add_folder(const struct store *store, struct pf_str name, bool utf7,
		       struct pf_buf *folder)
{
	struct pf_str rest = name, part;
	bool first = true;

	while (pf_str_split(&rest, store->separator, &part)) {
		pf_buf_add_byte(folder, '.');
		if (first && store_is_inbox(part))
			pf_buf_add_c(folder, "INBOX");
		else if (!utf7)
			pf_buf_add_str(folder, part);
		else if (!pf_utf7_encode(folder, part))
			return false;
		first = false;
	}
	return !folder->failed && folder->len <= FOLDER_MAX;
}

bool store_folder_exists(struct store *store, const char *folder)
{
	struct pf_buf path = PF_BUF_INIT(FOLDER_MAX + 20);
	struct stat st;
	bool exists;

	pf_buf_add_c(&path, folder);
	pf_buf_add_c(&path, "/cur");
	exists = fstatat(store->dir, path.data, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!exists) { /* made by another program, not yet filled */
		pf_buf_cut(&path, path.len - 3);
		pf_buf_add_c(&path, "maildirfolder");
		exists = fstatat(store->dir, path.data, &st,
				 AT_SYMLINK_NOFOLLOW) == 0;
	}
	pf_buf_release(&path);
	return exists;
}

/* Does a folder so called bear that name?  ".a&AOQ-" is "aä", not "a&AOQ-". */
static bool is_name_of(const struct store *store, const char *folder,
		       struct pf_str name)
{
	struct pf_buf made = PF_BUF_INIT(4 * FOLDER_MAX);
	bool same = store_folder_name(store, folder, &made) &&
		    pf_str_eq(pf_buf_str(&made), name);

	pf_buf_release(&made);
	return same;
}

pf_status store_folder_of(struct store *store, struct pf_str name,
			  struct pf_buf *folder, struct pf_error *err)
{
	struct pf_buf utf8 = PF_BUF_INIT(FOLDER_MAX + 10);
	pf_status status = check_text(store, name, err);

	if (status != PF_OK)
		return status;
	pf_buf_clear(folder);
	if (store_is_inbox(name)) {
		pf_buf_add_byte(folder, '.');
		return PF_OK;
	}
	if (!add_folder(store, name, true, folder))
		return pf_error_set(err, PF_INVALID,
				    "The mailbox name is too long",
				    "mailbox name of %zu bytes", name.n);
	if (add_folder(store, name, false, &utf8) &&
	    !pf_str_eq(pf_buf_str(&utf8), pf_buf_str(folder)) &&
	    is_name_of(store, utf8.data, name) &&
	    !store_folder_exists(store, folder->data) &&
	    store_folder_exists(store, utf8.data)) {
		pf_buf_clear(folder);
		pf_buf_add_str(folder, pf_buf_str(&utf8));
	}
	pf_buf_release(&utf8);
	return PF_OK;
}

bool store_folder_name(const struct store *store, const char *folder,
		       struct pf_buf *name)
{
	struct pf_str rest = pf_str_c(folder), part;
	bool utf7 = true, good = true;

	if (folder[0] != '.' || folder[1] == '.')
		return false;
	if (folder[1] == '\0') {
		pf_buf_add_c(name, "INBOX");
		return true;
	}
	rest = pf_str_from(rest, 1);
	size_t start = name->len;
	for (int spelling = 0; spelling < 2; spelling++) {
		struct pf_str left = rest;
		pf_buf_cut(name, start);
		good = true;
		while (good && pf_str_split(&left, '.', &part)) {
			if (name->len > start)
				pf_buf_add_byte(name, store->separator);
			good = part.n > 0;
			if (good && utf7)
				good = pf_utf7_decode(name, part);
			else if (good)
				pf_buf_add_str(name, part);
		}
		if (good)
			break;
		utf7 = false;
	}
	struct pf_str made = pf_str_from(pf_buf_str(name), start);
	if (!good || name->failed || rest.p[rest.n - 1] == '.' ||
	    store_is_inbox(made) || check_text(store, made, NULL) != PF_OK) {
		pf_buf_cut(name, start);
		return false;
	}
	return true;
}

pf_status store_folder_make(int dir, bool marker, struct pf_error *err)
{
	static const char *const parts[] = {"tmp", "new", "cur"};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		pf_status status =
		    pf_fs_mkdir(dir, parts[i], STORE_FOLDER_MODE, err);
		if (status != PF_OK && status != PF_EXISTS)
			return status;
	}
	if (marker) {
		int fd = -1;
		pf_status status =
		    pf_fs_open(dir, "maildirfolder", O_WRONLY | O_CREAT,
			       STORE_FILE_MODE, &fd, err);
		if (status != PF_OK)
			return status;
		close(fd);
	}
	return PF_OK;
}

pf_status store_name_check(struct store *store, struct pf_str name,
			   bool *exists, struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(FOLDER_MAX + 1);
	pf_status status = store_folder_of(store, name, &folder, err);

	if (status == PF_OK)
		*exists = store_folder_exists(store, folder.data);
	pf_buf_release(&folder);
	return status;
}

pf_status store_writable(const struct store *store, struct pf_error *err)
{
	if (!store->read_only)
		return PF_OK;
	return pf_error_set(err, PF_NOPERM, "The store is read-only",
			    "change of a read-only store");
}

/* The lock around what concerns several mailboxes: names, subscriptions,
 * dovecot-uidvalidity.  Taken before any mailbox' lock. */
pf_status store_root_lock(struct store *store, struct pf_error *err)
{
	pf_status status = store_writable(store, err);

	if (status != PF_OK)
		return status;
	if (store->root_lock_fd < 0)
		status = pf_fs_open(store->dir, "penfold-root.lock",
				    O_RDWR | O_CREAT, STORE_FILE_MODE,
				    &store->root_lock_fd, err);
	if (status == PF_OK)
		status =
		    pf_fs_lock(store->root_lock_fd, true, STORE_LOCK_MS, err);
	return status;
}

void store_root_unlock(struct store *store)
{
	pf_fs_unlock(store->root_lock_fd);
}
