#include "tests/mime/util.h"

#include "base/base64.h"
#include "base/utf8.h"

static bool collect(void *arg, enum mime_text_kind kind,
		    const struct mime_part *part, struct pf_str name,
		    struct pf_str piece, bool more)
{
	static const char letters[] = "HBT";
	struct pf_buf *to = arg;

	pf_buf_addf(to, "%c%u ", letters[kind], part->number);
	if (kind == MIME_TEXT_HEADER) {
		pf_buf_add_str(to, name);
		pf_buf_add_c(to, ": ");
	}
	pf_buf_add_str(to, piece);
	pf_buf_add_c(to, more ? "+\n" : "\n");
	return true;
}

static void check(const char *test, struct pf_str message, const char *want)
{
	struct pf_error err;
	struct pf_buf got;
	int fd = file_of(message);

	pf_buf_init(&got, 1 << 20);
	is_int(mime_text(fd, collect, &got, &err), PF_OK);
	tap_check_in(test, strcmp(got.data, want) == 0, "got\n%s# want\n%s",
		     got.data, want);
	pf_buf_release(&got);
	close(fd);
}
#define CHECK(message, want) check(__func__, PF_STR(message), want)

static void gives_what_search_sees(void)
{
	CHECK("Subject: =?utf-8?Q?=C3=A4?=\n x\nTo: a@b\n\nbody\n",
	      "H0 Subject: \xc3\xa4 x\nH0 To: a@b\nB0 body\n\n");
	CHECK("Content-Type: text/html; charset=iso-8859-1\n"
	      "Content-Transfer-Encoding: quoted-printable\n\n"
	      "<p>gr=FC=DF</p><p>x</p>",
	      "H0 Content-Type: text/html; charset=iso-8859-1\n"
	      "H0 Content-Transfer-Encoding: quoted-printable\n"
	      "B0 <p>gr\xc3\xbc\xc3\x9f</p><p>x</p>\n"
	      "T0 gr\xc3\xbc\xc3\x9f\nx\n");
	CHECK("A: b\n", "H0 A: b\nB0 \n");
}

static void gives_parts_in_order(void)
{
	CHECK("Content-Type: multipart/mixed; boundary=b\n\nnot me\n"
	      "--b\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n"
	      "--b\nContent-Type: image/png\nContent-Disposition: attachment;"
	      " filename*=utf-8''%C3%A4.png\n\nbytes\n"
	      "--b\nContent-Type: message/rfc822\n\nSubject: in\n\nside\n"
	      "--b\nContent-Type: message/delivery-status\n\nStatus: 5\n"
	      "--b--\nnor me\n",
	      "H0 Content-Type: multipart/mixed; boundary=b\n"
	      "H1 Content-Transfer-Encoding: base64\nB1 hello\n"
	      "H2 Content-Type: image/png\n"
	      "H2 Content-Disposition: attachment; filename*=utf-8''%C3%A4.png"
	      "\nH2 Content-Disposition: \xc3\xa4.png\n"
	      "H3 Content-Type: message/rfc822\nH1 Subject: in\nB1 side\n"
	      "H4 Content-Type: message/delivery-status\nB4 Status: 5\n");
	/* what could not be taken apart is text */
	CHECK("Content-Type: multipart/mixed\n\nx\n",
	      "H0 Content-Type: multipart/mixed\nB0 x\n\n");
}

struct pieces {
	struct pf_buf text[3];
	size_t count, stop_after;
	bool good, more;
};

static bool collect_pieces(void *arg, enum mime_text_kind kind,
			   const struct mime_part *part, struct pf_str name,
			   struct pf_str piece, bool more)
{
	struct pieces *p = arg;

	(void)part;
	(void)name;
	p->good &= piece.n <= 65536 && pf_utf8_valid(piece);
	p->more = more;
	pf_buf_add_str(&p->text[kind], piece);
	return ++p->count != p->stop_after;
}

static void cuts_pieces_between_characters(void)
{
	struct pieces p = {.good = true};
	struct pf_buf text, mail;
	struct pf_error err;

	pf_buf_init(&text, 8 << 20);
	pf_buf_init(&mail, 8 << 20);
	for (int i = 0; i < 3; i++)
		pf_buf_init(&p.text[i], 8 << 20);
	pf_buf_add_c(&text, "x");
	repeat(&text, "\xe2\x82\xac\xc3\xa4 &amp; ", 100000);
	pf_buf_add_c(&mail, "Content-Type: text/html; charset=utf-8\n"
			    "Content-Transfer-Encoding: base64\n\n");
	pf_base64_encode(&mail, pf_buf_str(&text));
	int fd = file_of(pf_buf_str(&mail));
	is_int(mime_text(fd, collect_pieces, &p, &err), PF_OK);
	ok(p.good && !p.more);
	ok(p.count > 2 + (text.len + text.len / 2) / 65536);
	ok(pf_str_eq(pf_buf_str(&p.text[MIME_TEXT_BODY]), pf_buf_str(&text)));
	is_int(p.text[MIME_TEXT_HTML].len, 1 + 100000 * 8 - 1);

	p.count = 0;
	p.stop_after = 4;
	is_int(mime_text(fd, collect_pieces, &p, &err), PF_OK);
	is_int(p.count, 4);
	ok(p.more);
	close(fd);
	for (int i = 0; i < 3; i++)
		pf_buf_release(&p.text[i]);
	pf_buf_release(&text);
	pf_buf_release(&mail);
}

static void previews(void)
{
	static const struct {
		const char *mail, *want;
	} list[] = {
	    {"A: b\n\n  Hello,\r\n\r\n  world \n", "Hello, world"},
	    {"A: b\n\n", ""},
	    {"A: b\n\n> quoted\n>> more\nanswer\n-- \nme\n", "answer"},
	    {"A: b\n\n> quoted\n> text\n", "quoted text"},
	    {"Content-Type: text/html\n\n<style>x</style><p>Hi "
	     "<b>you</b>&zwnj;&nbsp;&zwnj;&nbsp;!</p>",
	     "Hi you !"},
	    {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n\n--b\n"
	     "Content-Type: text/html\n\n<p>second</p>\n--b--\n",
	     "second"},
	    {"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	     "Content-Type: text/plain\nContent-Disposition: attachment\n\n"
	     "file\n--b\n\ntext\n--b--\n",
	     "text"},
	    {"Content-Type: image/png\n\nxyz\n", ""},
	};
	struct pf_error err;
	struct pf_buf b, mail;

	pf_buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		int fd = file_of(pf_str_c(list[i].mail));
		pf_buf_clear(&b);
		is_int(mime_preview(fd, &b, &err), PF_OK);
		is_str(b.data, list[i].want);
		close(fd);
	}
	pf_buf_init(&mail, 10000);
	pf_buf_clear(&b);
	pf_buf_add_c(&mail, "A: b\n\n");
	repeat(&mail, "\xe2\x82\xac", 500);
	int fd = file_of(pf_buf_str(&mail));
	is_int(mime_preview(fd, &b, &err), PF_OK);
	is_int(b.len, 600);
	close(fd);
	ok(mime_preview(-1, &b, &err) != PF_OK);
	ok(mime_text(-1, collect, &b, &err) != PF_OK);
	pf_buf_release(&mail);
	pf_buf_release(&b);
}

int main(void)
{
	gives_what_search_sees();
	gives_parts_in_order();
	cuts_pieces_between_characters();
	previews();
	return tap_done();
}
