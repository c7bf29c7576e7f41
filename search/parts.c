/*
 * has:...: which kinds of parts a message has, by its BODYSTRUCTURE, which the
 * store keeps.  Its strings have their quotes escaped, so that `("image" `
 * can only be where a type is.
 */
#include "search/parts.h"

#include <unistd.h>

#include "base/arena.h"
#include "imap/imap.h"
#include "mime/mime.h"

#define STRUCTURE_MAX ((size_t)16 << 20)

/* Other words are what a file name ends in. */
static const struct {
	const char *kind, *shown;
} kinds[] = {
    {"attachment", "(\"attachment\" "},
    {"image", "(\"image\" "},
    {"audio", "(\"audio\" "},
    {"video", "(\"video\" "},
    {"calendar", "(\"text\" \"calendar\" "},
    {"message", "(\"message\" \"rfc822\" "},
};

static bool shows(struct pf_str structure, const char *text)
{
	return structure.n &&
	       memmem(structure.p, structure.n, text, strlen(text)) != NULL;
}

static struct pf_str no_header(void *arg, const struct mime_part *part)
{
	(void)arg;
	(void)part;
	return PF_STR("");
}

/* Without what the store keeps; and it is not kept, having no ENVELOPEs. */
static void make_structure(struct store_box *box, uint32_t uid,
			   struct pf_buf *to)
{
	struct pf_arena arena;
	struct mime_part *root;
	uint64_t size;
	int fd;

	if (store_msg_open(box, uid, &fd, &size, NULL) != PF_OK)
		return;
	pf_arena_init(&arena, (size_t)64 << 20);
	if (mime_parse_fd(&arena, fd, &root, NULL) == PF_OK)
		imap_write_body(to, root, true, no_header, NULL);
	pf_arena_release(&arena);
	close(fd);
}

bool search_parts_has(struct store_box *box, uint32_t uid, struct pf_str kind)
{
	struct pf_buf written = PF_BUF_INIT(STRUCTURE_MAX);
	struct pf_buf lower = PF_BUF_INIT(4 * STRUCTURE_MAX);
	char ending[80];
	bool found = false, known = false;

	if (store_summary_get(box, uid, STORE_SUMMARY_BODYSTRUCTURE,
			      &written) != PF_OK) {
		pf_buf_clear(&written);
		make_structure(box, uid, &written);
	}
	mime_decode_text(&lower, pf_buf_str(&written)); /* file names */
	for (size_t i = 0; i < lower.len; i++)
		lower.data[i] = pf_ascii_lower(lower.data[i]);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (pf_str_ieq(kind, pf_str_c(kinds[i].kind))) {
			known = true;
			found = shows(pf_buf_str(&lower), kinds[i].shown);
		}
	if (!known && kind.n < sizeof ending - 4) {
		size_t n = 0;

		ending[n++] = '.';
		for (size_t i = 0; i < kind.n; i++)
			ending[n++] = pf_ascii_lower(kind.p[i]);
		ending[n++] = '"';
		ending[n] = '\0';
		found =
		    shows(pf_buf_str(&lower), ending) ||
		    (pf_str_ieq(kind, PF_STR("pdf")) &&
		     shows(pf_buf_str(&lower), "(\"application\" \"pdf\" "));
	}
	pf_buf_release(&written);
	pf_buf_release(&lower);
	return found;
}
