/*
 * Keywords: 64 numbers with names per mailbox.  The first 26 are letters in
 * file names, and dovecot-keywords ("0 NonJunk") says what they mean, to us
 * as well as to Dovecot; the others live in our own log only.
 */
#include "store/box.h"

#define LIST_NAME "dovecot-keywords"
#define LIST_MAX  65536

/* RFC 9051 9: flag-keyword is an atom. */
static bool is_atom(struct pf_str name)
{
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' ||
		    (unsigned char)name.p[i] >= 0x7f ||
		    strchr("(){%*\"\\]", name.p[i]))
			return false;
	return name.n > 0 && name.n <= 200;
}

/* What cannot be a keyword, or is on a last line without its end (the file was
 * cut short), is left out. */
unsigned store_keywords_parse(struct pf_str text,
			      struct pf_str names[STORE_KEYWORD_LETTERS])
{
	struct pf_str line, word;
	unsigned found = 0;
	uint64_t n;

	for (unsigned i = 0; i < STORE_KEYWORD_LETTERS; i++)
		names[i] = (struct pf_str){NULL, 0};
	while (pf_str_chr(text, '\n') >= 0 &&
	       pf_str_split(&text, '\n', &line)) {
		if (!pf_str_split(&line, ' ', &word) ||
		    !pf_str_u64(word, STORE_KEYWORD_LETTERS - 1, &n) ||
		    !is_atom(line))
			continue;
		bool twice = false;
		for (unsigned i = 0; i < STORE_KEYWORD_LETTERS; i++)
			twice |= pf_str_ieq(names[i], line);
		if (!names[n].n && !twice) {
			names[n] = line;
			found++;
		}
	}
	return found;
}

int store_keyword_find(const struct store_box *box, struct pf_str name)
{
	for (int i = 0; i < STORE_KEYWORDS_MAX; i++)
		if (box->keywords[i] &&
		    pf_str_ieq(pf_str_c(box->keywords[i]), name))
			return i;
	return -1;
}

/* Messages that have `from` get `to` instead. */
static void move_bit(struct store_box *box, unsigned from, unsigned to)
{
	struct store_flags_record change = {
	    .modseq = box->modseq + 1,
	    .add_keywords = UINT64_C(1) << to,
	    .remove_keywords = UINT64_C(1) << from,
	};
	struct store_ranges ranges = {0};

	for (size_t i = 0; i < box->recs.n; i++)
		if (box->recs.v[i].m.keywords & UINT64_C(1) << from)
			store_ranges_add(&ranges, box->recs.v[i].m.uid, false);
	if (ranges.n)
		store_txn_flags(box, &change, ranges.v, ranges.n);
	pf_vec_release(&ranges);
}

/* Does the file lack a name that we have? */
static bool lacks_names(const struct store_box *box,
			const struct pf_str names[STORE_KEYWORD_LETTERS])
{
	for (unsigned i = 0; i < STORE_KEYWORD_LETTERS; i++)
		if (box->keywords[i] && !names[i].n)
			return true;
	return false;
}

/* The file decides about letters: they are on other programs' files too. */
static void take_names(struct store_box *box,
		       const struct pf_str names[STORE_KEYWORD_LETTERS])
{
	for (unsigned i = 0; i < STORE_KEYWORD_LETTERS; i++) {
		const char *ours = box->keywords[i];
		if (!names[i].n ||
		    (ours && pf_str_eq(pf_str_c(ours), names[i])))
			continue;
		int other = store_keyword_find(box, names[i]);
		if (other >= 0 && other != (int)i) {
			store_txn_keyword(box, (unsigned)other, PF_STR(""));
			if (other >= STORE_KEYWORD_LETTERS)
				move_bit(box, (unsigned)other, i);
		}
		store_txn_keyword(box, i, names[i]);
	}
}

/* Do we know a name that the file does not? */
static bool file_lacks(const struct store_box *box,
		       const struct pf_str names[STORE_KEYWORD_LETTERS])
{
	for (unsigned i = 0; i < STORE_KEYWORD_LETTERS; i++)
		if (box->keywords[i] && names[i].n == 0)
			return true;
	return false;
}

