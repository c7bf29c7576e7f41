/*
 * One message for FETCH: its file, header, part tree, and sections.
 *
 * Files have LF line ends (or CRLF, where another program wrote them so) and
 * IMAP speaks CRLF.  A span's size on the wire is its size on disk plus its
 * bare LFs; bytes are converted while they are sent, at most 64 KiB ahead of
 * the client, so the size of a message costs no memory.
 *
 * Partial fetches count in CRLF, so the place of offset n in the file is found
 * by counting from the section's start.  Clients read large parts piece by
 * piece; the client's `hint` remembers where the last piece ended, which keeps
 * that linear.
 */
#include "imapd/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/log.h"

#define CHUNK		16384
#define HEADER_FIRST	8192
#define EXACT_COUNT_MAX (64 * 1024)
#define TREE_ARENA_MAX	(64 * 1024 * 1024)

void message_init(struct message *m, struct client *client)
{
	*m = (struct message){.client = client, .fd = -1};
	pf_arena_init(&m->arena, TREE_ARENA_MAX);
	pf_buf_init(&m->header, MIME_HEADER_MAX);
}

void message_begin(struct message *m, uint32_t uid, uint64_t size)
{
	m->uid = uid;
	m->size = size;
}

void message_end(struct message *m)
{
	if (m->parser)
		(void)mime_parser_end(&m->parser);
	if (m->fd >= 0)
		close(m->fd);
	if (m->header.cap > HEADER_FIRST)
		pf_buf_release(&m->header);
	else
		pf_buf_clear(&m->header);
	pf_arena_release(&m->arena);
	m->fd = -1;
	m->header_read = false;
	m->header_end = 0;
	m->root = NULL;
	m->parsed = 0;
	m->window_n = 0;
}

void message_release(struct message *m)
{
	message_end(m);
	pf_buf_release(&m->header);
	free(m->window);
	m->window = NULL;
}

static struct store_box *box_of(const struct message *m)
{
	return m->box ? m->box : m->client->box;
}

pf_status message_open(struct message *m, struct pf_error *err)
{
	if (m->fd >= 0)
		return PF_OK;
	return store_msg_open(box_of(m), m->uid, &m->fd, &m->file_size, err);
}

pf_status message_bytes(struct message *m, uint64_t offset,
			struct pf_str *bytes, struct pf_error *err)
{
	uint64_t skip = offset - m->window_at;

	if (offset >= m->file_size) {
		*bytes = (struct pf_str){0};
		return PF_OK;
	}
	if (m->window_n == 0 || offset < m->window_at || skip >= m->window_n) {
		if (!m->window && !(m->window = malloc(CHUNK)))
			abort();
		m->window_n = 0;
		pf_status status = pf_fs_pread(
		    m->fd, m->window, CHUNK, (off_t)offset, &m->window_n, err);
		if (status != PF_OK)
			return status;
		m->window_at = offset;
		skip = 0;
	}
	*bytes = pf_str_from(pf_str_mem(m->window, m->window_n), (size_t)skip);
	return PF_OK;
}

/* Where the header ends is known, or it is all read, or too long. */
static bool header_done(struct message *m, bool all)
{
	size_t end = mime_header_end(pf_buf_str(&m->header));

	if (end < m->header.len || all) {
		m->header_end = end;
		pf_buf_cut(&m->header, end);
		return true;
	}
	return m->header.len == MIME_HEADER_MAX; /* only its beginning */
}

pf_status message_header(struct message *m, struct pf_error *err)
{
	size_t want = HEADER_FIRST;

	while (!m->header_read) {
		struct pf_str bytes = {0};
		pf_status status = PF_OK;

		while (m->header.len < want) {
			status = message_bytes(m, m->header.len, &bytes, err);
			if (status != PF_OK || bytes.n == 0)
				break;
			pf_buf_add_str(
			    &m->header,
			    pf_str_head(bytes, want - m->header.len));
		}
		if (status == PF_OK)
			status = pf_buf_status(&m->header, err);
		if (status != PF_OK)
			return status;
		m->header_read = header_done(m, m->header.len < want);
		want = want * 2 > MIME_HEADER_MAX ? MIME_HEADER_MAX : want * 2;
	}
	return PF_OK;
}

