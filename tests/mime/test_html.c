#include "mime/html.h"
#include "tests/mime/util.h"

struct example {
	const char *in, *want;
};

static void check(const char *test, const struct example *list, size_t n)
{
	struct pf_buf b;

	pf_buf_init(&b, 10000);
	for (size_t i = 0; i < n; i++)
		for (size_t step = 1; step < 30; step += 9) {
			struct pf_str in = pf_str_c(list[i].in);
			struct mime_html html;
			pf_buf_clear(&b);
			mime_html_init(&html);
			for (; in.n; in = pf_str_from(in, step))
				mime_html_add(&html, pf_str_head(in, step), &b);
			mime_html_end(&html, &b);
			tap_check_in(test, strcmp(b.data, list[i].want) == 0,
				     "%s\n# got  \"%s\"\n# want \"%s\"",
				     list[i].in, b.data, list[i].want);
		}
	pf_buf_release(&b);
}
#define CHECK(list) check(__func__, list, sizeof(list) / sizeof((list)[0]))

static void drops_tags(void)
{
	static const struct example list[] = {
	    {"plain", "plain"},
	    {"a<b>b</b>c", "abc"},
	    {"<p>one</p><p>two</p>", "one\ntwo"},
	    {"one<br>two<BR/>three", "one\ntwo\nthree"},
	    {"<td>a</td><td>b</td>", "a\nb"},
	    {"  a \n\t b  ", "a b"},
	    {"a<i> b </i> c", "a b c"},
	    {"<a href=\"x>y\" title='<>'>link</a>", "link"},
	    {"<a title=it's>x</a>", "x"},
	    {"<p class = \"a>b\">x", "x"},
	    {"<!DOCTYPE html><?xml x?>x", "x"},
	    {"a<!-- <b> -- > -->b<!---->c<!-->d", "abcd"},
	    {"<STYLE>p{a:b}</STYLE>x<script>a<b;'</div>'</script >y", "x\ny"},
	    {"<script>if (a</b) </scr</script>x", "x"},
	    {"<title>no</title>yes", "yes"},
	    {"1 < 2 <3 > 0", "1 < 2 <3 > 0"},
	    {"a < b, c<", "a < b, c<"},
	    {"<averyveryverylongname>x", "x"},
	    {"", ""},
	    {"<", "<"},
	    {"<b", ""},
	};

	CHECK(list);
}

static void decodes_entities(void)
{
	static const struct example list[] = {
	    {"&lt;b&gt; &amp; &quot;x&quot; &apos;", "<b> & \"x\" '"},
	    {"gr&uuml;&szlig;e &euro; &Omega;&alefsym;",
	     "gr\xc3\xbc\xc3\x9f"
	     "e \xe2\x82\xac \xce\xa9\xe2\x84\xb5"},
	    {"&#228;&#xE4;&#X20ac; &#150; &#0; &#x110000;",
	     "\xc3\xa4\xc3\xa4\xe2\x82\xac \xe2\x80\x93 &#0; &#x110000;"},
	    {"a&nbsp;&nbsp;b", "a b"},
	    {"co&shy;operate", "cooperate"},
	    {"AT&T &unknown; & x &amp", "AT&T &unknown; & x &"},
	    {"?a=1&copy=2", "?a=1\xc2\xa9=2"},
	    {"&&amp;;&#;&#x;", "&&;&#;&#x;"},
	    {"&averyveryverylongname;", "&averyveryverylongname;"},
	};

	CHECK(list);
}

int main(void)
{
	drops_tags();
	decodes_entities();
	return tap_done();
}
