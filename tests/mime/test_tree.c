#include "tests/mime/util.h"

#include "base/fsio.h"

/* Parses `s` in pieces of `step` bytes. */
static struct mime_part *parse(struct pf_arena *arena, struct pf_str s,
			       size_t step)
{
	struct mime_parser *parser = mime_parser_new(arena);

	for (; s.n; s = pf_str_from(s, step))
		mime_parser_add(parser, s.p, s.n < step ? s.n : step);
	return mime_parser_end(&parser);
}

/* One line a part: path type header|body, with line ends shown as $. */
static void show(struct pf_buf *to, struct pf_str s,
		 const struct mime_part *part)
{
	struct mime_span spans[2] = {part->header, part->body};

	for (const struct mime_part *p = part; p->parent; p = p->parent)
		pf_buf_add_byte(to, '.');
	pf_buf_addf(to, "%u ", part->number);
	pf_buf_add_str(to, part->type);
	pf_buf_add_byte(to, '/');
	pf_buf_add_str(to, part->subtype);
	for (int i = 0; i < 2; i++) {
		pf_buf_addf(to, " %llu/%llu[",
			    (unsigned long long)spans[i].lines,
			    (unsigned long long)spans[i].bare_lf);
		if (!part->child)
			pf_buf_add(to, s.p + spans[i].start, spans[i].size);
		pf_buf_add_byte(to, ']');
	}
	pf_buf_add_byte(to, '\n');
}

/* Checks the tree of `message`, whatever the pieces. */
static void check(const char *test, struct pf_str message, const char *want)
{
	for (size_t step = 1; step < 12; step += step < 5 ? 1 : 3) {
		struct pf_arena arena;
		struct pf_buf got;

		pf_arena_init(&arena, 1 << 20);
		pf_buf_init(&got, 1 << 20);
		for (struct mime_part *p = parse(&arena, message, step); p;
		     p = mime_part_next(p))
			show(&got, message, p);
		for (size_t i = 0; i < got.len; i++)
			if (got.data[i] == '\r')
				got.data[i] = '~';
		tap_check_in(test, strcmp(got.data, want) == 0,
			     "step %zu\n# got\n%s# want\n%s", step, got.data,
			     want);
		pf_buf_release(&got);
		pf_arena_release(&arena);
	}
}
#define CHECK(message, want) check(__func__, PF_STR(message), want)

static void reads_simple_messages(void)
{
	CHECK("A: b\r\n\r\none\r\ntwo\r\n",
	      "0 text/plain 2/0[A: b~\n~\n] 2/0[one~\ntwo~\n]\n");
	CHECK("A: b\n\none\r\ntwo\nx",
	      "0 text/plain 2/2[A: b\n\n] 2/1[one~\ntwo\nx]\n");
	CHECK("", "0 text/plain 0/0[] 0/0[]\n");
	CHECK("\n", "0 text/plain 1/1[\n] 0/0[]\n");
	CHECK("\nbody", "0 text/plain 1/1[\n] 0/0[body]\n");
	CHECK("A: b", "0 text/plain 0/0[A: b] 0/0[]\n");
	CHECK("A: b\n", "0 text/plain 1/1[A: b\n] 0/0[]\n");
	CHECK("\r\r\n\nx", "0 text/plain 2/1[~~\n\n] 0/0[x]\n");
}

#define MULTI "Content-Type: multipart/mixed; boundary=b\n"

static void the_line_end_belongs_to_the_boundary(void)
{
	CHECK(MULTI "\npreamble\n--b\nX: y\n\none\ntwo\n--b\n\nthree\n\n--b--\n"
		    "epilogue\n",
	      "0 multipart/mixed 2/2[] 12/12[]\n"
	      ".1 text/plain 2/2[X: y\n\n] 1/1[one\ntwo]\n"
	      ".2 text/plain 1/1[\n] 1/1[three\n]\n");
	CHECK("Content-Type: multipart/mixed; boundary=\"b c\"\r\n\r\n"
	      "--b c\r\n\r\none\r\n--b c--\r\n",
	      "0 multipart/mixed 2/0[] 4/0[]\n"
	      ".1 text/plain 1/0[~\n] 0/0[one]\n");
	/* whatever ends the boundary line itself */
	CHECK(MULTI "\n--b\n\none\r\n--b\n\ntwo\n--b--\r\n",
	      "0 multipart/mixed 2/2[] 7/5[]\n"
	      ".1 text/plain 1/1[\n] 0/0[one]\n"
	      ".2 text/plain 1/1[\n] 0/0[two]\n");
}

