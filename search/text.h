/* text: what SEARCH looks at in a message (private to search/). */
#ifndef SEARCH_TEXT_H
#define SEARCH_TEXT_H

#include "base/error.h"
#include "base/str.h"

struct search_piece {
	/* A field of the message's own header: name as written, raw as
	 * mime_field gives it, text the folded value.  name.n == 0: body,
	 * or the header of an inner part ("Name: value", folded). */
	struct pf_str name, raw;
	struct pf_str text; /* folded, whole characters, CRLF as LF */
	bool more;	    /* the next piece continues this text */
};

/* Return false to stop (the walk is PF_OK all the same). */
typedef bool (*search_piece_fn)(void *arg, const struct search_piece *piece);

/* Walks the texts of the open message: first its header, then, unless
 * `header_only`, the rest. */
PF_CHECKED pf_status search_text(int fd, bool header_only, search_piece_fn fn,
				 void *arg, struct pf_error *err);

struct pf_buf;
/* A needle made comparable to the texts. */
void search_fold_needle(struct pf_buf *to, struct pf_str needle);

#endif
