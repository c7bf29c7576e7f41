/*
 * replace (RFC 5703 5), enclose (RFC 5703 6)
 *
 *	replace [":mime"] [":subject" string] [":from" string]
 *		<replacement: string>;
 *	enclose [":subject" string] [":headers" string-list] <text: string>;
 *
 * replace puts a text in place of the part that the loop is at, or of the
 * whole message; enclose makes the message an attachment of a new one.  Tests
 * and actions behind them see the result, but a redirect sends what was
 * enclosed.
 */
#include "sieve/run.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/rand.h"
#include "mime/mime.h"

enum {
	TEXT_MAX = 1 << 20,
	LINE_MAX_BYTES = 900, /* RFC 5322 2.1.1, with room */
	BASE64_LINE = 57      /* bytes that make 76 characters */
};

/* ---- texts ---- */

/* LF line ends, and one at the end */
static struct pf_str make_lines(struct sieve_run *run, struct pf_str s)
{
	char *to =
	    sieve_run_step(run, s.n) ? sieve_run_alloc(run, s.n + 2, 1) : NULL;
	size_t n = 0;

	for (size_t i = 0; to && i < s.n; i++) {
		if (s.p[i] != '\r' || i + 1 == s.n || s.p[i + 1] != '\n')
			to[n++] = s.p[i];
	}
	if (n > 0 && to[n - 1] != '\n')
		to[n++] = '\n';
	return pf_str_mem(to, n);
}

/* What a text needs to pass: nothing, or an encoding.  A line that could be
 * taken for a boundary makes it base64. */
static enum mime_encoding encoding_of(struct pf_str text)
{
	enum mime_encoding encoding = MIME_ENC_IDENTITY;
	struct pf_str line;

	while (pf_str_split(&text, '\n', &line)) {
		if (pf_str_starts(line, PF_STR("--")))
			return MIME_ENC_BASE64;
		if (line.n > LINE_MAX_BYTES)
			encoding = MIME_ENC_QP;
		for (size_t i = 0; i < line.n; i++) {
			unsigned char c = (unsigned char)line.p[i];

			if (c >= 0x7f || (c < 0x20 && c != '\t'))
				encoding = MIME_ENC_QP;
		}
	}
	return encoding;
}

static void add_base64(struct pf_buf *to, struct pf_str text)
{
	for (; text.n > 0; text = pf_str_from(text, BASE64_LINE)) {
		pf_base64_encode(to, pf_str_head(text, BASE64_LINE));
		pf_buf_add_byte(to, '\n');
	}
}

/* A text as a part: the header in `header`, the body in `body` */
static void make_text_part(struct pf_str text, struct pf_buf *header,
			   struct pf_buf *body)
{
	enum mime_encoding encoding = encoding_of(text);

	pf_buf_addf(header,
		    "Content-Type: text/plain; charset=utf-8\n"
		    "Content-Transfer-Encoding: %s\n",
		    encoding == MIME_ENC_BASE64 ? "base64"
		    : encoding == MIME_ENC_QP	? "quoted-printable"
						: "7bit");
	if (encoding == MIME_ENC_BASE64)
		add_base64(body, text);
	else if (encoding == MIME_ENC_QP)
		mime_qp_encode(body, text);
	else
		pf_buf_add_str(body, text);
	if (body->len > 0 && body->data[body->len - 1] != '\n')
		pf_buf_add_byte(body, '\n');
}

static struct pf_str string_of(struct sieve_run *run,
			       const struct sieve_bound *tag)
{
	return tag ? sieve_run_string(run, &tag->value->strings[0])
		   : (struct pf_str){0};
}

static void add_field(struct sieve_run *run, struct pf_buf *to,
		      const char *name, struct pf_str value)
{
	struct sieve_field field;

	if (sieve_field_make(run, pf_str_c(name), value, &field))
		pf_buf_add_str(to, sieve_field_line(&field));
}

/* ---- replace ---- */

/* The old one stays under another name; what was so preserved before is
 * dropped. */
static void put_field(struct sieve_run *run, struct pf_str header,
		      const char *name, struct pf_str value, struct pf_buf *to)
{
	char original[40];
	struct mime_field field;
	size_t pos = 0;

	snprintf(original, sizeof original, "Original-%s", name);
	while (mime_field_next(header, &pos, &field)) {
		if (pf_str_ieq(field.name, pf_str_c(name)))
			pf_buf_addf(to, "%s:%.*s", original, (int)field.raw.n,
				    field.raw.p);
		else if (!pf_str_ieq(field.name, pf_str_c(original)))
			pf_buf_add(to, header.p + field.offset, field.size);
		if (to->len > 0 && to->data[to->len - 1] != '\n')
			pf_buf_add_byte(to, '\n');
	}
	add_field(run, to, name, value);
}

