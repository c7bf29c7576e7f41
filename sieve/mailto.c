/*
 * mailto: URIs (RFC 6068, and what RFC 5436 2.7 makes of them): recipients,
 * subject, body, and header fields for a letter that we send.
 *
 * What names a sender, a date or a path, or says how the letter is written, is
 * ours: such fields are passed over.
 */
#include "sieve/run.h"

#include "base/utf8.h"

enum {
	RECIPIENTS_MAX = 8,
	FIELDS_MAX = 16
};

static int hex(char c)
{
	c = pf_ascii_lower(c);
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

/* Characters of RFC 3986 that may stand in a mailto: URI as they are */
static bool is_plain(char c, const char *marks)
{
	char lower = pf_ascii_lower(c);

	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr(marks, c));
}

/* Undoes %xx; false: a character that must not be there, or no UTF-8 */
static bool decode(struct pf_arena *arena, struct pf_str s, const char *marks,
		   struct pf_str *to)
{
	char *text = pf_arena_alloc(arena, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; text && i < s.n; i++) {
		if (s.p[i] != '%') {
			if (!is_plain(s.p[i], marks))
				return false;
			text[n++] = s.p[i];
			continue;
		}
		if (i + 2 >= s.n || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0)
			return false;
		text[n++] = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
		i += 2;
	}
	if (!text)
		return false;
	*to = pf_str_mem(text, n);
	return memchr(text, '\0', n) == NULL && pf_utf8_valid(*to);
}

/* "a@b, c@d": NULL, or what is wrong */
static const char *add_recipients(struct pf_arena *arena, struct pf_str list,
				  struct sieve_mailto *mailto)
{
	struct sieve_address address;
	struct pf_str one;

	while (pf_str_split(&list, ',', &one)) {
		bool known = false;

		one = pf_str_trim(one);
		if (one.n == 0 && mailto->to_count == 0 && list.n == 0)
			return NULL; /* "mailto:" */
		if (!sieve_address_parse(arena, one, &address))
			return "a recipient is not an address";
		for (size_t i = 0; i < mailto->to_count; i++)
			known |= pf_str_ieq(mailto->to[i], address.all);
		if (known)
			continue;
		if (mailto->to_count >= RECIPIENTS_MAX)
			return "too many recipients";
		mailto->to[mailto->to_count++] = address.all;
	}
	return NULL;
}

static bool is_ours(struct pf_str name)
{
	return sieve_word_in(name, "auto-submitted bcc date from in-reply-to "
				   "importance message-id mime-version "
				   "received references reply-to return-path "
				   "sender x-priority "
				   "x-sieve-redirected-from") ||
	       pf_str_istarts(name, PF_STR("content-")) ||
	       pf_str_istarts(name, PF_STR("resent-")) ||
	       pf_str_istarts(name, PF_STR("list-"));
}

static bool is_field_name(struct pf_str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == ':')
			return false;
	}
	return name.n > 0 && name.n < 80;
}

static const char *add_field(struct sieve_mailto *mailto, struct pf_str name,
			     struct pf_str value)
{
	if (!is_field_name(name))
		return "there is no header field of that name";
	if (is_ours(name))
		return NULL;
	if (mailto->field_count >= FIELDS_MAX)
		return "too many header fields";
	mailto->fields[mailto->field_count++] =
	    (struct sieve_mailto_field){name, value};
	return NULL;
}

/* hname "=" hvalue; addresses of `cc` are for later. */
static const char *read_header(struct pf_arena *arena, struct pf_str header,
			       struct sieve_mailto *mailto, struct pf_str *cc)
{
	static const char marks[] = "-._~!$'()*+,;:@/?";
	ptrdiff_t at = pf_str_chr(header, '=');
	struct pf_str name, value;

	if (at <= 0 ||
	    !decode(arena, pf_str_head(header, (size_t)at), marks, &name) ||
	    !decode(arena, pf_str_from(header, (size_t)at + 1), marks, &value))
		return "a header field is not written as in a URI";
	if (pf_str_ieq(name, PF_STR("to")))
		return add_recipients(arena, value, mailto);
	if (pf_str_ieq(name, PF_STR("cc"))) {
		if (cc->n > 0)
			return "cc is given twice";
		*cc = value;
	} else if (pf_str_ieq(name, PF_STR("subject"))) {
		mailto->subject = value;
	} else if (pf_str_ieq(name, PF_STR("body"))) {
		mailto->body = value;
	} else {
		return add_field(mailto, name, value);
	}
	return NULL;
}

static const char *read_uri(struct pf_arena *arena, struct pf_str uri,
			    struct sieve_mailto *mailto)
{
	static const char marks[] = "-._~!$'*+,:@";
	struct pf_str headers, header, list, cc = {0};
	ptrdiff_t at;
	const char *problem;

	if (!pf_str_istarts(uri, PF_STR("mailto:")))
		return "only mailto: is supported";
	uri = pf_str_from(uri, 7);
	at = pf_str_chr(uri, '?');
	headers = at < 0 ? PF_STR("") : pf_str_from(uri, (size_t)at + 1);
	if (!decode(arena, at < 0 ? uri : pf_str_head(uri, (size_t)at), marks,
		    &list))
		return "the recipient is not written as in a URI";
	problem = add_recipients(arena, list, mailto);
	while (!problem && pf_str_split(&headers, '&', &header))
		problem = read_header(arena, header, mailto, &cc);
	mailto->cc_from = mailto->to_count;
	if (!problem && cc.n > 0)
		problem = add_recipients(arena, cc, mailto);
	return problem;
}

bool sieve_mailto_parse(struct pf_arena *arena, struct pf_str uri,
			struct sieve_mailto *mailto, const char **problem)
{
	*mailto = (struct sieve_mailto){0};
	mailto->to = pf_arena_array(arena, RECIPIENTS_MAX, sizeof *mailto->to);
	mailto->fields =
	    pf_arena_array(arena, FIELDS_MAX, sizeof *mailto->fields);
	*problem = mailto->to && mailto->fields ? read_uri(arena, uri, mailto)
						: "too little memory";
	return !*problem;
}
