#include "tests/mime/util.h"

#include "base/base64.h"

/* Decodes `in` in pieces of `step` bytes. */
static void decode(struct pf_buf *to, enum mime_encoding encoding,
		   struct pf_str in, size_t step)
{
	struct mime_decoder dec;

	pf_buf_clear(to);
	mime_decoder_init(&dec, encoding);
	for (; in.n; in = pf_str_from(in, step))
		mime_decoder_add(&dec, pf_str_head(in, step), to);
	mime_decoder_end(&dec, to);
}

struct example {
	const char *in, *want;
};

static void check(const char *test, enum mime_encoding encoding,
		  const struct example *list, size_t n)
{
	struct pf_buf b;

	pf_buf_init(&b, 10000);
	for (size_t i = 0; i < n; i++)
		for (size_t step = 1; step < 8; step++) {
			decode(&b, encoding, pf_str_c(list[i].in), step);
			tap_check_in(test, strcmp(b.data, list[i].want) == 0,
				     "step %zu: \"%s\"\n# got  \"%s\"\n# want "
				     "\"%s\"",
				     step, list[i].in, b.data, list[i].want);
		}
	pf_buf_release(&b);
}

static void decodes_quoted_printable(void)
{
	static const struct example list[] = {
	    {"plain text", "plain text"},
	    {"J=C3=B6rg=20=\r\nx", "J\xc3\xb6rg x"},
	    {"a=c3=b6", "a\xc3\xb6"},
	    {"soft=\nbreak", "softbreak"},
	    {"soft=  \t\r\nbreak", "softbreak"},
	    {"trailing  \t\r\nblanks \n", "trailing\r\nblanks\n"},
	    {"inner  blanks", "inner  blanks"},
	    {"=\r\n=\r\n", ""},
	    {"=zz =3 =", "=zz =3 "},
	    {"=4", "=4"},
	    {"a==41", "a=A"},
	    {"=4=41", "=4A"},
	    {"= x", "= x"},
	    {"end  ", "end"},
	    {"cr\rin\rside", "cr\rin\rside"},
	    {"\r\n\r\n", "\r\n\r\n"},
	    {"=\r", ""},
	    {"=4\r\n", "=4\r\n"},
	};

	check(__func__, MIME_ENC_QP, list, sizeof list / sizeof list[0]);
}

static void decodes_base64(void)
{
	static const struct example list[] = {
	    {"SGVsbG8=", "Hello"},
	    {"SGVs\r\nbG8=\r\n", "Hello"},
	    {"SGVsbG8", "Hello"},
	    {"S G V s b G 8 =", "Hello"},
	    {"SGVsbA==", "Hell"},
	    {"SGVsbA", "Hell"},
	    {"SGVsb!G8=", "Hello"},
	    {"SGVsbA==trailer", "Hell"},
	    {"=SGVsbG8h", "Hello!"},
	    {"", ""},
	    {"S", ""},
	    {"SGVsbG8hSGVsbG8h", "Hello!Hello!"},
	};

	check(__func__, MIME_ENC_BASE64, list, sizeof list / sizeof list[0]);
}

static void base64_agrees_with_the_encoder(void)
{
	struct pf_buf in, code, out;

	pf_buf_init(&in, 1000);
	pf_buf_init(&code, 2000);
	pf_buf_init(&out, 2000);
	for (int i = 0; i < 400; i++) {
		pf_buf_clear(&code);
		pf_base64_encode(&code, pf_buf_str(&in));
		decode(&out, MIME_ENC_BASE64, pf_buf_str(&code), 13);
		ok(pf_str_eq(pf_buf_str(&in), pf_buf_str(&out)));
		pf_buf_add_byte(&in, (char)(i * 7));
	}
	pf_buf_release(&in);
	pf_buf_release(&code);
	pf_buf_release(&out);
}

static void knows_encodings(void)
{
	is_int(mime_encoding(PF_STR("")), MIME_ENC_IDENTITY);
	is_int(mime_encoding(PF_STR(" 7BIT \r\n")), MIME_ENC_IDENTITY);
	is_int(mime_encoding(PF_STR("8bit")), MIME_ENC_IDENTITY);
	is_int(mime_encoding(PF_STR("binary")), MIME_ENC_IDENTITY);
	is_int(mime_encoding(PF_STR("Base64")), MIME_ENC_BASE64);
	is_int(mime_encoding(PF_STR("quoted-printable; x")), MIME_ENC_QP);
	is_int(mime_encoding(PF_STR("x-uuencode")), MIME_ENC_UNKNOWN);
}

static void encodes_quoted_printable(void)
{
	struct pf_buf b, back;
	size_t line = 0, longest = 0;

	pf_buf_init(&b, 100000);
	pf_buf_init(&back, 100000);
	mime_qp_encode(&b, PF_STR("J\xc3\xb6rg = x \nFrom me\r\n.\n\tend\t"));
	is_str(b.data, "J=C3=B6rg =3D x=20\r\n=46rom me\r\n=2E\r\n\tend=09");
	pf_buf_clear(&b);
	struct pf_buf text;
	pf_buf_init(&text, 100000);
	repeat(&text,
	       "Gr\xc3\xbc\xc3\x9f"
	       "e an alle. ",
	       500);
	mime_qp_encode(&b, pf_buf_str(&text));
	for (size_t i = 0; i < b.len; i++) {
		line = b.data[i] == '\n' ? 0 : line + 1;
		longest = line > longest ? line : longest;
	}
	is_int(longest, 77); /* 76 and the CR */
	decode(&back, MIME_ENC_QP, pf_buf_str(&b), 1000);
	is_str(back.data, text.data);
	pf_buf_release(&text);
	pf_buf_release(&b);
	pf_buf_release(&back);
}

int main(void)
{
	decodes_quoted_printable();
	decodes_base64();
	base64_agrees_with_the_encoder();
	knows_encodings();
	encodes_quoted_printable();
	return tap_done();
}
