/*
 * A whole message: its tree must be the same however it comes in pieces, and
 * its spans must fit into each other; its texts must be valid UTF-8.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mime/mime.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static struct mime_part *parse(struct pf_arena *arena, const uint8_t *data,
			       size_t size, size_t step)
{
	struct mime_parser *parser = mime_parser_new(arena);

	for (size_t i = 0; i < size; i += step)
		mime_parser_add(parser, data + i,
				size - i < step ? size - i : step);
	return mime_parser_end(&parser);
}

static void check_span(const uint8_t *data, struct mime_span span)
{
	uint64_t lines = 0, bare = 0;

	for (uint64_t i = span.start; i < span.start + span.size; i++) {
		if (data[i] != '\n')
			continue;
		lines++;
		bare += i == 0 || data[i - 1] != '\r';
	}
	require(lines == span.lines && bare == span.bare_lf);
}

static void check_part(const uint8_t *data, const struct mime_part *part)
{
	const struct mime_part *up = part->parent;

	require(part->header.start + part->header.size == part->body.start);
	check_span(data, part->header);
	check_span(data, part->body);
	require(part->type.n && part->subtype.n);
	require(!(part->multipart && part->message));
	require(!part->message == !(part->child && !part->multipart));
	if (!up)
		return;
	require(up->multipart || up->message);
	require(part->header.start >= up->body.start);
	require(part->body.start + part->body.size <=
		up->body.start + up->body.size);
	if (part->next)
		require(part->next->number == part->number + 1 &&
			part->next->header.start >=
			    part->body.start + part->body.size);
}

static bool same_span(struct mime_span a, struct mime_span b)
{
	return a.start == b.start && a.size == b.size && a.lines == b.lines &&
	       a.bare_lf == b.bare_lf;
}

static bool check_text(void *arg, enum mime_text_kind kind,
		       const struct mime_part *part, struct pf_str name,
		       struct pf_str piece, bool more)
{
	(void)arg;
	(void)part;
	require(pf_utf8_valid(piece));
	require(kind == MIME_TEXT_HEADER ? name.n > 0 && !more
					 : piece.n <= 65536);
	return true;
}

static void read_file(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct pf_error err;
	struct pf_buf b;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) != 0 ||
	    (size && pwrite(fd, data, size, 0) != (ssize_t)size))
		return;
	require(mime_text(fd, check_text, NULL, &err) == PF_OK);
	pf_buf_init(&b, 1000);
	require(mime_preview(fd, &b, &err) == PF_OK);
	require(!b.failed && pf_utf8_valid(pf_buf_str(&b)));
	pf_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_arena arena;

	if (size > 65536)
		return 0;
	pf_arena_init(&arena, 64 << 20);
	struct mime_part *a = parse(&arena, data, size, size + 1);
	struct mime_part *b = parse(&arena, data, size, size % 7 + 1);
	require(a->header.start == 0 && a->header.size + a->body.size == size);
	for (; a && b; a = mime_part_next(a), b = mime_part_next(b)) {
		check_part(data, a);
		require(same_span(a->header, b->header) &&
			same_span(a->body, b->body));
		require(pf_str_eq(a->subtype, b->subtype));
	}
	require(!a && !b);
	pf_arena_release(&arena);
	read_file(data, size);
	return 0;
}