pf_status message_tree(struct message *m, int64_t start, struct pf_error *err)
{
	if (m->root)
		return PF_OK;
	if (!m->parser)
		m->parser = mime_parser_new(&m->arena);
	for (;;) {
		struct pf_str bytes;
		pf_status status = message_bytes(m, m->parsed, &bytes, err);
		if (status != PF_OK)
			return status;
		if (bytes.n == 0)
			break;
		mime_parser_add(m->parser, bytes.p, bytes.n);
		m->parsed += bytes.n;
		if (slice_over(start))
			return PF_MORE;
	}
	m->root = mime_parser_end(&m->parser);
	return PF_OK;
}

struct pf_str message_part_header(struct message *m,
				  const struct mime_part *part,
				  struct pf_buf *buf)
{
	uint64_t size = part->header.size;
	struct pf_str bytes;

	if (size > MIME_HEADER_MAX)
		size = MIME_HEADER_MAX;
	pf_buf_clear(buf);
	while (buf->len < size && !buf->failed &&
	       message_bytes(m, part->header.start + buf->len, &bytes, NULL) ==
		   PF_OK &&
	       bytes.n > 0)
		pf_buf_add_str(buf,
			       pf_str_head(bytes, (size_t)size - buf->len));
	return pf_buf_str(buf);
}

/* ---- which bytes a section is ----------------------------------------------
 */

unsigned section_needs(const struct imap_fetch_item *item)
{
	if (item->number_count)
		return SECTION_NEEDS_FILE | SECTION_NEEDS_TREE;
	switch (item->section) {
	case IMAP_SECTION_ALL:
		return SECTION_NEEDS_FILE;
	case IMAP_SECTION_HEADER:
	case IMAP_SECTION_FIELDS:
	case IMAP_SECTION_FIELDS_NOT:
	case IMAP_SECTION_TEXT:
		return SECTION_NEEDS_FILE | SECTION_NEEDS_HEADER;
	case IMAP_SECTION_MIME:
		break;
	}
	return SECTION_NEEDS_FILE | SECTION_NEEDS_TREE;
}

/* The message inside a message/rfc822 part, or the part itself at the root. */
static const struct mime_part *message_of(const struct mime_part *part)
{
	if (!part->parent && part->number == 0)
		return part;
	return part->message ? part->child : NULL;
}

static bool part_span(struct message *m, const struct imap_fetch_item *item,
		      struct mime_span *span)
{
	const struct mime_part *part =
	    mime_part_find(m->root, item->numbers, item->number_count);

	if (!part)
		return false;
	switch (item->section) {
	case IMAP_SECTION_ALL:
		*span = part->body;
		return true;
	case IMAP_SECTION_MIME:
		*span = part->header;
		return true;
	case IMAP_SECTION_HEADER:
	case IMAP_SECTION_FIELDS:
	case IMAP_SECTION_FIELDS_NOT:
	case IMAP_SECTION_TEXT:
		break;
	}
	part = message_of(part);
	if (!part)
		return false;
	*span = item->section == IMAP_SECTION_TEXT ? part->body : part->header;
	return true;
}

/* Line ends without CR; *after_cr: the byte before `s` was one. */
static uint64_t count_bare_lf(struct pf_str s, bool *after_cr)
{
	const char *p = s.p, *end = s.p + s.n, *lf;
	uint64_t n = 0;

	for (; p < end && (lf = memchr(p, '\n', (size_t)(end - p))); p = lf + 1)
		n += lf > s.p ? lf[-1] != '\r' : !*after_cr;
	if (s.n)
		*after_cr = end[-1] == '\r';
	return n;
}

static uint64_t header_bare_lf(const struct message *m)
{
	bool after_cr = false;

	return count_bare_lf(pf_buf_str(&m->header), &after_cr);
}

/* The whole file.  The store knows its size; for a small one it is counted
 * again, so that even a wrong W= in a file name hurts nobody. */
