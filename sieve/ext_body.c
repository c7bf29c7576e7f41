/*
 * body (RFC 5173 4, 5)
 *
 *	body [comparator] [match-type] [":raw" / ":content" <content-types:
 *	     string-list> / ":text"] <key-list: string-list>
 *
 *	:raw		the bytes behind the header, as they are
 *	:content	each part of such a type, its encoding undone, text in
 *			UTF-8; of a multipart what is around its parts, of a
 *			message its header
 *	:text		what a person reads: all text parts, HTML without its
 *			tags; this is the default
 *
 * The first BODY_MAX bytes of each are looked at, and they are read once for
 * a run.  Matches set no match variables (RFC 5173 6).
 */
#include "sieve/run.h"

#include <unistd.h>

#include "mime/mime.h"

extern const struct sieve_extension sieve_ext_body;

enum {
	BODY_MAX = 3 << 20,
	BLOCK = 32 * 1024,
	PARTS_MAX = 1000,
	PART_STEPS = 1000
};

struct texts {
	struct sieve_value *v;
	const struct mime_part **parts; /* of each, or NULL */
	size_t n, bytes;
	bool read;
};

struct state {
	struct texts raw, content, text;
	unsigned version; /* of the message that they are of */
};

/* Takes what may still be taken of a text. */
static void add(struct sieve_run *run, struct texts *texts, struct pf_str text,
		const struct mime_part *part)
{
	if (!texts->v) {
		texts->v = sieve_run_alloc(run, PARTS_MAX, sizeof *texts->v);
		texts->parts =
		    sieve_run_alloc(run, PARTS_MAX, sizeof *texts->parts);
	}
	if (!texts->v || !texts->parts || texts->n >= PARTS_MAX ||
	    !sieve_run_step(run, PART_STEPS + text.n))
		return;
	text = pf_str_head(text, BODY_MAX - texts->bytes);
	texts->parts[texts->n] = part;
	texts->v[texts->n++].text = sieve_run_keep(run, text);
	texts->bytes += text.n;
}

/* Bytes [start, start + size) of the file; cut where the file ends */
static void read_span(int fd, uint64_t start, uint64_t size,
		      struct mime_decoder *decoder, struct pf_buf *to)
{
	char block[BLOCK];

	while (size > 0 && !to->failed) {
		size_t want = size < BLOCK ? (size_t)size : BLOCK;
		ssize_t n = pread(fd, block, want, (off_t)start);

		if (n <= 0)
			break;
		mime_decoder_add(decoder, pf_str_mem(block, (size_t)n), to);
		start += (uint64_t)n;
		size -= (uint64_t)n;
	}
	mime_decoder_end(decoder, to);
}

static void add_span(struct sieve_run *run, struct texts *texts, int fd,
		     uint64_t start, uint64_t size, enum mime_encoding encoding,
		     const struct mime_part *part)
{
	uint64_t room = 2 * (BODY_MAX - texts->bytes);
	struct pf_buf bytes = PF_BUF_INIT(2 * BODY_MAX + 2 * BLOCK);
	struct pf_buf text = PF_BUF_INIT(8 * BODY_MAX);
	struct mime_decoder decoder;

	mime_decoder_init(&decoder, encoding);
	read_span(fd, start, size < room ? size : room, &decoder, &bytes);
	if (part && pf_str_eq(part->type, PF_STR("text"))) {
		mime_to_utf8(&text, mime_param(&part->params, "charset"),
			     pf_buf_str(&bytes));
		add(run, texts, pf_buf_str(&text), part);
	} else {
		add(run, texts, pf_buf_str(&bytes), part);
	}
	pf_buf_release(&bytes);
	pf_buf_release(&text);
}

/* Before the first part and behind the last one */
static void add_around(struct sieve_run *run, struct texts *texts, int fd,
		       const struct mime_part *part)
{
	uint64_t end = part->body.start + part->body.size;
	const struct mime_part *last = part->child;

	add_span(run, texts, fd, part->body.start,
		 part->child->header.start - part->body.start,
		 MIME_ENC_IDENTITY, part);
	while (last->next)
		last = last->next;
	uint64_t behind = last->body.start + last->body.size;
	if (behind < end)
		add_span(run, texts, fd, behind, end - behind,
			 MIME_ENC_IDENTITY, part);
}

static void read_raw(struct sieve_run *run, int fd, struct texts *texts)
{
	struct mime_part *root = sieve_content_root(run);

	if (root)
		add_span(run, texts, fd, root->body.start, root->body.size,
			 MIME_ENC_IDENTITY, NULL);
}

