#include "imap/imap.h"

#include "tests/imap/dump.h"
#include "tests/tap.h"

static bool append_streams(void *arg, struct pf_str name,
			   const struct imap_arg *args)
{
	(void)arg;
	(void)args;
	return pf_str_eq(name, PF_STR("APPEND"));
}

static const struct imap_reader_conf conf = {
    .line_max = 200,
    .literal_max = 50,
    .depth_max = 4,
    .wants_stream = append_streams,
};

/* The same in one piece and in ever smaller ones. */
#define reads_conf(with, in, want)                                             \
	for (size_t step = 1000; step > 0; step = step / 3) {                  \
		struct pf_buf out = PF_BUF_INIT(100000);                       \
                                                                               \
		dump_session(&out, with, pf_str_c(in), step, NULL);            \
		is_mem(out.data, out.len, want);                               \
		pf_buf_release(&out);                                          \
	}
#define reads(in, want) reads_conf(&conf, in, want)

static void simple_commands(void)
{
	reads("a NOOP\r\n", "[a NOOP]");
	reads("a1 noop \r\n", "[a1 NOOP]");
	reads("a noop\nb CHECK\n", "[a NOOP][b CHECK]");
	reads("a uid fetch 1:* (FLAGS)\r\n", "[a UID FETCH 1:* 1( FLAGS )]");
	reads("a UID\r\n", "[a UID]");
	reads("a STATUS \"x y\" (MESSAGES  UNSEEN )\r\n",
	      "[a STATUS 'x y' 2( MESSAGES UNSEEN )]");
	reads("a STORE 1 -FLAGS.SILENT (\\Seen $label1)\r\n",
	      "[a STORE 1 -FLAGS.SILENT 2( \\Seen $label1 )]");
	reads("a LIST () \"\" (% * ~/%)\r\n", "[a LIST 0( ) '' 3( % * ~/% )]");
	reads("a ID nil\r\n", "[a ID nil]");
	reads("a SELECT [Gmail]/x\r\n", "[a SELECT [Gmail]/x]");
	reads("a LOGIN u \"p\\\"\\\\\xc3\xa4\"\r\n",
	      "[a LOGIN u 'p\"\\\\xc3\\xa4']");
}

static void literals(void)
{
	reads("a LOGIN {1}\r\nu {3}\r\np w\r\n", "++[a LOGIN L'u' L'p w']");
	reads("a LOGIN {1+}\r\nu {0+}\r\n\r\n", "[a LOGIN L'u' L'']");
	reads("a X ({2+}\n() ~{1+}\r\n()\r\n", "[a X 2( L'()' ~L'(' )]");
	reads("a X {2}\r\nab{1}\r\n",
	      "+!a: Missing space between arguments (at character 10)");
	reads("a X {}\r\n", "!a: Invalid literal size (at character 6)");
	reads("a X {1} b\r\n",
	      "!a: A literal's size must end its line (at character 8)");
	reads("a X {99999999999999999999999}\r\n", "!: Literal too big~ BYE");
}

static void literal_limits(void)
{
	reads("a X {51}\r\nb NOOP\r\n",
	      "!a: Literal too big (at character 10)~[b NOOP]");
	/* the sum counts, and what comes unasked is thrown away */
	reads("a X {6+}\r\nb Y \r\n {50+}\r\n"
	      "b EVIL 01234567890123456789012345678901234567890\r\n"
	      " {4}\r\nb NOOP\r\n",
	      "!a: Literal too big (at character 18)~[b NOOP]");
	/* also where the announcement stands in a broken string */
	reads("a X \"foo {8+}\r\nb EVIL\r\n\r\nb NOOP\r\n",
	      "!a: Missing '\"' at end of string (at character 14)[b NOOP]");
	reads("a X ) {8+}\r\nb EVIL\r\n {0+}\r\n {2}\r\nb NOOP\r\n",
	      "!a: ')' without '(' (at character 5)[b NOOP]");
	reads("a X ) {99999999999999999999999999999999999999+}\r\n",
	      "!: Literal too big~ BYE");
}

static void streams(void)
{
	reads("a APPEND x (\\Seen) \"d\" {5}\r\nab\r\nc\r\nb NOOP\r\n",
	      "<a APPEND x 1( \\Seen ) 'd' stream:5 +>"
	      "[a APPEND x 1( \\Seen ) 'd' stream:5][b NOOP]");
	reads("a APPEND x {3+}\r\n\r\n) {0+}\r\n\r\n",
	      "<a APPEND x stream:3><a APPEND x stream:3 stream:0>"
	      "[a APPEND x stream:3 stream:0]");
	reads("a APPEND x UTF8 (~{2+}\r\nab)\r\n",
	      "<a APPEND x UTF8 1( ~stream:2 )>"
	      "[a APPEND x UTF8 1( ~stream:2 )]");
	reads("a APPEND x {2+}\r\nab\"\r\nb NOOP\r\n",
	      "<a APPEND x stream:2>"
	      "!a: Missing space between arguments (at character 18)[b NOOP]");
}