static void takes_empty_parts(void)
{
	CHECK(MULTI "\n--b\n\n--b\n--b\nX: y\n--b\n\n\n--b--",
	      "0 multipart/mixed 2/2[] 8/8[]\n"
	      ".1 text/plain 1/1[\n] 0/0[]\n"
	      ".2 text/plain 0/0[] 0/0[]\n"
	      ".3 text/plain 0/0[X: y] 0/0[]\n"
	      ".4 text/plain 1/1[\n] 0/0[]\n");
	CHECK(MULTI "\n--b--\n", "0 multipart/mixed 2/2[" MULTI "\n] "
				 "1/1[--b--\n]\n");
	CHECK(MULTI, "0 multipart/mixed 1/1[" MULTI "] 0/0[]\n");
}

static void takes_missing_ends(void)
{
	CHECK(MULTI "\n--b\n\none\n", "0 multipart/mixed 2/2[] 3/3[]\n"
				      ".1 text/plain 1/1[\n] 1/1[one\n]\n");
	CHECK(MULTI "\n--b\n", "0 multipart/mixed 2/2[] 1/1[]\n"
			       ".1 text/plain 0/0[] 0/0[]\n");
	CHECK(MULTI "\n--b", "0 multipart/mixed 2/2[" MULTI "\n] "
			     "0/0[--b]\n");
	CHECK("Content-Type: multipart/mixed; boundary=a\n\n--a\n" MULTI
	      "\n--b\n\none\n--a\n\ntwo\n--a--\n",
	      "0 multipart/mixed 2/2[] 10/10[]\n"
	      ".1 multipart/mixed 2/2[] 2/2[]\n"
	      "..1 text/plain 1/1[\n] 0/0[one]\n"
	      ".2 text/plain 1/1[\n] 0/0[two]\n");
}

static void takes_wrong_boundaries(void)
{
	/* no boundary, empty boundary: plain bytes */
	CHECK("Content-Type: multipart/mixed\n\n--b\n\nx\n",
	      "0 multipart/mixed 2/2[Content-Type: multipart/mixed\n\n] "
	      "3/3[--b\n\nx\n]\n");
	/* after the end, and of a part that is over */
	CHECK(MULTI "\n--b--\n--b\n\nx\n",
	      "0 multipart/mixed 2/2[" MULTI "\n] 4/4[--b--\n--b\n\nx\n]\n");
	/* the longest wins; more behind it is allowed */
	CHECK(MULTI "\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n"
		    "--bb  \n\nx\n--bb--\n--b-\n\ny\n--b--\n",
	      "0 multipart/mixed 2/2[] 11/11[]\n"
	      ".1 multipart/mixed 2/2[] 3/3[]\n"
	      "..1 text/plain 1/1[\n] 0/0[x]\n"
	      ".2 text/plain 1/1[\n] 0/0[y]\n");
	/* an inner multipart with the boundary of the outer */
	CHECK(MULTI "\n--b\n" MULTI "\n--b\n\nx\n--b--\n--b--\n",
	      "0 multipart/mixed 2/2[] 8/8[]\n"
	      ".1 multipart/mixed 2/2[] 3/3[]\n"
	      "..1 text/plain 1/1[\n] 0/0[x]\n");
	/* almost a boundary */
	CHECK(MULTI "\n--b\n\n--x\n-b\n -\n--\n-- b\n--b--\n",
	      "0 multipart/mixed 2/2[] 8/8[]\n"
	      ".1 text/plain 1/1[\n] 4/4[--x\n-b\n -\n--\n-- b]\n");
}

static void reads_messages_inside(void)
{
	CHECK("Content-Type: message/rfc822\n\nSubject: x\n\nbody\n",
	      "0 message/rfc822 2/2[] 3/3[]\n"
	      ".1 text/plain 2/2[Subject: x\n\n] 1/1[body\n]\n");
	CHECK("Content-Type: multipart/digest; boundary=b\n\n"
	      "--b\n\nSubject: x\n\nbody\n--b\n"
	      "Content-Type: text/plain\n\ny\n--b\n--b--\n",
	      "0 multipart/digest 2/2[] 11/11[]\n"
	      ".1 message/rfc822 1/1[] 2/2[]\n"
	      "..1 text/plain 2/2[Subject: x\n\n] 0/0[body]\n"
	      ".2 text/plain 2/2[Content-Type: text/plain\n\n] 0/0[y]\n"
	      ".3 message/rfc822 0/0[] 0/0[]\n"
	      "..1 text/plain 0/0[] 0/0[]\n");
	CHECK(MULTI "\n--b\nContent-Type: message/rfc822\n\n--b--\n",
	      "0 multipart/mixed 2/2[] 4/4[]\n"
	      ".1 message/rfc822 2/2[] 0/0[]\n"
	      "..1 text/plain 0/0[] 0/0[]\n");
}

