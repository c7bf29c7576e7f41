/*
 * text: what SEARCH looks at in a message.
 *
 * One rule carries the whole of search: the index is fed, and messages are
 * judged, through this one function.  A limit, a decoding or a folding that
 * were different between the two would make the index say NO to a message
 * that matches.  So nothing else reads message text for searching, and
 * whatever changes what comes out of here (also in mime/: decoding, folding)
 * must change SEARCH_TEXT_FORMAT, which retires every index.
 *
 * The texts, and what a needle must lie within (RFC 3501 6.4.4 says only
 * "contains the specified string"):
 *  - each field of the message header: its value unfolded, encoded words
 *    decoded; for TEXT with "Name: " in front;
 *  - each field of an inner part's header, "Name: value";
 *  - each text part, charset and transfer encoding undone, as one text; a
 *    text/html part twice: as written, and as the text that is shown.
 * A needle is never found across two of these.  Attachments that are no text
 * are not searched; their names are (in their headers).
 *
 * Line ends: a message is stored with LF and spoken with CRLF, so CRLF counts
 * as LF, in needles too.  Everything is compared after mime_fold.
 *
 * The message's own header is read here and not taken from mime_text, so that
 * header keys can be judged from the first few KiB of a file.
 */
#include "search/text.h"

#include <stdio.h>
#include <pthread.h>

#include "base/crc.h"
#include "base/fsio.h"
#include "base/utf8.h"
#include "mime/mime.h"
#include "search/search.h"

#define SEARCH_TEXT_FORMAT "1"

#define SLICE	    ((size_t)8192)  /* bytes folded at once */
#define HEADER_READ ((size_t)16384) /* most headers are smaller */
#define FOLDED_MAX  ((size_t)64 << 20)

struct walk {
	search_piece_fn fn;
	void *arg;
	bool stopped;
	struct pf_buf clean, folded;
	/* what a piece ended with and cannot be used yet: half a character,
	 * or a CR that may be followed by LF */
	char held[SLICE + 8];
	size_t held_n;
};

/* How many bytes at the end must wait for what follows. */
static size_t unfinished(struct pf_str s)
{
	size_t n = 0;

	if (s.n && s.p[s.n - 1] == '\r')
		return 1;
	/* back over continuation bytes to a lead byte that wants more */
	while (n < 3 && n < s.n) {
		unsigned char c = (unsigned char)s.p[s.n - ++n];

		if (c < 0x80)
			return 0;
		if (c >= 0xc0)
			return (c >= 0xf0   ? 4u
				: c >= 0xe0 ? 3u
					    : 2u) > n
				   ? n
				   : 0;
	}
	return 0;
}

/* Appends with CRLF as LF. */
static void add_lines(struct pf_buf *to, struct pf_str s)
{
	size_t from = 0;

	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '\r' && s.p[i + 1] == '\n') {
			pf_buf_add(to, s.p + from, i - from);
			from = i + 1;
		}
	pf_buf_add(to, s.p + from, s.n - from);
}

static void give(struct walk *walk, struct search_piece *piece)
{
	if (!walk->stopped && !walk->fn(walk->arg, piece))
		walk->stopped = true;
}

/* A slice of a text: what was held, and it, but for an unfinished end. */
static void give_slice(struct walk *walk, struct search_piece *piece,
		       struct pf_str text, bool more)
{
	struct pf_str all, rest;

	memcpy(walk->held + walk->held_n, text.p, text.n);
	all = pf_str_mem(walk->held, walk->held_n + text.n);
	rest = pf_str_from(all, all.n - (more ? unfinished(all) : 0));
	pf_buf_clear(&walk->clean);
	pf_buf_clear(&walk->folded);
	add_lines(&walk->clean, pf_str_head(all, all.n - rest.n));
	mime_fold(&walk->folded, pf_buf_str(&walk->clean));
	piece->text = pf_buf_str(&walk->folded);
	piece->more = more;
	memmove(walk->held, rest.p, rest.n);
	walk->held_n = rest.n;
	give(walk, piece);
}

static void give_text(struct walk *walk, struct search_piece *piece,
		      struct pf_str text, bool more)
{
	while (text.n > SLICE) {
		give_slice(walk, piece, pf_str_head(text, SLICE), true);
		text = pf_str_from(text, SLICE);
	}
	give_slice(walk, piece, text.n ? text : PF_STR(""), more);
}

/* ---- the message's header -------------------------------------------- */

/* Reads the header, or what of it counts. */
static pf_status read_header(int fd, struct pf_buf *to, struct pf_error *err)
{
	size_t want = HEADER_READ, got = 0;

	do {
		size_t room = want - to->len;
		char *p = pf_buf_reserve(to, room);
		pf_status status;

		if (!p)
			return pf_buf_status(to, err);
		status = pf_fs_pread(fd, p, room, (off_t)to->len, &got, err);
		if (status)
			return status;
		pf_buf_commit(to, got);
		if (mime_header_end(pf_buf_str(to)) < to->len || got < room)
			break;
		want = want * 4 < MIME_HEADER_MAX ? want * 4 : MIME_HEADER_MAX;
	} while (to->len < MIME_HEADER_MAX);
	pf_buf_cut(to, mime_header_end(pf_buf_str(to)));
	return PF_OK;
}

