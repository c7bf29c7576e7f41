/*
 * Taking a store over in place.
 *
 * Our store serves a Maildir++ as Dovecot leaves it: dovecot-uidlist,
 * dovecot-keywords, subscriptions, flags and dates are read where they are.
 * What is left to do, in this order, each step durable and harmless to do
 * again:
 *
 *  1. directories of LAYOUT=fs are renamed to those of a Maildir++;
 *  2. dovecot-uidlist is made from what else knows UIDs: CONTROL=,
 *     courierimapuiddb, mbsync;
 *  3. keywords that are no letters in file names go into our log;
 *  4. subscriptions in another form are written in Dovecot's.
 *
 * A mailbox is served only after step 2, as long as nobody opens the store
 * before that: the old server, and ours, are to be stopped meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/utf8.h"
#include "origin/survey.h"

static const char *const kinds[] = {
    [ORIGIN_BARE] = "no server yet", [ORIGIN_DOVECOT] = "Dovecot",
    [ORIGIN_COURIER] = "Courier",    [ORIGIN_MBSYNC] = "mbsync",
    [ORIGIN_PENFOLD] = "penfold",
};

/* ---- 1. directories ---------------------------------------------------- */

/* The directories above a moved one, if they are empty now. */
static void remove_empty(int root, const char *path)
{
	struct pf_buf up = PF_BUF_INIT(ORIGIN_PATH_MAX);
	ptrdiff_t slash;

	pf_buf_add_c(&up, path);
	while ((slash = pf_str_rchr(pf_buf_str(&up), '/')) > 0) {
		pf_buf_cut(&up, (size_t)slash);
		if (unlinkat(root, up.data, AT_REMOVEDIR) != 0)
			break;
	}
	pf_buf_release(&up);
}

static pf_status move_dir(struct origin_survey *s, const char *from,
			  const char *to, struct pf_error *err)
{
	pf_status status = origin_note(s, "moved", from, to, err);

	if (status == PF_OK)
		status = pf_fs_rename_new(s->root, from, s->root, to, err);
	if (status == PF_OK)
		status = pf_fs_sync_dir(s->root, ".", err);
	if (status == PF_OK)
		remove_empty(s->root, from);
	return status;
}

/* INBOX/ of LAYOUT=fs: its parts go to the root, cur last, which is what
 * makes a Maildir of it. */
static pf_status move_inbox(struct origin_survey *s, struct origin_box *box,
			    struct pf_error *err)
{
	static const char *const parts[] = {"dovecot-uidlist",
					    "dovecot-keywords",
					    "dovecot-acl",
					    ".uidvalidity",
					    ".mbsyncstate",
					    "tmp",
					    "new",
					    "cur"};
	struct pf_buf from = PF_BUF_INIT(ORIGIN_PATH_MAX);
	pf_status status = PF_OK;

	for (size_t i = 0; status == PF_OK && i < sizeof parts / sizeof *parts;
	     i++) {
		origin_path(&from, box->path, parts[i]);
		if (faccessat(s->root, from.data, F_OK, 0) == 0)
			status = move_dir(s, from.data, parts[i], err);
	}
	pf_buf_release(&from);
	return status;
}

static void set_path(struct origin_box *box, const char *path)
{
	free(box->path);
	box->path = pf_str_dup(pf_str_c(path));
}

pf_status origin_past_hide(struct origin_survey *s, bool hide,
			   struct pf_error *err)
{
	static const char *const names[] = {"tmp/penfold-past", "penfold-past"};
	pf_status status =
	    pf_fs_rename_new(s->root, names[hide], s->root, names[!hide], err);

	if (status == PF_NOTFOUND)
		return PF_OK;
	return status == PF_OK ? pf_fs_sync_dir(s->root, ".", err) : status;
}

/* Deepest first: A/B is inside A. */
static pf_status move_boxes(struct origin_survey *s, struct pf_error *err)
{
	pf_status status = PF_OK;

	if (s->fs)
		status = origin_note(s, "fs", "", "", err);
	if (status == PF_OK && s->fs)
		status = origin_past_hide(s, false, err);
	for (size_t i = s->boxes.n; status == PF_OK && i-- > 0;) {
		struct origin_box *box = &s->boxes.v[i];
		if (box->no || strcmp(box->path, box->folder) == 0)
			continue;
		status = strcmp(box->folder, ".") == 0
			     ? move_inbox(s, box, err)
			     : move_dir(s, box->path, box->folder, err);
		if (status == PF_OK)
			set_path(box, box->folder);
	}
	return status;
}

/* ---- 2. UIDs ----------------------------------------------------------- */