/* :subject, :from of a message that is replaced as a whole */
static void change_origin(struct sieve_run *run, const char *name,
			  struct pf_str value)
{
	struct pf_str header = sieve_content_header(run);
	struct pf_buf to = PF_BUF_INIT(header.n + 64 * 1024);

	if (!value.p || !sieve_run_step(run, 2 * header.n))
		return;
	put_field(run, header, name, value, &to);
	if (!to.failed)
		sieve_content_set_header(run,
					 sieve_run_keep(run, pf_buf_str(&to)));
	pf_buf_release(&to);
}

static bool is_address(struct sieve_run *run, struct pf_str text)
{
	struct sieve_address address;

	return sieve_address_parse(run->arena, text, &address);
}

/* Of "header, empty line, body" */
static void replace_entity(struct sieve_run *run, struct pf_str entity)
{
	size_t end = mime_header_end(entity);
	struct pf_str header = pf_str_head(entity, end);

	if (pf_str_starts(entity, PF_STR("\n")))
		header.n = 0;
	else if (pf_str_ends(header, PF_STR("\n\n")))
		header.n--;
	sieve_content_replace(run, run->part, header, pf_str_from(entity, end));
}

static void execute_replace(struct sieve_run *run,
			    const struct sieve_node *node)
{
	struct pf_str text = make_lines(
	    run, sieve_run_string(run, &node->params[0]->strings[0]));
	struct pf_buf header = PF_BUF_INIT(1024),
		      body = PF_BUF_INIT(4 * TEXT_MAX);

	if (run->result->failed)
		return;
	sieve_run_trace(run, "replace: %s",
			run->part && run->part->parent ? "a part"
						       : "the message");
	if (sieve_node_tag(node, "mime")) {
		replace_entity(run, text);
		return;
	}
	if (!run->part || !run->part->parent) {
		struct pf_str from =
		    string_of(run, sieve_node_tag(node, "from"));

		change_origin(run, "Subject",
			      string_of(run, sieve_node_tag(node, "subject")));
		if (from.p && is_address(run, from))
			change_origin(run, "From", from);
		pf_buf_add_c(&header, "MIME-Version: 1.0\n");
	}
	make_text_part(text, &header, &body);
	if (body.failed)
		sieve_run_fail(run, "replace: the text is too long");
	sieve_content_replace(run, run->part,
			      sieve_run_keep(run, pf_buf_str(&header)),
			      sieve_run_keep(run, pf_buf_str(&body)));
	pf_buf_release(&header);
	pf_buf_release(&body);
}

static void check_replace(struct sieve_compiler *compiler,
			  struct sieve_node *node)
{
	const struct sieve_bound *from = sieve_node_tag(node, "from");
	struct sieve_address address;

	if (sieve_node_tag(node, "mime") &&
	    (from || sieve_node_tag(node, "subject")))
		sieve_error(compiler, node->at,
			    "write these fields into the text",
			    ":mime goes without :subject and :from");
	if (from && !from->value->strings[0].pieces &&
	    !sieve_address_parse(compiler->arena,
				 from->value->strings[0].value.text, &address))
		sieve_error(compiler, from->value->at,
			    "one address, such as \"user@example.org\"",
			    "this is not an address");
}

/* ---- enclose ---- */

static bool wanted(struct sieve_run *run, const struct sieve_bound *names,
		   struct pf_str name)
{
	for (size_t i = 0; names && i < names->value->count; i++) {
		if (pf_str_ieq(
			name, sieve_run_string(run, &names->value->strings[i])))
			return true;
	}
	return false;
}

/* What tells the way of a message, and keeps it from going round */
static bool is_trace(struct pf_str name)
{
	return sieve_word_in(name, "return-path delivered-to received "
				   "x-sieve-redirected-from auto-submitted");
}

