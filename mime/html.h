/* The text of HTML, in pieces.  Private to mime/. */
#ifndef MIME_HTML_H
#define MIME_HTML_H

#include "mime/mime.h"

#define MIME_HTML_NAME 12 /* longer element names are none we know */

struct mime_html {
	int state;
	char name[MIME_HTML_NAME + 1]; /* of the tag or entity being read */
	size_t name_len;
	char raw[MIME_HTML_NAME + 1]; /* the element whose text is dropped */
	char quote;		      /* the attribute value's, or 0 */
	char before;  /* the last non-blank in the tag: quotes follow "=" */
	int dashes;   /* just read inside a comment */
	char blank;   /* owed before the next text: 0, ' ' or '\n' */
	bool started; /* some text was written */
};

void mime_html_init(struct mime_html *html);
/* UTF-8 in and out.  Blanks are collapsed; block elements end lines. */
void mime_html_add(struct mime_html *html, struct pf_str in,
		   struct pf_buf *out);
void mime_html_end(struct mime_html *html, struct pf_buf *out);

#endif
