/*
 * Giving a store back to the server it came from, with the mail as it is now.
 *
 * Dovecot needs nothing for its own layout: our store keeps its files.  This
 * is for the others: directories go back to LAYOUT=fs, CONTROL= gets the files
 * it had, and Courier gets a courierimapuiddb, courierimapkeywords and
 * courierimapsubscribed that say what we say.
 */
#include <errno.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/utf8.h"
#include "origin/survey.h"

/* ---- Courier ----------------------------------------------------------- */

static pf_status put(struct origin_survey *s, const char *folder,
		     const char *name, const struct pf_buf *text,
		     struct pf_error *err)
{
	int dir = -1;
	pf_status status = pf_buf_status(text, err);

	if (status == PF_OK)
		status = pf_fs_open(s->root, folder, O_RDONLY | O_DIRECTORY, 0,
				    &dir, err);
	if (status == PF_OK)
		status = pf_fs_replace(dir, name, pf_buf_str(text), ORIGIN_MODE,
				       true, err);
	if (dir >= 0)
		close(dir);
	return status;
}

/* Base name of a message's file. */
static pf_status base_of(struct store_box *box, uint32_t uid,
			 struct pf_buf *path, struct pf_str *base,
			 struct pf_error *err)
{
	pf_buf_clear(path);
	pf_status status = store_msg_path(box, uid, path, err);
	if (status != PF_OK)
		return status;
	struct pf_str file = pf_buf_str(path);
	file = pf_str_from(file, (size_t)(pf_str_rchr(file, '/') + 1));
	ptrdiff_t colon = pf_str_chr(file, ':');
	*base = colon < 0 ? file : pf_str_head(file, (size_t)colon);
	return PF_OK;
}

static void add_keywords(const struct store_msg *m, struct pf_str base,
			 struct pf_buf *to)
{
	if (!m->keywords)
		return;
	pf_buf_add_str(to, base);
	pf_buf_add_byte(to, ':');
	for (unsigned k = 0, first = 1; k < STORE_KEYWORDS_MAX; k++)
		if (m->keywords & UINT64_C(1) << k) {
			pf_buf_addf(to, "%s%u", first ? "" : " ", k);
			first = 0;
		}
	pf_buf_add_byte(to, '\n');
}

/* Our numbers of keywords are the lines' numbers: unused ones have a name
 * that no client sees. */
static void add_names(const struct store_box *box, struct pf_buf *to)
{
	unsigned last = 0;

	for (unsigned k = 0; k < STORE_KEYWORDS_MAX; k++)
		if (store_box_keyword(box, k))
			last = k + 1;
	for (unsigned k = 0; k < last; k++) {
		const char *name = store_box_keyword(box, k);
		if (name)
			pf_buf_addf(to, "%s\n", name);
		else
			pf_buf_addf(to, "penfold-unused-%u\n", k);
	}
	pf_buf_add_byte(to, '\n');
}

static pf_status courier_texts(struct store_box *box, struct pf_buf *uids,
			       struct pf_buf *keywords, struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(ORIGIN_PATH_MAX);
	struct store_box_info info;
	pf_status status = PF_OK;
	struct pf_str base;

	store_box_info(box, &info);
	pf_buf_addf(uids, "1 %u %u\n", info.uidvalidity, info.uidnext);
	add_names(box, keywords);
	for (uint32_t i = 0; status == PF_OK && i < info.messages; i++) {
		const struct store_msg m = *store_box_at(box, i);
		status = base_of(box, m.uid, &path, &base, err);
		if (status == PF_EXPUNGED) {
			status = PF_OK;
			continue;
		}
		if (status != PF_OK)
			break;
		pf_buf_addf(uids, "%u ", m.uid);
		pf_buf_add_str(uids, base);
		pf_buf_add_byte(uids, '\n');
		add_keywords(&m, base, keywords);
	}
	pf_buf_release(&path);
	return status;
}

static pf_status give_courier_box(struct origin_survey *s, struct store *store,
				  const struct origin_box *found,
				  struct pf_error *err)
{
	struct pf_buf uids = PF_BUF_INIT(ORIGIN_TEXT_MAX),
		      keywords = PF_BUF_INIT(ORIGIN_TEXT_MAX),
		      dir = PF_BUF_INIT(ORIGIN_PATH_MAX);
	struct store_box *box = NULL;
	pf_status status =
	    store_box_open(store, pf_str_c(found->name), &box, err);

