/*
 * A user's scripts on disk, as Dovecot lays them out.
 *
 *	~/sieve/NAME.sieve		the scripts
 *	~/.dovecot.sieve		-> sieve/NAME.sieve, the active one
 *
 * Editors (any number of processes) exclude each other by a lock in the
 * folder; readers, deliveries above all, need none, because every step leaves
 * whole files behind and an active script that is the old or the new one.
 *
 * A plain file where the link should be is a user's own work from before.  It
 * is shown as the script "dovecot.orig", active, and moves into the folder
 * (first linked there, then replaced by the link, so that it is in force all
 * the time) when something is done to it or another script becomes active.
 */
#include "msieve/msieve.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/utf8.h"

#define SUFFIX	  ".sieve"
#define SUFFIX_N  (sizeof SUFFIX - 1)
#define LOCK_FILE ".penfold.lock"
#define NEW_FILE  ".penfold.new"
#define LOCK_MS	  5000
#define ORIGINAL  "dovecot.orig"

enum active {
	NONE,
	LINK,	/* to one of ours, `name` */
	PLAIN,	/* a file, shown as `name` */
	FOREIGN /* a link to somewhere else, or to nothing */
};

/* An opened folder. */
struct place {
	const struct msieve_scripts *scripts;
	int dir;  /* -1: there is none yet */
	int lock; /* -1: just looking */
	int home; /* where the link is; -1: not there */
	const char *link;
	char link_new[NAME_MAX + 1];
	enum active active;
	char name[MSIEVE_NAME_MAX + 1]; /* of the active one */
	bool linked; /* PLAIN: it is in the folder, too (a crash) */
};

/* ---- names -------------------------------------------------------------- */

/* What Net-Unicode (RFC 5198 2) and RFC 5804 1.6 leave out. */
static bool forbidden(uint32_t c)
{
	return c == PF_UTF8_BAD || c < 0x20 || (c >= 0x7f && c <= 0x9f) ||
	       c == 0x2028 || c == 0x2029 || c == '/';
}

pf_status msieve_name_check(struct pf_str name, struct pf_error *err)
{
	size_t len;

	if (name.n == 0 || name.n > MSIEVE_NAME_MAX)
		return pf_error_set(err, PF_INVALID,
				    name.n ? "The script name is too long"
					   : "A script needs a name",
				    "script name of %zu bytes", name.n);
	if (name.p[0] == '.')
		return pf_error_set(err, PF_INVALID,
				    "A script name cannot begin with a dot",
				    "script name begins with a dot");
	for (size_t i = 0; i < name.n; i += len) {
		if (forbidden(pf_utf8_next(pf_str_from(name, i), &len)))
			return pf_error_set(
			    err, PF_INVALID,
			    "Script names are UTF-8 without slashes and "
			    "control characters",
			    "forbidden character in a script name");
	}
	return PF_OK;
}

static void file_name(char file[NAME_MAX + 1], struct pf_str name)
{
	snprintf(file, NAME_MAX + 1, "%.*s" SUFFIX, (int)name.n, name.p);
}

/* NAME.sieve -> NAME; false for other files. */
static bool script_name(const char *file, char name[MSIEVE_NAME_MAX + 1])
{
	struct pf_str s = pf_str_c(file);

	if (!pf_str_ends(s, PF_STR(SUFFIX)))
		return false;
	s = pf_str_head(s, s.n - SUFFIX_N);
	return msieve_name_check(s, NULL) == PF_OK &&
	       pf_str_copy(s, name, MSIEVE_NAME_MAX + 1);
}

static bool stat_script(const struct place *place, struct pf_str name,
			struct stat *st)
{
	char file[NAME_MAX + 1];

	file_name(file, name);
	return place->dir >= 0 &&
	       fstatat(place->dir, file, st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st->st_mode);
}

static bool is_active(const struct place *place, struct pf_str name)
{
	return (place->active == LINK || place->active == PLAIN) &&
	       pf_str_eq(name, pf_str_c(place->name));
}

/* Not in the folder: the plain file in the link's place. */
static bool is_plain(const struct place *place, struct pf_str name)
{
	return place->active == PLAIN && is_active(place, name);
}

static bool exists(const struct place *place, struct pf_str name)
{
	struct stat st;

	return is_plain(place, name) || stat_script(place, name, &st);
}

