/*
 * What mail programs ask of every message when they list a mailbox, made when
 * the message is read for the index, so that the first list of new mail opens
 * no file (store/summary.c keeps it; imapd makes what is missing).
 */
#include <unistd.h>

#include "base/fsio.h"
#include "imap/imap.h"
#include "search/search.h"

#define CHUNK	   16384
#define ARENA_MAX  ((size_t)64 << 20)
#define ANSWER_MAX (8 * MIME_HEADER_MAX)

struct reading {
	int fd;
	struct pf_arena *arena;
};

/* Bytes of the file; fewer where it ends. */
static struct pf_str read_span(const struct reading *r, uint64_t start,
			       uint64_t size)
{
	struct pf_buf buf = PF_BUF_INIT(MIME_HEADER_MAX);
	size_t want = size < MIME_HEADER_MAX ? (size_t)size : MIME_HEADER_MAX;
	size_t got = 0;
	char *room = pf_buf_reserve(&buf, want);

	if (room &&
	    pf_fs_pread(r->fd, room, want, (off_t)start, &got, NULL) == PF_OK)
		pf_buf_commit(&buf, got);
	struct pf_str kept = pf_arena_str(r->arena, pf_buf_str(&buf));
	pf_buf_release(&buf);
	return kept;
}

static struct pf_str header_of(void *arg, const struct mime_part *part)
{
	return read_span(arg, part->header.start, part->header.size);
}

/* NULL: it cannot be read. */
static struct mime_part *read_tree(const struct reading *r)
{
	struct mime_parser *parser = mime_parser_new(r->arena);
	pf_status status = PF_OK;
	char chunk[CHUNK];
	uint64_t at = 0;
	size_t got = 1;

	while (status == PF_OK && got > 0) {
		status = pf_fs_pread(r->fd, chunk, sizeof chunk, (off_t)at,
				     &got, NULL);
		if (status == PF_OK)
			mime_parser_add(parser, chunk, got);
		at += got;
	}
	struct mime_part *root = mime_parser_end(&parser);
	return status == PF_OK ? root : NULL;
}

static void keep(struct store_box *box, uint32_t uid,
		 enum store_summary_kind kind, struct pf_buf *text)
{
	if (!text->failed)
		store_summary_put(box, uid, kind, pf_buf_str(text));
	pf_buf_clear(text);
}

void search_keep_summary(struct store_box *box, uint32_t uid, int fd)
{
	struct pf_arena arena;
	struct reading r = {.fd = fd, .arena = &arena};
	struct pf_buf text = PF_BUF_INIT(ANSWER_MAX);

	if (store_summary_get(box, uid, STORE_SUMMARY_HEADERS, &text) == PF_OK)
		goto out;
	pf_arena_init(&arena, ARENA_MAX);
	struct mime_part *root = read_tree(&r);
	/* a header that is too long is left to those who ask for it */
	if (root && root->header.size < MIME_HEADER_MAX) {
		struct pf_str header = header_of(&r, root);

		pf_buf_clear(&text);
		imap_write_envelope(&text, header);
		keep(box, uid, STORE_SUMMARY_ENVELOPE, &text);
		imap_write_body(&text, root, true, header_of, &r);
		keep(box, uid, STORE_SUMMARY_BODYSTRUCTURE, &text);
		imap_summary_headers(&text, header);
		keep(box, uid, STORE_SUMMARY_HEADERS, &text);
	}
	pf_arena_release(&arena);
out:
	pf_buf_release(&text);
}