static pf_status write_file(struct origin_survey *s,
			    const struct origin_box *box, const char *name,
			    struct pf_str text, struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(ORIGIN_PATH_MAX);
	int dir = -1;

	pf_buf_add_c(&folder, box->path);
	pf_status status = pf_fs_open(s->root, folder.data,
				      O_RDONLY | O_DIRECTORY, 0, &dir, err);
	if (status == PF_OK)
		status = pf_fs_replace(dir, name, text, ORIGIN_MODE, true, err);
	if (dir >= 0)
		close(dir);
	pf_buf_release(&folder);
	return status;
}

/* Copies a file of CONTROL= beside the mail where none is. */
static pf_status fetch_control(struct origin_survey *s,
			       const struct origin_box *box, const char *name,
			       struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(ORIGIN_TEXT_MAX);
	pf_status status = PF_OK;

	if (s->conf->control && !origin_has(s, box, name) &&
	    origin_read_beside(s, s->conf->control, box, name, &text, NULL) ==
		PF_OK)
		status = write_file(s, box, name, pf_buf_str(&text), err);
	pf_buf_release(&text);
	return status;
}

static pf_status make_uidlist(struct origin_survey *s, struct origin_box *box,
			      struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(ORIGIN_TEXT_MAX),
		      made = PF_BUF_INIT(ORIGIN_TEXT_MAX);
	struct origin_uids uids;
	const char *source;
	/* keywords first: with the UIDs we are done */
	pf_status status = fetch_control(s, box, "dovecot-keywords", err);

	if (status == PF_OK)
		status = fetch_control(s, box, "dovecot-uidlist", err);
	if (status == PF_OK && !origin_has(s, box, "dovecot-uidlist") &&
	    !origin_has(s, box, "penfold.log") &&
	    origin_box_uids(s, box, &text, &uids, &source)) {
		origin_uids_write(&uids, 3, &made);
		status = pf_buf_status(&made, err);
		if (status == PF_OK)
			status = write_file(s, box, "dovecot-uidlist",
					    pf_buf_str(&made), err);
		origin_uids_release(&uids);
	}
	pf_buf_release(&made);
	pf_buf_release(&text);
	return status;
}

/* ---- 3. keywords ------------------------------------------------------- */

static pf_status give_keyword(struct store_box *box,
			      const struct origin_keywords *keywords,
			      const struct origin_keyword *keyword,
			      struct pf_error *err)
{
	struct store_flag_change change = {.mode = STORE_FLAGS_ADD,
					   .unchanged_since = UINT64_MAX};
	struct store_uids uids = {0};
	unsigned number = 0;
	pf_status status =
	    store_box_keyword_number(box, keyword->name, true, &number, err);

	for (uint32_t i = 0; status == PF_OK && i < keywords->uid_count; i++)
		if (origin_keywords_has(keyword, i))
			pf_vec_push(&uids, keywords->uids[i]);
	change.keywords = UINT64_C(1) << number;
	if (status == PF_OK)
		status = store_box_change_flags(box, uids.v, uids.n, &change,
						NULL, err);
	pf_vec_release(&uids);
	return status;
}

static pf_status give_keywords(struct origin_survey *s, struct store *store,
			       struct origin_box *found, bool *kept,
			       struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(ORIGIN_TEXT_MAX);
	struct origin_keywords keywords;
	struct store_box *box = NULL;
	struct origin_uids uids;
	uint32_t *numbers;
	const char *source;

	if (origin_noted(s, "keywords", found->folder) ||
	    !origin_box_uids(s, found, &text, &uids, &source)) {
		pf_buf_release(&text);
		return PF_OK;
	}
	origin_box_keywords(s, found, &uids, &numbers, &keywords);
	pf_status status = PF_OK;
	if (keywords.list.n)
		status =
		    store_box_open(store, pf_str_c(found->name), &box, err);
	for (size_t i = 0; status == PF_OK && i < keywords.list.n; i++) {
		const struct origin_keyword *one = &keywords.list.v[i];
		status = give_keyword(box, &keywords, one, err);
		if (status == PF_LIMIT || status == PF_INVALID) {
			origin_say(s->conf, 1,
				   "%s: keyword %.*s of %u messages is lost",
				   found->name, (int)one->name.n, one->name.p,
				   one->count);
			*kept = false;
			status = PF_OK;
		}
	}
	if (box)
		store_box_close(&box);
	if (status == PF_OK)
		status = origin_note(s, "keywords", found->folder, "", err);
	origin_keywords_release(&keywords);
	origin_uids_release(&uids);
	free(numbers);
	pf_buf_release(&text);
	return status;
}

/* ---- 4. subscriptions -------------------------------------------------- */

/* Names of a subscriptions file that is not as our store wants it. */
static bool foreign_subscriptions(const struct origin_survey *s,
				  struct pf_buf *text, bool *courier)
{
	const struct origin_box root = {.path = (char *)(uintptr_t) ".",
					.folder = (char *)(uintptr_t) "."};

