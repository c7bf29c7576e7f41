#include "ctl/query.h"

#include "tests/tap.h"

#define NOW 1709294400 /* 2024-03-01 12:00 */

static struct pf_arena arena;
static struct ctl_query query;
static struct pf_error err;
static struct pf_buf written;

/* What a query means, as IMAP would say it in a Lisp. */
static void write_key(const struct imap_key *key)
{
	static const char *const names[] = {
	    [IMAP_KEY_AND] = "and",	   [IMAP_KEY_OR] = "or",
	    [IMAP_KEY_NOT] = "not",	   [IMAP_KEY_FLAG] = "flag",
	    [IMAP_KEY_HEADER] = "header",  [IMAP_KEY_BODY] = "body",
	    [IMAP_KEY_TEXT] = "text",	   [IMAP_KEY_ATTACHMENT] = "attached",
	    [IMAP_KEY_HAS] = "has",	   [IMAP_KEY_BEFORE] = "before",
	    [IMAP_KEY_SINCE] = "since",	   [IMAP_KEY_LARGER] = "larger",
	    [IMAP_KEY_SMALLER] = "smaller"};

	pf_buf_addf(&written, "(%s", names[key->kind]);
	if (key->name.n)
		pf_buf_addf(&written, " %.*s", (int)key->name.n, key->name.p);
	if (key->text.n)
		pf_buf_addf(&written, " '%.*s'", (int)key->text.n, key->text.p);
	if (key->number)
		pf_buf_addf(&written, " %llu", (unsigned long long)key->number);
	if (key->date)
		pf_buf_addf(&written, " %lld", (long long)key->date / 86400);
	for (key = key->child; key; key = key->next) {
		pf_buf_add_byte(&written, ' ');
		write_key(key); /* tests nest little */
	}
	pf_buf_add_byte(&written, ')');
}

static pf_status parse(const char *text)
{
	ctl_query_release(&query);
	pf_arena_release(&arena);
	pf_arena_init(&arena, 1000000);
	return ctl_query_parse(&query, &arena, pf_str_c(text), NOW, &err);
}

static void means(const char *text, const char *want)
{
	is_int(parse(text), PF_OK);
	pf_buf_clear(&written);
	write_key(&query.root);
	is_mem(written.data, written.len, want);
}

static void wrong_at(const char *text, size_t column)
{
	is_int(parse(text), PF_INVALID);
	is_int(query.column, column);
}

#define WORD(w) "(or (text '" w "') (attached '" w "'))"

static void words_look_everywhere(void)
{
	means("plan", "(and " WORD("plan") ")");
	means(" two\twords ", "(and " WORD("two") " " WORD("words") ")");
	means("\"two words\"", "(and " WORD("two words") ")");
	means("\"a \\\"b\\\\\"", "(and " WORD("a \"b\\") ")");
	means("12:30 x-y", "(and " WORD("12:30") " " WORD("x-y") ")");
	means("oracle ORacle", "(and " WORD("oracle") " " WORD("ORacle") ")");
}

static void fields_and_bodies(void)
{
	means("SUBJECT:\"q3 plan\" from:ann",
	      "(and (header Subject 'q3 plan') (header From 'ann'))");
	means("header:list-id:nanog header:X:\"\"",
	      "(and (header list-id 'nanog') (header X))");
	means("body:x attachment:y has:PDF",
	      "(and (body 'x') (attached 'y') (has 'PDF'))");
	wrong_at("a nosuch:x", 3);
	wrong_at("header:x", 8);
	wrong_at("subject:", 9);
	wrong_at("has:\"a b\"", 5);
	wrong_at("has:", 5);
}

static void together_either_and_not(void)
{
	means("body:a OR body:b body:c",
	      "(and (or (body 'a') (body 'b')) (body 'c'))");
	means("body:a (body:b body:c) OR -body:d",
	      "(and (body 'a') (or (and (body 'b') (body 'c')) "
	      "(not (body 'd'))))");
	means("-(body:a OR body:b)",
	      "(and (not (and (or (body 'a') (body 'b')))))");
	wrong_at("OR a", 1);
	wrong_at("a OR OR b", 6);
	wrong_at("a OR", 5);
	wrong_at("(a OR )", 7);
	wrong_at("a )", 3);
	wrong_at("\xc3\xbc\xc3\xbc (a", 4);
	wrong_at("()", 2);
	wrong_at("", 1);
	wrong_at("-", 2);
	wrong_at("a \"b", 3);
	wrong_at("\"a\"b", 4);
	wrong_at("a\"b\"", 2);
	wrong_at("\xff", 1);
}

static void states(void)
{
	means("is:unread", "(and (not (flag \\Seen)))");
	means("-is:Unseen is:flagged keyword:todo",
	      "(and (not (not (flag \\Seen))) (flag \\Flagged) (flag todo))");
	wrong_at("is:purple", 4);
}

static void places(void)
{
	is_int(parse("in:sent"), PF_OK);
	ctl_query_place(&query, PF_STR("Sent"), '.');
	is_int(query.root.child->kind, IMAP_KEY_AND);
	ctl_query_place(&query, PF_STR("Sentry"), '.');
	is_int(query.root.child->kind, IMAP_KEY_OR);
	ctl_query_place(&query, PF_STR("Sent.2024"), '.');
	is_int(query.root.child->kind, IMAP_KEY_AND);
	wrong_at("in:", 4);
}

/* 2024-01-01 is day 19723 */
static void days(void)
{
	means("before:2024", "(and (before 19723))");
	means("after:2024-01-31 since:2024-02",
	      "(and (since 19753) (since 19754))");
	means("date:2024-01..2024-02-29",
	      "(and (and (since 19723) (before 19783)))");
	means("date:2023", "(and (and (since 19358) (before 19723)))");
	means("date:..2023", "(and (and (before 19723)))");
	means("date:7d..", "(and (and (since 19776)))");
	means("date:today", "(and (and (since 19783) (before 19784)))");
	means("after:1m before:yesterday",
	      "(and (since 19754) (before 19782))");
	wrong_at("before:2023-02-29", 8);
	wrong_at("before:2023-13-01", 8);
	wrong_at("before:tomorrow", 8);
	wrong_at("date:..", 6);
	wrong_at("date:2023...2024", 6);
	wrong_at("before:0000", 8);
}

static void sizes(void)
{
	means("larger:10k smaller:2G",
	      "(and (larger 10240) (smaller 2147483648))");
	wrong_at("smaller:-1", 9);
	wrong_at("smaller:k", 9);
}

static void depth_is_bounded(void)
{
	char text[2 * CTL_QUERY_DEPTH + 4];
	size_t n = CTL_QUERY_DEPTH;

	memset(text, '(', n);
	text[n] = 'a';
	memset(text + n + 1, ')', n);
	text[2 * n + 1] = '\0';
	is_int(parse(text), PF_OK);
	memset(text, '(', n + 1);
	wrong_at(text, n + 1);
}

int main(void)
{
	pf_buf_init(&written, 100000);
	words_look_everywhere();
	fields_and_bodies();
	together_either_and_not();
	states();
	places();
	days();
	sizes();
	depth_is_bounded();
	ctl_query_release(&query);
	pf_arena_release(&arena);
	pf_buf_release(&written);
	return tap_done();
}
