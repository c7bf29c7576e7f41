#include "mime/params.h"
#include "tests/mime/util.h"

static void add_params(struct pf_buf *to, const struct mime_params *params)
{
	for (size_t i = 0; i < params->n; i++) {
		pf_buf_add_byte(to, ' ');
		pf_buf_add_str(to, params->v[i].name);
		pf_buf_add_byte(to, '=');
		pf_buf_add_str(to, params->v[i].value);
	}
}

struct example {
	const char *raw;
	const char *want;    /* "type/subtype name=value ..." decoded */
	const char *written; /* " name=value ..." for BODYSTRUCTURE */
};

static void check(const char *test, const struct example *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mime_params params, written;
		struct pf_str type, subtype;
		struct pf_arena arena;
		struct pf_buf got, raw;

		pf_arena_init(&arena, 1 << 20);
		pf_buf_init(&got, 1 << 20);
		pf_buf_init(&raw, 1 << 20);
		mime_content_type_both(&arena, pf_str_c(list[i].raw), &type,
				       &subtype, &params, &written);
		pf_buf_add_str(&got, type);
		pf_buf_add_byte(&got, '/');
		pf_buf_add_str(&got, subtype);
		add_params(&got, &params);
		add_params(&raw, &written);
		tap_check_in(test, strcmp(got.data, list[i].want) == 0,
			     "%s\n# got  %s\n# want %s", list[i].raw, got.data,
			     list[i].want);
		tap_check_in(test, strcmp(raw.data, list[i].written) == 0,
			     "%s\n# got  %s\n# want %s", list[i].raw, raw.data,
			     list[i].written);
		pf_buf_release(&got);
		pf_buf_release(&raw);
		pf_arena_release(&arena);
	}
}
#define CHECK(list) check(__func__, list, sizeof(list) / sizeof((list)[0]))

static void reads_types_and_parameters(void)
{
	static const struct example list[] = {
	    {"text/plain; charset=us-ascii", "text/plain charset=us-ascii",
	     " charset=us-ascii"},
	    {" Text / HTML (comment) ; Charset = \"ISO-8859-1\" ; x=y",
	     "text/html charset=ISO-8859-1 x=y", " Charset=ISO-8859-1 x=y"},
	    {"multipart/mixed;\r\n\tboundary=\"a \\\"b\\\" (c)\"",
	     "multipart/mixed boundary=a \"b\" (c)", " boundary=a \"b\" (c)"},
	    {"multipart/mixed; boundary=----=_Part_1/2?x",
	     "multipart/mixed boundary=----=_Part_1/2?x",
	     " boundary=----=_Part_1/2?x"},
	    {"text/plain", "text/plain", ""},
	    {"text/plain;", "text/plain", ""},
	    {"text/plain;; ;charset=a;charset=b", "text/plain charset=a",
	     " charset=a"},
	    {"text/plain charset=utf-8", "text/plain", ""},
	    {"text/plain; format; =x; a=; b=1", "text/plain a= b=1", " a= b=1"},
	    {"text", "text/plain", ""},
	    {"", "text/plain", ""},
	    {"/html", "text/plain", ""},
	    {"text/html; x=\"open; y=z", "text/html x=open y=z", " x=open y=z"},
	    {"image/png; name=\"=?utf-8?Q?=C3=A4.png?=\"",
	     "image/png name=\xc3\xa4.png", " name==?utf-8?Q?=C3=A4.png?="},
	};

	CHECK(list);
}

/* RFC 2231 3, 4 and 4.1 */
static void reads_the_examples_of_rfc_2231(void)
{
	static const struct example list[] = {
	    {"message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";"
	     "\r\n URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/"
	     "bulk-mailer.tar\"",
	     "message/external-body url=ftp://cs.utk.edu/pub/moore/"
	     "bulk-mailer/bulk-mailer.tar access-type=URL",
	     " access-type=URL URL=ftp://cs.utk.edu/pub/moore/bulk-mailer/"
	     "bulk-mailer.tar"},
	    {"application/x-stuff;\r\n title*=us-ascii'en-us'This%20is%20"
	     "%2A%2A%2Afun%2A%2A%2A",
	     "application/x-stuff title=This is ***fun***",
	     " title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"},
	    {"application/x-stuff\r\n ;title*0*=us-ascii'en'This%20is%20even"
	     "%20more%20\r\n ;title*1*=%2A%2A%2Afun%2A%2A%2A%20\r\n "
	     ";title*2=\"isn't it!\"",
	     "application/x-stuff title=This is even more ***fun*** isn't "
	     "it!",
	     " title*=us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A"
	     "%2A%2A%20isn't it!"},
	};

	CHECK(list);
}

static void reads_sloppy_rfc_2231(void)
{
	static const struct example list[] = {
	    /* any order; a character cut in two; no charset */
	    {"a/b; n*1*=%A4; n*0*=utf-8''%C3", "a/b n=\xc3\xa4",
	     " n*=utf-8''%C3%A4"},
	    {"a/b; n*=%C3%A4", "a/b n=\xc3\xa4", " n*=%C3%A4"},
	    {"a/b; n*=iso-8859-1'd'%E4%zz", "a/b n=\xc3\xa4%zz",
	     " n*=iso-8859-1'd'%E4%zz"},
	    {"a/b; n=x; n*=utf-8''y", "a/b n=y", " n=x n*=utf-8''y"},
	    {"a/b; n*0=x; n*2=z", "a/b n=x", " n=x n*2=z"},
	    {"a/b; n*1=x", "a/b", " n*1=x"},
	    {"a/b; *=x; n*x=z", "a/b n*x=z", " n*x=z"},
	};

	CHECK(list);
}

static void is_bounded(void)
{
	static const char *const bad[] = {";",	  "\"", "(", ";a=\"", ";a*0=b",
					  ";a=b", "a",	"=", ";a=(",  "\\\""};
	struct mime_params params;
	struct pf_arena arena;
	struct pf_str token;
	struct pf_buf b;

	pf_buf_init(&b, 4 << 20);
	pf_arena_init(&arena, 64 << 20);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		pf_buf_clear(&b);
		pf_buf_add_c(&b, "a ");
		repeat(&b, bad[i], 150000);
		ok(mime_token_params(&arena, pf_buf_str(&b), &token, &params));
		ok(params.n <= MIME_PARAMS_MAX);
		pf_arena_release(&arena);
	}
	pf_buf_release(&b);
}

int main(void)
{
	reads_types_and_parameters();
	reads_the_examples_of_rfc_2231();
	reads_sloppy_rfc_2231();
	is_bounded();
	return tap_done();
}
