/* IMAP URLs: RFC 5092's and RFC 4469's examples, and what is none. */
#include "imap/imap.h"
#include "tests/tap.h"

static struct pf_arena arena;

static bool parse(const char *text, struct imap_url *url)
{
	*url = (struct imap_url){0};
	return imap_url_parse(pf_str_c(text), &arena, url, NULL) == PF_OK;
}

static bool eq(struct pf_str got, const char *want)
{
	return pf_str_eq(got, pf_str_c(want));
}

static void examples_are_read(void)
{
	struct imap_url u;

	ok(parse("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER", &u));
	ok(eq(u.mailbox, "Drafts") && eq(u.section, "HEADER"));
	is_int(u.uidvalidity, 385759045);
	is_int(u.uid, 20);
	ok(u.host.n == 0 && !u.partial);
	ok(parse("imap://michael@example.org/INBOX;uidvalidity=1/;uid=4;x",
		 &u) == false);
	ok(parse("imap://michael;AUTH=*@minbari.example.org:143/"
		 "users.*;UIDVALIDITY=3/;UID=20/;SECTION=1.2/;PARTIAL=0.1024",
		 &u));
	ok(eq(u.user, "michael") && eq(u.host, "minbari.example.org"));
	ok(eq(u.mailbox, "users.*") && eq(u.section, "1.2"));
	ok(u.partial && u.offset == 0 && u.length == 1024);
	ok(parse("imap://psicorp.example.org/~peter/"
		 "%E6%97%A5%E6%9C%AC%E8%AA%9E/"
		 "%E5%8F%B0%E5%8C%97/;UID=17",
		 &u));
	ok(eq(u.mailbox, "~peter/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/"
			 "\xe5\x8f\xb0\xe5\x8c\x97"));
	ok(parse(";UID=20/;SECTION=1", &u) && !u.has_mailbox);
	ok(parse("/;UID=20", &u) && !u.has_mailbox && !u.has_section);
	ok(parse("/a%2Fb%20c/;UID=1/;PARTIAL=10", &u));
	ok(eq(u.mailbox, "a/b c") && u.offset == 10 && u.length == UINT64_MAX);
	ok(parse("//host/a/;UID=1/;SECTION=HEADER.FIELDS%20(DATE%20FROM)", &u));
	ok(eq(u.section, "HEADER.FIELDS (DATE FROM)") && eq(u.host, "host"));
	ok(parse("imap://[::1]:143/a/;UID=1", &u) && eq(u.host, "[::1]"));
}

static void others_are_not(void)
{
	static const char *const bad[] = {
	    "",
	    "INBOX",
	    "/INBOX",
	    "/INBOX/;UID=0",
	    "/INBOX/;UID=",
	    "/INBOX/;UID=4294967296",
	    "/INBOX/;UID=1/;PARTIAL=",
	    "/INBOX/;UID=1/;PARTIAL=1.0",
	    "/INBOX/;UID=1/;PARTIAL=9999999999999999999",
	    "/INBOX/;UID=1/;PARTIAL=1/;SECTION=2",
	    "/INBOX/;UID=1/;SECTION=",
	    "/INBOX;UIDVALIDITY=0/;UID=1",
	    "/INBOX;FOO=0/;UID=1",
	    "/IN%/;UID=1",
	    "/IN%4/;UID=1",
	    "/IN%zz/;UID=1",
	    "/IN%00/;UID=1",
	    "/IN%0a/;UID=1",
	    "/IN%ff/;UID=1",
	    "imap:///INBOX/;UID=1",
	    "imap://host",
	    "imap://host/;UID=1",
	    "imap://host:x/INBOX/;UID=1",
	    "imap://joe@host/INBOX/;UID=1;URLAUTH=anonymous:internal:1",
	    "imap://joe@host/INBOX/;UID=1;EXPIRE=2026-01-01T00:00:00Z",
	};
	struct imap_url u;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		tap_check(!parse(bad[i], &u), "%s", bad[i]);
}

int main(void)
{
	pf_arena_init(&arena, 1 << 20);
	examples_are_read();
	others_are_not();
	pf_arena_release(&arena);
	return tap_done();
}
