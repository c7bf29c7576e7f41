#include "ctl/query.h"

#include "tests/tap.h"

static struct pf_arena arena;
static struct imap_key *key;
static struct pf_error err;

static pf_status parse(const char *condition)
{
	pf_arena_release(&arena);
	pf_arena_init(&arena, 10000);
	return ctl_query_key(&arena, pf_str_c(condition), &key, &err);
}

static void words_look_everywhere(void)
{
	is_int(parse("q3 plan"), PF_OK);
	is_int(key->kind, IMAP_KEY_TEXT);
	is_mem(key->text.p, key->text.n, "q3 plan");
	is_int(parse("\"-quoted\""), PF_OK);
	is_mem(key->text.p, key->text.n, "-quoted");
}

static void fields_and_bodies(void)
{
	is_int(parse("SUBJECT:\"q3 plan\""), PF_OK);
	is_int(key->kind, IMAP_KEY_HEADER);
	is_mem(key->name.p, key->name.n, "subject");
	is_mem(key->text.p, key->text.n, "q3 plan");
	is_int(parse("header:list-id:nanog"), PF_OK);
	is_mem(key->name.p, key->name.n, "list-id");
	is_mem(key->text.p, key->text.n, "nanog");
	is_int(parse("header:x"), PF_INVALID);
	is_int(parse("body:x"), PF_OK);
	is_int(key->kind, IMAP_KEY_BODY);
}

static void a_minus_excludes(void)
{
	is_int(parse("-from:ann"), PF_OK);
	is_int(key->kind, IMAP_KEY_NOT);
	is_int(key->child->kind, IMAP_KEY_HEADER);
	is_int(parse("is:unseen"), PF_OK);
	is_int(key->kind, IMAP_KEY_NOT);
	is_mem(key->child->name.p, key->child->name.n, "\\Seen");
	is_int(parse("-is:unseen"), PF_OK);
	is_int(key->kind, IMAP_KEY_FLAG);
	is_int(parse("is:purple"), PF_INVALID);
}

static void days_and_sizes(void)
{
	is_int(parse("since:2024-02-29"), PF_OK);
	is_int(key->kind, IMAP_KEY_SINCE);
	is_int(key->date, 1709164800);
	is_int(parse("before:2023-02-29"), PF_INVALID);
	is_int(parse("before:2023-13-01"), PF_INVALID);
	is_int(parse("before:yesterday"), PF_INVALID);
	is_int(parse("larger:10k"), PF_OK);
	is_int(key->number, 10240);
	is_int(parse("smaller:2G"), PF_OK);
	ok(key->number == (uint64_t)2 << 30);
	is_int(parse("smaller:-1"), PF_INVALID);
}

int main(void)
{
	words_look_everywhere();
	fields_and_bodies();
	a_minus_excludes();
	days_and_sizes();
	pf_arena_release(&arena);
	return tap_done();
}