static void whole_span(struct message *m, struct mime_span *span)
{
	struct pf_str bytes;
	bool after_cr = false;

	*span = (struct mime_span){.size = m->file_size};
	if (m->size >= m->file_size)
		span->bare_lf = m->size - m->file_size;
	if (m->file_size > EXACT_COUNT_MAX && m->size >= m->file_size)
		return;
	span->size = span->bare_lf = 0;
	while (message_bytes(m, span->size, &bytes, NULL) == PF_OK &&
	       bytes.n > 0) {
		span->bare_lf += count_bare_lf(bytes, &after_cr);
		span->size += bytes.n;
	}
}

static bool find_span(struct message *m, const struct imap_fetch_item *item,
		      struct mime_span *span)
{
	if (item->number_count)
		return part_span(m, item, span);
	if (item->section == IMAP_SECTION_MIME)
		return false;
	if (item->section == IMAP_SECTION_ALL) {
		whole_span(m, span);
		return true;
	}
	if (m->header_end == 0 && m->header.len > 0) {
		/* a header of more than a megabyte: the tree knows its end */
		if (!m->root)
			return false;
		*span = item->section == IMAP_SECTION_TEXT ? m->root->body
							   : m->root->header;
		return true;
	}
	uint64_t in_header = header_bare_lf(m);
	if (item->section != IMAP_SECTION_TEXT) {
		*span = (struct mime_span){.size = m->header_end,
					   .bare_lf = in_header};
		return true;
	}
	whole_span(m, span);
	span->start = m->header_end;
	span->size -= m->header_end < span->size ? m->header_end : span->size;
	span->bare_lf -= in_header < span->bare_lf ? in_header : span->bare_lf;
	return true;
}

/* ---- header fields --------------------------------------------------------
 */

static struct pf_str lower_name(struct pf_str name, struct pf_buf *buf)
{
	char *lower;

	pf_buf_clear(buf);
	lower = pf_buf_reserve(buf, name.n);
	for (size_t i = 0; lower && i < name.n; i++)
		lower[i] = pf_ascii_lower(name.p[i]);
	if (lower)
		pf_buf_commit(buf, name.n);
	return pf_buf_str(buf);
}

void section_wanted(struct pf_map *wanted, const struct imap_fetch_item *item)
{
	static char yes;
	struct pf_buf buf = PF_BUF_INIT(1 << 16);

	for (size_t i = 0; i < item->field_count; i++)
		pf_map_set(wanted, lower_name(item->fields[i], &buf), &yes);
	pf_buf_release(&buf);
}

