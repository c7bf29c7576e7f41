#include "imap/imap.h"

#include "tests/imap/command.h"
#include "tests/tap.h"

static char shown[5000];

static void show_key(struct pf_buf *to, const struct imap_key *key)
{
	static const char *const names[] = {
	    "all",     "and",	  "or",	      "not",	"seq",	  "uid",
	    "flag",    "recent",  "before",   "on",	"since",  "sbefore",
	    "son",     "ssince",  "vbefore",  "von",	"vsince", "larger",
	    "smaller", "older",	  "younger",  "modseq", "header", "body",
	    "text",    "emailid", "threadid", "saved",	"fuzzy"};

	pf_buf_addf(to, "%s", names[key->kind]);
	for (size_t i = 0; i < key->set.n; i++)
		pf_buf_addf(to, " %u-%u", key->set.v[i].from, key->set.v[i].to);
	if (key->name.p)
		pf_buf_addf(to, " %.*s", (int)key->name.n, key->name.p);
	if (key->text.p)
		pf_buf_addf(to, " '%.*s'", (int)key->text.n, key->text.p);
	if (key->number)
		pf_buf_addf(to, " %llu", (unsigned long long)key->number);
	if (key->date)
		pf_buf_addf(to, " @%lld", (long long)key->date);
	if (key->child) {
		for (const struct imap_key *k = key->child; k; k = k->next) {
			pf_buf_addf(to, k == key->child ? "(" : ", ");
			show_key(to, k);
		}
		pf_buf_addf(to, ")");
	}
}

/* "SEARCH " + text in a mailbox of 9 messages whose last UID is 99 */
static const char *search(const char *text)
{
	struct pf_arena arena;
	struct pf_error err;
	struct imap_search search;
	struct pf_buf to = PF_BUF_INIT(100000);

	pf_buf_addf(&to, "SEARCH %s", text);
	const struct imap_arg *args = command_args(to.data, &arena);
	pf_buf_clear(&to);
	pf_status status = PF_OK;
	if (!args)
		pf_buf_add_c(&to, "unreadable");
	else
		status = imap_search_parse(args, 9, 99, &arena, &search, &err);
	if (status != PF_OK) {
		pf_buf_addf(&to, "%s: %s",
			    status == PF_UNSUPPORTED ? "charset" : "bad",
			    err.client);
	} else if (args) {
		if (search.esearch)
			pf_buf_addf(&to, "[%u] ", search.returns);
		for (size_t i = 0; i < search.update.count; i++)
			pf_buf_addf(&to, "<%s> ",
				    search.update.items[i].label.p);
		if (search.has_modseq)
			pf_buf_add_c(&to, "modseq! ");
		show_key(&to, search.root);
	}
	snprintf(shown, sizeof shown, "%s", to.data);
	pf_buf_release(&to);
	pf_arena_release(&arena);
	return shown;
}

/* RFC 6203 7 */
static void fuzzy(void)
{
	is_str(search("FUZZY SUBJECT work FROM a"),
	       "and(fuzzy(header Subject 'work'), header From 'a')");
	is_str(search("NOT FUZZY (SUBJECT a SEEN)"),
	       "not(fuzzy(and(header Subject 'a', flag \\Seen)))");
	is_str(search("FUZZY OR TEXT a TEXT b"),
	       "fuzzy(or(text 'a', text 'b'))");
	/* once is enough */
	is_str(search("FUZZY FUZZY (NOT FUZZY TEXT a) FUZZY TEXT b"),
	       "and(fuzzy(not(text 'a')), fuzzy(text 'b'))");
	is_str(search("RETURN (RELEVANCY ALL) FUZZY TEXT a"),
	       "[260] fuzzy(text 'a')");
	is_str(search("RETURN (RELEVANCY) TEXT a"),
	       "bad: RELEVANCY needs FUZZY");
	is_str(search("FUZZY"), "bad: Search key expected at the end");
}

