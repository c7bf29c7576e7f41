#include "imap/imap.h"

#include "tests/tap.h"

static char shown[300];

static const char *parse(const char *text, uint32_t star)
{
	struct pf_arena arena;
	struct imap_set set;
	size_t n = 0;

	pf_arena_init(&arena, 100000);
	if (imap_set_parse(pf_str_c(text), star, &arena, &set, NULL) != PF_OK) {
		pf_arena_release(&arena);
		return "bad";
	}
	n += (size_t)snprintf(shown, sizeof shown, "%s%s", set.saved ? "$" : "",
			      set.star ? "*" : "");
	for (size_t i = 0; i < set.n; i++)
		n += (size_t)snprintf(shown + n, sizeof shown - n, " %u-%u",
				      set.v[i].from, set.v[i].to);
	pf_arena_release(&arena);
	return shown;
}

static void parsing(void)
{
	is_str(parse("1", 9), " 1-1");
	is_str(parse("1:3,7,*", 9), "* 1-3 7-7 9-9");
	is_str(parse("5:2", 9), " 2-5");
	is_str(parse("20:*", 9), "* 9-20");
	is_str(parse("*:*", 9), "* 9-9");
	is_str(parse("3,1,2", 9), " 1-3");
	is_str(parse("10:20,1:12,30,15:31", 9), " 1-31");
	is_str(parse("4294967295,1:4294967294", 9), " 1-4294967295");
	is_str(parse("1:*", 0), "* 0-1");
	is_str(parse("$", 9), "$");
}

static void refused(void)
{
	static const char *const bad[] = {
	    "",	   "0",	   "1,",  ",1",	  "1:",	 ":1",	       "1:2:3",
	    "a",   "1 2",  "-1",  "+1",	  "**",	 "4294967296", "$,1",
	    "1,$", "1..2", "1:0", "1,,2", "0x1", ","};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_str(parse(bad[i], 9), "bad");
}

static void membership(void)
{
	struct pf_arena arena;
	struct imap_set set;

	pf_arena_init(&arena, 100000);
	is_int(imap_set_parse(PF_STR("2:4,8,10:12"), 0, &arena, &set, NULL),
	       PF_OK);
	static const char want[] = "..xxx...x.xxx..";
	for (uint32_t i = 0; i < sizeof want - 1; i++)
		is_int(imap_set_has(&set, i), want[i] == 'x');
	pf_arena_release(&arena);
	ok(!imap_set_has(&(struct imap_set){0}, 1));
}

static void too_many_ranges(void)
{
	struct pf_arena arena;
	struct imap_set set;

	pf_arena_init(&arena, 20);
	is_int(imap_set_parse(PF_STR("1,3,5"), 0, &arena, &set, NULL),
	       PF_LIMIT);
	pf_arena_release(&arena);
}

static void writing(void)
{
	static const uint32_t numbers[] = {1, 2, 3, 5, 7, 8, 8, 4294967295u};
	struct pf_buf to = PF_BUF_INIT(100);

	imap_set_write(&to, numbers, 8);
	is_str(to.data, "1:3,5,7:8,4294967295");
	pf_buf_clear(&to);
	imap_set_write(&to, numbers, 0);
	is_str(to.data, "");
	pf_buf_release(&to);
}

int main(void)
{
	parsing();
	refused();
	membership();
	too_many_ranges();
	writing();
	return tap_done();
}