	*courier = false;
	if (origin_read(s, &root, "subscriptions", text, NULL) == PF_OK)
		/* version 1 of LAYOUT=fs has slashes between the parts */
		return s->fs &&
		       !pf_str_starts(pf_buf_str(text), PF_STR("V\t2\n"));
	pf_buf_clear(text);
	if (s->conf->control &&
	    origin_read_beside(s, s->conf->control, &root, "subscriptions",
			       text, NULL) == PF_OK)
		return true;
	pf_buf_clear(text);
	*courier = true;
	return origin_read(s, &root, "courierimapsubscribed", text, NULL) ==
	       PF_OK;
}

/* Version 1 -> version 2, parts as they are on disk. */
static void convert_lines(const struct origin_survey *s, struct pf_str text,
			  bool courier, struct pf_buf *to)
{
	struct pf_buf name = PF_BUF_INIT(ORIGIN_PATH_MAX);
	struct pf_str line, part;

	while (pf_str_split(&text, '\n', &line)) {
		struct pf_str rest = line;
		if (courier) {
			if (!origin_courier_name(line, '/', &name))
				continue;
			rest = pf_buf_str(&name);
		}
		if (rest.n == 0)
			continue;
		while (
		    pf_str_split(&rest, courier || s->fs ? '/' : '.', &part)) {
			if (!courier)
				pf_buf_add_str(to, part);
			else
				(void)pf_utf7_encode(to, part);
			if (rest.n)
				pf_buf_add_byte(to, '\t');
		}
		pf_buf_add_byte(to, '\n');
	}
	pf_buf_release(&name);
}

static pf_status make_subscriptions(struct origin_survey *s,
				    struct pf_error *err)
{
	static const char v2[] = "V\t2\n\n";
	const struct origin_box root = {.path = (char *)(uintptr_t) ".",
					.folder = (char *)(uintptr_t) "."};
	struct pf_buf text = PF_BUF_INIT(8 << 20), made = PF_BUF_INIT(16 << 20);
	pf_status status = PF_OK;
	bool courier;

	if (foreign_subscriptions(s, &text, &courier)) {
		if (pf_str_starts(pf_buf_str(&text), PF_STR("V\t2\n"))) {
			pf_buf_add_str(&made, pf_buf_str(&text));
		} else {
			pf_buf_add_c(&made, v2);
			convert_lines(s, pf_buf_str(&text), courier, &made);
		}
		status = pf_buf_status(&made, err);
		if (status == PF_OK)
			status = write_file(s, &root, "subscriptions",
					    pf_buf_str(&made), err);
	}
	if (status == PF_OK)
		status = fetch_control(s, &root, "dovecot-uidvalidity", err);
	pf_buf_release(&made);
	pf_buf_release(&text);
	return status;
}

/* ---- the report -------------------------------------------------------- */

static void report_box(const struct origin_survey *s,
		       const struct origin_box *box, bool *kept)
{
	struct pf_buf text = PF_BUF_INIT(ORIGIN_TEXT_MAX);
	struct origin_keywords keywords;
	struct origin_uids uids;
	uint32_t *numbers;
	const char *source;
	bool known = origin_box_uids(s, box, &text, &uids, &source);

	if (!known)
		origin_say(s->conf, 0,
			   "%s: %u messages, %s; all get their UIDs now",
			   box->name, box->messages, kinds[box->kind]);
	else
		origin_say(s->conf, 0,
			   "%s: %u messages, %s; UIDVALIDITY %u, UIDNEXT %u "
			   "(%s)",
			   box->name, box->messages, kinds[box->kind],
			   uids.uidvalidity, uids.uidnext, source);
	if (box->no) {
		origin_say(s->conf, 1, "cannot be kept: %s: %s", box->path,
			   box->no);
		*kept = false;
	} else if (strcmp(box->path, box->folder) != 0) {
		origin_say(s->conf, 1, "directory %s becomes %s", box->path,
			   box->folder);
	}
	if (known && !origin_has(s, box, "dovecot-uidlist"))
		origin_say(s->conf, 1, "dovecot-uidlist is made from %s",
			   source);
	if (known) {
		origin_box_keywords(s, box, &uids, &numbers, &keywords);
		if (keywords.lost) {
			origin_say(s->conf, 1,
				   "not all keywords of its index "
				   "can be read");
			*kept = false;
		}
		for (size_t i = 0; i < keywords.list.n &&
				   !origin_noted(s, "keywords", box->folder);
		     i++)
			origin_say(s->conf, 1, "keyword %.*s of %u messages",
				   (int)keywords.list.v[i].name.n,
				   keywords.list.v[i].name.p,
				   keywords.list.v[i].count);
		origin_keywords_release(&keywords);
		free(numbers);
	}
	origin_uids_release(&uids);
	pf_buf_release(&text);
}

