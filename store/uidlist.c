/*
 * dovecot-uidlist, version 3: the copy of our UIDs that Dovecot reads, and
 * from which we start when our own files are gone.
 *
 *	3 V1795262240 N0000000499 G95d553092087016baf79000083ecc375
 *	342 :1795262483.M710166P8887.vm,S=59361,W=60279
 *
 * N has ten digits so that it can be raised in place: it runs ahead of the
 * UIDs given (store_uidlist_reserve), so that a UID that is not yet listed
 * here is not given again when the log is lost; a clean close brings it back.
 * Lines are appended; when a quarter of them is dead the file is rewritten,
 * and keys that we do not know (POP3's) are kept.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "store/box.h"

#define LIST_NAME "dovecot-uidlist"
#define RESERVE	  256

/* ---- reading ------------------------------------------------------------ */

static bool is_guid(struct pf_str s)
{
	bool good = s.n == 32;

	for (size_t i = 0; good && i < s.n; i++)
		good = (s.p[i] >= '0' && s.p[i] <= '9') ||
		       (s.p[i] >= 'a' && s.p[i] <= 'f');
	return good;
}

static bool parse_number(struct pf_str s, uint32_t *value)
{
	uint64_t n;

	if (!pf_str_u64(s, UINT32_MAX - 1, &n) || n == 0)
		return false;
	*value = (uint32_t)n;
	return true;
}

static bool parse_header(struct pf_str line, struct store_uidlist *list,
			 bool *v1)
{
	struct pf_str word;

	if (!pf_str_split(&line, ' ', &word))
		return false;
	*v1 = pf_str_eq(word, PF_STR("1"));
	if (*v1)
		return pf_str_split(&line, ' ', &word) &&
		       parse_number(word, &list->uidvalidity) &&
		       parse_number(line, &list->uidnext);
	if (!pf_str_eq(word, PF_STR("3")))
		return false;
	while (pf_str_split(&line, ' ', &word)) {
		struct pf_str value = pf_str_from(word, 1);
		if (word.n == 0)
			continue;
		if (word.p[0] == 'V' &&
		    !parse_number(value, &list->uidvalidity))
			return false;
		if (word.p[0] == 'N' && !parse_number(value, &list->uidnext))
			return false;
		if (word.p[0] == 'G' && is_guid(value))
			(void)pf_str_copy(value, list->guid, sizeof list->guid);
	}
	return list->uidvalidity && list->uidnext;
}

/* One record: its UID, GUID (may be empty) and base name. */
static bool parse_record(struct pf_str line, bool v1, uint32_t *uid,
			 struct pf_str *guid, struct pf_str *base)
{
	struct pf_str word;

	*guid = (struct pf_str){NULL, 0};
	if (!pf_str_split(&line, ' ', &word) || !parse_number(word, uid))
		return false;
	while (!v1 && line.n && line.p[0] != ':') {
		if (!pf_str_split(&line, ' ', &word))
			return false;
		if (word.n > 1 && word.p[0] == 'G')
			*guid = pf_str_from(word, 1);
	}
	*base = store_base_of(pf_str_from(line, v1 ? 0 : 1));
	return base->n > 0 && base->n <= 255 && guid->n <= 255 &&
	       !memchr(base->p, '/', base->n) && !memchr(line.p, '\0', line.n);
}

bool store_uidlist_parse(struct store_box *box, struct pf_str text,
			 struct store_uidlist *list)
{
	struct pf_str line, guid, base;
	uint32_t uid, last = 0;
	bool v1 = false;

	*list = (struct store_uidlist){0};
	if (!pf_str_split(&text, '\n', &line) || !parse_header(line, list, &v1))
		return false;
	while (text.n) {
		/* a last line without its LF was torn */
		if (pf_str_chr(text, '\n') < 0 ||
		    !pf_str_split(&text, '\n', &line))
			break;
		if (!parse_record(line, v1, &uid, &guid, &base) || uid <= last)
			break; /* from here on nothing can be believed */
		struct store_claim claim = {
		    .uid = uid,
		    .name = store_heap_add(box, base),
		    .guid = guid.n ? store_heap_add(box, guid) : 0,
		};
		pf_vec_push(&box->claims, claim);
		list->lines++;
		last = uid;
	}
	if (list->uidnext <= last)
		list->uidnext = last + 1;
	return true;
}

