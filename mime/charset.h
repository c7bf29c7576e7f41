/* Charset conversion in pieces.  Private to mime/. */
#ifndef MIME_CHARSET_H
#define MIME_CHARSET_H

#include <iconv.h>

#include "mime/mime.h"

enum mime_conv_kind {
	MIME_CONV_UTF8,	  /* checked; broken bytes become U+FFFD */
	MIME_CONV_MIXED,  /* nothing is declared: UTF-8 where it is valid,
			     Windows-1252 elsewhere */
	MIME_CONV_CP1252, /* and its subset ISO-8859-1 */
	MIME_CONV_ICONV
};

#define MIME_CHARSET_MAX 40 /* no charset name is longer */

struct mime_conv {
	enum mime_conv_kind kind;
	iconv_t cd; /* taken from the thread's cache */
	char name[MIME_CHARSET_MAX];
	char hold[16];
	size_t held; /* bytes of a character that is not complete yet */
};

/* False when the charset is unknown (then it converts as MIXED).  In any case
 * to be released, by the same thread. */
bool mime_conv_init(struct mime_conv *conv, struct pf_str charset);
void mime_conv_add(struct mime_conv *conv, struct pf_str in, struct pf_buf *to);
void mime_conv_end(struct mime_conv *conv, struct pf_buf *to);
void mime_conv_release(struct mime_conv *conv);

#endif
