/*
 * The preview of RFC 8970: the first words that a reader would see.  What is
 * quoted from another mail and the signature do not count, unless there is
 * nothing else.  Only the first piece of a text is looked at.
 */
#include "mime/body.h"
#include "base/utf8.h"

#define PREVIEW_CHARS 200	  /* RFC 8970 3.1 allows 256 */
#define PARTS_TRIED   20	  /* texts that may turn out to be empty */
#define TREE_MAX      (256 << 20) /* as text.c */

/* Takes text, keeps its first words with one blank between them. */
struct words {
	struct pf_buf text;
	size_t chars;
	bool blank;
};

struct preview {
	struct words own, quoted;
	bool is_html;
};

static bool is_blank(uint32_t c)
{
	return c <= ' ' || (c >= 0x7f && c <= 0xa0) ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
	       c == 0x3000;
}

/* Senders hide these in rows to push other text out of previews. */
static bool is_invisible(uint32_t c)
{
	return c == 0xad || c == 0x34f || c == 0x200b || c == 0x200c ||
	       c == 0x2060 || c == 0xfeff;
}

static void words_add_char(struct words *w, uint32_t c)
{
	if (is_invisible(c))
		return;
	if (is_blank(c)) {
		w->blank = w->chars > 0;
		return;
	}
	size_t need = w->blank ? 2 : 1;
	if (w->chars + need > PREVIEW_CHARS) {
		w->chars = PREVIEW_CHARS;
		return;
	}
	if (w->blank)
		pf_buf_add_byte(&w->text, ' ');
	pf_utf8_add(&w->text, c);
	w->chars += need;
	w->blank = false;
}

static void words_add(struct words *w, struct pf_str s)
{
	for (size_t len; s.n && w->chars < PREVIEW_CHARS;
	     s = pf_str_from(s, len))
		words_add_char(w, pf_utf8_next(s, &len));
}

static void words_init(struct words *w)
{
	*w = (struct words){.chars = 0};
	pf_buf_init(&w->text, PREVIEW_CHARS * 4L);
}

/* mime_piece_fn */
static bool read_piece(void *arg, struct pf_str piece, bool more)
{
	struct preview *p = arg;
	struct pf_str line;

	(void)more;
	if (p->is_html) {
		words_add(&p->own, piece);
		return false;
	}
	while (pf_str_split(&piece, '\n', &line)) {
		struct pf_str text = pf_str_trim(line);
		if (pf_str_eq(line, PF_STR("-- ")) ||
		    pf_str_eq(line, PF_STR("-- \r")))
			break;
		struct words *w = &p->own;
		if (text.n && text.p[0] == '>') {
			w = &p->quoted;
			while (text.n && (text.p[0] == '>' || text.p[0] == ' '))
				text = pf_str_from(text, 1);
		}
		words_add(w, text);
		words_add_char(w, '\n');
	}
	return false;
}

static bool is_shown(const struct mime_part *part)
{
	return mime_part_is_text(part) &&
	       pf_str_eq(part->type, PF_STR("text")) &&
	       !pf_str_eq(part->subtype, PF_STR("calendar")) &&
	       !pf_str_eq(part->disposition, PF_STR("attachment"));
}

static pf_status find_words(struct mime_file *file, struct preview *p,
			    struct mime_part *part, struct pf_error *err)
{
	pf_status status = PF_OK;
	bool stopped;

	for (int tried = 0; part && status == PF_OK && tried < PARTS_TRIED &&
			    p->own.chars == 0;
	     part = mime_part_next(part)) {
		if (!is_shown(part))
			continue;
		tried++;
		p->is_html = mime_part_is_html(part);
		status = mime_part_text(file, part, p->is_html, read_piece, p,
					&stopped, err);
	}
	return status;
}

pf_status mime_preview(int fd, struct pf_buf *to, struct pf_error *err)
{
	struct mime_file file;
	struct mime_part *root = NULL;
	struct pf_arena arena;
	struct preview p;

	pf_status status = mime_file_init(&file, fd, err);
	if (status != PF_OK)
		return status;
	pf_arena_init(&arena, TREE_MAX);
	words_init(&p.own);
	words_init(&p.quoted);
	status = mime_file_parse(&file, &arena, &root, err);
	if (status == PF_OK)
		status = find_words(&file, &p, root, err);
	if (status == PF_OK)
		pf_buf_add_str(
		    to, pf_buf_str(p.own.chars ? &p.own.text : &p.quoted.text));
	pf_buf_release(&p.own.text);
	pf_buf_release(&p.quoted.text);
	pf_arena_release(&arena);
	mime_file_release(&file);
	return status;
}