static pf_status missing(struct pf_error *err)
{
	return pf_error_set(err, PF_NOTFOUND, "There is no such script",
			    "no such script");
}

static pf_status taken(struct pf_error *err)
{
	return pf_error_set(err, PF_EXISTS, "There is a script of that name",
			    "script exists");
}

/* ---- which one is active ------------------------------------------------ */

/* A name for the plain file that no other script has. */
static void name_plain(struct place *place, const struct stat *plain)
{
	struct stat st;

	snprintf(place->name, sizeof place->name, "%s", ORIGINAL);
	for (unsigned i = 2; stat_script(place, pf_str_c(place->name), &st);
	     i++) {
		place->linked =
		    st.st_ino == plain->st_ino && st.st_dev == plain->st_dev;
		if (place->linked)
			return;
		snprintf(place->name, sizeof place->name, "%s-%u", ORIGINAL, i);
	}
}

static void find_active(struct place *place)
{
	char target[PATH_MAX];
	struct stat st, one;

	place->active = NONE;
	if (place->home < 0 ||
	    fstatat(place->home, place->link, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISREG(st.st_mode)) {
		place->active = PLAIN;
		name_plain(place, &st);
		return;
	}
	place->active = FOREIGN;
	ssize_t n =
	    readlinkat(place->home, place->link, target, sizeof target - 1);
	if (n <= 0 || fstatat(place->home, place->link, &st, 0) < 0)
		return;
	target[n] = '\0';
	const char *slash = strrchr(target, '/');
	if (script_name(slash ? slash + 1 : target, place->name) &&
	    stat_script(place, pf_str_c(place->name), &one) &&
	    one.st_ino == st.st_ino && one.st_dev == st.st_dev)
		place->active = LINK;
}

/* ---- opened, closed ----------------------------------------------------- */

static void place_close(struct place *place)
{
	if (place->lock >= 0)
		close(place->lock);
	if (place->dir >= 0)
		close(place->dir);
	if (place->home >= 0)
		close(place->home);
}

static struct pf_str folder_of(const char *path)
{
	ptrdiff_t slash = pf_str_rchr(pf_str_c(path), '/');

	return slash > 0 ? pf_str_mem(path, (size_t)slash) : PF_STR("/");
}

/* The folder is made, durably, for the first script. */
static pf_status make_dir(struct place *place, struct pf_error *err)
{
	const char *path = place->scripts->dir;
	char *above = pf_str_dup(folder_of(path));
	pf_status status = pf_fs_mkdirs(path, 0700, err);

	if (status == PF_OK)
		status = pf_fs_sync_dir(AT_FDCWD, above, err);
	if (status == PF_OK)
		status = pf_fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0,
				    &place->dir, err);
	free(above);
	return status;
}

static pf_status open_home(struct place *place, struct pf_error *err)
{
	const char *active = place->scripts->active;
	char *home = pf_str_dup(folder_of(active));
	pf_status status = pf_fs_open(AT_FDCWD, home, O_RDONLY | O_DIRECTORY, 0,
				      &place->home, err);

	free(home);
	place->link = strrchr(active, '/') + 1;
	if (snprintf(place->link_new, sizeof place->link_new, "%s.penfold.new",
		     place->link) >= (int)sizeof place->link_new)
		return pf_error_set(err, PF_LIMIT, NULL, "%s: too long",
				    active);
	return status == PF_NOTFOUND ? PF_OK : status;
}

static pf_status lock(struct place *place, struct pf_error *err)
{
	pf_status status = PF_OK;

	if (place->dir < 0)
		status = make_dir(place, err);
	if (status == PF_OK && place->home < 0)
		status = open_home(place, err);
	if (status == PF_OK)
		status = pf_fs_open(place->dir, LOCK_FILE,
				    O_RDWR | O_CREAT | O_NOFOLLOW, 0600,
				    &place->lock, err);
	if (status == PF_OK)
		status = pf_fs_lock(place->lock, true, LOCK_MS, err);
	return status;
}

