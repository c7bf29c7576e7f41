/*
 * The base subject (RFC 5256 2.1), what remains of a subject when all that
 * replying, forwarding and lists have put around it is gone; and message ids.
 */
#include "mime/mime.h"

static struct pf_str skip_blanks(struct pf_str s)
{
	while (s.n && s.p[0] == ' ')
		s = pf_str_from(s, 1);
	return s;
}

/* subj-blob = "[" *BLOBCHAR "]" *WSP: what is behind it */
static bool skip_blob(struct pf_str *s)
{
	if (s->n == 0 || s->p[0] != '[')
		return false;
	for (size_t i = 1; i < s->n && s->p[i] != '['; i++)
		if (s->p[i] == ']') {
			*s = skip_blanks(pf_str_from(*s, i + 1));
			return true;
		}
	return false;
}

/* subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
static bool skip_refwd(struct pf_str *s)
{
	struct pf_str rest = *s;

	if (pf_str_istarts(rest, PF_STR("fwd")))
		rest = pf_str_from(rest, 3);
	else if (pf_str_istarts(rest, PF_STR("re")) ||
		 pf_str_istarts(rest, PF_STR("fw")))
		rest = pf_str_from(rest, 2);
	else
		return false;
	rest = skip_blanks(rest);
	skip_blob(&rest);
	if (rest.n == 0 || rest.p[0] != ':')
		return false;
	*s = pf_str_from(rest, 1);
	return true;
}

/* subj-trailer = "(fwd)" / WSP, as many as there are */
static struct pf_str cut_trailers(struct pf_str s, bool *reply)
{
	for (;;) {
		while (s.n && s.p[s.n - 1] == ' ')
			s.n--;
		if (s.n < 5 ||
		    !pf_str_ieq(pf_str_from(s, s.n - 5), PF_STR("(fwd)")))
			return s;
		s.n -= 5;
		*reply = true;
	}
}

/*
 * Steps 3 to 5: leaders, then one blob, until neither is there.  A row of
 * blobs is looked through for a "re:" behind it; `barren` is where a row ended
 * that had none, so that a long row is not searched again from each of its
 * blobs.
 */
static struct pf_str cut_leaders(struct pf_str s, bool *reply)
{
	const char *barren = NULL;

	for (;;) {
		s = skip_blanks(s);
		if (!barren || s.p >= barren) {
			struct pf_str behind = s;
			while (skip_blob(&behind))
				continue;
			const char *end = behind.p;
			if (skip_refwd(&behind)) {
				s = behind;
				*reply = true;
				continue;
			}
			barren = end;
		}
		struct pf_str rest = s;
		if (!skip_blob(&rest) || rest.n == 0)
			return s;
		s = rest;
	}
}

bool mime_base_subject(struct pf_buf *to, struct pf_str decoded)
{
	struct pf_buf line;
	bool blank = false, reply = false;

	/* step 1: blanks of all kinds, any number, are one */
	pf_buf_init(&line, decoded.n);
	for (size_t i = 0; i < decoded.n; i++) {
		char c = decoded.p[i];
		bool is = c == ' ' || c == '\t' || c == '\r' || c == '\n';
		if (!is || !blank)
			pf_buf_add_byte(&line, is ? ' ' : c);
		blank = is;
	}
	struct pf_str s = pf_buf_str(&line);
	for (;;) {
		s = cut_leaders(cut_trailers(s, &reply), &reply);
		/* step 6: "[fwd: ... ]" */
		if (!pf_str_istarts(s, PF_STR("[fwd:")) ||
		    !pf_str_ends(s, PF_STR("]")))
			break;
		s = pf_str_from(s, 5);
		s.n--;
		reply = true;
	}
	pf_buf_add_str(to, s);
	pf_buf_release(&line);
	return reply;
}

bool mime_msgid_next(struct pf_str raw, size_t *pos, struct pf_str *id)
{
	size_t start = *pos;

	for (size_t i = start; i < raw.n; i++) {
		if (raw.p[i] == '<')
			start = i;
		if (raw.p[i] != '>' || raw.p[start] != '<' || i == start + 1)
			continue;
		*id = (struct pf_str){raw.p + start, i + 1 - start};
		*pos = i + 1;
		return true;
	}
	*pos = raw.n;
	return false;
}
