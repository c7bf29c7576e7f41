/*
 * The part tree of a message, found in one pass over pieces of any size.
 *
 * The parser keeps no text except the Content-* fields of the header it is
 * in.  Instead it remembers *marks*: how many bytes, LFs and bare LFs came
 * before a place.  A span is the difference of two marks.
 *
 *	levels[0..depth]	the root .. the innermost open part
 *	boundaries[]		the multiparts among them that have one
 *
 * Every line is one of
 *   - a boundary line, which begins with "--" and the boundary of an open
 *     multipart.  It closes all parts inside that multipart; the line end
 *     before it belongs to it (RFC 2046 5.1.1);
 *   - in a header: a field line, or the empty line that ends the header;
 *   - anything else in a body, which is only counted.
 * As senders get this wrong in every way, the rules are those that mail
 * readers follow: a boundary ends a header too; a line matches a boundary if
 * it begins with it; among several the longest wins, among equal ones the
 * innermost.  Whatever is open at the end of the file ends there.
 */
#include "mime/mime.h"
#include "mime/params.h"

#include <stdlib.h>

#include "base/fsio.h"

#define BOUNDARY_MAX 80 /* RFC 2046 allows 70 */
#define LINE_HEAD    (2 + BOUNDARY_MAX + 2 + 2)
#define READ_SIZE    (64 * 1024)

struct mark {
	uint64_t at, lf, bare;
};

struct level {
	struct mime_part *part, *last_child;
	struct mark header, body;
};

struct boundary {
	size_t level;
	struct pf_str text;
};

struct mime_parser {
	struct pf_arena *arena;
	struct level levels[MIME_DEPTH_MAX];
	size_t depth; /* index of the innermost open part */
	struct boundary boundaries[MIME_DEPTH_MAX];
	size_t boundary_count;
	size_t parts;

	struct mark now;
	struct mark line;   /* where the current line began */
	bool line_after_cr; /* the line end before it was CRLF */
	bool ends_in_crlf;  /* so was the last one before `now` */
	char last;	    /* the byte before `now` */
	bool in_header;

	bool watched;	      /* this line may be a boundary */
	char head[LINE_HEAD]; /* its beginning */
	size_t head_len;

	struct pf_buf fields; /* Content-* of the current header */
	size_t field_at;      /* where the current line begins in it */
	bool keeping;	      /* the field that goes on here is kept */
};

static void header_begin(struct mime_parser *p)
{
	p->levels[p->depth].header = p->now;
	p->in_header = true;
	p->keeping = false;
	p->field_at = 0;
	pf_buf_clear(&p->fields);
}

/* Opens a part inside the innermost one; false at a limit. */
static bool part_push(struct mime_parser *p)
{
	struct mime_part *part;

	if (p->depth + 1 >= MIME_DEPTH_MAX || p->parts >= MIME_PARTS_MAX)
		return false;
	part = PF_ARENA_NEW(p->arena, struct mime_part);
	if (!part)
		return false;
	struct level *up = &p->levels[p->depth];
	part->parent = up->part;
	part->number = up->last_child ? up->last_child->number + 1 : 1;
	if (up->last_child)
		up->last_child->next = part;
	else
		up->part->child = part;
	up->last_child = part;
	p->depth++;
	p->parts++;
	p->levels[p->depth] = (struct level){.part = part};
	header_begin(p);
	return true;
}

static struct mime_span span_between(struct mark from, struct mark to)
{
	return (struct mime_span){.start = from.at,
				  .size = to.at - from.at,
				  .bare_lf = to.bare - from.bare,
				  .lines = to.lf - from.lf};
}

/* ---- what a header says ----------------------------------------------------
 */

static struct pf_str unfolded(struct pf_arena *arena, struct pf_str raw)
{
	struct pf_buf text;

	pf_buf_init(&text, raw.n);
	mime_unfold(&text, raw);
	struct pf_str s = pf_arena_str(arena, pf_buf_str(&text));
	pf_buf_release(&text);
	return s;
}

static void set_once(struct mime_parser *p, struct pf_str *to,
		     struct pf_str raw)
{
	if (!to->p)
		*to = unfolded(p->arena, raw);
}

