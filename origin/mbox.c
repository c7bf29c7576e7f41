/*
 * mbox: many messages in a file.
 *
 *	From sender date LF		where a message begins: at the start of
 *					the file, or behind an empty line
 *	header LF ... LF body LF	lines with LF, or CRLF
 *	LF				which belongs to no message
 *
 * A body's own "From " lines are quoted: in mboxrd every /^>*From / has one
 * ">" more than it had, in mboxo only "From " has, in mboxcl2 none has, and
 * Content-Length says where the body ends.  A Content-Length is believed if
 * a "From " line, or the end of the file, is just there; else it was somebody
 * else's.  Flags are in Status (R read, O old) and X-Status (A answered,
 * F flagged, D deleted, T draft), keywords in X-Keywords; these fields are
 * mbox', not the message's, and are taken out.
 *
 * Works on lines of any length with no copy of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "origin/origin.h"

static struct pf_str line_at(struct pf_str text, size_t at)
{
	struct pf_str rest = pf_str_from(text, at);
	ptrdiff_t end = pf_str_chr(rest, '\n');

	return end < 0 ? rest : pf_str_head(rest, (size_t)end + 1);
}

static bool is_empty_line(struct pf_str line)
{
	return pf_str_eq(line, PF_STR("\n")) || pf_str_eq(line, PF_STR("\r\n"));
}

static int digits(struct pf_str s)
{
	uint64_t n;

	return pf_str_u64(s, 9999, &n) ? (int)n : -1;
}

static int month_of(struct pf_str word)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; word.n == 3 && i < 12; i++)
		if (pf_str_ieq(word, pf_str_mem(months + i * 3, 3)))
			return i;
	return -1;
}

/* "...Thu Feb  4 10:20:01 2021", also with a zone before or behind the year
 * (which programs disagree about: UTC is meant). */
