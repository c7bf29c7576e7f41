#include "imap/imap.h"

#include "tests/imap/command.h"
#include "tests/tap.h"

static char shown[2000];

static void show_item(struct pf_buf *to, const struct imap_fetch_item *item)
{
	pf_buf_addf(to, " %d%s:%.*s", (int)item->kind, item->peek ? "" : "!",
		    (int)item->label.n, item->label.p);
	if (item->kind == IMAP_FETCH_SECTION)
		pf_buf_addf(to, "/%d", (int)item->section);
	for (size_t i = 0; i < item->number_count; i++)
		pf_buf_addf(to, "#%u", item->numbers[i]);
	for (size_t i = 0; i < item->field_count; i++)
		pf_buf_addf(to, "|%.*s", (int)item->fields[i].n,
			    item->fields[i].p);
	if (item->partial)
		pf_buf_addf(to, "<%llu,%llu>", (unsigned long long)item->offset,
			    (unsigned long long)item->length);
}

/* "FETCH 1 " + text */
static const char *fetch(const char *text)
{
	struct pf_arena arena;
	struct pf_error err;
	struct imap_fetch fetch;
	struct pf_buf to = PF_BUF_INIT(sizeof shown - 1);

	pf_buf_addf(&to, "FETCH 1 %s", text);
	const struct imap_arg *args = command_args(to.data, &arena);
	pf_buf_clear(&to);
	if (!args) {
		pf_buf_add_c(&to, "unreadable");
	} else if (imap_fetch_parse(args + 1, args + 2, &arena, &fetch, &err) !=
		   PF_OK) {
		pf_buf_addf(&to, "bad: %s", err.client);
	} else {
		pf_buf_add_c(&to, fetch.sets_seen ? "seen" : "peek");
		for (size_t i = 0; i < fetch.count; i++)
			show_item(&to, &fetch.items[i]);
		if (fetch.changed_since_given)
			pf_buf_addf(&to, " since %llu",
				    (unsigned long long)fetch.changed_since);
		if (fetch.vanished)
			pf_buf_add_c(&to, " vanished");
	}
	snprintf(shown, sizeof shown, "%s", to.data);
	pf_buf_release(&to);
	pf_arena_release(&arena);
	return shown;
}

static void words(void)
{
	is_str(fetch("flags"), "peek 1:FLAGS");
	is_str(fetch("(UID Flags INTERNALDATE rfc822.size)"),
	       "peek 0:UID 1:FLAGS 2:INTERNALDATE 3:RFC822.SIZE");
	is_str(fetch("(BODY BODYSTRUCTURE MODSEQ SAVEDATE EMAILID THREADID)"),
	       "peek 5:BODY 6:BODYSTRUCTURE 7:MODSEQ 9:SAVEDATE 13:EMAILID "
	       "14:THREADID");
	is_str(fetch("(UID UID FLAGS UID)"), "peek 0:UID 1:FLAGS");
	is_str(fetch("all"), "peek 1:FLAGS 2:INTERNALDATE 3:RFC822.SIZE "
			     "4:ENVELOPE");
	is_str(fetch("FAST"), "peek 1:FLAGS 2:INTERNALDATE 3:RFC822.SIZE");
	is_str(fetch("FULL"), "peek 1:FLAGS 2:INTERNALDATE 3:RFC822.SIZE "
			      "4:ENVELOPE 5:BODY");
	is_str(fetch("(PREVIEW (LAZY) UID)"), "peek 12:PREVIEW 0:UID");
	is_str(fetch("PREVIEW (LAZY)"), "peek 12:PREVIEW");
}

static void old_names(void)
{
	is_str(fetch("RFC822"), "seen 8!:RFC822/0");
	is_str(fetch("RFC822.HEADER"), "peek 8:RFC822.HEADER/1");
	is_str(fetch("rfc822.text"), "seen 8!:RFC822.TEXT/4");
}

static void sections(void)
{
	is_str(fetch("BODY[]"), "seen 8!:BODY[]/0");
	is_str(fetch("body.peek[]"), "peek 8:BODY[]/0");
	is_str(fetch("BODY.PEEK[1.mime]"), "peek 8:BODY[1.MIME]/5#1");
	is_str(fetch("BODY.PEEK[TEXT]<0.10>"), "peek 8:BODY[TEXT]<0>/4<0,10>");
	is_str(fetch("(BODY.PEEK[1.2.HEADER] BODY[3])"),
	       "seen 8:BODY[1.2.HEADER]/1#1#2 8!:BODY[3]/0#3");
	is_str(fetch("(BINARY.PEEK[1.2]<5.6> BINARY[] BINARY.SIZE[4])"),
	       "seen 10:BINARY[1.2]<5>#1#2<5,6> 10!:BINARY[] "
	       "11:BINARY.SIZE[4]#4");
}