static pf_status place_open(const struct msieve_scripts *scripts, bool change,
			    struct place *place, struct pf_error *err)
{
	*place = (struct place){
	    .scripts = scripts, .dir = -1, .lock = -1, .home = -1};
	if (scripts->dir[0] != '/' || scripts->active[0] != '/')
		return pf_error_set(err, PF_UNAVAILABLE,
				    "There is no place for scripts here",
				    "sieve_dir, sieve_script: no path");
	pf_status status = open_home(place, err);
	if (status == PF_OK)
		status =
		    pf_fs_open(AT_FDCWD, scripts->dir, O_RDONLY | O_DIRECTORY,
			       0, &place->dir, err);
	if (status == PF_NOTFOUND)
		status = PF_OK;
	if (status == PF_OK && change)
		status = lock(place, err);
	if (status == PF_OK)
		find_active(place);
	else
		place_close(place);
	return status;
}

/* The head of each call that names a script. */
static pf_status begin(const struct msieve_scripts *scripts, struct pf_str name,
		       bool change, struct place *place, struct pf_error *err)
{
	pf_status status = msieve_name_check(name, err);

	return status == PF_OK ? place_open(scripts, change, place, err)
			       : status;
}

/* ---- steps --------------------------------------------------------------- */

/* Under the lock, so the name of the new file needs no chance. */
static pf_status write_script(struct place *place, struct pf_str name,
			      struct pf_str text, struct pf_error *err)
{
	char file[NAME_MAX + 1];
	int fd = -1;

	file_name(file, name);
	(void)unlinkat(place->dir, NEW_FILE, 0);
	pf_status status = pf_fs_open(
	    place->dir, NEW_FILE, O_WRONLY | O_CREAT | O_EXCL, 0600, &fd, err);
	if (status != PF_OK)
		return status;
	status = pf_fs_write(fd, text.p, text.n, err);
	if (status == PF_OK)
		status = pf_fs_sync(fd, err);
	if (close(fd) != 0 && status == PF_OK)
		status = pf_error_sys(err, errno, "close %s", file);
	if (status == PF_OK)
		status =
		    pf_fs_rename(place->dir, NEW_FILE, place->dir, file, err);
	if (status == PF_OK)
		return pf_fs_sync_dir(place->dir, ".", err);
	(void)unlinkat(place->dir, NEW_FILE, 0);
	return status;
}

/* The text of the link to `file`: relative where the folder lies below the
 * link's, so that a home can be moved. */
static pf_status link_target(const struct place *place, const char *file,
			     struct pf_buf *to, struct pf_error *err)
{
	struct pf_str dir = pf_str_c(place->scripts->dir);
	struct pf_str home = folder_of(place->scripts->active);

	if (home.n > 1 && pf_str_starts(dir, home) && dir.n > home.n &&
	    dir.p[home.n] == '/')
		dir = pf_str_from(dir, home.n + 1);
	pf_buf_add_str(to, dir);
	pf_buf_addf(to, "/%s", file);
	return pf_buf_status(to, err);
}

static pf_status set_link(struct place *place, struct pf_str name,
			  struct pf_error *err)
{
	struct pf_buf target = PF_BUF_INIT(PATH_MAX);
	char file[NAME_MAX + 1];

	file_name(file, name);
	(void)unlinkat(place->home, place->link_new, 0);
	pf_status status = link_target(place, file, &target, err);
	if (status == PF_OK)
		status = pf_fs_symlink(target.data, place->home,
				       place->link_new, err);
	if (status == PF_OK)
		status = pf_fs_rename(place->home, place->link_new, place->home,
				      place->link, err);
	if (status == PF_OK)
		status = pf_fs_sync_dir(place->home, ".", err);
	pf_buf_release(&target);
	return status;
}

/* Into the folder: by a link, or on another file system by a copy. */
static pf_status keep_plain(struct place *place, struct pf_error *err)
{
	struct pf_str name = pf_str_c(place->name);
	struct pf_buf text = PF_BUF_INIT(64 << 20);
	struct pf_error why = {0};
	char file[NAME_MAX + 1];

	if (place->linked)
		return pf_fs_sync_dir(place->dir, ".", err);
	file_name(file, name);
	pf_status status =
	    pf_fs_link(place->home, place->link, place->dir, file, &why);
	if (status == PF_OK) {
		status = pf_fs_sync_dir(place->dir, ".", err);
	} else if (why.sys_errno == EXDEV || why.sys_errno == EPERM) {
		status = pf_fs_read(place->home, place->link, &text, err);
		if (status == PF_OK)
			status =
			    write_script(place, name, pf_buf_str(&text), err);
	} else if (err) {
		*err = why;
	}
	pf_buf_release(&text);
	return status;
}

