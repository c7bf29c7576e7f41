/*
 * What the past knows beside the files: one line for each message that went
 * and for each change of flags, as it was before.
 *
 *	E us uidvalidity uid   flags save-date base guid keywords
 *	F us uidvalidity lo:hi flags keywords
 *
 * in penfold.past of the folder in the past, parted by tabs; flags are the
 * letters of file names, keywords names with blanks between.  So undelete
 * knows keywords that have no letter, a file that comes back from a backup
 * gets the UID that it had, and whoever reads the F lines backwards knows the
 * flags of any time (past_restore.c).
 *
 * Lines are written before the log's record and not synced, except at a
 * checkpoint: as long as the log has the record, it writes them again after a
 * power cut.  A line twice, or one about what then did not happen, does no
 * harm.  Nothing fails because of this file: it is for later.
 */
#include "store/past.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define JOURNAL_MAX  ((size_t)64 << 20)
#define JOURNAL_KEEP ((size_t)16 << 20)
#define TEXT_MAX     ((size_t)64 << 20)
#define LOCK_MS	     2000
/* what came less than this before it was seen is mail, not an old file */
#define NEW_MAIL_SECONDS 60

static const char letters[] = "SRFTDP"; /* in the order of the bits */

/* ---- writing ----------------------------------------------------------- */

static void add_flags(struct pf_buf *to, uint32_t flags)
{
	size_t before = to->len;

	for (unsigned i = 0; letters[i]; i++)
		if (flags & 1u << i)
			pf_buf_add_byte(to, letters[i]);
	if (to->len == before)
		pf_buf_add_byte(to, '-');
}

static void add_keywords(struct pf_buf *to, const struct store_box *box,
			 uint64_t bits)
{
	const char *blank = "";

	for (unsigned i = 0; bits && i < STORE_KEYWORDS_MAX; i++, bits >>= 1)
		if (bits & 1 && box->keywords[i]) {
			pf_buf_addf(to, "%s%s", blank, box->keywords[i]);
			blank = " ";
		}
}

static struct pf_buf *text_of(struct store_box *box)
{
	if (box->past_text.max == 0)
		pf_buf_init(&box->past_text, TEXT_MAX);
	return &box->past_text;
}

