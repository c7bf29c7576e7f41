#include "tests/mime/util.h"

static void finds_fields(void)
{
	struct pf_str h = PF_STR("From mbox Sat Nov 21 14:40:00 2026\n"
				 "Subject: one\r\n two\n\tthree\n"
				 "no field at all\n"
				 "X-Empty:\n"
				 "To \t: a@b\n"
				 "bad name: x\n"
				 "\n"
				 "Body: no\n");
	struct mime_field f;
	size_t pos = 0;

	ok(mime_field_next(h, &pos, &f));
	is_mem(f.name.p, f.name.n, "Subject");
	is_mem(f.raw.p, f.raw.n, " one\r\n two\n\tthree\n");
	is_int(f.offset, 35);
	is_int(f.size, 26);
	ok(mime_field_next(h, &pos, &f));
	is_mem(f.name.p, f.name.n, "X-Empty");
	is_mem(f.raw.p, f.raw.n, "\n");
	ok(mime_field_next(h, &pos, &f));
	is_mem(f.name.p, f.name.n, "To");
	is_mem(f.raw.p, f.raw.n, " a@b\n");
	ok(!mime_field_next(h, &pos, &f));
	is_int(mime_header_end(h), h.n - strlen("Body: no\n"));
}

static void takes_a_header_without_end(void)
{
	struct mime_field f;
	size_t pos = 0;

	ok(mime_field_next(PF_STR("A: b"), &pos, &f));
	is_mem(f.raw.p, f.raw.n, " b");
	is_int(f.size, 4);
	ok(!mime_field_next(PF_STR("A: b"), &pos, &f));
	is_int(mime_header_end(PF_STR("A: b")), 4);
	is_int(mime_header_end(PF_STR("\r\nbody")), 2);
	is_int(mime_header_end(PF_STR("A: b\r\n\r\nbody")), 8);
	is_int(mime_header_end(PF_STR("")), 0);
	pos = 0;
	ok(!mime_field_next(PF_STR(""), &pos, &f));
	ok(!mime_field_next(PF_STR(" folded: from nowhere"), &pos, &f));
}

static void unfolds(void)
{
	struct pf_buf b;

	pf_buf_init(&b, 100);
	mime_unfold(&b, PF_STR("  a\r\n b\n\tc \r d\r\n"));
	is_str(b.data, "a b\tc \r d");
	pf_buf_clear(&b);
	mime_unfold(&b, PF_STR(" \r\n"));
	is_int(b.len, 0);
	pf_buf_release(&b);
}

static void reads_message_ids(void)
{
	struct pf_str raw = PF_STR(" <a@b>\n\t<<c d@e> junk <> <f@g><h@i");
	struct pf_str id;
	size_t pos = 0;

	ok(mime_msgid_next(raw, &pos, &id));
	is_mem(id.p, id.n, "<a@b>");
	ok(mime_msgid_next(raw, &pos, &id));
	is_mem(id.p, id.n, "<c d@e>");
	ok(mime_msgid_next(raw, &pos, &id));
	is_mem(id.p, id.n, "<f@g>");
	ok(!mime_msgid_next(raw, &pos, &id));
	ok(!mime_msgid_next(raw, &pos, &id));
}

int main(void)
{
	finds_fields();
	takes_a_header_without_end();
	unfolds();
	reads_message_ids();
	return tap_done();
}