/* The plain file becomes one of the scripts. */
static pf_status adopt(struct place *place, struct pf_error *err)
{
	pf_status status;

	if (place->active != PLAIN)
		return PF_OK;
	status = keep_plain(place, err);
	if (status == PF_OK)
		status = set_link(place, pf_str_c(place->name), err);
	if (status == PF_OK)
		place->active = LINK;
	return status;
}

/* ---- list, get ----------------------------------------------------------- */

static void add(struct msieve_list *list, const char *name, bool active)
{
	struct msieve_script script = {.active = active};

	snprintf(script.name, sizeof script.name, "%s", name);
	pf_vec_push(list, script);
}

static int by_name(const void *a, const void *b)
{
	const struct msieve_script *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static pf_status read_dir(const struct place *place, struct msieve_list *list,
			  struct pf_error *err)
{
	char name[MSIEVE_NAME_MAX + 1];
	struct stat st;
	int fd = -1;

	if (place->dir < 0)
		return PF_OK;
	/* a descriptor of its own: readdir moves a position */
	pf_status status =
	    pf_fs_open(place->dir, ".", O_RDONLY | O_DIRECTORY, 0, &fd, err);
	if (status != PF_OK)
		return status;
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return pf_error_sys(err, errno, "read the script folder");
	}
	errno = 0;
	for (struct dirent *e; (e = readdir(d)); errno = 0) {
		if (script_name(e->d_name, name) &&
		    stat_script(place, pf_str_c(name), &st))
			add(list, name, is_active(place, pf_str_c(name)));
	}
	if (errno)
		status = pf_error_sys(err, errno, "read the script folder");
	closedir(d);
	return status;
}

static pf_status list_place(const struct place *place, struct msieve_list *list,
			    struct pf_error *err)
{
	pf_status status = read_dir(place, list, err);

	if (status == PF_OK && place->active == PLAIN && !place->linked)
		add(list, place->name, true);
	if (list->n)
		qsort(list->v, list->n, sizeof *list->v, by_name);
	return status;
}

pf_status msieve_scripts_list(const struct msieve_scripts *scripts,
			      struct msieve_list *list, struct pf_error *err)
{
	struct msieve_list found = {0};
	struct place place;
	pf_status status = place_open(scripts, false, &place, err);

	if (status != PF_OK)
		return status;
	status = list_place(&place, &found, err);
	place_close(&place);
	if (status == PF_OK)
		*list = found;
	else
		pf_vec_release(&found);
	return status;
}

pf_status msieve_scripts_get(const struct msieve_scripts *scripts,
			     struct pf_str name, struct pf_buf *text,
			     struct pf_error *err)
{
	char file[NAME_MAX + 1];
	struct place place;
	int fd = -1;
	pf_status status = begin(scripts, name, false, &place, err);

	if (status != PF_OK)
		return status;
	file_name(file, name);
	if (!exists(&place, name))
		status = missing(err);
	else if (is_plain(&place, name))
		status = pf_fs_open(place.home, place.link,
				    O_RDONLY | O_NOFOLLOW, 0, &fd, err);
	else
		status =
		    pf_fs_open_beneath(place.dir, file, O_RDONLY, 0, &fd, err);
	if (status == PF_OK)
		status = pf_fs_read_fd(fd, text, err);
	if (fd >= 0)
		close(fd);
	place_close(&place);
	return status;
}

/* ---- put ----------------------------------------------------------------- */

static pf_status room(const struct place *place, struct pf_str name,
		      uint64_t size, struct pf_error *err)
{
	const struct msieve_scripts *scripts = place->scripts;
	struct msieve_list list = {0};
	pf_status status = PF_OK;

	if (size > scripts->size_max)
		return pf_error_set(err, PF_LIMIT, "The script is too large",
				    "script of more than %zu bytes",
				    scripts->size_max);
	if (exists(place, name))
		return PF_OK;
	status = list_place(place, &list, err);
	if (status == PF_OK && list.n >= scripts->count_max)
		status = pf_error_set(err, PF_OVERQUOTA,
				      "There are too many scripts",
				      "%zu scripts", list.n);
	pf_vec_release(&list);
	return status;
}