static void enclosing_header(struct sieve_run *run,
			     const struct sieve_node *node, struct pf_str inner,
			     const char *boundary, struct pf_buf *to)
{
	const struct sieve_bound *names = sieve_node_tag(node, "headers");
	struct pf_str subject = string_of(run, sieve_node_tag(node, "subject"));
	bool from = false, date = false;
	struct mime_field field;
	size_t pos = 0;

	while (mime_field_next(inner, &pos, &field)) {
		bool is_subject = pf_str_ieq(field.name, PF_STR("Subject"));
		bool copied =
		    wanted(run, names, field.name) &&
		    !sieve_word_in(field.name, "mime-version content-type "
					       "content-transfer-encoding");

		if (!is_trace(field.name) && !copied &&
		    !(is_subject && !subject.p))
			continue;
		if (is_subject && subject.p)
			continue;
		pf_buf_add(to, inner.p + field.offset, field.size);
		if (to->data[to->len - 1] != '\n')
			pf_buf_add_byte(to, '\n');
		from |= pf_str_ieq(field.name, PF_STR("From"));
		date |= pf_str_ieq(field.name, PF_STR("Date"));
	}
	if (!date) {
		pf_buf_add_c(to, "Date: ");
		mime_date_format(to, run->message->now, 0);
		pf_buf_add_byte(to, '\n');
	}
	if (!from)
		add_field(run, to, "From", run->message->to);
	if (subject.p)
		add_field(run, to, "Subject", subject);
	pf_buf_addf(to,
		    "MIME-Version: 1.0\nContent-Type: multipart/mixed; "
		    "boundary=\"%s\"\n",
		    boundary);
}

static void execute_enclose(struct sieve_run *run,
			    const struct sieve_node *node)
{
	struct pf_str inner = sieve_content_header(run);
	struct pf_str text = make_lines(
	    run, sieve_run_string(run, &node->params[0]->strings[0]));
	struct pf_buf header = PF_BUF_INIT(inner.n + 128 * 1024);
	struct pf_buf before = PF_BUF_INIT(inner.n + 5 * TEXT_MAX);
	struct pf_buf body = PF_BUF_INIT(4 * TEXT_MAX);
	struct pf_buf behind = PF_BUF_INIT(200);
	char boundary[40];

	snprintf(boundary, sizeof boundary, "=_%08x%08x%08x", pf_rand_u32(),
		 pf_rand_u32(), pf_rand_u32());
	if (!sieve_run_step(run, 2 * inner.n))
		return;
	enclosing_header(run, node, inner, boundary, &header);
	pf_buf_addf(&before, "--%s\n", boundary);
	make_text_part(text, &before, &body);
	pf_buf_add_byte(&before, '\n');
	pf_buf_add_str(&before, pf_buf_str(&body));
	pf_buf_addf(&before, "\n--%s\nContent-Type: message/rfc822\n\n",
		    boundary);
	pf_buf_add_str(&before, inner);
	pf_buf_add_byte(&before, '\n');
	pf_buf_addf(&behind, "\n--%s--\n", boundary);
	if (header.failed || before.failed || body.failed)
		sieve_run_fail(run, "enclose: the text is too long");
	else
		sieve_content_enclose(run,
				      sieve_run_keep(run, pf_buf_str(&header)),
				      sieve_run_keep(run, pf_buf_str(&before)),
				      sieve_run_keep(run, pf_buf_str(&behind)));
	sieve_run_trace(run, "enclose");
	pf_buf_release(&header);
	pf_buf_release(&before);
	pf_buf_release(&body);
	pf_buf_release(&behind);
}

static const struct sieve_def replace_defs[] = {
    {.name = "replace",
     .params = "s",
     .usage = "replace [:mime] [:subject \"text\"] [:from \"address\"] "
	      "\"text\";",
     .check = check_replace,
     .execute = execute_replace},
    {0},
};
static const struct sieve_tag replace_tags[] = {
    {.name = "mime", .on = "replace"},
    {.name = "subject", .on = "replace", .value = 's'},
    {.name = "from", .on = "replace", .value = 's'},
    {0},
};

static const struct sieve_def enclose_defs[] = {
    {.name = "enclose",
     .params = "s",
     .usage = "enclose [:subject \"text\"] [:headers [\"name\", ...]] "
	      "\"text\";",
     .execute = execute_enclose},
    {0},
};
static const struct sieve_tag enclose_tags[] = {
    {.name = "subject", .on = "enclose", .value = 's'},
    {.name = "headers", .on = "enclose", .value = 'l'},
    {0},
};

const struct sieve_extension sieve_ext_replace = {
    .name = "replace", .defs = replace_defs, .tags = replace_tags};
const struct sieve_extension sieve_ext_enclose = {
    .name = "enclose", .defs = enclose_defs, .tags = enclose_tags};
