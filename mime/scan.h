/*
 * Reading structured fields: a cursor over the raw value that knows blanks,
 * comments and quoted strings (RFC 5322 3.2).  Private to mime/.
 *
 * A quote or a comment that is never closed is read as an ordinary character:
 * one forgotten quote must not swallow all addresses behind it.  The search
 * for a missing end is made only once, so a field of nothing but quotes stays
 * linear.
 */
#ifndef MIME_SCAN_H
#define MIME_SCAN_H

#include "mime/mime.h"

struct mime_scan {
	const char *p, *end;
	bool no_quote, no_comment; /* a search for their end has failed */
};

static inline struct mime_scan mime_scan_of(struct pf_str s)
{
	return (struct mime_scan){s.p, s.p ? s.p + s.n : s.p, false, false};
}

static inline bool mime_scan_at(const struct mime_scan *scan, char c)
{
	return scan->p < scan->end && *scan->p == c;
}

static inline bool mime_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Skips blanks and comments; true if there was anything to skip.  The text
 * of the last comment replaces the content of `comment` (if not NULL). */
bool mime_scan_cfws(struct mime_scan *scan, struct pf_buf *comment);

/* At a `"`: appends what the quoted string says, and steps behind it.  False,
 * without moving, when it is not closed. */
bool mime_scan_quoted(struct mime_scan *scan, struct pf_buf *to);

/* Appends the characters of an RFC 2045 token (may be none). */
void mime_scan_token(struct mime_scan *scan, struct pf_buf *to);

/* tspecials of RFC 2045 5.1 */
bool mime_is_token(char c);

#endif