pf_status msieve_scripts_room(const struct msieve_scripts *scripts,
			      struct pf_str name, uint64_t size,
			      struct pf_error *err)
{
	struct place place;
	pf_status status = begin(scripts, name, false, &place, err);

	if (status != PF_OK)
		return status;
	status = room(&place, name, size, err);
	place_close(&place);
	return status;
}

pf_status msieve_scripts_put(const struct msieve_scripts *scripts,
			     struct pf_str name, struct pf_str text,
			     struct pf_error *err)
{
	struct place place;
	pf_status status = begin(scripts, name, true, &place, err);

	if (status != PF_OK)
		return status;
	status = room(&place, name, text.n, err);
	if (status == PF_OK && is_plain(&place, name))
		status = adopt(&place, err);
	if (status == PF_OK)
		status = write_script(&place, name, text, err);
	place_close(&place);
	return status;
}

/* ---- activate, rename, remove ---------------------------------------------
 */

static pf_status deactivate(struct place *place, struct pf_error *err)
{
	pf_status status = adopt(place, err);

	if (status != PF_OK || place->active == NONE)
		return status;
	status = pf_fs_unlink(place->home, place->link, err);
	return status == PF_OK ? pf_fs_sync_dir(place->home, ".", err) : status;
}

pf_status msieve_scripts_activate(const struct msieve_scripts *scripts,
				  struct pf_str name, struct pf_error *err)
{
	struct place place;
	pf_status status = name.n ? begin(scripts, name, true, &place, err)
				  : place_open(scripts, true, &place, err);

	if (status != PF_OK)
		return status;
	if (name.n == 0) {
		status = deactivate(&place, err);
	} else if (!exists(&place, name)) {
		status = missing(err);
	} else {
		status = adopt(&place, err);
		if (status == PF_OK)
			status = set_link(&place, name, err);
	}
	place_close(&place);
	return status;
}

/* The active one is under both names for a moment, never under none. */
static pf_status rename_active(struct place *place, const char *from,
			       const char *to, struct pf_str name,
			       struct pf_error *err)
{
	pf_status status = pf_fs_link(place->dir, from, place->dir, to, err);

	if (status == PF_OK)
		status = pf_fs_sync_dir(place->dir, ".", err);
	if (status == PF_OK)
		status = set_link(place, name, err);
	if (status == PF_OK)
		status = pf_fs_unlink(place->dir, from, err);
	return status;
}

static pf_status rename_script(struct place *place, struct pf_str from,
			       struct pf_str to, struct pf_error *err)
{
	char from_file[NAME_MAX + 1], to_file[NAME_MAX + 1];
	pf_status status = PF_OK;

	if (!exists(place, from))
		return missing(err);
	if (exists(place, to))
		return taken(err);
	if (is_plain(place, from))
		status = adopt(place, err);
	if (status != PF_OK)
		return status;
	file_name(from_file, from);
	file_name(to_file, to);
	if (is_active(place, from))
		status = rename_active(place, from_file, to_file, to, err);
	else
		status = pf_fs_rename_new(place->dir, from_file, place->dir,
					  to_file, err);
	return status == PF_OK ? pf_fs_sync_dir(place->dir, ".", err) : status;
}

pf_status msieve_scripts_rename(const struct msieve_scripts *scripts,
				struct pf_str from, struct pf_str to,
				struct pf_error *err)
{
	struct place place;
	pf_status status = msieve_name_check(to, err);

	if (status == PF_OK)
		status = begin(scripts, from, true, &place, err);
	if (status != PF_OK)
		return status;
	status = rename_script(&place, from, to, err);
	place_close(&place);
	return status;
}

pf_status msieve_scripts_remove(const struct msieve_scripts *scripts,
				struct pf_str name, struct pf_error *err)
{
	char file[NAME_MAX + 1];
	struct place place;
	pf_status status = begin(scripts, name, true, &place, err);

	if (status != PF_OK)
		return status;
	file_name(file, name);
	if (!exists(&place, name))
		status = missing(err);
	else if (is_active(&place, name))
		status = pf_error_set(err, PF_NOPERM,
				      "The active script cannot be deleted",
				      "delete of the active script");
	else
		status = pf_fs_unlink(place.dir, file, err);
	if (status == PF_OK)
		status = pf_fs_sync_dir(place.dir, ".", err);
	place_close(&place);
	return status;
}