static void format_header(struct pf_buf *to, const struct store_box *box,
			  uint32_t next)
{
	pf_buf_addf(to, "3 V%u N%010u G%s", box->uidvalidity, next, box->guid);
}

/* UIDs that others gave since we wrote the list stay; ours below UIDNEXT are
 * not theirs to change.  A known file with a later UID was given it anew:
 * the old one is expunged. */
static pf_status merge_claims(struct store_box *box, size_t first,
			      struct pf_error *err)
{
	struct store_ranges lost = {0};
	struct store_uids uids = {0};
	size_t to = first;
	pf_status status = PF_OK;

	for (size_t i = first; i < box->claims.n; i++) {
		struct store_claim claim = box->claims.v[i];
		if (claim.uid < box->uidnext)
			continue;
		struct store_rec *rec =
		    store_index_find(box, pf_str_c(box->heap + claim.name));
		if (rec)
			pf_vec_push(&uids, rec->m.uid);
		box->claims.v[to++] = claim;
	}
	box->claims.n = to;
	store_uids_sort(&uids);
	for (size_t i = 0; i < uids.n; i++)
		store_ranges_add(&lost, uids.v[i], false);
	if (lost.n) {
		store_txn_expunge(box, box->modseq + 1, lost.v, lost.n);
		/* without a log a commit would write a snapshot, and that must
		 * wait until the claims have found their files */
		status = box->log_fd < 0 ? store_txn_apply(box, err)
					 : store_txn_commit(box, true, err);
	}
	pf_vec_release(&lost);
	pf_vec_release(&uids);
	return status;
}

static bool header_in_place(const struct store_box *box, struct pf_str text,
			    uint32_t next)
{
	struct pf_buf header = PF_BUF_INIT(200);

	format_header(&header, box, next);
	bool same = pf_str_starts(text, pf_buf_str(&header));
	pf_buf_release(&header);
	return same;
}

pf_status store_uidlist_read(struct store_box *box, bool *adopt,
			     struct store_uidlist *list, struct pf_error *err)
{
	struct store_stamp now = store_stamp_of(box->dir, LIST_NAME);
	struct pf_buf text = PF_BUF_INIT(STORE_FILE_MAX);
	size_t first = box->claims.n;
	pf_status status = PF_OK;

	*adopt = false;
	if (store_stamp_eq(&now, &box->noted.uidlist))
		return PF_OK;
	box->noted.uidlist = (struct store_stamp){0};
	box->noted.listed = box->noted.lines = box->noted.reserved = 0;
	if (!now.mtime ||
	    pf_fs_read(box->dir, LIST_NAME, &text, NULL) != PF_OK ||
	    !store_uidlist_parse(box, pf_buf_str(&text), list)) {
		box->claims.n = first; /* missing or garbage: written anew */
	} else if (box->uidvalidity && list->uidvalidity != box->uidvalidity) {
		*adopt = list->uidvalidity > box->uidvalidity;
		box->claims.n = first;
	} else {
		box->uidvalidity = list->uidvalidity;
		if (list->guid[0] && !box->guid[0])
			memcpy(box->guid, list->guid, sizeof box->guid);
		uint32_t last = box->claims.n > first
				    ? box->claims.v[box->claims.n - 1].uid
				    : 0;
		if (box->recs.n)
			status = merge_claims(box, first, err);
		if (list->uidnext > box->uidnext)
			box->uidnext = list->uidnext;
		box->noted.uidlist = now;
		box->noted.listed = last;
		box->noted.lines = list->lines;
		box->noted.reserved = list->uidnext;
		box->noted.in_place =
		    header_in_place(box, pf_buf_str(&text), list->uidnext);
		box->lists_read = true;
	}
	pf_buf_release(&text);
	return status;
}

