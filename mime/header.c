/*
 * Header fields as bytes: where each one begins and ends, and unfolding.
 *
 * A header is read line by line.  A line that begins with a blank goes on
 * with the field before it; the first empty line ends the header.  The part
 * parser (tree.c) and mime_header_end() follow the same rule, so all agree on
 * where a body starts.
 */
#include "mime/mime.h"

/* One past the LF of the line at `pos`, or the end. */
static size_t line_end(struct pf_str s, size_t pos)
{
	const char *lf = memchr(s.p + pos, '\n', s.n - pos);

	return lf ? (size_t)(lf - s.p) + 1 : s.n;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_empty_line(struct pf_str s, size_t pos)
{
	return s.p[pos] == '\n' ||
	       (s.p[pos] == '\r' && pos + 1 < s.n && s.p[pos + 1] == '\n');
}

/* Length of the field name at `pos` (RFC 5322 3.6.8, and the blanks that
 * RFC 5322 4.5 allows before the colon); 0: no field.  *colon is the offset
 * of the colon. */
static size_t name_length(struct pf_str s, size_t pos, size_t *colon)
{
	size_t i = pos;

	while (i < s.n && s.p[i] > ' ' && s.p[i] < 0x7f && s.p[i] != ':')
		i++;
	size_t n = i - pos;
	while (i < s.n && is_blank(s.p[i]))
		i++;
	if (n == 0 || i == s.n || s.p[i] != ':')
		return 0;
	*colon = i;
	return n;
}

bool mime_field_next(struct pf_str header, size_t *pos,
		     struct mime_field *field)
{
	while (*pos < header.n && !is_empty_line(header, *pos)) {
		size_t start = *pos, colon = 0;
		size_t n = name_length(header, start, &colon);
		size_t end = line_end(header, start);

		while (end < header.n && is_blank(header.p[end]))
			end = line_end(header, end);
		*pos = end;
		if (n == 0)
			continue;
		*field = (struct mime_field){
		    .name = {header.p + start, n},
		    .raw = {header.p + colon + 1, end - colon - 1},
		    .offset = start,
		    .size = end - start,
		};
		return true;
	}
	return false;
}

void mime_unfold(struct pf_buf *to, struct pf_str raw)
{
	raw = pf_str_trim(raw);
	while (raw.n) {
		ptrdiff_t lf = pf_str_chr(raw, '\n');
		size_t n = lf < 0 ? raw.n : (size_t)lf;
		size_t keep = lf > 0 && raw.p[n - 1] == '\r' ? n - 1 : n;

		pf_buf_add(to, raw.p, keep);
		raw = pf_str_from(raw, lf < 0 ? n : n + 1);
	}
}

size_t mime_header_end(struct pf_str message)
{
	for (size_t pos = 0; pos < message.n; pos = line_end(message, pos))
		if (is_empty_line(message, pos))
			return line_end(message, pos);
	return message.n;
}