static void reads_content_fields(void)
{
	struct pf_str s = PF_STR(
	    "MIME-Version: 1.0\n"
	    "content-type: TEXT/HTML;\n charset=utf-8\n"
	    "Content-Type: image/png\n"
	    "Content-Transfer-Encoding: Base64 \n"
	    "Content-Disposition: Attachment; filename*=utf-8''%C3%A4\n"
	    "Content-ID: <a@b>\nContent-Description: some\n thing\n"
	    "Content-MD5: xyz==\nContent-Language: de, en\n"
	    "Content-Location: http://x/\nSubject: not\n Content-ID: this\n\n");
	struct pf_arena arena;

	pf_arena_init(&arena, 1 << 20);
	struct mime_part *p = parse(&arena, s, 7);
	is_mem(p->type.p, p->type.n, "text");
	is_mem(p->subtype.p, p->subtype.n, "html");
	ok(p->typed);
	struct pf_str v = mime_param(&p->params, "Charset");
	is_mem(v.p, v.n, "utf-8");
	is_mem(p->encoding.p, p->encoding.n, "base64");
	is_mem(p->disposition.p, p->disposition.n, "attachment");
	v = mime_param(&p->disposition_params, "filename");
	is_mem(v.p, v.n, "\xc3\xa4");
	v = mime_param(&p->raw_disposition_params, "filename*");
	is_mem(v.p, v.n, "utf-8''%C3%A4");
	is_mem(p->id.p, p->id.n, "<a@b>");
	is_mem(p->description.p, p->description.n, "some thing");
	is_mem(p->md5.p, p->md5.n, "xyz==");
	is_mem(p->language.p, p->language.n, "de, en");
	is_mem(p->location.p, p->location.n, "http://x/");
	/* no MIME-Version, no Content-Type: not a MIME message */
	p = parse(&arena, PF_STR("Content-ID: <x>\n\n"), 99);
	ok(!p->id.p && !p->typed);
	p = parse(&arena,
		  PF_STR("MIME-Version: 1\n"
			 "Content-Transfer-Encoding: base64 (x) junk\n\n"),
		  99);
	is_mem(p->encoding.p, p->encoding.n, "base64");
	p = parse(&arena,
		  PF_STR("MIME-Version: 1\n"
			 "Content-Transfer-Encoding: more junk\n\n"),
		  99);
	is_int(p->encoding.n, 0);
	p = parse(&arena, PF_STR("Content-Type: text\n\n"), 99);
	ok(p->typed && !p->multipart);
	is_mem(p->subtype.p, p->subtype.n, "plain");
	pf_arena_release(&arena);
}

static void finds_parts_by_number(void)
{
	struct pf_str s = PF_STR(
	    MULTI "\n--b\n\none\n--b\nContent-Type: message/rfc822\n\n"
		  "Content-Type: multipart/mixed; boundary=c\n\n--c\n\nA\n"
		  "--c\n\nB\n--c--\n--b\nContent-Type: message/rfc822\n\n"
		  "Subject: x\n\nplain\n--b--\n");
	static const struct {
		unsigned numbers[4];
		size_t n;
		const char *body; /* NULL: none */
	} list[] = {
	    {{1}, 1, "one"},	  {{2, 1}, 2, "A"},
	    {{2, 2}, 2, "B"},	  {{3, 1}, 2, "plain"},
	    {{4}, 1, NULL},	  {{1, 1}, 2, NULL},
	    {{2, 3}, 2, NULL},	  {{3, 2}, 2, NULL},
	    {{3, 1, 1}, 3, NULL}, {{0}, 1, NULL},
	    {{2, 1, 1}, 3, NULL}, {{3}, 1, "Subject: x\n\nplain"},
	};
	struct pf_arena arena;

	pf_arena_init(&arena, 1 << 20);
	struct mime_part *root = parse(&arena, s, 99);
	ok(mime_part_find(root, NULL, 0) == root);
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		struct mime_part *p =
		    mime_part_find(root, list[i].numbers, list[i].n);
		ok(!p == !list[i].body);
		if (p && list[i].body)
			is_mem(s.p + p->body.start, p->body.size, list[i].body);
	}
	root = parse(&arena, PF_STR("A: b\n\nx"), 99);
	ok(mime_part_find(root, (unsigned[]){1}, 1) == root);
	ok(!mime_part_find(root, (unsigned[]){2}, 1));
	ok(!mime_part_find(root, (unsigned[]){1, 1}, 2));
	root = parse(&arena,
		     PF_STR("Content-Type: message/rfc822\n\nA: b\n\nx"), 99);
	ok(mime_part_find(root, (unsigned[]){1}, 1) == root);
	ok(mime_part_find(root, (unsigned[]){1, 1}, 2) == root->child);
	pf_arena_release(&arena);
}