bool origin_mbox_date(struct pf_str line, int64_t *date)
{
	struct tm tm = {0};
	struct pf_str word;
	int month = -1, have = 0;

	while (pf_str_split(&line, ' ', &word)) {
		word = pf_str_trim(word);
		if (month < 0) {
			month = month_of(word);
			have = 0;
		} else if (word.n == 0) {
			continue;
		} else if (have == 0 && digits(word) > 0) {
			tm.tm_mday = digits(word);
			have = 1;
		} else if (have == 1 && word.n >= 5 && word.n <= 8 &&
			   word.p[2] == ':') {
			tm.tm_hour = digits(pf_str_head(word, 2));
			tm.tm_min =
			    digits(pf_str_head(pf_str_from(word, 3), 2));
			tm.tm_sec =
			    word.n == 8 ? digits(pf_str_from(word, 6)) : 0;
			have = 2;
		} else if (have == 2 && word.n == 4 && digits(word) > 1900) {
			tm.tm_year = digits(word) - 1900;
			have = 3;
		}
	}
	if (have != 3 || tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 ||
	    tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return false;
	tm.tm_mon = month;
	*date = (int64_t)timegm(&tm);
	return true;
}

/* A "From " line that is one: with a date. */
static bool is_from(struct pf_str line)
{
	int64_t date;

	return pf_str_starts(line, PF_STR("From ")) &&
	       origin_mbox_date(line, &date);
}

/* ---- reading ----------------------------------------------------------- */

static struct pf_str field(struct pf_str line, struct pf_str name)
{
	if (pf_str_istarts(line, name) && line.n > name.n &&
	    line.p[name.n] == ':')
		return pf_str_trim(pf_str_from(line, name.n + 1));
	return (struct pf_str){NULL, 0};
}

static void take_letters(struct pf_str letters, uint32_t *flags)
{
	static const struct {
		char letter;
		uint32_t flag;
	} map[] = {{'R', STORE_SEEN},
		   {'A', STORE_ANSWERED},
		   {'F', STORE_FLAGGED},
		   {'D', STORE_DELETED},
		   {'T', STORE_DRAFT}};

	for (size_t i = 0; i < letters.n; i++)
		for (size_t k = 0; k < sizeof map / sizeof *map; k++)
			if (letters.p[i] == map[k].letter)
				*flags |= map[k].flag;
}

/* Is it a field of mbox' own?  Takes what it says. */
static bool own_field(struct pf_str line, struct origin_message *m)
{
	struct pf_str value = field(line, PF_STR("Status"));

	if (!value.p)
		value = field(line, PF_STR("X-Status"));
	if (value.p) {
		take_letters(value, &m->flags);
		return true;
	}
	value = field(line, PF_STR("X-Keywords"));
	if (value.p) {
		m->keywords = value;
		return true;
	}
	return value.p != NULL;
}

/* Content-Length is taken out only when it was right: else it is the
 * message's. */
struct length {
	uint64_t bytes;
	size_t at, n; /* its line in the message */
};

static void note_length(struct pf_str line, const struct pf_buf *to,
			struct length *length)
{
	struct pf_str value = field(line, PF_STR("Content-Length"));
	uint64_t bytes;

	if (value.p && pf_str_u64(value, SIZE_MAX / 2, &bytes))
		*length = (struct length){bytes, to->len, line.n};
}

static void cut_out(struct pf_buf *text, const struct length *length)
{
	memmove(text->data + length->at, text->data + length->at + length->n,
		text->len - length->at - length->n);
	pf_buf_cut(text, text->len - length->n);
}

static void add_line(struct pf_str line, bool quoted, struct pf_buf *to)
{
	size_t marks = 0;

	while (marks < line.n && line.p[marks] == '>')
		marks++;
	if (quoted && marks &&
	    pf_str_starts(pf_str_from(line, marks), PF_STR("From ")))
		line = pf_str_from(line, 1);
	pf_buf_add_str(to, line);
}

/* Header: returns where the body begins. */
static size_t read_header(struct pf_str text, size_t at,
			  struct origin_message *m, struct length *length,
			  struct pf_buf *to)
{
	bool skip = false;

	while (at < text.n) {
		struct pf_str line = line_at(text, at);
		at += line.n;
		/* the line behind an own field that was folded goes with it */
		if (line.p[0] != ' ' && line.p[0] != '\t')
			skip = own_field(line, m);
		note_length(line, to, length);
		if (!skip)
			pf_buf_add_str(to, line);
		if (is_empty_line(line))
			break;
	}
	return at;
}

/* Does a message end `length` bytes behind? */
static bool ends_there(struct pf_str text, size_t at, uint64_t length)
{
	if (length > text.n - at)
		return false;
	at += (size_t)length;
	if (at < text.n)
		at +=
		    is_empty_line(line_at(text, at)) ? line_at(text, at).n : 0;
	return at == text.n || is_from(line_at(text, at));
}

bool origin_mbox_next(struct pf_str text, size_t *at, struct origin_message *m,
		      struct pf_buf *body)
{
	struct length length = {0};
	size_t here = *at;

	*m = (struct origin_message){0};
	pf_buf_clear(body);
	while (here < text.n && is_empty_line(line_at(text, here)))
		here += line_at(text, here).n;
	struct pf_str from = line_at(text, here);
	if (!pf_str_starts(from, PF_STR("From ")))
		return false;
	(void)origin_mbox_date(from, &m->date);
	here = read_header(text, here + from.n, m, &length, body);
	if (length.n && !body->failed && ends_there(text, here, length.bytes)) {
		cut_out(body, &length);
		pf_buf_add_str(body, pf_str_head(pf_str_from(text, here),
						 (size_t)length.bytes));
		*at = here + (size_t)length.bytes;
		return true;
	}
	/* without an empty line of its own the header ended at the one that
	 * parts messages */
	size_t blank = pf_str_ends(pf_buf_str(body), PF_STR("\r\n")) ? 2 : 1;
	if (here < text.n && is_from(line_at(text, here))) {
		pf_buf_cut(body, body->len < blank ? 0 : body->len - blank);
		*at = here;
		return true;
	}
	struct pf_str gap = {NULL, 0}; /* an empty line, perhaps the last */
	while (here < text.n) {
		struct pf_str line = line_at(text, here);
		if (gap.n && is_from(line))
			break;
		pf_buf_add_str(body, gap);
		gap = (struct pf_str){NULL, 0};
		if (is_empty_line(line))
			gap = line;
		else
			add_line(line, true, body);
		here += line.n;
	}
	*at = here;
	return true;
}

/* ---- writing: mboxrd --------------------------------------------------- */

static void add_from(int64_t date, struct pf_buf *to)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)date;
	struct tm tm = {0};

	(void)gmtime_r(&t, &tm);
	pf_buf_addf(to, "From MAILER-DAEMON %.3s %.3s %2d %02d:%02d:%02d %d\n",
		    days + tm.tm_wday * 3, months + tm.tm_mon * 3, tm.tm_mday,
		    tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_year + 1900);
}

void origin_mbox_write(const struct origin_message *m, struct pf_str text,
		       struct pf_buf *to)
{
	bool header = true;

	add_from(m->date, to);
	pf_buf_addf(to, "Status: %sO\n", m->flags & STORE_SEEN ? "R" : "");
	if (m->flags &
	    (STORE_ANSWERED | STORE_FLAGGED | STORE_DELETED | STORE_DRAFT))
		pf_buf_addf(to, "X-Status: %s%s%s%s\n",
			    m->flags & STORE_ANSWERED ? "A" : "",
			    m->flags & STORE_FLAGGED ? "F" : "",
			    m->flags & STORE_DELETED ? "D" : "",
			    m->flags & STORE_DRAFT ? "T" : "");
	if (m->keywords.n)
		pf_buf_addf(to, "X-Keywords: %.*s\n", (int)m->keywords.n,
			    m->keywords.p);
	for (size_t at = 0; at < text.n;) {
		struct pf_str line = line_at(text, at);
		size_t marks = 0;
		at += line.n;
		while (marks < line.n && line.p[marks] == '>')
			marks++;
		if (!header &&
		    pf_str_starts(pf_str_from(line, marks), PF_STR("From ")))
			pf_buf_add_byte(to, '>');
		header = header && !is_empty_line(line);
		pf_buf_add_str(to, line);
	}
	pf_buf_add_c(to, text.n && text.p[text.n - 1] != '\n' ? "\n\n" : "\n");
}
