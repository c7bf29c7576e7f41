/* The cursor behind every structured field: see scan.h. */
#include "mime/scan.h"

/* The character that closes the quoted string or (nested) comment at `p`, or
 * NULL. */
static const char *closing(const char *p, const char *end)
{
	bool quoted = *p == '"';
	size_t level = 1;

	for (p++; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '(' && !quoted)
			level++;
		else if (*p == (quoted ? '"' : ')') && --level == 0)
			return p;
	}
	return NULL;
}

/* Appends [p, end) without folds and without the backslashes of quoted pairs.
 */
static void add_unquoted(struct pf_buf *to, const char *p, const char *end)
{
	const char *start = p;

	for (; p < end; p++) {
		bool fold =
		    *p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n');
		if (!fold && *p != '\\')
			continue;
		pf_buf_add(to, start, (size_t)(p - start));
		start = p + 1;
		if (*p == '\\' && p + 1 < end && p[1] != '\r' && p[1] != '\n')
			p++;
	}
	pf_buf_add(to, start, (size_t)(end - start));
}

static bool skip_comment(struct mime_scan *scan, struct pf_buf *comment)
{
	if (scan->no_comment)
		return false;
	const char *end = closing(scan->p, scan->end);
	if (!end) {
		scan->no_comment = true;
		return false;
	}
	if (comment) {
		pf_buf_clear(comment);
		add_unquoted(comment, scan->p + 1, end);
	}
	scan->p = end + 1;
	return true;
}

bool mime_scan_cfws(struct mime_scan *scan, struct pf_buf *comment)
{
	const char *start = scan->p;

	while (scan->p < scan->end) {
		if (mime_is_space(*scan->p))
			scan->p++;
		else if (*scan->p != '(' || !skip_comment(scan, comment))
			break;
	}
	return scan->p != start;
}

bool mime_scan_quoted(struct mime_scan *scan, struct pf_buf *to)
{
	if (scan->no_quote)
		return false;
	const char *end = closing(scan->p, scan->end);
	if (!end) {
		scan->no_quote = true;
		return false;
	}
	add_unquoted(to, scan->p + 1, end);
	scan->p = end + 1;
	return true;
}

bool mime_is_token(char c)
{
	return (c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c)) ||
	       (unsigned char)c >= 0x80;
}

void mime_scan_token(struct mime_scan *scan, struct pf_buf *to)
{
	const char *start = scan->p;

	while (scan->p < scan->end && mime_is_token(*scan->p))
		scan->p++;
	pf_buf_add(to, start, (size_t)(scan->p - start));
}
