/* The header summary: what is kept, and for how long it is believed. */
#include "imap/imap.h"

#include "tests/tap.h"

#define HEADER                                                                 \
	"X-Spam-Report: none\nSubject: one\n two\n"                            \
	"X-Unheard-Of: x\nRESENT-BCC: eve@example.org\n\n"

static bool covers(const char *name)
{
	struct pf_str fields[] = {PF_STR("From"), pf_str_c(name)};
	struct imap_fetch_item item = {
	    .kind = IMAP_FETCH_SECTION,
	    .section = IMAP_SECTION_FIELDS,
	    .fields = fields,
	    .field_count = 2,
	};
	return imap_summary_covers(&item);
}

/* The first, the last, and what was found missing with real programs. */
static void covers_what_programs_list(void)
{
	ok(covers("bcc"));
	ok(covers("XREF"));
	ok(covers("resent-bcc"));  /* Roundcube */
	ok(covers("Received"));	   /* Thunderbird */
	ok(covers("content-md5")); /* alpine */
	ok(!covers("x-unheard-of"));
	ok(!covers(""));
	ok(!covers("a-field-with-a-name-of-more-than-32-bytes"));
}

static void keeps_the_listed_fields(void)
{
	struct pf_buf kept = PF_BUF_INIT(1000);
	struct pf_str fields;

	imap_summary_headers(&kept, PF_STR(HEADER));
	ok(imap_summary_fields(pf_buf_str(&kept), &fields));
	ok(pf_str_eq(fields, PF_STR("Subject: one\n two\n"
				    "RESENT-BCC: eve@example.org\n")));
	pf_buf_release(&kept);
}

/* A version that kept other fields wrote it: they would seem to be missing. */
static void another_edition_is_not_believed(void)
{
	struct pf_buf kept = PF_BUF_INIT(1000);
	struct pf_str fields;

	imap_summary_headers(&kept, PF_STR(HEADER));
	kept.data[0] ^= 1;
	ok(!imap_summary_fields(pf_buf_str(&kept), &fields));
	ok(!imap_summary_fields(PF_STR("Subject: one\n"), &fields));
	ok(!imap_summary_fields(PF_STR("Su"), &fields));
	pf_buf_release(&kept);
}

int main(void)
{
	covers_what_programs_list();
	keeps_the_listed_fields();
	another_edition_is_not_believed();
	return tap_done();
}