	/* Courier has flags in file names only, of files in cur/ */
	if (status == PF_OK)
		status = store_box_sync(box, true, err);
	if (status == PF_OK)
		status = courier_texts(box, &uids, &keywords, err);
	if (box)
		store_box_close(&box);
	origin_path(&dir, found->path, "courierimapkeywords");
	/* with what is pending in it, which we have read or is older */
	if (status == PF_OK)
		status = pf_fs_remove_tree(s->root, dir.data, err);
	if (status == PF_OK || status == PF_NOTFOUND)
		status = pf_fs_mkdir(s->root, dir.data, 0700, err);
	if (status == PF_OK)
		status = put(s, dir.data, ":list", &keywords, err);
	if (status == PF_OK)
		status = put(s, found->path, "courierimapuiddb", &uids, err);
	pf_buf_release(&uids);
	pf_buf_release(&keywords);
	pf_buf_release(&dir);
	return status;
}

/* In UTF-8 if that is how the directories are named. */
static pf_status give_courier_subscriptions(struct origin_survey *s,
					    struct store *store,
					    struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(8 << 20);
	struct store_names names = {0};
	struct pf_arena arena;
	bool utf8 = false;

	for (size_t i = 0; i < s->boxes.n; i++)
		for (const char *c = s->boxes.v[i].folder; *c; c++)
			utf8 |= (unsigned char)*c >= 0x80;
	pf_arena_init(&arena, 64 << 20);
	pf_status status = store_list(store, &arena, &names, err);
	for (size_t i = 0; status == PF_OK && i < names.n; i++)
		if (names.v[i].flags & STORE_NAME_SUBSCRIBED)
			(void)origin_courier_line(
			    names.v[i].name, s->conf->separator, utf8, &text);
	if (status == PF_OK)
		status = put(s, ".", "courierimapsubscribed", &text, err);
	pf_vec_release(&names);
	pf_arena_release(&arena);
	pf_buf_release(&text);
	return status;
}

/* ---- CONTROL= ---------------------------------------------------------- */

static pf_status put_control(struct origin_survey *s, const char *control,
			     const struct origin_box *box, const char *name,
			     struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(ORIGIN_TEXT_MAX),
		      dir = PF_BUF_INIT(ORIGIN_PATH_MAX);
	bool root = strcmp(box->name, "") == 0;
	int fd = -1;
	pf_status status = origin_read(s, box, name, &text, err);

	if (root)
		pf_buf_add_c(&dir, control);
	else
		pf_buf_addf(&dir, "%s/%s", control, origin_old_path(s, box));
	if (status == PF_OK)
		status = pf_fs_mkdirs(dir.data, 0700, err);
	if (status == PF_OK)
		status = pf_fs_open(AT_FDCWD, dir.data, O_RDONLY | O_DIRECTORY,
				    0, &fd, err);
	if (status == PF_OK)
		status = pf_fs_replace(fd, name, pf_buf_str(&text), ORIGIN_MODE,
				       true, err);
	if (fd >= 0)
		close(fd);
	pf_buf_release(&dir);
	pf_buf_release(&text);
	return status == PF_NOTFOUND ? PF_OK : status;
}

static pf_status give_control(struct origin_survey *s, const char *control,
			      struct pf_error *err)
{
	struct origin_box root = {.path = (char *)(uintptr_t) ".",
				  .folder = (char *)(uintptr_t) ".",
				  .name = (char *)(uintptr_t) ""};
	pf_status status = put_control(s, control, &root, "subscriptions", err);

	if (status == PF_OK)
		status =
		    put_control(s, control, &root, "dovecot-uidvalidity", err);
	for (size_t i = 0; status == PF_OK && i < s->boxes.n; i++) {
		status = put_control(s, control, &s->boxes.v[i],
				     "dovecot-keywords", err);
		if (status == PF_OK)
			status = put_control(s, control, &s->boxes.v[i],
					     "dovecot-uidlist", err);
	}
	return status;
}

/* ---- LAYOUT=fs --------------------------------------------------------- */

/* Where it was; a mailbox that was made since: .A.B is A/B. */
static void old_place(const struct origin_survey *s, const char *folder,
		      struct pf_buf *path)
{
	pf_buf_clear(path);
	for (size_t i = s->notes.n; i-- > 0;)
		if (strcmp(s->notes.v[i].what, "moved") == 0 &&
		    strcmp(s->notes.v[i].to, folder) == 0) {
			pf_buf_add_c(path, s->notes.v[i].from);
			return;
		}
	for (const char *c = folder + 1; *c; c++)
		pf_buf_add_byte(path, *c == '.' ? '/' : *c);
	if (s->conf->directory)
		pf_buf_addf(path, "/%s", s->conf->directory);
}

static pf_status make_parents(int root, const char *path, struct pf_error *err)
{
	struct pf_buf up = PF_BUF_INIT(ORIGIN_PATH_MAX);
	pf_status status = PF_OK;

	for (const char *c = path; status == PF_OK && *c; c++) {
		if (*c == '/') {
			status = pf_fs_mkdir(root, up.data, 0700, err);
			if (status == PF_EXISTS)
				status = PF_OK;
		}
		pf_buf_add_byte(&up, *c);
	}
	pf_buf_release(&up);
	return status;
}