bool store_uidlist_names(struct store_box *box, struct pf_str base)
{
	struct pf_buf text = PF_BUF_INIT(STORE_FILE_MAX);
	struct pf_buf line = PF_BUF_INIT(4096);
	bool found = false;

	pf_buf_addf(&line, " :%.*s\n", (int)base.n, base.p);
	if (!line.failed &&
	    pf_fs_read(box->dir, LIST_NAME, &text, NULL) == PF_OK)
		found = memmem(text.data, text.len, line.data, line.len);
	pf_buf_release(&line);
	pf_buf_release(&text);
	return found;
}

/* ---- writing --------------------------------------------------------------
 */

static void add_line(const struct store_box *box, const struct store_rec *rec,
		     struct pf_buf *to)
{
	pf_buf_add_u64(to, rec->m.uid);
	if (rec->guid) {
		pf_buf_add_c(to, " G");
		pf_buf_add_c(to, store_heap_text(box, rec->guid));
	}
	pf_buf_add_c(to, " :");
	pf_buf_add_c(to, store_rec_base(box, rec));
	pf_buf_add_byte(to, '\n');
}

/* What the old header has beside V, N and G. */
static void add_header_rest(struct pf_str line, struct pf_buf *to)
{
	struct pf_str word;

	if (!pf_str_starts(line, PF_STR("3 ")))
		return;
	line = pf_str_from(line, 2);
	while (pf_str_split(&line, ' ', &word))
		if (word.n && !memchr("VNG", word.p[0], 3)) {
			pf_buf_add_byte(to, ' ');
			pf_buf_add_str(to, word);
		}
}

/* All records; a line of the old file that is still right stays as it is. */
static void format_list(const struct store_box *box, struct pf_str old,
			uint32_t next, struct pf_buf *to)
{
	struct pf_str line = {NULL, 0}, guid, base;
	uint32_t uid = 0;
	bool have = false;

	format_header(to, box, next);
	if (pf_str_split(&old, '\n', &line))
		add_header_rest(line, to);
	pf_buf_add_byte(to, '\n');
	for (size_t i = 0; i < box->recs.n; i++) {
		const struct store_rec *rec = &box->recs.v[i];
		while ((!have || uid < rec->m.uid) &&
		       pf_str_split(&old, '\n', &line))
			have = parse_record(line, false, &uid, &guid, &base);
		if (have && uid == rec->m.uid && old.p &&
		    pf_str_eq(base, pf_str_c(store_rec_base(box, rec)))) {
			pf_buf_add_str(to, line);
			pf_buf_add_byte(to, '\n');
		} else {
			add_line(box, rec, to);
		}
	}
}

static pf_status rewrite(struct store_box *box, uint32_t next,
			 struct pf_error *err)
{
	struct pf_buf old = PF_BUF_INIT(STORE_FILE_MAX);
	struct pf_buf text = PF_BUF_INIT(STORE_FILE_MAX);
	struct store_uidlist list = {0};
	bool v1 = true;
	struct pf_str bytes = {NULL, 0}, line;

	if (pf_fs_read(box->dir, LIST_NAME, &old, NULL) == PF_OK) {
		bytes = pf_buf_str(&old);
		struct pf_str rest = bytes;
		/* only lines of the same UIDVALIDITY are ours */
		if (!pf_str_split(&rest, '\n', &line) ||
		    !parse_header(line, &list, &v1) || v1 ||
		    list.uidvalidity != box->uidvalidity)
			bytes = (struct pf_str){NULL, 0};
	}
	format_list(box, bytes, next, &text);
	pf_status status = pf_buf_status(&text, err);
	if (status == PF_OK)
		status = pf_fs_replace(box->dir, LIST_NAME, pf_buf_str(&text),
				       STORE_FILE_MODE, false, err);
	pf_buf_release(&old);
	pf_buf_release(&text);
	return status;
}

