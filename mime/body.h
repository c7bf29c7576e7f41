/* Reading the decoded text of parts.  Private to mime/. */
#ifndef MIME_BODY_H
#define MIME_BODY_H

#include "mime/mime.h"

/* A file, read in blocks; the last one stays. */
struct mime_file {
	int fd;
	char *block;
	uint64_t start; /* of the block in the file */
	size_t n;
};

PF_CHECKED pf_status mime_file_init(struct mime_file *file, int fd,
				    struct pf_error *err);
void mime_file_release(struct mime_file *file);

/* The bytes of the span from `offset` on that are at hand, at least one.
 * Nothing: the file is shorter than it was. */
PF_CHECKED pf_status mime_file_read(struct mime_file *file,
				    const struct mime_span *span,
				    uint64_t offset, struct pf_str *bytes,
				    struct pf_error *err);

/* The first bytes of the part's header, at most MIME_HEADER_MAX. */
PF_CHECKED pf_status mime_file_header(struct mime_file *file,
				      const struct mime_part *part,
				      struct pf_buf *to, struct pf_error *err);

/* The tree of the file (as mime_parse_fd). */
PF_CHECKED pf_status mime_file_parse(struct mime_file *file,
				     struct pf_arena *arena,
				     struct mime_part **root,
				     struct pf_error *err);

/* Is this a part whose text can be shown or searched? */
bool mime_part_is_text(const struct mime_part *part);
bool mime_part_is_html(const struct mime_part *part);

/* Gives the text of the part (transfer encoding and charset decoded; html:
 * its text only) to `fn` in pieces of at most MIME_PIECE_MAX that end between
 * characters.  Stops when fn returns false (then *stopped). */
#define MIME_PIECE_MAX (64 * 1024)
typedef bool (*mime_piece_fn)(void *arg, struct pf_str piece, bool more);
PF_CHECKED pf_status mime_part_text(struct mime_file *file,
				    const struct mime_part *part, bool html,
				    mime_piece_fn fn, void *arg, bool *stopped,
				    struct pf_error *err);

#endif