static void read_content(struct sieve_run *run, int fd, struct texts *texts)
{
	for (struct mime_part *part = sieve_content_root(run);
	     part && !run->result->failed; part = mime_part_next(part)) {
		if (part->multipart && part->child)
			add_around(run, texts, fd, part);
		else if (part->message && part->child)
			add_span(run, texts, fd, part->child->header.start,
				 part->child->header.size, MIME_ENC_IDENTITY,
				 part);
		else
			add_span(run, texts, fd, part->body.start,
				 part->body.size, mime_encoding(part->encoding),
				 part);
	}
}

/* ---- :text ---- */

struct reader {
	struct sieve_run *run;
	struct texts *texts;
	struct pf_buf buf;
};

static bool on_text(void *arg, enum mime_text_kind kind,
		    const struct mime_part *part, struct pf_str name,
		    struct pf_str piece, bool more)
{
	struct reader *reader = arg;
	bool html = pf_str_eq(part->type, PF_STR("text")) &&
		    pf_str_eq(part->subtype, PF_STR("html"));

	(void)name;
	if (kind == MIME_TEXT_HEADER || (kind == MIME_TEXT_BODY && html))
		return true;
	pf_buf_add_str(&reader->buf, piece);
	if (more && !reader->buf.failed)
		return true;
	add(reader->run, reader->texts, pf_buf_str(&reader->buf), NULL);
	pf_buf_clear(&reader->buf);
	return reader->texts->bytes < BODY_MAX && !reader->run->result->failed;
}

static void read_text(struct sieve_run *run, int fd, struct texts *texts)
{
	struct reader reader = {.run = run, .texts = texts};

	if (!sieve_run_step(run, 2 * run->message->size))
		return;
	pf_buf_init(&reader.buf, BODY_MAX + 2 * BLOCK);
	if (mime_text(fd, on_text, &reader, NULL) != PF_OK)
		sieve_run_trace(run, "body: the message cannot be read");
	pf_buf_release(&reader.buf);
}

/* ---- the test ---- */

/* "" all, "text" all of text/, "text/html" (RFC 5173 5.2) */
static bool is_of(const struct mime_part *part, struct pf_str type)
{
	ptrdiff_t slash = pf_str_chr(type, '/');

	if (type.n == 0)
		return true;
	if (slash < 0)
		return pf_str_ieq(part->type, type);
	return slash > 0 && (size_t)slash + 1 < type.n &&
	       pf_str_ieq(part->type, pf_str_head(type, (size_t)slash)) &&
	       pf_str_ieq(part->subtype, pf_str_from(type, (size_t)slash + 1));
}

static bool wanted(struct sieve_run *run, const struct sieve_arg *types,
		   const struct mime_part *part)
{
	if (!types)
		return true;
	for (size_t i = 0; i < types->count && sieve_run_step(run, 10); i++) {
		if (is_of(part, sieve_run_string(run, &types->strings[i])))
			return true;
	}
	return false;
}

static struct texts *texts_of(struct sieve_run *run,
			      const struct sieve_node *node)
{
	struct state *state = sieve_run_state(run, &sieve_ext_body);
	bool raw = sieve_node_tag(node, "raw") != NULL;
	bool content = sieve_node_tag(node, "content") != NULL;
	struct texts *texts = raw	? &state->raw
			      : content ? &state->content
					: &state->text;
	int fd = sieve_content_file(run);

	if (state->version != run->content.version)
		*state = (struct state){.version = run->content.version};
	if (texts->read)
		return texts;
	texts->read = true;
	if (fd < 0)
		return texts;
	if (raw)
		read_raw(run, fd, texts);
	else if (content)
		read_content(run, fd, texts);
	else
		read_text(run, fd, texts);
	return texts;
}

static bool decide(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_bound *types = sieve_node_tag(node, "content");
	struct sieve_matcher matcher;
	struct texts *texts = texts_of(run, node);

	sieve_matcher_begin(&matcher, run, node, node->params[0]);
	for (size_t i = 0; i < texts->n && !matcher.found; i++) {
		if (wanted(run, types ? types->value : NULL, texts->parts[i]) &&
		    sieve_matcher_add(&matcher, &texts->v[i]))
			break;
	}
	return sieve_matcher_end(&matcher);
}

static const struct sieve_def defs[] = {
    {.name = "body",
     .test = true,
     .params = "l",
     .flags = SIEVE_DEF_MATCH | SIEVE_DEF_NO_CAPTURES,
     .usage = "body [:text | :raw | :content [\"type\", ...]] [:contains] "
	      "[\"key\", ...]",
     .decide = decide},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "raw", .on = "body", .group = "body transform"},
    {.name = "content", .on = "body", .group = "body transform", .value = 'l'},
    {.name = "text", .on = "body", .group = "body transform"},
    {0},
};

const struct sieve_extension sieve_ext_body = {
    .name = "body",
    .defs = defs,
    .tags = tags,
    .state_size = sizeof(struct state),
};
