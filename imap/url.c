/*
 * IMAP URLs (RFC 5092) that name a message or a part of one, as CATENATE and
 * others take them:
 *
 *	imap://ann@host/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2
 *	/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=TEXT/;PARTIAL=0.1024
 *	;UID=20/;SECTION=1			(in the selected mailbox)
 *
 * Keywords are in any case.  What is behind "%" is decoded, and must then be
 * UTF-8 without control characters.  A mailbox' name may hold "/", so the
 * first "/;UID=" ends it.
 */
#include "imap/imap.h"

#include "base/utf8.h"
#include "imap/private.h"

static pf_status bad(struct pf_error *err, const char *why)
{
	return pf_error_set(err, PF_INVALID, why, "IMAP URL: %s", why);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = pf_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "%20" and so on; false: not what RFC 3986 2.1 allows, or no text. */
static bool decode(struct pf_str s, struct pf_arena *arena, struct pf_str *to)
{
	char *copy = pf_arena_alloc(arena, s.n + 1);
	size_t n = 0;

	if (!copy)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '%') {
			int high = i + 1 < s.n ? hex_digit(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return false;
		copy[n++] = c;
	}
	copy[n] = '\0';
	*to = pf_str_mem(copy, n);
	return pf_utf8_valid(*to);
}

/* Where `mark` (upper case) first stands in any case, or -1 */
static ptrdiff_t find(struct pf_str s, struct pf_str mark)
{
	for (size_t i = 0; i + mark.n <= s.n; i++)
		if (s.p[i] == mark.p[0] &&
		    pf_str_istarts(pf_str_from(s, i), mark))
			return (ptrdiff_t)i;
	return -1;
}

static bool parse_nz(struct pf_str s, uint32_t *number)
{
	uint64_t n;

	if (!pf_str_u64(s, UINT32_MAX, &n) || n == 0)
		return false;
	*number = (uint32_t)n;
	return true;
}

/* "imap://[user[;AUTH=x]@]host[:port]" in front, or "//..." */
static bool parse_server(struct pf_str *s, struct pf_arena *arena,
			 struct imap_url *url)
{
	if (pf_str_istarts(*s, PF_STR("imap://")))
		*s = pf_str_from(*s, 7);
	else if (pf_str_starts(*s, PF_STR("//")))
		*s = pf_str_from(*s, 2);
	else
		return true;
	ptrdiff_t slash = pf_str_chr(*s, '/');
	if (slash <= 0)
		return false;
	struct pf_str server = pf_str_head(*s, (size_t)slash);
	*s = pf_str_from(*s, (size_t)slash);
	ptrdiff_t at = pf_str_rchr(server, '@');
	if (at >= 0) {
		struct pf_str user = pf_str_head(server, (size_t)at);
		ptrdiff_t auth = find(user, PF_STR(";AUTH="));
		if (auth >= 0)
			user = pf_str_head(user, (size_t)auth);
		if (user.n && !decode(user, arena, &url->user))
			return false;
		server = pf_str_from(server, (size_t)at + 1);
	}
	ptrdiff_t colon = pf_str_rchr(server, ':');
	uint64_t port;
	if (colon >= 0 && pf_str_chr(server, ']') < colon) {
		if (!pf_str_u64(pf_str_from(server, (size_t)colon + 1), 65535,
				&port))
			return false;
		server = pf_str_head(server, (size_t)colon);
	}
	return server.n > 0 && decode(server, arena, &url->host);
}

/* "/mailbox[;UIDVALIDITY=n]" up to the message */
static bool parse_mailbox(struct pf_str s, struct pf_arena *arena,
			  struct imap_url *url)
{
	ptrdiff_t validity = find(s, PF_STR(";UIDVALIDITY="));

	if (validity >= 0) {
		if (!parse_nz(pf_str_from(s, (size_t)validity + 13),
			      &url->uidvalidity))
			return false;
		s = pf_str_head(s, (size_t)validity);
	}
	url->has_mailbox = true;
	return s.n > 0 && pf_str_chr(s, ';') < 0 &&
	       decode(s, arena, &url->mailbox) && url->mailbox.n > 0;
}

/* "offset[.length]" */
static bool parse_partial(struct pf_str s, struct imap_url *url)
{
	ptrdiff_t dot = pf_str_chr(s, '.');

	url->partial = true;
	url->length = UINT64_MAX;
	if (dot < 0)
		return pf_str_u64(s, INT64_MAX, &url->offset);
	return pf_str_u64(pf_str_head(s, (size_t)dot), INT64_MAX,
			  &url->offset) &&
	       pf_str_u64(pf_str_from(s, (size_t)dot + 1), INT64_MAX,
			  &url->length) &&
	       url->length > 0;
}

/* "20[/;SECTION=...][/;PARTIAL=...]" behind ";UID=" */
static bool parse_message(struct pf_str s, struct pf_arena *arena,
			  struct imap_url *url)
{
	ptrdiff_t section = find(s, PF_STR("/;SECTION="));
	ptrdiff_t partial = find(s, PF_STR("/;PARTIAL="));

	if (partial >= 0) {
		if (partial < section ||
		    !parse_partial(pf_str_from(s, (size_t)partial + 10), url))
			return false;
		s = pf_str_head(s, (size_t)partial);
	}
	if (section >= 0) {
		url->has_section = true;
		if (!decode(pf_str_from(s, (size_t)section + 10), arena,
			    &url->section) ||
		    url->section.n == 0)
			return false;
		s = pf_str_head(s, (size_t)section);
	}
	return parse_nz(s, &url->uid);
}

pf_status imap_url_parse(struct pf_str text, struct pf_arena *arena,
			 struct imap_url *to, struct pf_error *err)
{
	struct imap_url url = {0};
	struct pf_str s = text;

	if (find(text, PF_STR(";URLAUTH=")) >= 0 ||
	    find(text, PF_STR(";EXPIRE=")) >= 0)
		return bad(err, "URLAUTH is not supported");
	if (!parse_server(&s, arena, &url))
		return bad(err, "The server in the URL is not understood");
	ptrdiff_t uid =
	    pf_str_istarts(s, PF_STR(";UID=")) ? 0 : find(s, PF_STR("/;UID="));
	if (uid < 0)
		return bad(err, "The URL names no message");
	struct pf_str path = pf_str_head(s, (size_t)uid);
	s = pf_str_from(s, (size_t)uid + (s.p[uid] == '/' ? 6 : 5));
	if (path.n > 0) {
		/* "/Drafts", or "Drafts" beside the selected one: for us the
		 * same, names have no base */
		if (path.p[0] == '/')
			path = pf_str_from(path, 1);
		if (!parse_mailbox(path, arena, &url))
			return bad(err,
				   "The mailbox in the URL is not understood");
	} else if (url.host.n) {
		return bad(err, "The URL names no mailbox");
	}
	if (!parse_message(s, arena, &url))
		return bad(err, "The message in the URL is not understood");
	*to = url;
	return PF_OK;
}
