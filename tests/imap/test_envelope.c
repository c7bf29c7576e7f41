#include "imap/imap.h"

#include "tests/tap.h"

#define envelope(header, want)                                                 \
	do {                                                                   \
		struct pf_buf to = PF_BUF_INIT(100000);                        \
		imap_write_envelope(&to, PF_STR(header));                      \
		is_mem(to.data, to.len, want);                                 \
		pf_buf_release(&to);                                           \
	} while (0)

static void everything(void)
{
	envelope("Date: Sat, 21 Nov 2026 14:40:00 +0000\r\n"
		 "Subject: =?utf-8?q?a?= \"b\"\r\n"
		 "From: \"A. B\" <a@example.org>\r\n"
		 "Sender: s@example.org\r\n"
		 "Reply-To: r@example.org\r\n"
		 "To: t@example.org, u@example.org\r\n"
		 "Cc: c@example.org\r\n"
		 "Bcc: d@example.org\r\n"
		 "In-Reply-To: <1@x>\r\n"
		 "Message-ID: <2@x>\r\n\r\nSubject: body\r\n",
		 "(\"Sat, 21 Nov 2026 14:40:00 +0000\" "
		 "\"=?utf-8?q?a?= \\\"b\\\"\" "
		 "((\"A. B\" NIL \"a\" \"example.org\")) "
		 "((NIL NIL \"s\" \"example.org\")) "
		 "((NIL NIL \"r\" \"example.org\")) "
		 "((NIL NIL \"t\" \"example.org\")"
		 "(NIL NIL \"u\" \"example.org\")) "
		 "((NIL NIL \"c\" \"example.org\")) "
		 "((NIL NIL \"d\" \"example.org\")) "
		 "\"<1@x>\" \"<2@x>\")");
}

static void nothing(void)
{
	envelope("", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
	envelope("Subject:\nTo:\n\n",
		 "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

static void sender_defaults_to_from(void)
{
	envelope("From: a@b\nReply-To: \n",
		 "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) "
		 "((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL)");
}

static void groups_and_missing_parts(void)
{
	envelope("To: friends: a@b, root;\n",
		 "(NIL NIL NIL NIL NIL ((NIL NIL \"friends\" NIL)"
		 "(NIL NIL \"a\" \"b\")(NIL NIL \"root\" \"MISSING_DOMAIN\")"
		 "(NIL NIL NIL NIL)) NIL NIL NIL NIL)");
}

static void repeated_fields(void)
{
	envelope("To: a@b\nSubject: x\nTo: c@d\nsubject: y\n",
		 "(NIL \"y\" NIL NIL NIL ((NIL NIL \"a\" \"b\")"
		 "(NIL NIL \"c\" \"d\")) NIL NIL NIL NIL)");
}

static void folded_and_8bit(void)
{
	envelope("Subject: a\r\n b\n c\n",
		 "(NIL \"a b c\" NIL NIL NIL NIL NIL NIL NIL NIL)");
	envelope("Subject: \xe4\n",
		 "(NIL {1}\r\n\xe4 NIL NIL NIL NIL NIL NIL NIL NIL)");
}

static void many_addresses(void)
{
	struct pf_buf in = PF_BUF_INIT(10 << 20), to = PF_BUF_INIT(100 << 20);

	pf_buf_add_c(&in, "To: a");
	for (int i = 0; i < 200000; i++)
		pf_buf_add_c(&in, ",a");
	imap_write_envelope(&to, pf_buf_str(&in));
	ok(!to.failed);
	/* at most MIME_ADDRS_MAX, of 34 bytes each */
	ok(to.len > 1000 && to.len < 40 * MIME_ADDRS_MAX);
	pf_buf_release(&in);
	pf_buf_release(&to);
}

int main(void)
{
	everything();
	nothing();
	sender_defaults_to_from();
	groups_and_missing_parts();
	repeated_fields();
	folded_and_8bit();
	many_addresses();
	return tap_done();
}
