/*
 * Everything that reads a header: fields, addresses, dates, words, parameters,
 * subjects and message ids.  What comes out must be valid UTF-8 where that is
 * promised, and inside its limits.
 */
#include <stdlib.h>

#include "mime/mime.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static void read_addresses(struct pf_arena *arena, struct pf_str raw)
{
	struct mime_addrs addrs;
	size_t open = 0;

	mime_addresses(arena, raw, &addrs);
	require(addrs.n <= MIME_ADDRS_MAX);
	for (size_t i = 0; i < addrs.n; i++) {
		if (addrs.v[i].kind == MIME_GROUP_START)
			require(++open == 1);
		else if (addrs.v[i].kind == MIME_GROUP_END)
			require(open-- == 1);
	}
	require(open == 0);
}

static void read_params(struct pf_arena *arena, struct pf_str raw)
{
	struct pf_str type, subtype;
	struct mime_params params;

	mime_content_type(arena, raw, &type, &subtype, &params);
	require(type.n && subtype.n && params.n <= MIME_PARAMS_MAX);
	for (size_t i = 0; i < params.n; i++)
		require(pf_utf8_valid(params.v[i].value));
	mime_token_params(arena, raw, &type, &params);
}

static void read_text(struct pf_str raw)
{
	struct pf_buf text, out, back;

	pf_buf_init(&text, 4 * raw.n + 16);
	pf_buf_init(&out, 40 * raw.n + 400);
	pf_buf_init(&back, 40 * raw.n + 400);
	mime_decode_text(&text, raw);
	require(!text.failed && pf_utf8_valid(pf_buf_str(&text)));
	require(pf_str_chr(pf_buf_str(&text), '\n') < 0);
	mime_base_subject(&out, pf_buf_str(&text));
	require(out.len <= text.len);
	pf_buf_clear(&out);
	mime_fold(&out, pf_buf_str(&text));
	require(!out.failed && pf_utf8_valid(pf_buf_str(&out)));
	pf_buf_clear(&out);
	mime_encode_text(&out, pf_buf_str(&text));
	mime_decode_text(&back, pf_buf_str(&out));
	require(!out.failed && !back.failed);
	pf_buf_release(&text);
	pf_buf_release(&out);
	pf_buf_release(&back);
}

static void read_value(struct pf_str raw)
{
	struct pf_arena arena;
	struct pf_str id;
	time_t when;
	int zone;

	pf_arena_init(&arena, 4 << 20);
	read_addresses(&arena, raw);
	read_params(&arena, raw);
	read_text(raw);
	if (mime_date(raw, &when, &zone))
		require(zone > -86400 && zone < 86400);
	for (size_t pos = 0; mime_msgid_next(raw, &pos, &id);)
		require(id.n > 2 && pos <= raw.n);
	pf_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_str header = pf_str_mem(data, size);
	struct mime_field field;
	size_t pos = 0, end = 0;

	if (size > 65536)
		return 0;
	while (mime_field_next(header, &pos, &field)) {
		require(field.offset >= end && field.name.n > 0);
		end = field.offset + field.size;
		require(end == pos && end <= mime_header_end(header));
		read_value(field.raw);
	}
	if (end == 0)
		read_value(header);
	return 0;
}
