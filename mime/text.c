/*
 * A message as search sees it: see mime.h.  Two passes over the file: the
 * part tree first, then the headers and texts of its parts in order.
 */
#include "mime/body.h"

#define TREE_MAX (256 << 20) /* far more than the limits on parts allow */

struct walk {
	struct mime_file file;
	mime_text_fn fn;
	void *arg;
	const struct mime_part *part;
	enum mime_text_kind kind;
	struct pf_buf header, value;
	bool stopped;
};

static void send_header(struct walk *w, struct pf_str name, struct pf_str value)
{
	if (!w->stopped)
		w->stopped = !w->fn(w->arg, MIME_TEXT_HEADER, w->part, name,
				    value, false);
}

/* RFC 2231 parameters (file names) cannot be read where they stand. */
static void send_params(struct walk *w, const struct mime_field *field,
			const struct mime_params *written,
			const struct mime_params *decoded)
{
	for (size_t i = 0; i < written->n; i++) {
		struct pf_str name = written->v[i].name;
		if (!pf_str_ends(name, PF_STR("*")))
			continue;
		name.n--;
		for (size_t k = 0; k < decoded->n; k++)
			if (pf_str_ieq(decoded->v[k].name, name))
				send_header(w, field->name,
					    decoded->v[k].value);
	}
}

static void send_field(struct walk *w, const struct mime_field *field)
{
	const struct mime_part *part = w->part;

	pf_buf_clear(&w->value);
	mime_decode_text(&w->value, field->raw);
	send_header(w, field->name, pf_buf_str(&w->value));
	if (pf_str_ieq(field->name, PF_STR("Content-Type")))
		send_params(w, field, &part->raw_params, &part->params);
	else if (pf_str_ieq(field->name, PF_STR("Content-Disposition")))
		send_params(w, field, &part->raw_disposition_params,
			    &part->disposition_params);
}

static pf_status send_fields(struct walk *w, struct pf_error *err)
{
	struct mime_field field;
	size_t pos = 0;

	pf_buf_clear(&w->header);
	pf_status status = mime_file_header(&w->file, w->part, &w->header, err);
	while (status == PF_OK && !w->stopped &&
	       mime_field_next(pf_buf_str(&w->header), &pos, &field))
		send_field(w, &field);
	return status;
}

static bool send_piece(void *arg, struct pf_str piece, bool more)
{
	struct walk *w = arg;

	return w->fn(w->arg, w->kind, w->part, (struct pf_str){NULL, 0}, piece,
		     more);
}

static pf_status send_text(struct walk *w, enum mime_text_kind kind,
			   struct pf_error *err)
{
	w->kind = kind;
	return mime_part_text(&w->file, w->part, kind == MIME_TEXT_HTML,
			      send_piece, w, &w->stopped, err);
}

static pf_status send_part(struct walk *w, struct pf_error *err)
{
	pf_status status = send_fields(w, err);

	if (status != PF_OK || w->stopped || !mime_part_is_text(w->part))
		return status;
	status = send_text(w, MIME_TEXT_BODY, err);
	if (status == PF_OK && !w->stopped && mime_part_is_html(w->part))
		status = send_text(w, MIME_TEXT_HTML, err);
	return status;
}

pf_status mime_text(int fd, mime_text_fn fn, void *arg, struct pf_error *err)
{
	struct walk w = {.fn = fn, .arg = arg};
	struct mime_part *part = NULL;
	struct pf_arena arena;

	pf_status status = mime_file_init(&w.file, fd, err);
	if (status != PF_OK)
		return status;
	pf_arena_init(&arena, TREE_MAX);
	pf_buf_init(&w.header, MIME_HEADER_MAX);
	pf_buf_init(&w.value, 4 * MIME_HEADER_MAX);
	status = mime_file_parse(&w.file, &arena, &part, err);
	for (; status == PF_OK && part && !w.stopped;
	     part = mime_part_next(part)) {
		w.part = part;
		status = send_part(&w, err);
	}
	pf_buf_release(&w.value);
	pf_buf_release(&w.header);
	pf_arena_release(&arena);
	mime_file_release(&w.file);
	return status;
}

/* ---- one part ---- */

struct one {
	struct pf_buf *to;
	size_t max;
};

static bool take_piece(void *arg, struct pf_str piece, bool more)
{
	struct one *one = arg;
	size_t room = one->max - one->to->len;

	(void)more;
	if (piece.n > room) {
		piece.n = room;
		while (piece.n > 0 &&
		       ((unsigned char)piece.p[piece.n] & 0xc0) == 0x80)
			piece.n--;
		room = piece.n; /* nothing more */
	}
	pf_buf_add_str(one->to, piece);
	return piece.n < room;
}

pf_status mime_part_read_text(int fd, const struct mime_part *part, size_t max,
			      struct pf_buf *to, struct pf_error *err)
{
	struct one one = {.to = to, .max = to->len + max};
	struct mime_file file;
	bool stopped;

	if (!mime_part_is_text(part))
		return PF_OK;
	pf_status status = mime_file_init(&file, fd, err);
	if (status != PF_OK)
		return status;
	status = mime_part_text(&file, part, mime_part_is_html(part),
				take_piece, &one, &stopped, err);
	mime_file_release(&file);
	return status;
}