static void read_field(struct mime_parser *p, struct mime_part *part,
		       const struct mime_field *field)
{
	struct pf_str name = pf_str_from(field->name, sizeof "Content-" - 1);

	if (!pf_str_istarts(field->name, PF_STR("Content-")))
		return;
	if (pf_str_ieq(name, PF_STR("Type"))) {
		if (!part->typed)
			mime_content_type_both(
			    p->arena, field->raw, &part->type, &part->subtype,
			    &part->params, &part->raw_params);
		part->typed = true;
	} else if (pf_str_ieq(name, PF_STR("Disposition"))) {
		if (!part->disposition.p)
			mime_token_params_both(p->arena, field->raw,
					       &part->disposition,
					       &part->disposition_params,
					       &part->raw_disposition_params);
	} else if (pf_str_ieq(name, PF_STR("Transfer-Encoding"))) {
		if (!part->encoding.n)
			part->encoding =
			    mime_content_encoding(p->arena, field->raw);
	} else if (pf_str_ieq(name, PF_STR("ID"))) {
		set_once(p, &part->id, field->raw);
	} else if (pf_str_ieq(name, PF_STR("Description"))) {
		set_once(p, &part->description, field->raw);
	} else if (pf_str_ieq(name, PF_STR("MD5"))) {
		set_once(p, &part->md5, field->raw);
	} else if (pf_str_ieq(name, PF_STR("Location"))) {
		set_once(p, &part->location, field->raw);
	} else if (pf_str_ieq(name, PF_STR("Language"))) {
		set_once(p, &part->language, field->raw);
	}
}

static bool in_digest(const struct mime_part *part)
{
	return part->parent && part->parent->multipart &&
	       pf_str_eq(part->parent->subtype, PF_STR("digest"));
}

/* A part of a multipart is MIME; a message only if it says so, though a
 * Content-Type is enough (RFC 2045 4 asks for MIME-Version). */
static bool is_mime(const struct mime_parser *p, const struct mime_part *part)
{
	struct mime_field field;
	size_t pos = 0;

	if (part->parent && part->parent->multipart)
		return true;
	while (mime_field_next(pf_buf_str(&p->fields), &pos, &field))
		if (pf_str_ieq(field.name, PF_STR("Content-Type")) ||
		    pf_str_ieq(field.name, PF_STR("MIME-Version")))
			return true;
	return false;
}

static void read_fields(struct mime_parser *p, struct mime_part *part)
{
	struct mime_field field;
	size_t pos = 0;

	if (is_mime(p, part))
		while (mime_field_next(pf_buf_str(&p->fields), &pos, &field))
			read_field(p, part, &field);
	if (part->typed)
		return;
	/* RFC 2045 5.2, RFC 2046 5.1.5 */
	bool digest = in_digest(part);
	part->type = digest ? PF_STR("message") : PF_STR("text");
	part->subtype = digest ? PF_STR("rfc822") : PF_STR("plain");
}

/* The boundary parameter, or an empty string. */
static struct pf_str boundary_of(const struct mime_part *part)
{
	struct pf_str s = mime_param(&part->raw_params, "boundary");

	if (!s.n)
		s = mime_param(&part->params, "boundary");
	s = pf_str_head(s, BOUNDARY_MAX);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/*
 * The header of the innermost part ends at `end`, its body begins at `now`.
 * `cut`: a boundary or the end of the file was there instead of the empty
 * line, so the part has no body.  Opens the message in a message/rfc822.
 */
static void header_end(struct mime_parser *p, struct mark end, bool cut)
{
	struct level *level = &p->levels[p->depth];
	struct mime_part *part = level->part;

	p->in_header = false;
	part->header = span_between(level->header, end);
	level->body = end;
	read_fields(p, part);
	if (pf_str_eq(part->type, PF_STR("multipart"))) {
		struct pf_str text = boundary_of(part);
		part->multipart = p->depth + 1 < MIME_DEPTH_MAX;
		if (part->multipart && text.n && !cut)
			p->boundaries[p->boundary_count++] =
			    (struct boundary){p->depth, text};
	} else if (pf_str_eq(part->type, PF_STR("message")) &&
		   (pf_str_eq(part->subtype, PF_STR("rfc822")) ||
		    pf_str_eq(part->subtype, PF_STR("global")))) {
		part->message = part_push(p);
		if (part->message)
			p->levels[p->depth].header = end;
	}
}

/* ---- ends of parts
 * --------------------------------------------------------- */

/* Where the text before the current line ends: before the line end, unless
 * the section (header or body) has just begun. */
static struct mark text_end(const struct mime_parser *p)
{
	const struct level *level = &p->levels[p->depth];
	struct mark begin = p->in_header ? level->header : level->body;
	struct mark end = p->line;