static size_t count(struct mime_part *root, size_t *deepest)
{
	size_t n = 0;

	*deepest = 0;
	for (struct mime_part *p = root; p; p = mime_part_next(p)) {
		size_t depth = 1;
		for (struct mime_part *up = p->parent; up; up = up->parent)
			depth++;
		*deepest = depth > *deepest ? depth : *deepest;
		n++;
	}
	return n;
}

static void keeps_its_limits(void)
{
	struct pf_arena arena;
	struct pf_buf b;
	size_t deepest;

	pf_buf_init(&b, 8 << 20);
	pf_arena_init(&arena, 64 << 20);
	repeat(&b, "Content-Type: message/rfc822\n\n", 5000);
	struct mime_part *root = parse(&arena, pf_buf_str(&b), 4096);
	is_int(count(root, &deepest), MIME_DEPTH_MAX);
	is_int(deepest, MIME_DEPTH_MAX);
	is_int(root->header.size + root->body.size, b.len);

	pf_buf_clear(&b);
	for (int i = 0; i < 300; i++)
		pf_buf_addf(&b,
			    "Content-Type: multipart/mixed; boundary=b%03d\n\n"
			    "--b%03d\n",
			    i, i);
	root = parse(&arena, pf_buf_str(&b), 4096);
	is_int(count(root, &deepest), MIME_DEPTH_MAX);

	pf_buf_clear(&b);
	pf_buf_add_c(&b, MULTI "\n");
	repeat(&b, "--b\n\n", 2 * MIME_PARTS_MAX);
	root = parse(&arena, pf_buf_str(&b), 4096);
	is_int(count(root, &deepest), MIME_PARTS_MAX);
	is_int(root->header.size + root->body.size, b.len);

	/* a header that is larger than what is looked at, in one line and in
	 * many, does not hide where it ends */
	pf_buf_clear(&b);
	pf_buf_add_c(&b, "Content-Type: text/html\nContent-X: ");
	repeat(&b, "xxxxxxxxxx", 3 * MIME_HEADER_MAX / 10);
	repeat(&b, "\nContent-Y: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", 30000);
	pf_buf_add_c(&b, "\n\nbody");
	root = parse(&arena, pf_buf_str(&b), 4096);
	is_int(root->body.size, 4);
	is_mem(root->subtype.p, root->subtype.n, "html");
	pf_arena_release(&arena);

	/* an arena that is full costs parts, nothing else */
	pf_arena_init(&arena, 5000);
	pf_buf_clear(&b);
	pf_buf_add_c(&b, MULTI "\n");
	repeat(&b, "--b\n\n", 100);
	root = parse(&arena, pf_buf_str(&b), 4096);
	ok(count(root, &deepest) > 1);
	is_int(root->header.size + root->body.size, b.len);
	pf_arena_release(&arena);
	pf_buf_release(&b);
}

static void reads_files(void)
{
	struct mime_part *root = NULL;
	struct pf_arena arena;
	struct pf_error err;

	pf_arena_init(&arena, 1 << 20);
	int fd = file_of(PF_STR("A: b\n\nbody\n"));
	is_int(mime_parse_fd(&arena, fd, &root, &err), PF_OK);
	is_int(root->body.start, 6);
	is_int(root->body.size, 5);
	close(fd);
	root = NULL;
	ok(mime_parse_fd(&arena, -1, &root, &err) != PF_OK);
	ok(!root);
	pf_arena_release(&arena);
}

int main(void)
{
	reads_simple_messages();
	the_line_end_belongs_to_the_boundary();
	takes_empty_parts();
	takes_missing_ends();
	takes_wrong_boundaries();
	reads_messages_inside();
	reads_content_fields();
	finds_parts_by_number();
	keeps_its_limits();
	reads_files();
	return tap_done();
}
