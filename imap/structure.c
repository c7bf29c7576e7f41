/*
 * BODY and BODYSTRUCTURE (RFC 3501 7.4.2, RFC 9051 7.5.2) of a part tree.
 *
 * The tree is walked without recursion: open() writes what stands in front of
 * a part's children, close() what stands behind them.  Strings are chosen as
 * Dovecot chooses them, for the sake of clients' caches: lower-case types,
 * charset=us-ascii added to text without a charset, "7bit" where no encoding
 * is named.
 */
#include "imap/imap.h"

struct walk {
	struct pf_buf *to;
	bool extended;
	imap_header_fn header_of;
	void *arg;
};

static void write_params(struct pf_buf *to, const struct mime_params *params,
			 bool want_charset)
{
	bool any = false;

	for (size_t i = 0; i < params->n; i++) {
		pf_buf_add_byte(to, any ? ' ' : '(');
		imap_write_quoted(to, params->v[i].name);
		pf_buf_add_byte(to, ' ');
		imap_write_quoted(to, params->v[i].value);
		any = true;
		if (pf_str_ieq(params->v[i].name, PF_STR("charset")))
			want_charset = false;
	}
	if (want_charset) {
		pf_buf_add_byte(to, any ? ' ' : '(');
		pf_buf_add_c(to, "\"charset\" \"us-ascii\"");
		any = true;
	}
	pf_buf_add_c(to, any ? ")" : "NIL");
}

/* An empty text is a field that is not there. */
static void write_field(struct pf_buf *to, struct pf_str text)
{
	pf_buf_add_byte(to, ' ');
	imap_write_nstring(to, text.n ? text : (struct pf_str){0});
}

/* "en, de" -> ("en" "de") */
static void write_languages(struct pf_buf *to, struct pf_str text)
{
	struct pf_str word;
	bool any = false;

	while (pf_str_split(&text, ',', &word)) {
		word = pf_str_trim(word);
		if (word.n == 0)
			continue;
		pf_buf_add_c(to, any ? " " : " (");
		imap_write_quoted(to, word);
		any = true;
	}
	pf_buf_add_c(to, any ? ")" : " NIL");
}

/* disposition, language, location */
static void write_extensions(struct pf_buf *to, const struct mime_part *part)
{
	if (part->disposition.n) {
		pf_buf_add_c(to, " (");
		imap_write_quoted(to, part->disposition);
		pf_buf_add_byte(to, ' ');
		write_params(to, &part->raw_disposition_params, false);
		pf_buf_add_byte(to, ')');
	} else {
		pf_buf_add_c(to, " NIL");
	}
	write_languages(to, part->language);
	write_field(to, part->location);
}

static bool is_text(const struct mime_part *part)
{
	return pf_str_eq(part->type, PF_STR("text"));
}

static bool has_message(const struct mime_part *part)
{
	return part->message && part->child;
}

/* A part that says message/rfc822 but lies beyond the limits of the tree has
 * no envelope to show: it is served as plain bytes. */
static bool is_lost_message(const struct mime_part *part)
{
	return !has_message(part) && pf_str_eq(part->type, PF_STR("message")) &&
	       (pf_str_eq(part->subtype, PF_STR("rfc822")) ||
		pf_str_eq(part->subtype, PF_STR("global")));
}

static void write_basic(struct pf_buf *to, const struct mime_part *part)
{
	if (is_lost_message(part)) {
		pf_buf_add_c(to, "\"application\" \"octet-stream\"");
	} else {
		imap_write_quoted(to, part->type);
		pf_buf_add_byte(to, ' ');
		imap_write_quoted(to, part->subtype);
	}
	pf_buf_add_byte(to, ' ');
	write_params(to, &part->raw_params, is_text(part));
	write_field(to, part->id);
	write_field(to, part->description);
	write_field(to, part->encoding.n ? part->encoding : PF_STR("7bit"));
	pf_buf_addf(to, " %llu",
		    (unsigned long long)(part->body.size + part->body.bare_lf));
	if (is_text(part))
		pf_buf_addf(to, " %llu", (unsigned long long)part->body.lines);
}

static void open_part(const struct walk *walk, const struct mime_part *part)
{
	struct pf_buf *to = walk->to;

	pf_buf_add_byte(to, '(');
	if (part->multipart) {
		/* the grammar wants at least one part */
		if (!part->child)
			pf_buf_addf(to,
				    "(\"text\" \"plain\" (\"charset\" "
				    "\"us-ascii\") NIL NIL \"7bit\" 0 0%s)",
				    walk->extended ? " NIL NIL NIL NIL" : "");
		return;
	}
	write_basic(to, part);
	if (has_message(part)) {
		pf_buf_add_byte(to, ' ');
		imap_write_envelope(to,
				    walk->header_of(walk->arg, part->child));
		pf_buf_add_byte(to, ' ');
	}
}

static void close_part(const struct walk *walk, const struct mime_part *part)
{
	struct pf_buf *to = walk->to;

	if (part->multipart) {
		pf_buf_add_byte(to, ' ');
		imap_write_quoted(to, part->subtype);
		if (walk->extended) {
			pf_buf_add_byte(to, ' ');
			write_params(to, &part->raw_params, false);
			write_extensions(to, part);
		}
	} else {
		if (has_message(part))
			pf_buf_addf(to, " %llu",
				    (unsigned long long)part->body.lines);
		if (walk->extended) {
			write_field(to, part->md5);
			write_extensions(to, part);
		}
	}
	pf_buf_add_byte(to, ')');
}

void imap_write_body(struct pf_buf *to, const struct mime_part *root,
		     bool extended, imap_header_fn header_of, void *arg)
{
	struct walk walk = {to, extended, header_of, arg};
	const struct mime_part *part = root;

	for (;;) {
		open_part(&walk, part);
		if (part->child) {
			part = part->child;
			continue;
		}
		close_part(&walk, part);
		while (part != root && !part->next) {
			part = part->parent;
			close_part(&walk, part);
		}
		if (part == root)
			return;
		part = part->next;
	}
}