	if (end.at == begin.at)
		return end;
	end.at -= p->line_after_cr ? 2 : 1;
	end.bare -= p->line_after_cr ? 0 : 1;
	end.lf--;
	return end;
}

/* Ends all parts inside the level, which stays open. */
static void close_inside(struct mime_parser *p, size_t level, struct mark end)
{
	while (p->in_header)
		header_end(p, end, true);
	for (; p->depth > level; p->depth--) {
		struct level *l = &p->levels[p->depth];
		l->part->body = span_between(l->body, end);
	}
}

/* The boundary that a line begins with, or NULL. */
static const struct boundary *boundary_find(const struct mime_parser *p,
					    struct pf_str line)
{
	const struct boundary *best = NULL;

	line = pf_str_from(line, 2);
	while (line.n && strchr(" \t\r\n", line.p[line.n - 1]))
		line.n--;
	for (size_t i = p->boundary_count; i-- > 0;) {
		const struct boundary *b = &p->boundaries[i];
		if (!pf_str_starts(line, b->text) ||
		    (best && best->text.n >= b->text.n))
			continue;
		best = b;
		/* "x--" ends x, even where an outer boundary is "x--" */
		if (line.n == b->text.n || (line.n == b->text.n + 2 &&
					    pf_str_ends(line, PF_STR("--"))))
			break;
	}
	return best;
}

/* The current line, whose text is given, has ended: was it a boundary? */
static bool boundary_line(struct mime_parser *p, struct pf_str line, bool eof)
{
	if (p->boundary_count == 0 || !pf_str_starts(line, PF_STR("--")) ||
	    p->parts >= MIME_PARTS_MAX)
		return false;
	const struct boundary *b = boundary_find(p, line);
	if (!b)
		return false;
	bool final =
	    pf_str_starts(pf_str_from(line, 2 + b->text.n), PF_STR("--"));
	close_inside(p, b->level, text_end(p));
	p->boundary_count = (size_t)(b - p->boundaries) + (final ? 0 : 1);
	if (!final && !eof && !part_push(p))
		p->boundary_count = 0; /* out of memory: the rest is plain */
	return true;
}

/* ---- lines -----------------------------------------------------------------
 */

/* Accounts for bytes that hold no LF except perhaps the last. */
static void advance(struct mime_parser *p, const char *from, size_t n)
{
	char before = n > 1 ? from[n - 2] : p->last;

	p->now.at += n;
	p->last = from[n - 1];
	if (p->last != '\n')
		return;
	p->now.lf++;
	p->ends_in_crlf = before == '\r';
	if (before != '\r')
		p->now.bare++;
}

static void line_begin(struct mime_parser *p)
{
	p->line = p->now;
	p->line_after_cr = p->ends_in_crlf;
	p->head_len = 0;
	p->watched = false;
	p->field_at = p->fields.len;
}

/* Does the line of the header that has just ended belong to a field that we
 * want? */
static bool is_wanted(struct mime_parser *p, struct pf_str line)
{
	if (line.n && (line.p[0] == ' ' || line.p[0] == '\t'))
		return p->keeping;
	return pf_str_istarts(line, PF_STR("Content-")) ||
	       pf_str_istarts(line, PF_STR("MIME-Version"));
}

static void header_line(struct mime_parser *p, bool eof)
{
	struct pf_str line = pf_str_from(pf_buf_str(&p->fields), p->field_at);

	if (boundary_line(p, line, eof))
		return;
	if (pf_str_eq(line, PF_STR("\n")) || pf_str_eq(line, PF_STR("\r\n"))) {
		pf_buf_cut(&p->fields, p->field_at);
		header_end(p, p->now, false);
		return;
	}
	p->keeping = is_wanted(p, line) && p->fields.len <= MIME_HEADER_MAX;
	if (!p->keeping)
		pf_buf_cut(&p->fields, p->field_at);
}

static size_t line_size(const char *from, size_t n, bool *ended)
{
	const char *lf = memchr(from, '\n', n);

	*ended = lf != NULL;
	return lf ? (size_t)(lf - from) + 1 : n;
}

static size_t add_header(struct mime_parser *p, const char *from, size_t n)
{
	bool ended;
	size_t used = line_size(from, n, &ended);
	size_t room = p->fields.max - p->fields.len;

	/* of a longer line only the beginning is looked at */
	pf_buf_add(&p->fields, from, used < room ? used : room);
	advance(p, from, used);
	if (ended) {
		header_line(p, false);
		line_begin(p);
	}
	return used;
}

/* Body lines that are no boundary, as many as there are: the inner loop. */
static size_t add_plain(struct mime_parser *p, const char *from, size_t n)
{
	const char *at = from, *end = from + n, *lf;
	bool watch = p->boundary_count > 0;
	uint64_t lines = 0, bare = 0;
	char before = p->last;

	while ((lf = memchr(at, '\n', (size_t)(end - at)))) {
		if (lf > from)
			before = lf[-1];
		lines++;
		bare += before != '\r';
		at = lf + 1;
		if (watch && at < end && *at == '-')
			break;
	}
	if (lines) {
		p->ends_in_crlf = before == '\r';
		p->now.lf += lines;
		p->now.bare += bare;
		p->now.at += (size_t)(at - from);
		line_begin(p);
	}
	if (!lf) {
		p->now.at += (size_t)(end - at);
		at = end;
	}
	p->last = at[-1];
	return (size_t)(at - from);
}

static size_t add_body(struct mime_parser *p, const char *from, size_t n)
{
	bool ended;

	if (p->line.at == p->now.at)
		p->watched = p->boundary_count > 0 && *from == '-';
	if (!p->watched)
		return add_plain(p, from, n);
	size_t used = line_size(from, n, &ended);
	size_t room = sizeof p->head - p->head_len;
	size_t copy = used < room ? used : room;
	memcpy(p->head + p->head_len, from, copy);
	p->head_len += copy;
	advance(p, from, used);
	if (ended) {
		boundary_line(p, pf_str_mem(p->head, p->head_len), false);
		line_begin(p);
	}
	return used;
}

/* ---- the interface
 * --------------------------------------------------------- */

struct mime_parser *mime_parser_new(struct pf_arena *arena)
{
	struct mime_parser *p = calloc(1, sizeof *p);