static void add_number(struct pf_buf *to, int64_t n)
{
	if (n < 0)
		pf_buf_add_byte(to, '-');
	pf_buf_add_u64(to, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
	pf_buf_add_byte(to, '\t');
}

static void add_start(struct pf_buf *to, const struct store_box *box, char kind)
{
	pf_buf_add_byte(to, kind);
	pf_buf_add_byte(to, '\t');
	add_number(to, pf_clock_us());
	add_number(to, box->uidvalidity);
}

void store_past_note_gone(struct store_box *box, const struct store_rec *rec)
{
	struct pf_buf *to = text_of(box);
	struct pf_str base = pf_str_c(store_rec_base(box, rec));

	if (!box->store->past_keep || pf_str_chr(base, '\t') >= 0 ||
	    pf_str_chr(base, '\n') >= 0)
		return;
	add_start(to, box, 'E');
	add_number(to, rec->m.uid);
	add_flags(to, rec->m.flags);
	pf_buf_add_byte(to, '\t');
	add_number(to, rec->m.save_date);
	pf_buf_add_str(to, base);
	pf_buf_add_byte(to, '\t');
	pf_buf_add_c(to, store_heap_text(box, rec->guid));
	pf_buf_add_byte(to, '\t');
	add_keywords(to, box, rec->m.keywords);
	pf_buf_add_byte(to, '\n');
}

static void note_flags(struct store_box *box, const struct store_msg *first,
		       uint32_t last)
{
	struct pf_buf *to = text_of(box);

	add_start(to, box, 'F');
	pf_buf_addf(to, "%u:%u\t", first->uid, last);
	add_flags(to, first->flags);
	pf_buf_add_byte(to, '\t');
	add_keywords(to, box, first->keywords);
	pf_buf_add_byte(to, '\n');
}

static bool same_flags(const struct store_msg *a, const struct store_msg *b)
{
	return a->flags == b->flags && a->keywords == b->keywords;
}

/* The records of lo..hi, before they are changed or removed. */
static void note_range(struct store_box *box, uint32_t type,
		       struct store_range range)
{
	const struct store_msg *first = NULL;
	uint32_t at = store_box_lower_bound(box, range.lo), last = 0;

	for (; at < box->recs.n && box->recs.v[at].m.uid <= range.hi; at++) {
		const struct store_rec *rec = &box->recs.v[at];
		if (type == RECORD_EXPUNGE) {
			store_past_note_gone(box, rec);
			continue;
		}
		if (first && !same_flags(first, &rec->m)) {
			note_flags(box, first, last);
			first = NULL;
		}
		if (!first)
			first = &rec->m;
		last = rec->m.uid;
	}
	if (first)
		note_flags(box, first, last);
}

void store_past_note(struct store_box *box)
{
	struct store_record_header h;
	struct store_range range;

	if (!box->store->past_keep || box->store->read_only)
		return;
	for (size_t at = 0; at < box->txn.len;
	     at += sizeof h + (h.length + 7u) / 8 * 8) {
		memcpy(&h, box->txn.data + at, sizeof h);
		size_t fixed = h.type == RECORD_FLAGS
				   ? sizeof(struct store_flags_record)
				   : sizeof(uint64_t);
		if (h.type != RECORD_FLAGS && h.type != RECORD_EXPUNGE)
			continue;
		for (size_t i = fixed; i + sizeof range <= h.length;
		     i += sizeof range) {
			memcpy(&range, box->txn.data + at + sizeof h + i,
			       sizeof range);
			note_range(box, h.type, range);
		}
	}
	store_past_write(box, false);
}

/* IMAP shows the past's keywords by their letters. */
static void write_names(const struct store_box *box, int dir)
{
	struct pf_buf names = PF_BUF_INIT(65536), there = PF_BUF_INIT(65536);

	for (unsigned i = 0; i < STORE_KEYWORD_LETTERS; i++)
		if (box->keywords[i])
			pf_buf_addf(&names, "%u %s\n", i, box->keywords[i]);
	if (names.len && !names.failed &&
	    (pf_fs_read(dir, "dovecot-keywords", &there, NULL) != PF_OK ||
	     !pf_str_eq(pf_buf_str(&names), pf_buf_str(&there))))
		(void)!pf_fs_replace(dir, "dovecot-keywords",
				     pf_buf_str(&names), STORE_FILE_MODE, false,
				     NULL);
	pf_buf_release(&names);
	pf_buf_release(&there);
}

/* Opens it locked; one that was replaced while we waited is no use. */
static int open_locked(int dir)
{
	struct stat st;
	int fd = -1;

	for (int i = 0; i < 5; i++) {
		if (pf_fs_open(dir, PAST_JOURNAL, O_RDWR | O_CREAT | O_NOFOLLOW,
			       STORE_FILE_MODE, &fd, NULL) != PF_OK)
			return -1;
		if (pf_fs_lock(fd, true, LOCK_MS, NULL) == PF_OK &&
		    fstat(fd, &st) == 0 && st.st_nlink)
			return fd;
		close(fd);
	}
	return -1;
}

void store_past_write(struct store_box *box, bool durable)
{
	struct pf_buf *text = &box->past_text;
	bool any = text->len && !text->failed;
	struct stat st;
	char last = '\n';
	size_t got;

	if (!box->store->past_keep || box->store->read_only ||
	    (!any && !(durable && box->past_unsynced)))
		return;
	int dir = store_past_dir(box->store, box->folder, true, NULL);
	int fd = dir < 0 ? -1 : open_locked(dir);
	if (fd >= 0 && any && fstat(fd, &st) == 0 &&
	    (size_t)st.st_size < JOURNAL_MAX) {
		/* a power cut may have left half a line */
		if (st.st_size && (pf_fs_pread(fd, &last, 1, st.st_size - 1,
					       &got, NULL) != PF_OK ||
				   last != '\n'))
			st.st_size += pf_fs_pwrite(fd, "\n", 1, st.st_size,
						   NULL) == PF_OK;
		(void)!pf_fs_pwrite(fd, text->data, text->len, st.st_size,
				    NULL);
		write_names(box, dir);
		box->past_unsynced = true;
	}
	if (fd >= 0 && durable && pf_fs_datasync(fd, NULL) == PF_OK)
		box->past_unsynced = false;
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	pf_buf_release(text);
}

/* ---- reading ----------------------------------------------------------- */

static bool read_u32(struct pf_str word, uint32_t *value)
{
	uint64_t n;

	if (!pf_str_u64(word, UINT32_MAX - 1, &n))
		return false;
	*value = (uint32_t)n;
	return true;
}

static bool read_i64(struct pf_str word, int64_t *value)
{
	uint64_t n;
	bool minus = pf_str_starts(word, PF_STR("-"));

	if (!pf_str_u64(pf_str_from(word, minus), INT64_MAX, &n))
		return false;
	*value = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

static bool read_flags(struct pf_str word, uint32_t *flags)
{
	*flags = 0;
	if (pf_str_eq(word, PF_STR("-")))
		return true;
	for (size_t i = 0; i < word.n; i++) {
		const char *at = memchr(letters, word.p[i], sizeof letters - 1);
		if (!at)
			return false;
		*flags |= 1u << (at - letters);
	}
	return word.n > 0;
}

static bool parse_line(struct pf_str line, struct store_past_line *to)
{
	struct pf_str field[9] = {{NULL, 0}}, word;
	size_t n = 0;
	uint64_t us;

	while (n < 9 && pf_str_split(&line, '\t', &word))
		field[n++] = word;
	/* an empty last field is none for pf_str_split */
	bool gone = pf_str_eq(field[0], PF_STR("E")) && n >= 7;
	if ((!gone && !(pf_str_eq(field[0], PF_STR("F")) && n >= 5)) ||
	    !pf_str_u64(field[1], INT64_MAX, &us) ||
	    !read_u32(field[2], &to->uidvalidity) ||
	    !read_flags(field[4], &to->flags))
		return false;
	to->kind = gone ? 'E' : 'F';
	to->us = (int64_t)us;
	to->base = to->guid = (struct pf_str){NULL, 0};
	to->save_date = 0;
	to->keywords = field[gone ? 8 : 5];
	struct pf_str hi = field[3];
	if (!gone && !pf_str_split(&hi, ':', &word))
		return false;
	if (!read_u32(gone ? hi : word, &to->lo) || !read_u32(hi, &to->hi) ||
	    to->lo == 0 || to->hi < to->lo)
		return false;
	if (!gone)
		return true;
	to->base = field[6];
	to->guid = field[7];
	return to->base.n && !memchr(to->base.p, '/', to->base.n) &&
	       read_i64(field[5], &to->save_date);
}

void store_past_parse(struct pf_str text, struct store_past_lines *lines)
{
	struct store_past_line line;
	struct pf_str rest;

	/* what has no end may be half a line */
	text = pf_str_head(text, (size_t)(pf_str_rchr(text, '\n') + 1));
	while (pf_str_split(&text, '\n', &rest))
		if (!memchr(rest.p, '\0', rest.n) && parse_line(rest, &line))
			pf_vec_push(lines, line);
}

pf_status store_past_read(int dir, struct pf_buf *text,
			  struct store_past_lines *lines, struct pf_error *err)
{
	pf_buf_init(text, 2 * JOURNAL_MAX);
	pf_status status = pf_fs_read(dir, PAST_JOURNAL, text, err);

	if (status == PF_NOTFOUND)
		return PF_OK;
	if (status == PF_OK)
		store_past_parse(pf_buf_str(text), lines);
	return status;
}

/* ---- forgetting -------------------------------------------------------- */

/* Where the lines begin that are to stay. */
static size_t cut_at(struct pf_str text, int64_t us)
{
	size_t at = 0;

	while (at < text.n) {
		struct pf_str rest = pf_str_from(text, at);
		ptrdiff_t end = pf_str_chr(rest, '\n');
		struct store_past_line line;
		if (end < 0 ||
		    (parse_line(pf_str_head(rest, (size_t)end), &line) &&
		     line.us >= us && rest.n <= JOURNAL_KEEP))
			break;
		at += (size_t)end + 1;
	}
	return at;
}

void store_past_shorten(int dir, int64_t us)
{
	struct pf_buf text = PF_BUF_INIT(2 * JOURNAL_MAX);
	struct stat st;

	if (fstatat(dir, PAST_JOURNAL, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	int fd = open_locked(dir);
	if (fd >= 0 && pf_fs_read_fd(fd, &text, NULL) == PF_OK) {
		size_t at = cut_at(pf_buf_str(&text), us);
		if (at == text.len)
			(void)!pf_fs_unlink(dir, PAST_JOURNAL, NULL);
		else if (at)
			(void)!pf_fs_replace(dir, PAST_JOURNAL,
					     pf_str_from(pf_buf_str(&text), at),
					     STORE_FILE_MODE, true, NULL);
	}
	if (fd >= 0)
		close(fd);
	pf_buf_release(&text);
}

/* ---- UIDs that come back ------------------------------------------------ */

static bool is_new_mail(struct pf_str base)
{
	uint64_t seconds;
	ptrdiff_t dot = pf_str_chr(base, '.');

	return dot > 0 &&
	       pf_str_u64(pf_str_head(base, (size_t)dot), UINT32_MAX,
			  &seconds) &&
	       (int64_t)seconds + NEW_MAIL_SECONDS > (int64_t)pf_clock_now();
}

bool store_past_may_return(const struct store_box *box, struct pf_str base,
			   bool in_new)
{
	return box->store->past_keep && !(in_new && is_new_mail(base));
}

void store_past_claims(struct store_box *box)
{
	struct store_past_lines lines = {0};
	struct pf_buf text = PF_BUF_INIT(1);
	int dir = store_past_dir(box->store, box->folder, false, NULL);

	if (dir < 0)
		return;
	if (store_past_read(dir, &text, &lines, NULL) == PF_OK)
		for (size_t i = 0; i < lines.n; i++) {
			const struct store_past_line *line = &lines.v[i];
			if (line->kind != 'E' ||
			    line->uidvalidity != box->uidvalidity ||
			    line->lo >= box->uidnext)
				continue;
			struct store_claim claim = {
			    .uid = line->lo,
			    .name = store_heap_add(box, line->base),
			    .guid = line->guid.n
					? store_heap_add(box, line->guid)
					: 0,
			};
			pf_vec_push(&box->claims, claim);
		}
	pf_vec_release(&lines);
	pf_buf_release(&text);
	close(dir);
}
