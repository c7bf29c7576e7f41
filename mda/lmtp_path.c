/*
 * Paths and xtext.  The grammar is RFC 5321's, a little wider where mail in
 * the world is (dots in any place of a local part, "_" in domains), never
 * wider in what could confuse a header, a log or a look-up: no blanks, no
 * control characters, no brackets outside quotes.
 */
#include "mda/lmtp_path.h"

#include "base/utf8.h"

static bool plain_char(char c)
{
	/* the specials of RFC 5322 3.2.3, without "." */
	static const char specials[] = "()<>[]:;@\\,\" ";

	return (unsigned char)c > 0x20 && c != 0x7f && !strchr(specials, c);
}

/* The length of a local part at s.p, or 0 and *good false. */
static size_t local_part(struct pf_str s, bool *good)
{
	size_t i = 0;

	*good = true;
	if (s.n == 0 || s.p[0] != '"') {
		while (i < s.n && plain_char(s.p[i]))
			i++;
		*good = i > 0;
		return i;
	}
	for (i = 1; i < s.n && s.p[i] != '"'; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\\' && i + 1 < s.n)
			c = (unsigned char)s.p[++i];
		if (c < 0x20 || c == 0x7f)
			break;
	}
	*good = i < s.n && s.p[i] == '"';
	return *good ? i + 1 : 0;
}

static bool domain_good(struct pf_str s)
{
	bool literal = s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';

	if (literal)
		s = (struct pf_str){s.p + 1, s.n - 2};
	if (s.n == 0 || s.n > 255)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool word =
		    (c >= '0' && c <= '9') || (pf_ascii_lower((char)c) >= 'a' &&
					       pf_ascii_lower((char)c) <= 'z');

		if (!word && c < 0x80 && c != '-' && c != '.' && c != '_' &&
		    !(literal && c == ':'))
			return false;
	}
	return true;
}

/* RFC 5321 4.1.1.3: a source route ("@a,@b:") is accepted and ignored. */
static bool skip_route(struct pf_str *s)
{
	ptrdiff_t colon;

	if (s->n == 0 || s->p[0] != '@')
		return true;
	colon = pf_str_chr(*s, ':');
	if (colon < 0)
		return false;
	*s = pf_str_from(*s, (size_t)colon + 1);
	return true;
}

static struct pf_str unquote(struct pf_arena *arena, struct pf_str address,
			     size_t local)
{
	char *to;
	size_t n = 0;

	if (local < 2 || address.p[0] != '"')
		return address;
	to = pf_arena_alloc(arena, address.n + 1);
	if (!to)
		return (struct pf_str){NULL, 0};
	for (size_t i = 1; i < local - 1; i++) {
		if (address.p[i] == '\\')
			i++;
		to[n++] = address.p[i];
	}
	memcpy(to + n, address.p + local, address.n - local);
	return (struct pf_str){to, n + address.n - local};
}

/* Finds the ">" that is not inside quotes. */
static ptrdiff_t path_end(struct pf_str s)
{
	bool quoted = false;

	for (size_t i = 1; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == '>' && !quoted)
			return (ptrdiff_t)i;
	}
	return -1;
}

static bool has_8bit(struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return true;
	return false;
}

enum mda_lmtp_path_result mda_lmtp_path_parse(struct pf_arena *arena,
					      struct pf_str *rest, bool utf8,
					      struct pf_str *address,
					      struct pf_str *mailbox)
{
	ptrdiff_t end;
	struct pf_str inside, copy;
	size_t local;
	bool good;

	if (rest->n == 0 || rest->p[0] != '<')
		return LMTP_PATH_BAD;
	end = path_end(*rest);
	if (end < 0 || end > LMTP_PATH_MAX)
		return LMTP_PATH_BAD;
	inside = (struct pf_str){rest->p + 1, (size_t)end - 1};
	*rest = pf_str_from(*rest, (size_t)end + 1);
	if (!skip_route(&inside))
		return LMTP_PATH_BAD;
	if (has_8bit(inside)) {
		if (!pf_utf8_valid(inside))
			return LMTP_PATH_BAD;
		if (!utf8)
			return LMTP_PATH_UTF8;
	}
	local = local_part(inside, &good);
	if (inside.n > 0 &&
	    (!good || (local < inside.n &&
		       (inside.p[local] != '@' ||
			!domain_good(pf_str_from(inside, local + 1))))))
		return LMTP_PATH_BAD;
	copy = pf_arena_str(arena, inside);
	*mailbox = unquote(arena, copy, local);
	*address = copy;
	return copy.p && mailbox->p ? LMTP_PATH_OK : LMTP_PATH_BAD;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct pf_str mda_lmtp_xtext(struct pf_arena *arena, struct pf_str in)
{
	char *to = pf_arena_alloc(arena, in.n + 1);
	size_t n = 0;

	for (size_t i = 0; to && i < in.n; i++) {
		char c = in.p[i];

		if (c == '+') {
			if (i + 2 >= in.n || hex(in.p[i + 1]) < 0 ||
			    hex(in.p[i + 2]) < 0)
				return (struct pf_str){NULL, 0};
			c = (char)(hex(in.p[i + 1]) * 16 + hex(in.p[i + 2]));
			i += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return (struct pf_str){NULL, 0};
		to[n++] = c;
	}
	return (struct pf_str){to, n};
}