static void sections(void)
{
	reads("a FETCH 1 BODY.PEEK[HEADER.FIELDS (\"Da]te\" Subject)]<0.10>\n",
	      "[a FETCH 1 BODY.PEEK[HEADER.FIELDS (\"Da]te\" "
	      "Subject)]<0.10>]");
	reads(
	    "a FETCH 1 (body[header.fields ({4}\r\nDate {3+}\r\na\"b)] UID)\n",
	    "+[a FETCH 1 2( body[header.fields (\"Date\" \"a\\\"b\")] UID "
	    ")]");
	reads("a FETCH 1 BODY[1 ()\r\n",
	      "!a: Missing ']' at end of section (at character 20)");
	reads("a FETCH 1 BODY[\"\\a\"]\r\n",
	      "!a: Only '\"' and '\\' may follow '\\' in a string "
	      "(at character 18)");
	reads("a SEARCH BODY [x (SEEN)\r\n", "[a SEARCH BODY [x 1( SEEN )]");
}

static void errors(void)
{
	reads("\r\n", "!: Empty line (at character 1)");
	reads("a\r\n", "!a: Missing command (at character 2)");
	reads("a \r\n", "!a: Missing command (at character 3)");
	reads("a+ NOOP\r\n", "!: Invalid character in tag (at character 2)");
	reads("a NO{OP\r\n",
	      "!a: Invalid character in command name (at character 5)");
	reads("a X (b\r\nc NOOP\r\n",
	      "!a: Missing ')' at end of list (at character 8)[c NOOP]");
	reads("a X (b))\r\n", "!a: ')' without '(' (at character 8)");
	reads("a X b(c)\r\n", "!a: Invalid character in atom (at character 6)");
	reads("a X \"b\"c\r\n",
	      "!a: Missing space between arguments (at character 8)");
	reads("a X b\rc\r\n", "!a: CR without LF (at character 7)");
	reads("a X b\xc3\xa4\r\n",
	      "!a: 8-bit characters need a quoted string or a literal "
	      "(at character 6)");
	reads("a X (((((b)))))\r\n",
	      "!a: Too many nested parentheses (at character 9)");
	reads("a X ((((b))))\r\n", "[a X 1( 1( 1( 1( b ) ) ) )]");
}

static void fatal(void)
{
	struct pf_buf got = PF_BUF_INIT(1000);

	dump_session(&got, &conf, pf_str_mem("a X b\0c\r\n", 9), 100, NULL);
	dump_session(&got, &conf, pf_str_mem("a X {1+}\r\n\0\r\n", 13), 1,
		     NULL);
	dump_session(&got, &conf, pf_str_mem("a X ~{1+}\r\n\0\r\n", 14), 1,
		     NULL);
	is_mem(got.data, got.len,
	       "!: NUL byte in command~ BYE!: NUL byte in literal~ BYE"
	       "[a X ~L'\\x00']");
	pf_buf_clear(&got);
	pf_buf_add_c(&got, "a X ");
	for (int i = 0; i < 300; i++)
		pf_buf_add_c(&got, "b ");
	reads(got.data, "!: Command line too long~ BYE");
	pf_buf_release(&got);
}

static void argument_limit(void)
{
	struct imap_reader_conf small = conf;

	small.args_max = 3;
	reads_conf(&small, "a X a (b)\r\n", "[a X a 1( b )]");
	reads_conf(&small, "a X a (b) c\r\nb NOOP\r\n",
		   "!a: Too many arguments (at character 12)[b NOOP]");
}

static void refusing(void)
{
	struct imap_reader *r = imap_reader_new(&conf);
	struct pf_error why, err;
	size_t used;
	struct pf_str in = PF_STR("a APPEND x {9}\r\nb NOOP\r\n");

	pf_error_set(&why, PF_NOTFOUND, "No such mailbox", "no mailbox");
	/* a client that waits for "+" hears NO at once */
	is_int(imap_reader_feed(r, in.p, in.n, &used, &err), PF_MORE);
	is_int(used, 16);
	ok(imap_reader_event(r) == IMAP_READ_LITERAL);
	imap_reader_refuse(r, false, &why);
	is_int(imap_reader_feed(r, NULL, 0, &used, &err), PF_NOTFOUND);
	is_str(err.client, "No such mailbox");
	imap_reader_next(r);
	ok(!imap_reader_busy(r));
	is_int(imap_reader_feed(r, in.p + 16, 8, &used, &err), PF_OK);
	imap_reader_next(r);

	/* one that does not wait: all of its messages are thrown away */
	in = PF_STR("a APPEND x {8+}\r\nb EVIL\r\n (\\Seen) {8+}\r\n"
		    "b EVIL\r\n\r\nb NOOP\r\n");
	is_int(imap_reader_feed(r, in.p, in.n, &used, &err), PF_MORE);
	imap_reader_refuse(r, false, &why);
	in = pf_str_from(in, used);
	is_int(imap_reader_feed(r, in.p, in.n, &used, &err), PF_NOTFOUND);
	imap_reader_next(r);
	in = pf_str_from(in, used);
	is_int(imap_reader_feed(r, in.p, in.n, &used, &err), PF_OK);
	ok(pf_str_eq(imap_reader_name(r), PF_STR("NOOP")));
	imap_reader_free(&r);
}