/* RFC 5267 5, RFC 5465 8: the items' brackets are read as in FETCH */
static void updates(void)
{
	is_str(search("RETURN (UPDATE) ALL"), "[128] all");
	is_str(search("RETURN (CONTEXT COUNT) ALL"), "[72] all");
	is_str(search("RETURN (COUNT UPDATE (UID BODY[HEADER.FIELDS (TO "
		      "FROM)]) MIN) SUBJECT BODY[x"),
	       "[137] <UID> <BODY[HEADER.FIELDS (TO FROM)]> "
	       "header Subject 'BODY[x'");
	is_str(search("RETURN (UPDATE ()) ALL"), "bad: FETCH items expected");
	is_str(search("RETURN (UPDATE (WHAT)) ALL"),
	       "bad: Unknown FETCH item WHAT");
}

static void flags(void)
{
	is_str(search("ALL"), "all");
	is_str(search("UNSEEN undeleted"),
	       "and(not(flag \\Seen), not(flag \\Deleted))");
	is_str(search("ANSWERED DELETED DRAFT FLAGGED SEEN"),
	       "and(flag \\Answered, flag \\Deleted, flag \\Draft, "
	       "flag \\Flagged, flag \\Seen)");
	is_str(search("NEW OLD RECENT"),
	       "and(and(recent, not(flag \\Seen)), not(recent), recent)");
	is_str(search("KEYWORD $x UNKEYWORD y"), "and(flag $x, not(flag y))");
	is_str(search("UNANSWERED UNDRAFT UNFLAGGED"),
	       "and(not(flag \\Answered), not(flag \\Draft), "
	       "not(flag \\Flagged))");
}

static void texts(void)
{
	is_str(search("(subject needle)"), "header Subject 'needle'");
	is_str(search("FROM a TO b CC c BCC d BODY e TEXT f"),
	       "and(header From 'a', header To 'b', header Cc 'c', "
	       "header Bcc 'd', body 'e', text 'f')");
	is_str(search("HEADER X-Y \"\""), "header X-Y ''");
	is_str(search("BODY {3+}\r\na\"b"), "body 'a\"b'");
	is_str(search("BODY \"\xc3\xa4\""), "body '\xc3\xa4'");
	is_str(search("BODY \"\xe4\""), "body '\xc3\xa4'");
	is_str(search("BODY nil"), "body 'nil'");
}

static void charsets(void)
{
	is_str(search("CHARSET UTF-8 BODY \"\xc3\xa4\""), "body '\xc3\xa4'");
	is_str(search("charset us-ascii BODY a"), "body 'a'");
	is_str(search("CHARSET ISO-8859-1 BODY \"\xe4\""), "body '\xc3\xa4'");
	is_str(search("CHARSET x-nonesuch BODY a"),
	       "charset: Unknown charset x-nonesuch");
	is_str(search("CHARSET"), "bad: Charset expected");
}

static void dates_and_sizes(void)
{
	is_str(search("SINCE 2-Jan-1970 BEFORE \"3-Jan-1970\" ON 02-jan-1970"),
	       "and(since @86400, before @172800, on @86400)");
	is_str(search("SENTSINCE 2-Jan-1970 SENTBEFORE 2-Jan-1970 "
		      "SENTON 2-Jan-1970"),
	       "and(ssince @86400, sbefore @86400, son @86400)");
	is_str(search("SAVEDSINCE 2-Jan-1970 SAVEDBEFORE 2-Jan-1970 "
		      "SAVEDON 2-Jan-1970 SAVEDATESUPPORTED"),
	       "and(vsince @86400, vbefore @86400, von @86400, all)");
	is_str(search("LARGER 5 SMALLER 6 OLDER 7 YOUNGER 8"),
	       "and(larger 5, smaller 6, older 7, younger 8)");
	is_str(search("MODSEQ 12"), "modseq! modseq 12");
	is_str(search("MODSEQ \"/flags/\\\\draft\" all 12"),
	       "modseq! modseq 12");
	is_str(search("EMAILID M1 THREADID T1"),
	       "and(emailid 'M1', threadid 'T1')");
}

