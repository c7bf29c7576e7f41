/*
 * Which mailboxes a tree holds, in any of the layouts:
 *
 *	Maildir++	.A.B/cur
 *	LAYOUT=fs	A/B/cur, or A/B/DIRNAME/cur; also what procmail and
 *			mbsync make; INBOX is the root or INBOX/cur
 *
 * Nothing is written here.
 */
#include "origin/survey.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/utf8.h"

#define DEPTH_MAX 32

void origin_say(const struct origin_conf *conf, int level, const char *format,
		...)
{
	char line[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	if (conf->say)
		conf->say(conf->arg, level, line);
}

void origin_path(struct pf_buf *path, const char *folder, const char *name)
{
	pf_buf_clear(path);
	if (strcmp(folder, ".") != 0)
		pf_buf_addf(path, "%s/", folder);
	pf_buf_add_c(path, name);
}

static bool is_dir(int root, const char *folder, const char *name)
{
	struct pf_buf path = PF_BUF_INIT(ORIGIN_PATH_MAX);
	struct stat st;

	origin_path(&path, folder, name);
	bool is = !path.failed &&
		  fstatat(root, path.data, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		  S_ISDIR(st.st_mode);
	pf_buf_release(&path);
	return is;
}

bool origin_has(const struct origin_survey *s, const struct origin_box *box,
		const char *name)
{
	struct pf_buf path = PF_BUF_INIT(ORIGIN_PATH_MAX);

	origin_path(&path, box->path, name);
	bool has =
	    faccessat(s->root, path.data, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	pf_buf_release(&path);
	return has;
}

pf_status origin_read(const struct origin_survey *s,
		      const struct origin_box *box, const char *name,
		      struct pf_buf *text, struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(ORIGIN_PATH_MAX);

	origin_path(&path, box->path, name);
	pf_status status = pf_fs_read(s->root, path.data, text, err);
	pf_buf_release(&path);
	return status;
}

const char *origin_old_path(const struct origin_survey *s,
			    const struct origin_box *box)
{
	if (strcmp(box->folder, ".") == 0)
		return ".INBOX";
	for (size_t i = s->notes.n; i-- > 0;)
		if (strcmp(s->notes.v[i].what, "moved") == 0 &&
		    strcmp(s->notes.v[i].to, box->folder) == 0)
			return s->notes.v[i].from;
	return box->path;
}

pf_status origin_read_beside(const struct origin_survey *s, const char *beside,
			     const struct origin_box *box, const char *name,
			     struct pf_buf *text, struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(ORIGIN_PATH_MAX);
	bool inbox = strcmp(box->folder, ".") == 0;

	pf_buf_addf(&path, "%s/%s/%s", beside, origin_old_path(s, box), name);
	pf_status status = pf_fs_read(AT_FDCWD, path.data, text, err);
	if (status == PF_NOTFOUND && inbox) {
		pf_buf_clear(&path);
		pf_buf_addf(&path, "%s/INBOX/%s", beside, name);
		status = pf_fs_read(AT_FDCWD, path.data, text, err);
	}
	if (status == PF_NOTFOUND && inbox) {
		pf_buf_clear(&path);
		pf_buf_addf(&path, "%s/%s", beside, name);
		status = pf_fs_read(AT_FDCWD, path.data, text, err);
	}
	pf_buf_release(&path);
	return status;
}

/* ---- names ------------------------------------------------------------- */

/* ".A.B" -> "A/B"; each part mUTF-7, or all of them UTF-8. */
static bool decode(const char *folder, char separator, bool utf7,
		   struct pf_buf *name)
{
	struct pf_str rest = pf_str_c(folder + 1), part;

	pf_buf_clear(name);
	while (pf_str_split(&rest, '.', &part)) {
		if (name->len)
			pf_buf_add_byte(name, separator);
		if (part.n == 0)
			return false;
		if (!utf7)
			pf_buf_add_str(name, part);
		else if (!pf_utf7_decode(name, part))
			return false;
	}
	return !name->failed && pf_utf8_valid(pf_buf_str(name));
}

static char *name_of(const char *folder, char separator)
{
	struct pf_buf name = PF_BUF_INIT(ORIGIN_PATH_MAX);
	char *copy;

	if (strcmp(folder, ".") == 0)
		pf_buf_add_c(&name, "INBOX");
	else if (!decode(folder, separator, true, &name) &&
		 !decode(folder, separator, false, &name))
		pf_buf_clear(&name);
	copy = pf_str_dup(pf_buf_str(&name));
	pf_buf_release(&name);
	return copy;
}

static const char *refuse(const struct origin_survey *s,
			  const struct origin_box *box)
{
	for (const char *c = box->path; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return "control characters in its name";
	if (!box->name[0])
		return "its name is neither modified UTF-7 nor UTF-8, or a "
		       "part of it is empty";
	if (strlen(box->folder) > 255)
		return "its name is too long for one directory";
	if (strcmp(box->path, box->folder) != 0 &&
	    strcmp(box->folder, ".") != 0 && is_dir(s->root, box->folder, "."))
		return "there is another mailbox of that name";
	if (box->no)
		return box->no;
	return NULL;
}

/* ---- one mailbox ------------------------------------------------------- */

static uint32_t count_messages(const struct origin_survey *s,
			       const char *folder)
{
	static const char *const parts[] = {"cur", "new"};
	struct pf_buf path = PF_BUF_INIT(ORIGIN_PATH_MAX);
	uint32_t count = 0;

	for (int i = 0; i < 2; i++) {
		int fd = -1;
		origin_path(&path, folder, parts[i]);
		if (pf_fs_open(s->root, path.data, O_RDONLY | O_DIRECTORY, 0,
			       &fd, NULL) != PF_OK)
			continue;
		DIR *d = fdopendir(fd);
		for (struct dirent *e; d && (e = readdir(d));)
			count += e->d_name[0] != '.';
		if (d)
			closedir(d);
		else
			close(fd);
	}
	pf_buf_release(&path);
	return count;
}

static enum origin_kind kind_of(struct origin_survey *s,
				const struct origin_box *box)
{
	struct pf_buf text = PF_BUF_INIT(ORIGIN_TEXT_MAX);
	enum origin_kind kind = ORIGIN_BARE;

	if (origin_has(s, box, "courierimapuiddb"))
		s->courier = true;
	if (origin_has(s, box, "penfold.log"))
		kind = ORIGIN_PENFOLD;
	else if (origin_has(s, box, "dovecot-uidlist") ||
		 (s->conf->control &&
		  origin_read_beside(s, s->conf->control, box,
				     "dovecot-uidlist", &text, NULL) == PF_OK))
		kind = ORIGIN_DOVECOT;
	else if (origin_has(s, box, "courierimapuiddb"))
		kind = ORIGIN_COURIER;
	else if (origin_has(s, box, ".uidvalidity"))
		kind = ORIGIN_MBSYNC;
	pf_buf_release(&text);
	return kind;
}

/* path: of the directory that has cur/; folder: see above */
static void add_box(struct origin_survey *s, const char *path,
		    const char *folder, const char *no)
{
	struct origin_box box = {
	    .path = pf_str_dup(pf_str_c(path)),
	    .folder = pf_str_dup(pf_str_c(folder)),
	    .name = name_of(folder, s->conf->separator),
	    .no = no,
	    .messages = count_messages(s, path),
	};

	box.no = refuse(s, &box);
	box.kind = kind_of(s, &box);
	pf_vec_push(&s->boxes, box);
}

/* A/B (fs) as .A.B; false: a part has a dot, which nothing stands for. */
static bool fold(const struct origin_survey *s, const char *path,
		 struct pf_buf *folder)
{
	pf_buf_clear(folder);
	pf_buf_add_byte(folder, '.');
	bool good = true;
	for (const char *c = path; *c; c++) {
		if (*c == '.' && !s->conf->dots)
			good = false;
		pf_buf_add_byte(folder, *c == '/'	? '.'
					: *c != '.'	? *c
					: s->conf->dots ? s->conf->dots
							: '.');
	}
	return good;
}

static void add_fs(struct origin_survey *s, const char *path)
{
	struct pf_buf folder = PF_BUF_INIT(ORIGIN_PATH_MAX),
		      dir = PF_BUF_INIT(ORIGIN_PATH_MAX);
	const char *here = path;

	if (s->conf->directory && is_dir(s->root, path, s->conf->directory)) {
		pf_buf_addf(&dir, "%s/%s", path, s->conf->directory);
		here = dir.data;
	}
	if (is_dir(s->root, here, "cur")) {
		bool good = fold(s, path, &folder);
		s->fs = true;
		if (strcmp(path, "INBOX") == 0 && !is_dir(s->root, ".", "cur"))
			add_box(s, here, ".", NULL);
		else
			add_box(s, here, folder.data,
				good ? NULL
				     : "a Maildir++ cannot hold the dot in its "
				       "name (--dots CHAR puts CHAR there)");
	}
	pf_buf_release(&folder);
	pf_buf_release(&dir);
}

/* ---- the tree ---------------------------------------------------------- */

struct pending pf_vec(char *);

static bool is_maildir_part(const char *name)
{
	return strcmp(name, "cur") == 0 || strcmp(name, "new") == 0 ||
	       strcmp(name, "tmp") == 0;
}

static int depth_of(const char *path)
{
	int depth = 0;

	for (; *path; path++)
		depth += *path == '/';
	return depth;
}

static void visit(struct origin_survey *s, const char *parent, const char *name,
		  struct pending *pending)
{
	struct pf_buf path = PF_BUF_INIT(ORIGIN_PATH_MAX);
	bool top = strcmp(parent, ".") == 0;

	origin_path(&path, parent, name);
	if (path.failed || is_maildir_part(name) ||
	    !is_dir(s->root, parent, name)) {
	} else if (name[0] == '.') {
		if (top && (is_dir(s->root, path.data, "cur") ||
			    is_dir(s->root, path.data, "new")))
			add_box(s, path.data, path.data, NULL);
	} else if (strncmp(name, "courierimap", 11) != 0 &&
		   strncmp(name, "penfold", 7) != 0 &&
		   (!s->conf->directory ||
		    strcmp(name, s->conf->directory) != 0) &&
		   depth_of(path.data) < DEPTH_MAX) {
		add_fs(s, path.data);
		pf_vec_push(pending, pf_str_dup(pf_buf_str(&path)));
	}
	pf_buf_release(&path);
}

static pf_status walk(struct origin_survey *s, struct pf_error *err)
{
	struct pending pending = {0};
	pf_status status = PF_OK;

	pf_vec_push(&pending, pf_str_dup(PF_STR(".")));
	while (pending.n) {
		char *path = pending.v[--pending.n];
		int fd = -1;
		if (status == PF_OK)
			status = pf_fs_open(s->root, path,
					    O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
					    0, &fd, err);
		DIR *d = status == PF_OK ? fdopendir(fd) : NULL;
		for (struct dirent *e; d && (e = readdir(d));)
			if (strcmp(e->d_name, ".") != 0 &&
			    strcmp(e->d_name, "..") != 0)
				visit(s, path, e->d_name, &pending);
		if (d)
			closedir(d);
		else if (fd >= 0)
			close(fd);
		free(path);
	}
	pf_vec_release(&pending);
	return status;
}

static int by_folder(const void *a, const void *b)
{
	const struct origin_box *x = a, *y = b;

	return strcmp(x->folder, y->folder);
}

pf_status origin_survey_new(const struct origin_conf *conf,
			    struct origin_survey *s, struct pf_error *err)
{
	*s = (struct origin_survey){.conf = conf, .root = -1};
	pf_status status = pf_fs_open(AT_FDCWD, conf->root,
				      O_RDONLY | O_DIRECTORY, 0, &s->root, err);
	if (status == PF_OK)
		status = origin_notes_read(s, err);
	if (status == PF_OK && is_dir(s->root, ".", "cur"))
		add_box(s, ".", ".", NULL);
	if (status == PF_OK)
		status = walk(s, err);
	if (status == PF_OK && s->boxes.n == 0)
		status =
		    pf_error_set(err, PF_INVALID, NULL,
				 "%s: there is no Maildir in it", conf->root);
	if (s->boxes.n)
		qsort(s->boxes.v, s->boxes.n, sizeof *s->boxes.v, by_folder);
	if (status != PF_OK)
		origin_survey_release(s);
	return status;
}

void origin_survey_release(struct origin_survey *s)
{
	for (size_t i = 0; i < s->boxes.n; i++) {
		free(s->boxes.v[i].path);
		free(s->boxes.v[i].folder);
		free(s->boxes.v[i].name);
	}
	for (size_t i = 0; i < s->notes.n; i++) {
		free(s->notes.v[i].what);
		free(s->notes.v[i].from);
		free(s->notes.v[i].to);
	}
	pf_vec_release(&s->boxes);
	pf_vec_release(&s->notes);
	if (s->root >= 0)
		close(s->root);
	s->root = -1;
}

pf_status origin_store(const struct origin_conf *conf, struct store **store,
		       struct pf_error *err)
{
	struct store_conf open = {
	    .root = conf->root,
	    .separator = conf->separator,
	    .special_use = conf->special_use,
	};

	return store_open(&open, store, err);
}