/* Appends the new lines and raises or lowers N where it stands. */
static pf_status update(struct store_box *box, uint32_t next, uint32_t from,
			struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(STORE_FILE_MAX);
	int fd = -1;
	pf_status status =
	    pf_fs_open(box->dir, LIST_NAME, O_WRONLY | O_NOFOLLOW, 0, &fd, err);

	if (status != PF_OK)
		return status;
	for (size_t i = from; i < box->recs.n; i++)
		add_line(box, &box->recs.v[i], &text);
	status = pf_buf_status(&text, err);
	if (status == PF_OK && text.len)
		status = pf_fs_pwrite(fd, text.data, text.len,
				      (off_t)box->noted.uidlist.size, err);
	if (status == PF_OK && next != box->noted.reserved) {
		pf_buf_clear(&text);
		format_header(&text, box, next);
		status = pf_fs_pwrite(fd, text.data, text.len, 0, err);
	}
	close(fd);
	pf_buf_release(&text);
	return status;
}

static pf_status write_list(struct store_box *box, uint32_t next, bool lines,
			    struct pf_error *err)
{
	struct store_stamp now = store_stamp_of(box->dir, LIST_NAME);
	struct store_noted *noted = &box->noted;
	uint32_t alive = store_box_lower_bound(box, noted->listed + 1);
	uint32_t dead = noted->lines > alive ? noted->lines - alive : 0;
	uint32_t added = (uint32_t)box->recs.n - alive;
	bool whole = !noted->in_place || !now.mtime ||
		     !store_stamp_eq(&now, &noted->uidlist) ||
		     (lines && dead > 16 && dead > noted->lines / 4);

	if (!lines && !whole)
		added = 0;
	if (!whole && added == 0 && next == noted->reserved)
		return PF_OK;
	pf_status status =
	    whole ? rewrite(box, next, err)
		  : update(box, next, (uint32_t)box->recs.n - added, err);
	if (status != PF_OK) {
		noted->uidlist = (struct store_stamp){0};
		pf_error_context(err, "%s: " LIST_NAME, box->folder);
		return status;
	}
	noted->uidlist = store_stamp_of(box->dir, LIST_NAME);
	noted->reserved = next;
	noted->in_place = 1;
	if (whole) {
		noted->lines = (uint32_t)box->recs.n;
		added = (uint32_t)box->recs.n;
	} else {
		noted->lines += added;
	}
	if (added && box->recs.n)
		noted->listed = box->recs.v[box->recs.n - 1].m.uid;
	else if (whole)
		noted->listed = 0;
	return PF_OK;
}

pf_status store_uidlist_write(struct store_box *box, bool exact,
			      struct pf_error *err)
{
	struct store_stamp before = box->noted.uidlist;
	uint32_t next = box->noted.reserved;

	if (exact)
		next = box->uidnext;
	else if (next < box->uidnext)
		next = box->uidnext < UINT32_MAX - RESERVE
			   ? box->uidnext + RESERVE
			   : box->uidnext;
	pf_status status = write_list(box, next, true, err);
	if (status != PF_OK)
		return status;
	box->changed_docs = false;
	if (store_stamp_eq(&before, &box->noted.uidlist))
		return PF_OK;
	store_txn_noted(box);
	return store_txn_commit(box, false, err);
}

pf_status store_uidlist_reserve(struct store_box *box, uint32_t uid,
				struct pf_error *err)
{
	store_box_docs_changed(box);
	if (uid < box->noted.reserved && box->noted.uidlist.mtime)
		return PF_OK;
	if (uid >= UINT32_MAX - 1)
		return pf_error_set(err, PF_LIMIT,
				    "The mailbox has used up its UIDs",
				    "%s: no UID left", box->folder);
	uint32_t next = uid < UINT32_MAX - RESERVE ? uid + RESERVE : uid + 1;
	pf_status status = write_list(box, next, false, err);
	/* goes with the caller's records: to the others of us the reserve in
	 * the header is no UIDNEXT of somebody else */
	if (status == PF_OK)
		store_txn_noted(box);
	return status;
}