static void give_field(struct walk *walk, const struct mime_field *field,
		       struct pf_str value)
{
	struct search_piece piece = {.name = field->name, .raw = field->raw};

	pf_buf_clear(&walk->folded);
	mime_fold(&walk->folded, value);
	piece.text = pf_buf_str(&walk->folded);
	give(walk, &piece);
}

/* File names in the manner of RFC 2231 cannot be read where they stand. */
static void give_params(struct walk *walk, const struct mime_field *field)
{
	struct pf_arena arena;
	struct pf_str type, subtype;
	struct mime_params params = {0};

	if (pf_str_chr(field->raw, '*') < 0)
		return;
	pf_arena_init(&arena, 4 * MIME_HEADER_MAX);
	if (pf_str_ieq(field->name, PF_STR("Content-Type")))
		mime_content_type(&arena, field->raw, &type, &subtype, &params);
	else if (pf_str_ieq(field->name, PF_STR("Content-Disposition")))
		mime_token_params(&arena, field->raw, &type, &params);
	for (size_t i = 0; i < params.n; i++)
		give_field(walk, field, params.v[i].value);
	pf_arena_release(&arena);
}

static pf_status walk_header(struct walk *walk, int fd, struct pf_error *err)
{
	struct pf_buf header = PF_BUF_INIT(MIME_HEADER_MAX + 1);
	struct pf_buf value = PF_BUF_INIT(FOLDED_MAX);
	struct mime_field field;
	size_t pos = 0;
	pf_status status = read_header(fd, &header, err);

	while (!status && !walk->stopped &&
	       mime_field_next(pf_buf_str(&header), &pos, &field)) {
		pf_buf_clear(&value);
		mime_decode_text(&value, field.raw);
		give_field(walk, &field, pf_buf_str(&value));
		give_params(walk, &field);
	}
	pf_buf_release(&header);
	pf_buf_release(&value);
	return status;
}

/* ---- the rest -------------------------------------------------------- */

static bool inner_piece(void *arg, enum mime_text_kind kind,
			const struct mime_part *part, struct pf_str name,
			struct pf_str text, bool more)
{
	struct walk *walk = arg;
	struct search_piece piece = {.more = more};

	if (kind != MIME_TEXT_HEADER) {
		give_text(walk, &piece, text, more);
	} else if (part->parent) {
		give_text(walk, &piece, name, true);
		give_text(walk, &piece, PF_STR(": "), true);
		give_text(walk, &piece, text, more);
	}
	return !walk->stopped;
}

pf_status search_text(int fd, bool header_only, search_piece_fn fn, void *arg,
		      struct pf_error *err)
{
	struct walk *walk = calloc(1, sizeof *walk);
	pf_status status;

	if (!walk)
		return pf_error_set(err, PF_NOMEM, NULL, "search: no memory");
	walk->fn = fn;
	walk->arg = arg;
	pf_buf_init(&walk->clean, FOLDED_MAX);
	pf_buf_init(&walk->folded, FOLDED_MAX);
	status = walk_header(walk, fd, err);
	if (!status && !header_only && !walk->stopped)
		status = mime_text(fd, inner_piece, walk, err);
	if (!status)
		status = pf_buf_status(&walk->folded, err);
	pf_buf_release(&walk->clean);
	pf_buf_release(&walk->folded);
	free(walk);
	return status;
}

void search_fold_needle(struct pf_buf *to, struct pf_str needle)
{
	struct pf_buf valid = PF_BUF_INIT(FOLDED_MAX);
	struct pf_buf lines = PF_BUF_INIT(FOLDED_MAX);

	pf_utf8_add_clean(&valid, needle);
	add_lines(&lines, pf_buf_str(&valid));
	mime_fold(to, pf_buf_str(&lines));
	pf_buf_release(&valid);
	pf_buf_release(&lines);
}

/* ---- the version ----------------------------------------------------- */

static char version[40];

/* Case tables differ between releases of the library behind mime_fold: an
 * index made with others is not ours. */
static void make_version(void)
{
	struct pf_buf plain = PF_BUF_INIT(1 << 21);
	struct pf_buf folded = PF_BUF_INIT(1 << 23);

	for (uint32_t c = 0x20; c < 0x20000; c++)
		if (c < 0xd800 || c > 0xdfff)
			pf_utf8_add(&plain, c);
	mime_fold(&folded, pf_buf_str(&plain));
	snprintf(version, sizeof version, "text " SEARCH_TEXT_FORMAT " %08x",
		 pf_crc32c(0, folded.data, folded.len));
	pf_buf_release(&plain);
	pf_buf_release(&folded);
}

const char *search_text_version(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_version);
	return version;
}