static void field_names(void)
{
	is_str(fetch("BODY.PEEK[HEADER.FIELDS (\"Date\" Subject)]"),
	       "peek 8:BODY[HEADER.FIELDS (DATE SUBJECT)]/2|DATE|SUBJECT");
	is_str(fetch("BODY.PEEK[1.header.fields.not (x-y)]<1.2>"),
	       "peek 8:BODY[1.HEADER.FIELDS.NOT (X-Y)]<1>/3#1|X-Y<1,2>");
	is_str(fetch("BODY.PEEK[HEADER.FIELDS ({1+}\r\na {3+}\r\n\"]  "
		     "\"\\\"\" )]"),
	       "peek 8:BODY[HEADER.FIELDS (A \"\\\"] \" \"\\\"\")]/2"
	       "|A|\"] |\"");
}

static void refused(void)
{
	is_str(fetch("foo"), "bad: Unknown FETCH item foo");
	is_str(fetch("(all)"), "bad: Unknown FETCH item all");
	is_str(fetch("()"), "bad: FETCH items expected");
	is_str(fetch("\"FLAGS\""), "bad: FETCH item expected");
	is_str(fetch("((FLAGS))"), "bad: FETCH item expected");
	is_str(fetch("BODY[foo]"), "bad: Unknown section");
	is_str(fetch("BODY[TEXTX]"), "bad: Missing ']' behind section");
	is_str(fetch("BODY[MIME]"), "bad: MIME needs a part number in section");
	is_str(fetch("BODY[0]"), "bad: Invalid part number in section");
	is_str(fetch("BODY[1.]"), "bad: Invalid part number in section");
	is_str(fetch("BODY[1..2]"), "bad: Unknown section");
	is_str(fetch("BODY[99999999999]"),
	       "bad: Invalid part number in section");
	is_str(fetch("BODY[HEADER.FIELDS]"),
	       "bad: Missing field names in section");
	is_str(fetch("BODY[HEADER.FIELDS ()]"),
	       "bad: Invalid field name in section");
	is_str(fetch("BODY[HEADER.FIELDS (a:b)]"),
	       "bad: Invalid field name in section");
	is_str(fetch("BODY[HEADER.FIELDS (a]"), "bad: Missing ')' in section");
	is_str(fetch("BODY[]<5>"), "bad: Invalid partial range behind section");
	is_str(fetch("BODY[]<5.0>"),
	       "bad: Invalid partial range behind section");
	is_str(fetch("BODY[]<9223372036854775808.1>"),
	       "bad: Invalid partial range behind section");
	is_str(fetch("BODY[]<0.1>x"), "bad: Invalid characters behind section");
	is_str(fetch("BINARY[1.TEXT]"), "bad: Missing ']' behind section");
	is_str(fetch("BINARY.SIZE[1]<0.1>"),
	       "bad: Invalid partial range behind section");
	is_str(fetch("X[]"), "bad: Unknown FETCH item X[]");
}

static void modifiers(void)
{
	is_str(fetch("(FLAGS) (CHANGEDSINCE 12)"),
	       "peek 1:FLAGS 7:MODSEQ since 12");
	is_str(fetch("(MODSEQ) (changedsince 12 vanished)"),
	       "peek 7:MODSEQ since 12 vanished");
	is_str(fetch("FLAGS (VANISHED)"), "bad: VANISHED needs CHANGEDSINCE");
	is_str(fetch("FLAGS (CHANGEDSINCE)"),
	       "bad: Invalid CHANGEDSINCE value");
	is_str(fetch("FLAGS (FOO)"), "bad: Unknown FETCH modifier");
	is_str(fetch("FLAGS UID"), "bad: Too many arguments behind FETCH "
				   "items");
	is_str(fetch("FLAGS (CHANGEDSINCE 1) UID"),
	       "bad: Too many arguments behind FETCH items");
}

int main(void)
{
	words();
	old_names();
	sections();
	field_names();
	refused();
	modifiers();
	return tap_done();
}
