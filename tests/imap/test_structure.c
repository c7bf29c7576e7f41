#include "imap/imap.h"

#include "tests/tap.h"

static struct pf_str header_of(void *arg, const struct mime_part *part)
{
	const struct pf_str *message = arg;

	return pf_str_head(pf_str_from(*message, (size_t)part->header.start),
			   (size_t)part->header.size);
}

#define structure(message, extended, want)                                     \
	do {                                                                   \
		struct pf_str text = PF_STR(message);                          \
		struct pf_buf to = PF_BUF_INIT(100000);                        \
		struct pf_arena arena;                                         \
                                                                               \
		pf_arena_init(&arena, 1 << 20);                                \
		struct mime_parser *parser = mime_parser_new(&arena);          \
		mime_parser_add(parser, text.p, text.n);                       \
		const struct mime_part *root = mime_parser_end(&parser);       \
		imap_write_body(&to, root, extended, header_of, &text);        \
		is_mem(to.data, to.len, want);                                 \
		pf_buf_release(&to);                                           \
		pf_arena_release(&arena);                                      \
	} while (0)

static void plain_text(void)
{
	structure("Subject: x\n\na\nb\n", false,
		  "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		  "\"7bit\" 6 2)");
	structure("Content-Type: text/html; charset=UTF-8; format=flowed\r\n"
		  "Content-Transfer-Encoding: 8bit\r\n"
		  "Content-ID: <1>\r\nContent-Description: d\r\n"
		  "Content-MD5: m\r\nContent-Language: en, de\r\n"
		  "Content-Location: l\r\n"
		  "Content-Disposition: inline; filename=x\r\n\r\na\r\n",
		  true,
		  "(\"text\" \"html\" (\"charset\" \"UTF-8\" \"format\" "
		  "\"flowed\") \"<1>\" \"d\" \"8bit\" 3 1 \"m\" "
		  "(\"inline\" (\"filename\" \"x\")) (\"en\" \"de\") \"l\")");
}

static void other_types(void)
{
	structure("Content-Type: image/PNG\n"
		  "Content-Transfer-Encoding: base64\n"
		  "Content-Disposition: attachment\n\nabcd",
		  true,
		  "(\"image\" \"png\" NIL NIL NIL \"base64\" 4 NIL "
		  "(\"attachment\" NIL) NIL NIL)");
}

static void multiparts(void)
{
	structure("Content-Type: multipart/mixed; boundary=x\n\n"
		  "--x\n\na\n--x\nContent-Type: image/gif\n\nb\n--x--\n",
		  false,
		  "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		  "\"7bit\" 1 0)(\"image\" \"gif\" NIL NIL NIL \"7bit\" 1) "
		  "\"mixed\")");
	structure("Content-Type: multipart/mixed; boundary=x\n\n"
		  "--x\n\na\n--x--\n",
		  true,
		  "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		  "\"7bit\" 1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" "
		  "\"x\") NIL NIL NIL)");
	structure("Content-Type: multipart/mixed; boundary=x\n\nempty\n", false,
		  "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		  "\"7bit\" 0 0) \"mixed\")");
}

static void messages_inside(void)
{
	structure("Content-Type: message/rfc822\n\n"
		  "Subject: in\nFrom: a@b\n\nx\n",
		  false,
		  "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 29 "
		  "(NIL \"in\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" "
		  "\"b\")) ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL) "
		  "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		  "\"7bit\" 3 1) 4)");
}

/* 5000 messages inside one another: limits, no recursion, valid grammar */
static void deep_nesting(void)
{
	struct pf_buf in = PF_BUF_INIT(1 << 20), to = PF_BUF_INIT(1 << 20);
	struct pf_arena arena;

	for (int i = 0; i < 5000; i++)
		pf_buf_add_c(&in, "Content-Type: message/rfc822\n\n");
	pf_arena_init(&arena, 10 << 20);
	struct mime_parser *parser = mime_parser_new(&arena);
	mime_parser_add(parser, in.data, in.len);
	const struct mime_part *root = mime_parser_end(&parser);
	struct pf_str text = pf_buf_str(&in);
	imap_write_body(&to, root, true, header_of, &text);
	ok(!to.failed && to.len > 100);
	int depth = 0, deepest = 0;
	for (size_t i = 0; i < to.len; i++) {
		depth += (to.data[i] == '(') - (to.data[i] == ')');
		deepest = depth > deepest ? depth : deepest;
	}
	is_int(depth, 0);
	ok(deepest <= MIME_DEPTH_MAX + 5);
	ok(strstr(to.data, "\"application\" \"octet-stream\""));
	pf_arena_release(&arena);
	pf_buf_release(&in);
	pf_buf_release(&to);
}

int main(void)
{
	plain_text();
	other_types();
	multiparts();
	messages_inside();
	deep_nesting();
	return tap_done();
}