static void add_crlf(struct pf_buf *to, struct pf_str s)
{
	struct pf_str line;

	while (s.n > 0) {
		const char *lf = memchr(s.p, '\n', s.n);
		line = pf_str_head(s, lf ? (size_t)(lf - s.p) : s.n);
		s = pf_str_from(s, line.n + 1);
		if (lf && line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		pf_buf_add_str(to, line);
		pf_buf_add_c(to, "\r\n");
	}
}

void section_fields(struct pf_buf *to, struct pf_str header,
		    const struct imap_fetch_item *item,
		    const struct pf_map *wanted)
{
	struct pf_buf buf = PF_BUF_INIT(1 << 20);
	struct mime_field field;
	size_t pos = 0;

	while (mime_field_next(header, &pos, &field)) {
		bool named =
		    pf_map_get(wanted, lower_name(field.name, &buf)) != NULL;
		if (named == (item->section == IMAP_SECTION_FIELDS))
			add_crlf(to, pf_str_mem(header.p + field.offset,
						field.size));
	}
	pf_buf_add_c(to, "\r\n");
	pf_buf_release(&buf);
}

bool section_header(struct message *m, const struct imap_fetch_item *item,
		    struct pf_buf *buf, struct pf_str *header)
{
	if (!item->number_count) {
		*header = pf_buf_str(&m->header);
		return true;
	}
	const struct mime_part *part =
	    mime_part_find(m->root, item->numbers, item->number_count);
	part = part ? message_of(part) : NULL;
	if (!part)
		return false;
	*header = message_part_header(m, part, buf);
	return true;
}

/* ---- sending --------------------------------------------------------------
 */

bool section_stream(struct message *m, const struct imap_fetch_item *item)
{
	struct client_hint *hint = &m->client->hint;
	struct mime_span span;

	if (!find_span(m, item, &span))
		return false;
	uint64_t size = span.size + span.bare_lf;
	struct stream *s = &m->stream;
	*s = (struct stream){.begin = span.start,
			     .offset = span.start,
			     .end = span.start + span.size,
			     .left = size,
			     .as_is = span.bare_lf == 0};
	if (!item->partial)
		return true;
	s->skip = item->offset < size ? item->offset : size;
	s->left = size - s->skip < item->length ? size - s->skip : item->length;
	if (s->as_is) {
		s->offset += s->skip;
		s->done = s->skip;
	} else if (!m->box && hint->uid == m->uid &&
		   hint->begin == span.start && hint->done <= s->skip) {
		s->offset = hint->offset;
		s->done = hint->done;
		s->after_cr = hint->after_cr;
	}
	return true;
}

/* Sends what is wanted of n bytes; returns how many were used. */
static size_t send_run(struct stream *s, struct pf_buf *out, const char *p,
		       size_t n)
{
	uint64_t drop = s->done < s->skip ? s->skip - s->done : 0;

	if (drop > n)
		drop = n;
	size_t keep = n - (size_t)drop;
	if (keep > s->left)
		keep = (size_t)s->left;
	pf_buf_add(out, p + drop, keep);
	s->left -= keep;
	s->done += drop + keep;
	return (size_t)drop + keep;
}

/* The CR that a bare LF lacks. */
static void send_cr(struct stream *s, struct pf_buf *out)
{
	if (s->done >= s->skip) {
		pf_buf_add_byte(out, '\r');
		s->left--;
	}
	s->done++;
	s->after_cr = true;
}

/* Converts one chunk; returns how many of its bytes were used.  A piece may
 * end between a made-up CR and its LF: the LF is then next, after_cr. */
static size_t convert(struct stream *s, struct pf_buf *out, struct pf_str in)
{
	size_t i = 0;

	if (s->as_is)
		return send_run(s, out, in.p, in.n);
	while (i < in.n && s->left > 0) {
		const char *lf = memchr(in.p + i, '\n', in.n - i);
		size_t run = lf ? (size_t)(lf - in.p) - i : in.n - i;

		if (run == 0 && !s->after_cr) {
			send_cr(s, out);
			continue;
		}
		size_t used = send_run(s, out, in.p + i, run ? run : 1);
		i += used;
		if (used > 0)
			s->after_cr = in.p[i - 1] == '\r';
	}
	return i;
}

static void remember(struct message *m)
{
	const struct stream *s = &m->stream;

	if (m->box)
		return;
	m->client->hint = (struct client_hint){.uid = m->uid,
					       .begin = s->begin,
					       .offset = s->offset,
					       .done = s->done,
					       .after_cr = s->after_cr};
}

enum run section_emit(struct message *m, int64_t start)
{
	struct client *client = m->client;
	struct pf_buf *out = m->out ? m->out : &client->out;
	struct stream *s = &m->stream;
	struct pf_error err = {0};

	while (s->left > 0) {
		struct pf_str bytes = {0};

		if (out->len >= CLIENT_OUT_SOFT)
			return RUN_OUTPUT;
		if (slice_over(start))
			return RUN_MORE;
		if (s->offset >= s->end ||
		    message_bytes(m, s->offset, &bytes, &err) != PF_OK ||
		    bytes.n == 0) {
			/* the size is promised: nothing else can follow */
			pf_log(PF_LOG_ERROR, "message-too-short",
			       PF_LOGC("user", client->user->name),
			       PF_LOGS("mailbox", store_box_name(box_of(m))),
			       PF_LOGU("uid", m->uid),
			       PF_LOGU("missing", s->left));
			return RUN_FAIL;
		}
		if (bytes.n > s->end - s->offset)
			bytes.n = (size_t)(s->end - s->offset);
		s->offset += convert(s, out, bytes);
	}
	remember(m);
	return RUN_DONE;
}
