/*
 * The decoded text of one part: file -> transfer encoding -> charset ->
 * (HTML) -> pieces.  Memory is a few blocks, however large the part.
 */
#include "mime/body.h"
#include "mime/charset.h"
#include "mime/html.h"

#include <stdlib.h>

#include "base/fsio.h"

#define BLOCK_SIZE (64 * 1024)

pf_status mime_file_init(struct mime_file *file, int fd, struct pf_error *err)
{
	*file = (struct mime_file){.fd = fd, .block = malloc(BLOCK_SIZE)};
	if (!file->block)
		return pf_error_set(err, PF_NOMEM, NULL, "mime: no memory");
	return PF_OK;
}

void mime_file_release(struct mime_file *file)
{
	free(file->block);
	*file = (struct mime_file){.fd = -1};
}

pf_status mime_file_read(struct mime_file *file, const struct mime_span *span,
			 uint64_t offset, struct pf_str *bytes,
			 struct pf_error *err)
{
	uint64_t at = span->start + offset, left = span->size - offset;

	if (at < file->start || at >= file->start + file->n) {
		size_t got;
		pf_status status = pf_fs_pread(
		    file->fd, file->block, BLOCK_SIZE, (off_t)at, &got, err);
		*bytes = pf_str_mem(file->block, 0);
		if (status != PF_OK)
			file->n = 0;
		if (status != PF_OK || got == 0)
			return status; /* at the end the block is kept */
		file->start = at;
		file->n = got;
	}
	size_t skip = (size_t)(at - file->start), n = file->n - skip;
	*bytes = pf_str_mem(file->block + skip, n < left ? n : (size_t)left);
	return PF_OK;
}

pf_status mime_file_header(struct mime_file *file, const struct mime_part *part,
			   struct pf_buf *to, struct pf_error *err)
{
	struct mime_span span = part->header;
	struct pf_str bytes;

	if (span.size > MIME_HEADER_MAX)
		span.size = MIME_HEADER_MAX;
	for (uint64_t at = 0; at < span.size; at += bytes.n) {
		pf_status status = mime_file_read(file, &span, at, &bytes, err);
		if (status != PF_OK || bytes.n == 0)
			return status;
		pf_buf_add_str(to, bytes);
	}
	return PF_OK;
}

pf_status mime_file_parse(struct mime_file *file, struct pf_arena *arena,
			  struct mime_part **root, struct pf_error *err)
{
	struct mime_span all = {.size = INT64_MAX};
	struct mime_parser *parser = mime_parser_new(arena);
	struct pf_str bytes;
	pf_status status;

	for (uint64_t at = 0;; at += bytes.n) {
		status = mime_file_read(file, &all, at, &bytes, err);
		if (status != PF_OK || bytes.n == 0)
			break;
		mime_parser_add(parser, bytes.p, bytes.n);
	}
	struct mime_part *tree = mime_parser_end(&parser);
	if (status == PF_OK)
		*root = tree;
	return status;
}

bool mime_part_is_html(const struct mime_part *part)
{
	return pf_str_eq(part->type, PF_STR("text")) &&
	       pf_str_eq(part->subtype, PF_STR("html"));
}

/* A multipart or message without parts inside is one that could not be taken
 * apart: then its text is all there is. */
bool mime_part_is_text(const struct mime_part *part)
{
	if (part->child)
		return false;
	return pf_str_eq(part->type, PF_STR("text")) ||
	       pf_str_eq(part->type, PF_STR("message")) ||
	       pf_str_eq(part->type, PF_STR("multipart"));
}

/* ---- the chain -------------------------------------------------------------
 */

struct chain {
	struct mime_decoder decoder;
	struct mime_conv conv;
	struct mime_html html;
	bool is_html;
	struct pf_buf bytes; /* behind the decoder */
	struct pf_buf utf8;  /* behind the charset */
	struct pf_buf text;  /* what is handed out */
	mime_piece_fn fn;
	void *arg;
	bool stopped;
};

/* One block cannot grow by more than this: an entity or a byte of a charset
 * becomes a few bytes of UTF-8. */
#define GROWTH 8

static void chain_init(struct chain *c, const struct mime_part *part, bool html)
{
	size_t max = GROWTH * BLOCK_SIZE + 1024;

	mime_decoder_init(&c->decoder, mime_encoding(part->encoding));
	mime_conv_init(&c->conv, mime_param(&part->params, "charset"));
	mime_html_init(&c->html);
	c->is_html = html;
	pf_buf_init(&c->bytes, max);
	pf_buf_init(&c->utf8, max);
	pf_buf_init(&c->text, MIME_PIECE_MAX + 2 * max);
}

static void chain_release(struct chain *c)
{
	mime_conv_release(&c->conv);
	pf_buf_release(&c->bytes);
	pf_buf_release(&c->utf8);
	pf_buf_release(&c->text);
}

/* Moves what the decoder gave through the rest of the chain. */
static void chain_move(struct chain *c)
{
	struct pf_buf *utf8 = c->is_html ? &c->utf8 : &c->text;

	mime_conv_add(&c->conv, pf_buf_str(&c->bytes), utf8);
	pf_buf_clear(&c->bytes);
	if (!c->is_html)
		return;
	mime_html_add(&c->html, pf_buf_str(&c->utf8), &c->text);
	pf_buf_clear(&c->utf8);
}

static void chain_end(struct chain *c)
{
	mime_decoder_end(&c->decoder, &c->bytes);
	chain_move(c);
	mime_conv_end(&c->conv, c->is_html ? &c->utf8 : &c->text);
	if (!c->is_html)
		return;
	mime_html_add(&c->html, pf_buf_str(&c->utf8), &c->text);
	mime_html_end(&c->html, &c->text);
}

/* Hands out pieces while there is more than one. */
static void hand_out(struct chain *c, bool last)
{
	while (!c->stopped && (last || c->text.len > MIME_PIECE_MAX)) {
		struct pf_str piece = pf_buf_str(&c->text);
		bool more = piece.n > MIME_PIECE_MAX;
		if (more) {
			piece.n = MIME_PIECE_MAX;
			while (((uint8_t)piece.p[piece.n] & 0xc0) == 0x80)
				piece.n--;
		}
		c->stopped = !c->fn(c->arg, piece, more);
		pf_buf_take(&c->text, piece.n);
		if (!more)
			return;
	}
}

pf_status mime_part_text(struct mime_file *file, const struct mime_part *part,
			 bool html, mime_piece_fn fn, void *arg, bool *stopped,
			 struct pf_error *err)
{
	struct chain c = {.fn = fn, .arg = arg};
	pf_status status = PF_OK;
	struct pf_str in;

	chain_init(&c, part, html);
	for (uint64_t at = 0; at < part->body.size && !c.stopped; at += in.n) {
		status = mime_file_read(file, &part->body, at, &in, err);
		if (status != PF_OK || in.n == 0)
			break;
		mime_decoder_add(&c.decoder, in, &c.bytes);
		chain_move(&c);
		hand_out(&c, false);
	}
	if (status == PF_OK && !c.stopped) {
		chain_end(&c);
		hand_out(&c, true);
	}
	chain_release(&c);
	*stopped = c.stopped;
	return status;
}