static pf_status move_back(struct origin_survey *s, const char *from,
			   const char *to, struct pf_error *err)
{
	pf_status status = make_parents(s->root, to, err);

	/* the directory of a level above may have been made for another */
	if (status == PF_OK && unlinkat(s->root, to, AT_REMOVEDIR) != 0 &&
	    errno != ENOENT && errno != ENOTDIR && errno != EINVAL)
		status = pf_error_sys(err, errno, "%s", to);
	if (status == PF_OK)
		status = pf_fs_rename_new(s->root, from, s->root, to, err);
	if (status == PF_OK)
		status = pf_fs_sync_dir(s->root, ".", err);
	return status;
}

static pf_status give_layout(struct origin_survey *s, struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(ORIGIN_PATH_MAX);
	pf_status status = PF_OK;

	/* sorted: A before what is inside A */
	for (size_t i = 0; status == PF_OK && i < s->boxes.n; i++) {
		struct origin_box *box = &s->boxes.v[i];
		if (strcmp(box->path, ".") == 0 || box->path[0] != '.')
			continue;
		old_place(s, box->folder, &path);
		origin_say(s->conf, 0, "directory %s becomes %s", box->path,
			   path.data);
		if (s->conf->act)
			status = move_back(s, box->path, path.data, err);
	}
	/* the parts of INBOX/ */
	for (size_t i = s->notes.n; status == PF_OK && i-- > 0;) {
		const struct origin_note *n = &s->notes.v[i];
		if (strcmp(n->what, "moved") != 0 || n->to[0] == '\0' ||
		    (n->to[0] == '.' && strncmp(n->from, "INBOX/", 6) != 0) ||
		    faccessat(s->root, n->to, F_OK, 0) != 0)
			continue;
		origin_say(s->conf, 0, "%s becomes %s", n->to, n->from);
		if (s->conf->act)
			status = move_back(s, n->to, n->from, err);
	}
	pf_buf_release(&path);
	if (status == PF_OK && s->conf->act)
		status = origin_past_hide(s, true, err);
	return status;
}

/* ---- all of it --------------------------------------------------------- */

static const char *noted_control(const struct origin_survey *s)
{
	for (size_t i = 0; i < s->notes.n; i++)
		if (strcmp(s->notes.v[i].what, "control") == 0)
			return s->notes.v[i].from;
	return s->conf->control;
}

/* Opens and closes all, which brings the documented files up to date. */
static pf_status give_files(struct origin_survey *s, bool courier,
			    struct pf_error *err)
{
	struct store *store = NULL;
	pf_status status = origin_store(s->conf, &store, err);

	for (size_t i = 0; status == PF_OK && i < s->boxes.n; i++) {
		struct store_box *box = NULL;
		const struct origin_box *found = &s->boxes.v[i];
		status =
		    store_box_open(store, pf_str_c(found->name), &box, err);
		if (box)
			store_box_close(&box);
		if (status == PF_OK && courier)
			status = give_courier_box(s, store, found, err);
	}
	if (status == PF_OK && courier)
		status = give_courier_subscriptions(s, store, err);
	store_close(&store);
	return status;
}

static void report(const struct origin_survey *s, bool courier, bool fs,
		   const char *control)
{
	if (courier)
		origin_say(s->conf, 0,
			   "courierimapuiddb, courierimapkeywords "
			   "and courierimapsubscribed are written");
	if (control)
		origin_say(s->conf, 0,
			   "%s gets dovecot-uidlist, dovecot-keywords and "
			   "subscriptions",
			   control);
	if (!courier && !fs && !control)
		origin_say(s->conf, 0, "Dovecot's own files are up to date");
	if (!courier)
		origin_say(s->conf, 0,
			   "changes of keywords that are not in "
			   "dovecot-keywords do not reach Dovecot's index; "
			   "after the start, for each mailbox: doveadm mailbox "
			   "update --min-highest-modseq with the time in "
			   "microseconds");
}

pf_status origin_give_back(const struct origin_conf *conf, bool *kept,
			   struct pf_error *err)
{
	struct origin_survey s;
	pf_status status = origin_survey_new(conf, &s, err);

	if (status != PF_OK)
		return status;
	bool courier = s.courier || origin_noted(&s, "courier", "");
	bool fs = origin_noted(&s, "fs", "");
	const char *control = noted_control(&s);
	*kept = true;
	report(&s, courier, fs, control);
	if (conf->act && !s.fs)
		status = give_files(&s, courier, err);
	if (status == PF_OK && conf->act && control)
		status = give_control(&s, control, err);
	if (status == PF_OK && fs)
		status = give_layout(&s, err);
	if (status == PF_OK && conf->act) {
		status = pf_fs_unlink(s.root, "penfold-takeover", err);
		if (status == PF_NOTFOUND)
			status = PF_OK;
	}
	origin_survey_release(&s);
	return status;
}