static void report_root(const struct origin_survey *s)
{
	const struct origin_box root = {.path = (char *)(uintptr_t) ".",
					.folder = (char *)(uintptr_t) "."};
	struct pf_buf text = PF_BUF_INIT(8 << 20);
	bool courier;

	if (foreign_subscriptions(s, &text, &courier))
		origin_say(s->conf, 0,
			   "subscriptions are written anew, from %s",
			   courier ? "courierimapsubscribed"
			   : s->fs ? "version 1"
				   : "CONTROL=");
	if (origin_has(s, &root, "maildirsize"))
		origin_say(s->conf, 0,
			   "maildirsize is kept; limits come from it as long "
			   "as penfold.conf has no quota");
	if (s->fs)
		origin_say(s->conf, 0,
			   "LAYOUT=fs: set hierarchy_separator = / in "
			   "penfold.conf");
	if (s->courier)
		origin_say(s->conf, 0,
			   "Courier shows mailboxes below \"INBOX.\": clients "
			   "that have this prefix in their settings find them "
			   "without it; its shared folders and ACLs are not "
			   "read");
	origin_say(s->conf, 0,
		   "HIGHESTMODSEQ goes on at the time in microseconds, above "
		   "any other server's");
	pf_buf_release(&text);
}

/* ---- all of it --------------------------------------------------------- */

/* Did every message get the UID it is to have? */
static pf_status verify(struct origin_survey *s, struct store *store,
			const struct origin_box *found, bool *kept,
			struct pf_error *err)
{
	struct store_box *box = NULL;
	struct store_box_info info;
	struct origin_uids uids;
	struct pf_buf text = PF_BUF_INIT(ORIGIN_TEXT_MAX);
	const char *source;
	bool known = origin_box_uids(s, found, &text, &uids, &source);
	pf_status status =
	    store_box_open(store, pf_str_c(found->name), &box, err);

	if (status == PF_OK) {
		store_box_info(box, &info);
		bool same = !known || (info.uidvalidity == uids.uidvalidity &&
				       info.uidnext >= uids.uidnext);
		origin_say(s->conf, 0,
			   "%s: %u messages, UIDVALIDITY %u, UIDNEXT %u%s",
			   found->name, info.messages, info.uidvalidity,
			   info.uidnext, same ? "" : ": NOT AS IT WAS");
		*kept = *kept && same;
		store_box_close(&box);
	}
	origin_uids_release(&uids);
	pf_buf_release(&text);
	return status;
}

static pf_status serve(struct origin_survey *s, bool *kept,
		       struct pf_error *err)
{
	struct store *store = NULL;
	pf_status status = origin_store(s->conf, &store, err);

	for (size_t i = 0; status == PF_OK && i < s->boxes.n; i++)
		if (!s->boxes.v[i].no)
			status =
			    give_keywords(s, store, &s->boxes.v[i], kept, err);
	origin_say(s->conf, 0, "Now:");
	for (size_t i = 0; status == PF_OK && i < s->boxes.n; i++)
		if (!s->boxes.v[i].no)
			status = verify(s, store, &s->boxes.v[i], kept, err);
	store_close(&store);
	return status;
}

static pf_status act(struct origin_survey *s, bool *kept, struct pf_error *err)
{
	pf_status status = PF_OK;

	if (s->courier)
		status = origin_note(s, "courier", "", "", err);
	if (status == PF_OK && s->conf->control)
		status = origin_note(s, "control", s->conf->control, "", err);
	if (status == PF_OK)
		status = move_boxes(s, err);
	for (size_t i = 0; status == PF_OK && i < s->boxes.n; i++)
		if (!s->boxes.v[i].no)
			status = make_uidlist(s, &s->boxes.v[i], err);
	if (status == PF_OK)
		status = make_subscriptions(s, err);
	if (status == PF_OK)
		status = serve(s, kept, err);
	return status;
}

pf_status origin_take_over(const struct origin_conf *conf, bool *kept,
			   struct pf_error *err)
{
	struct origin_survey s;
	pf_status status = origin_survey_new(conf, &s, err);

	if (status != PF_OK)
		return status;
	*kept = true;
	for (size_t i = 0; i < s.boxes.n; i++)
		report_box(&s, &s.boxes.v[i], kept);
	report_root(&s);
	/* what was begun is finished as it was begun */
	s.fs = s.fs || origin_noted(&s, "fs", "");
	if (conf->act && *kept)
		status = act(&s, kept, err);
	origin_survey_release(&s);
	return status;
}
