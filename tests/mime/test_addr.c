#include "tests/mime/util.h"

static void add_part(struct pf_buf *to, struct pf_str s)
{
	if (s.p)
		pf_buf_add_str(to, s);
	else
		pf_buf_add_byte(to, '-');
}

/* "name|route|local|domain", "name:" for a group, ";" for its end */
static void show(struct pf_buf *to, const struct mime_addr *a)
{
	if (to->len)
		pf_buf_add_byte(to, ' ');
	if (a->kind == MIME_GROUP_END) {
		pf_buf_add_byte(to, ';');
		return;
	}
	add_part(to, a->name);
	if (a->kind == MIME_GROUP_START) {
		pf_buf_add_byte(to, ':');
		return;
	}
	pf_buf_add_byte(to, '|');
	if (a->route.p) {
		pf_buf_add_str(to, a->route);
		pf_buf_add_byte(to, '|');
	}
	add_part(to, a->local);
	pf_buf_add_byte(to, '|');
	add_part(to, a->domain);
}

struct example {
	const char *raw, *want;
};

static void check(const char *test, const struct example *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mime_addrs addrs;
		struct pf_arena arena;
		struct pf_buf got;

		pf_arena_init(&arena, 100000);
		pf_buf_init(&got, 100000);
		mime_addresses(&arena, pf_str_c(list[i].raw), &addrs);
		for (size_t k = 0; k < addrs.n; k++)
			show(&got, &addrs.v[k]);
		tap_check_in(test, strcmp(got.data, list[i].want) == 0,
			     "%s\n# got  %s\n# want %s", list[i].raw, got.data,
			     list[i].want);
		pf_buf_release(&got);
		pf_arena_release(&arena);
	}
}
#define CHECK(list) check(__func__, list, sizeof(list) / sizeof((list)[0]))

/* RFC 5322 appendix A */
static void reads_the_examples_of_rfc_5322(void)
{
	static const struct example list[] = {
	    {" John Doe <jdoe@machine.example>\r\n",
	     "John Doe|jdoe|machine.example"},
	    {"\"Joe Q. Public\" <john.q.public@example.com>",
	     "Joe Q. Public|john.q.public|example.com"},
	    {"Mary Smith <mary@x.test>, jdoe@example.org, Who? "
	     "<one@y.test>",
	     "Mary Smith|mary|x.test -|jdoe|example.org Who?|one|y.test"},
	    {"<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" "
	     "<sysservices@example.net>",
	     "-|boss|nil.test Giant; \"Big\" Box|sysservices|example.net"},
	    {"A Group:Ed Jones <c@a.test>,joe@where.test,John "
	     "<jdoe@one.test>;",
	     "A Group: Ed Jones|c|a.test -|joe|where.test John|jdoe|one.test "
	     ";"},
	    {"Undisclosed recipients:;", "Undisclosed recipients: ;"},
	    /* A.5: comments and folds */
	    {" Pete(A nice \\) chap) <pete(his account)@silly.test(his "
	     "host)>",
	     "Pete|pete|silly.test"},
	    {"A Group(Some people)\r\n     :Chris Jones "
	     "<c@(Chris's host.)public.example>,\r\n         "
	     "joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); "
	     "(the end of the group)",
	     "A Group: Chris Jones|c|public.example -|joe|example.org "
	     "John|jdoe|one.test ;"},
	    {"(Empty list)(start)Hidden recipients  :(nobody(that I know))  "
	     ";",
	     "Hidden recipients: ;"},
	    /* A.6: obsolete forms */
	    {"Joe Q. Public <john.q.public@example.com>",
	     "Joe Q. Public|john.q.public|example.com"},
	    {"Mary Smith <@node.test:mary@example.net>, , "
	     "jdoe@test  . example",
	     "Mary Smith|@node.test|mary|example.net -|jdoe|test.example"},
	    {"<@a.test,@b.test , ,@c.test:x@d.test>",
	     "-|@a.test,@b.test,@c.test|x|d.test"},
	    {"John Doe <jdoe@machine(comment).  example>",
	     "John Doe|jdoe|machine.example"},
	    {"Mary Smith\r\n  \r\n          <mary@example.net>",
	     "Mary Smith|mary|example.net"},
	};

	CHECK(list);
}