pf_status store_keywords_read(struct store_box *box, struct pf_error *err)
{
	struct store_stamp now = store_stamp_of(box->dir, LIST_NAME);
	struct pf_str names[STORE_KEYWORD_LETTERS];
	struct pf_buf text = PF_BUF_INIT(LIST_MAX);
	pf_status status = PF_OK;

	if (store_stamp_eq(&now, &box->noted.keywords))
		return PF_OK;
	if (!now.mtime ||
	    pf_fs_read(box->dir, LIST_NAME, &text, NULL) != PF_OK) {
		box->noted.keywords = (struct store_stamp){0};
		pf_buf_release(&text);
		return PF_OK; /* gone: store_keywords_write makes it again */
	}
	store_keywords_parse(pf_buf_str(&text), names);
	if (box->log_fd < 0 || box->store->read_only) {
		/* being put together: the checkpoint will hold the names */
		for (unsigned i = 0; i < STORE_KEYWORD_LETTERS; i++) {
			struct pf_buf record = PF_BUF_INIT(LIST_MAX);
			uint32_t number = i;
			pf_buf_add(&record, &number, sizeof number);
			pf_buf_add_str(&record, names[i]);
			if (names[i].n)
				(void)store_apply(box, RECORD_KEYWORD,
						  pf_buf_str(&record));
			pf_buf_release(&record);
		}
	} else {
		take_names(box, names);
		status = store_txn_commit(box, true, err);
		if (status == PF_OK && lacks_names(box, names)) {
			box->noted.keywords = (struct store_stamp){.ino = 1};
			status = store_keywords_write(box, err);
			now = store_stamp_of(box->dir, LIST_NAME);
		}
	}
	if (status == PF_OK) {
		/* else it is to be written: it was damaged, or is a backup */
		box->noted.keywords =
		    file_lacks(box, names) ? (struct store_stamp){0} : now;
		box->lists_read = true;
	}
	pf_buf_release(&text);
	return status;
}

pf_status store_keywords_write(struct store_box *box, struct pf_error *err)
{
	struct store_stamp now = store_stamp_of(box->dir, LIST_NAME);
	struct pf_buf text = PF_BUF_INIT(LIST_MAX);

	if (store_stamp_eq(&now, &box->noted.keywords) &&
	    !(now.mtime == 0 && box->keywords[0]))
		return PF_OK;
	for (unsigned i = 0; i < STORE_KEYWORD_LETTERS; i++)
		if (box->keywords[i])
			pf_buf_addf(&text, "%u %s\n", i, box->keywords[i]);
	pf_status status = pf_buf_status(&text, err);
	if (status == PF_OK && (text.len || now.mtime))
		status = pf_fs_replace(box->dir, LIST_NAME, pf_buf_str(&text),
				       STORE_FILE_MODE, true, err);
	if (status == PF_OK)
		box->noted.keywords = store_stamp_of(box->dir, LIST_NAME);
	pf_buf_release(&text);
	return status;
}

const char *store_box_keyword(const struct store_box *box, unsigned number)
{
	return number < STORE_KEYWORDS_MAX ? box->keywords[number] : NULL;
}

static pf_status create_keyword(struct store_box *box, struct pf_str name,
				unsigned *number, struct pf_error *err)
{
	unsigned n = 0;
	uint64_t used = 0;

	int found = store_keyword_find(box, name);
	if (found >= 0) { /* another session was faster */
		*number = (unsigned)found;
		return PF_OK;
	}
	/* a letter that files carry without a name is somebody's */
	for (size_t i = 0; i < box->recs.n; i++)
		used |= box->recs.v[i].m.keywords;
	while (n < STORE_KEYWORDS_MAX &&
	       (box->keywords[n] || used & UINT64_C(1) << n))
		n++;
	if (n == STORE_KEYWORDS_MAX)
		return pf_error_set(err, PF_LIMIT,
				    "Too many keywords in this mailbox",
				    "%s: more than %d keywords", box->folder,
				    STORE_KEYWORDS_MAX);
	store_txn_keyword(box, n, name);
	pf_status status = store_txn_commit(box, true, err);
	if (status == PF_OK && n < STORE_KEYWORD_LETTERS) {
		box->noted.keywords = (struct store_stamp){.ino = 1};
		status = store_keywords_write(box, err);
		store_txn_noted(box);
		pf_status noted = store_txn_commit(box, false, err);
		if (status == PF_OK)
			status = noted;
	}
	if (status == PF_OK)
		*number = n;
	return status;
}

pf_status store_box_keyword_number(struct store_box *box, struct pf_str name,
				   bool create, unsigned *number,
				   struct pf_error *err)
{
	int found = store_keyword_find(box, name);

	if (found >= 0) {
		*number = (unsigned)found;
		return PF_OK;
	}
	if (!create)
		return pf_error_set(err, PF_NOTFOUND, "No such keyword",
				    "%s: no such keyword", box->folder);
	if (!is_atom(name))
		return pf_error_set(err, PF_INVALID, "Invalid keyword",
				    "%s: invalid keyword", box->folder);
	pf_status status = store_writable(box->store, err);
	if (status == PF_OK)
		status = store_box_lock(box, err);
	if (status != PF_OK)
		return status;
	status = create_keyword(box, name, number, err);
	store_box_unlock(box);
	return status;
}