	if (!p)
		abort();
	p->arena = arena;
	/* the fields that are kept, and the line that may become one */
	pf_buf_init(&p->fields, 2 * MIME_HEADER_MAX);
	p->levels[0].part = PF_ARENA_NEW(arena, struct mime_part);
	if (!p->levels[0].part)
		abort(); /* an arena that holds nothing */
	p->parts = 1;
	header_begin(p);
	return p;
}

void mime_parser_add(struct mime_parser *p, const void *data, size_t n)
{
	const char *from = data;

	while (n) {
		size_t used = p->in_header ? add_header(p, from, n)
					   : add_body(p, from, n);
		from += used;
		n -= used;
	}
}

struct mime_part *mime_parser_end(struct mime_parser **parser)
{
	struct mime_parser *p = *parser;

	/* a last line without line end */
	if (p->line.at != p->now.at) {
		if (p->in_header)
			header_line(p, true);
		else if (p->watched)
			boundary_line(p, pf_str_mem(p->head, p->head_len),
				      true);
	}
	close_inside(p, 0, p->now);
	struct mime_part *root = p->levels[0].part;
	root->body = span_between(p->levels[0].body, p->now);
	pf_buf_release(&p->fields);
	free(p);
	*parser = NULL;
	return root;
}

pf_status mime_parse_fd(struct pf_arena *arena, int fd, struct mime_part **root,
			struct pf_error *err)
{
	char *block = malloc(READ_SIZE);
	struct mime_parser *parser;
	pf_status status;
	off_t offset = 0;
	size_t got;

	if (!block)
		return pf_error_set(err, PF_NOMEM, NULL, "mime: no memory");
	parser = mime_parser_new(arena);
	for (;;) {
		status = pf_fs_pread(fd, block, READ_SIZE, offset, &got, err);
		if (status != PF_OK || got == 0)
			break;
		mime_parser_add(parser, block, got);
		offset += (off_t)got;
	}
	struct mime_part *tree = mime_parser_end(&parser);
	free(block);
	if (status == PF_OK)
		*root = tree;
	return status;
}

/* ---- walking
 * --------------------------------------------------------------- */

static struct mime_part *child_number(struct mime_part *part, unsigned number)
{
	struct mime_part *child = part->child;

	while (child && child->number != number)
		child = child->next;
	return child;
}

/*
 * RFC 9051 6.4.5.1.  A number goes into a multipart; in a message that is
 * none (the root, or what a message/rfc822 holds) 1 is its text.
 */
struct mime_part *mime_part_find(struct mime_part *part,
				 const unsigned *numbers, size_t n)
{
	bool is_message = true; /* `part` stands for a message, not its text */

	for (size_t i = 0; i < n && part; i++) {
		if (!is_message && part->message) {
			part = part->child;
			is_message = true;
		}
		if (part->multipart) {
			part = child_number(part, numbers[i]);
			is_message = false;
		} else if (is_message && numbers[i] == 1) {
			is_message = false;
		} else {
			part = NULL;
		}
	}
	return part;
}

struct mime_part *mime_part_next(struct mime_part *part)
{
	if (part->child)
		return part->child;
	while (part && !part->next)
		part = part->parent;
	return part ? part->next : NULL;
}