static void reads_what_people_send(void)
{
	static const struct example list[] = {
	    {"", ""},
	    {" , ,", ""},
	    {"kre@munnari.OZ.AU (Robert Elz)", "Robert Elz|kre|munnari.OZ.AU"},
	    {"root (Charlie Root)", "Charlie Root|root|-"},
	    {"root", "-|root|-"},
	    {"a@[192.0.2.1] (x)", "x|a|[192.0.2.1]"},
	    {"\"john doe\"@example.org", "-|john doe|example.org"},
	    {"\"a\".b.\"c d\"@x", "-|a.b.c d|x"},
	    {"first . last @ example . org", "-|first.last|example.org"},
	    {"=?UTF-8?Q?J=C3=B6rg?= =?UTF-8?Q?_M?= <j@x>",
	     "=?UTF-8?Q?J=C3=B6rg?= =?UTF-8?Q?_M?=|j|x"},
	    {"J\xc3\xb6rg <j\xc3\xb6rg@m\xc3\xbcller.example>",
	     "J\xc3\xb6rg|j\xc3\xb6rg|m\xc3\xbcller.example"},
	    {"undisclosed-recipients:;", "undisclosed-recipients: ;"},
	    {"a@b; c@d", "-|a|b -|c|d"},
	    {"foo@bar.com <foo@bar.com>", "foo@bar.com|foo|bar.com"},
	    {"John [Home] <a@b>", "John [Home]|a|b"},
	    {"John Doe jd@x.org, b@c", "John Doe|jd|x.org -|b|c"},
	    {"\"Bannedcd\"eowu345@yahoo.com", "Bannedcd|eowu345|yahoo.com"},
	    {"Two Words", "Two Words|-|-"},
	    {"\"Two Words\"", "Two Words|-|-"},
	};

	CHECK(list);
}

static void one_bad_address_hides_no_other(void)
{
	static const struct example list[] = {
	    {"<>, a@b", "-|-|- -|a|b"},
	    {"x <a@b, c@d", "x|a|b -|c|d"},
	    {"<<a@b>>, c@d", "-|a|b -|c|d"},
	    {"\"open <a@b>, c@d", "\"open|a|b -|c|d"},
	    {"a@b (open, c@d", "-|a|b -|c|d"},
	    {"a@b junk junk, c@d", "-|a|b -|c|d"},
	    {"<Undisclosed Recipients@x.com>, a@b",
	     "-|Undisclosed Recipients|- -|a|b"},
	    {"<Undisclosed:;@x.com>, a@b", "-|Undisclosed :|- -|a|b"},
	    {"<a@b@c>, d@e", "-|a|- -|d|e"},
	    {"@b, c@d", "-|-|b -|c|d"},
	    {"g: a@b, h: c@d;, e@f", "g: -|a|b -|h|- ; -|e|f"},
	    {"g: a@b", "g: -|a|b ;"},
	    {":;", "-: ;"},
	    {"a@b, \\", "-|a|b -|\\|-"},
	};

	CHECK(list);
}

static void is_bounded(void)
{
	struct mime_addrs addrs;
	struct pf_arena arena;
	struct pf_buf b;

	pf_buf_init(&b, 4 << 20);
	pf_arena_init(&arena, 64 << 20);
	repeat(&b, "a@b,", 2 * MIME_ADDRS_MAX);
	mime_addresses(&arena, pf_buf_str(&b), &addrs);
	ok(addrs.n > MIME_ADDRS_MAX / 2 && addrs.n <= MIME_ADDRS_MAX);
	/* each of these would take minutes if it were quadratic */
	static const char *const bad[] = {
	    "\"", "(",	 "<", "\\\"", "(\\", "@",    ":",   "g:",
	    "a ", "<a@", "[", ".",    "a.",  "<@a,", "a@[", ";"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		pf_arena_release(&arena);
		pf_buf_clear(&b);
		repeat(&b, bad[i], 300000);
		mime_addresses(&arena, pf_buf_str(&b), &addrs);
		ok(addrs.n <= MIME_ADDRS_MAX);
	}
	pf_arena_release(&arena);
	pf_arena_init(&arena, 2000);
	mime_addresses(&arena, PF_STR("g:a@b,a@b,a@b,a@b,a@b,a@b,a@b,a@b,a@b;"),
		       &addrs);
	ok(addrs.n > 0 && addrs.v[addrs.n - 1].kind == MIME_GROUP_END);
	pf_arena_release(&arena);
	pf_buf_release(&b);
}

int main(void)
{
	reads_the_examples_of_rfc_5322();
	reads_what_people_send();
	one_bad_address_hides_no_other();
	is_bounded();
	return tap_done();
}