static void sets(void)
{
	is_str(search("1:3,*"), "seq 1-3 9-9");
	is_str(search("UID 5:*"), "uid 5-99");
	is_str(search("$ UID $"), "and(saved, saved)");
}

static void logic(void)
{
	is_str(search("OR SEEN DRAFT"), "or(flag \\Seen, flag \\Draft)");
	is_str(search("OR OR BODY a BODY b OR BODY c BODY d SEEN"),
	       "and(or(body 'a', body 'b', body 'c', body 'd'), flag \\Seen)");
	is_str(search("NOT NOT SEEN"), "flag \\Seen");
	is_str(search("NOT OR SEEN NOT (DRAFT 1)"),
	       "not(or(flag \\Seen, not(and(flag \\Draft, seq 1-1))))");
	is_str(search("((((SEEN))))"), "flag \\Seen");
	is_str(search("OR (OR SEEN DRAFT) 1"),
	       "or(or(flag \\Seen, flag \\Draft), seq 1-1)");
}

static void returns(void)
{
	is_str(search("RETURN () SEEN"), "[4] flag \\Seen");
	is_str(search("return (min MAX Count all save) SEEN"),
	       "[31] flag \\Seen");
	is_str(search("RETURN (COUNT) CHARSET UTF-8 SEEN"), "[8] flag \\Seen");
	is_str(search("RETURN (FOO) SEEN"), "bad: Unknown RETURN option");
}

static void refused(void)
{
	is_str(search(""), "bad: Search key expected");
	is_str(search("()"), "bad: Search key expected");
	is_str(search("FOO"), "bad: Unknown search key FOO");
	is_str(search("SEE"), "bad: Unknown search key SEE");
	is_str(search("SEENX"), "bad: Unknown search key SEENX");
	is_str(search("\"SEEN\""), "bad: Search key expected");
	is_str(search("OR SEEN"), "bad: Search key expected at the end");
	is_str(search("NOT"), "bad: Search key expected at the end");
	is_str(search("BODY"), "bad: Search text expected");
	is_str(search("HEADER x"), "bad: Search text expected");
	is_str(search("HEADER"), "bad: Field name expected");
	is_str(search("HEADER \"\" x"), "bad: Field name expected");
	is_str(search("BODY (x)"), "bad: Search text expected");
	is_str(search("SINCE 31-Feb-2026"),
	       "bad: Invalid date in search (want 1-Feb-2026)");
	is_str(search("OLDER 0"), "bad: Invalid number in search");
	is_str(search("LARGER x"), "bad: Invalid number in search");
	is_str(search("KEYWORD \\Foo"), "bad: Keyword expected");
	is_str(search("UID x"), "bad: Invalid message set");
	is_str(search("MODSEQ \"x\" foo 1"),
	       "bad: Invalid entry type behind MODSEQ");
	is_str(search("RETURN SEEN"), "bad: Unknown search key RETURN");
}

static void nesting(void)
{
	struct pf_buf text = PF_BUF_INIT(60000);

	for (int i = 0; i < 5000; i++)
		pf_buf_add_c(&text, "OR SEEN ");
	pf_buf_add_c(&text, "SEEN");
	is_mem(search(text.data), 4, "or(f");
	pf_buf_clear(&text);
	for (int i = 0; i < 3000; i++)
		pf_buf_add_c(&text, "NOT OR SEEN ");
	pf_buf_add_c(&text, "SEEN");
	is_str(search(text.data), "bad: Search keys are nested too deeply");
	pf_buf_clear(&text);
	for (int i = 0; i < 900; i++)
		pf_buf_add_c(&text, "(");
	pf_buf_add_c(&text, "SEEN");
	for (int i = 0; i < 900; i++)
		pf_buf_add_c(&text, ")");
	is_str(search(text.data), "bad: Search keys are nested too deeply");
	pf_buf_release(&text);
}

int main(void)
{
	flags();
	updates();
	fuzzy();
	texts();
	charsets();
	dates_and_sizes();
	sets();
	logic();
	returns();
	refused();
	nesting();
	return tap_done();
}
