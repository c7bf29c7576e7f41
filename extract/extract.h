/*
 * extract: the text of attachments that are no text parts (PDF, office files,
 * texts sent as application/octet-stream), through programs that others wrote:
 * each in a jail of its own, with limits to its time, memory and output, so
 * that a hostile file costs seconds at most.
 */
#ifndef EXTRACT_EXTRACT_H
#define EXTRACT_EXTRACT_H

#include "mime/mime.h"

#define EXTRACT_FILE_MAX  ((size_t)32 << 20) /* larger ones are left out */
#define EXTRACT_TEXT_MAX  ((size_t)4 << 20)  /* of a message */
#define EXTRACT_PARTS_MAX 50
#define EXTRACT_MS	  20000 /* of one part ... */
#define EXTRACT_TOTAL_MS  60000 /* ... and of all parts of a message */

/* Is there any part of this tree that extract_message would look into? */
bool extract_wanted(struct mime_part *root);

/* Appends what can be got out of the attachments of the message at fd (UTF-8;
 * U+000C between two), at most EXTRACT_TEXT_MAX.  What cannot be read is left
 * out.  *parts: how many gave text. */
PF_CHECKED pf_status extract_message(int fd, struct mime_part *root,
				     struct pf_buf *text, unsigned *parts,
				     struct pf_error *err);

#endif