static void raw_lines(void)
{
	struct imap_reader *r = imap_reader_new(&conf);
	struct pf_str line;
	size_t used;

	is_int(imap_reader_feed(r, "a IDLE\r\n", 8, &used, NULL), PF_OK);
	is_int(imap_reader_line(r, "DO", 2, &used, &line, NULL), PF_MORE);
	is_int(imap_reader_line(r, "NE\r\nb", 5, &used, &line, NULL), PF_OK);
	is_int(used, 4);
	is_mem(line.p, line.n, "DONE");
	is_int(imap_reader_line(r, "\n", 1, &used, &line, NULL), PF_OK);
	is_int(line.n, 0);
	is_mem(imap_reader_tag(r).p, imap_reader_tag(r).n, "a");
	imap_reader_next(r);
	char big[300];
	memset(big, 'x', sizeof big);
	is_int(imap_reader_line(r, big, sizeof big, &used, &line, NULL),
	       PF_LIMIT);
	is_int(imap_reader_feed(r, "a", 1, &used, NULL), PF_LIMIT);
	imap_reader_free(&r);
}

static void detaching(void)
{
	struct imap_reader *r = imap_reader_new(&conf);
	struct pf_arena arena;
	struct pf_str text;
	size_t used;

	is_int(imap_reader_feed(r, "a X (\"b\" 12)\n", 14, &used, NULL), PF_OK);
	const struct imap_arg *args = imap_reader_args(r), *list;
	struct pf_str tag = imap_reader_tag(r);
	imap_reader_detach(r, &arena);
	imap_reader_free(&r);
	is_mem(tag.p, tag.n, "a");
	uint64_t n;
	ok(imap_arg_list(args, &list) && imap_arg_astring(list, &text) &&
	   pf_str_eq(text, PF_STR("b")));
	ok(imap_arg_number(list + 1, 12, &n) && n == 12);
	ok(!imap_arg_number(list + 1, 11, &n) &&
	   !imap_arg_number(list, 20, &n));
	pf_arena_wipe(&arena);
}

static void mailbox_argument(void)
{
	struct pf_arena arena;
	struct pf_str name;
	struct imap_arg arg = {.kind = IMAP_ATOM, .text = PF_STR("inBox")};

	pf_arena_init(&arena, 10000);
	is_int(imap_arg_mailbox(&arg, false, &arena, &name, NULL), PF_OK);
	is_str(name.p, "INBOX");
	arg.text = PF_STR("a&AOQ-");
	is_int(imap_arg_mailbox(&arg, false, &arena, &name, NULL), PF_OK);
	is_str(name.p, "a\xc3\xa4");
	is_int(imap_arg_mailbox(&arg, true, &arena, &name, NULL), PF_OK);
	is_str(name.p, "a&AOQ-");
	arg.text = PF_STR("a&b");
	is_int(imap_arg_mailbox(&arg, false, &arena, &name, NULL), PF_INVALID);
	arg.text = PF_STR("\xff");
	is_int(imap_arg_mailbox(&arg, true, &arena, &name, NULL), PF_INVALID);
	arg.text = PF_STR("a\nb");
	is_int(imap_arg_mailbox(&arg, true, &arena, &name, NULL), PF_INVALID);
	arg.kind = IMAP_LIST;
	is_int(imap_arg_mailbox(&arg, true, &arena, &name, NULL), PF_INVALID);
	arg = (struct imap_arg){.kind = IMAP_NIL, .text = PF_STR("Nil")};
	is_int(imap_arg_mailbox(&arg, true, &arena, &name, NULL), PF_OK);
	is_str(name.p, "Nil");
	ok(imap_arg_nstring(&arg, &name) && !name.p);
	pf_arena_release(&arena);
}

/* RFC 9755 3: the command refuses it, once UTF-8 is enabled */
static void quoted_utf8(void)
{
	struct imap_reader *r = imap_reader_new(&conf);
	struct pf_str in = PF_STR("a X \"\xc3\xa4\" (b (\"\xe4\")) {1+}\r\n"
				  "\xe4 \"\xe4\"\r\n");
	size_t used;

	is_int(imap_reader_feed(r, in.p, in.n, &used, NULL), PF_OK);
	const struct imap_arg *args = imap_reader_args(r);
	ok(!args[0].not_utf8 && args[1].not_utf8 && !args[2].not_utf8 &&
	   args[3].not_utf8);
	imap_reader_free(&r);
}

int main(void)
{
	simple_commands();
	literals();
	literal_limits();
	streams();
	sections();
	errors();
	fatal();
	argument_limit();
	refusing();
	raw_lines();
	detaching();
	mailbox_argument();
	quoted_utf8();
	return tap_done();
}
