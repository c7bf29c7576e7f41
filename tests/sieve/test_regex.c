/* sieve/regex.c beside the C library's regcomp: random small patterns must
 * match the same; and hostile ones must cost no more than they should. */
#include <regex.h>
#include <stdlib.h>

#include "sieve/regex.h"
#include "tests/tap.h"

static uint64_t state;

static unsigned chance(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

struct text {
	char s[200];
	size_t n;
};

static void put(struct text *t, const char *s)
{
	while (*s && t->n + 1 < sizeof t->s)
		t->s[t->n++] = *s++;
	t->s[t->n] = '\0';
}

static void make_pattern(struct text *t, int depth)
{
	static const char *const atoms[] = {"a", "b",	 "c",	 ".",
					    "a", "[ab]", "[^a]", "[b-c]"};
	static const char *const again[] = {"*",   "+",	    "?",
					    "{2}", "{0,2}", "{1,}"};
	unsigned branches = 1 + (chance(3) == 0);

	for (unsigned i = 0; i < branches; i++) {
		unsigned n = 1 + chance(3);

		if (i > 0)
			put(t, "|");
		for (unsigned k = 0; k < n; k++) {
			if (depth > 0 && chance(3) == 0) {
				put(t, "(");
				make_pattern(t, depth - 1);
				put(t, ")");
			} else {
				put(t, atoms[chance(8)]);
			}
			if (chance(3) == 0)
				put(t, again[chance(6)]);
		}
	}
}

static bool unlimited(void *arg, uint64_t steps)
{
	*(uint64_t *)arg += steps;
	return true;
}

static void compare(const char *pattern, const char *text)
{
	const char *problem;
	struct pf_arena arena;
	struct pf_str group = {0};
	uint64_t work = 0;
	regmatch_t whole = {0};
	regex_t theirs;

	if (regcomp(&theirs, pattern, REG_EXTENDED) != 0)
		return;
	pf_arena_init(&arena, SIZE_MAX);
	bool want = regexec(&theirs, text, 1, &whole, 0) == 0;
	const struct sieve_regex *ours = sieve_regex_compile(
	    &arena, pf_str_c(pattern), SIEVE_REGEX_EXACT, &problem);
	bool got = ours && sieve_regex_match(ours, pf_str_c(text), &group, 1,
					     unlimited, &work);
	bool same = got == want &&
		    (!want || (group.p == text + whole.rm_so &&
			       group.n == (size_t)(whole.rm_eo - whole.rm_so)));
	tap_check(same, "/%s/ on \"%s\": %d %.*s, not %d %.*s", pattern, text,
		  got, (int)group.n, group.p ? group.p : "", want,
		  want ? (int)(whole.rm_eo - whole.rm_so) : 0,
		  text + whole.rm_so);
	regfree(&theirs);
	pf_arena_release(&arena);
}

static void matches_as_regexec_does(void)
{
	const char *count = getenv("SIEVE_REGEX_COUNT");
	int n = count ? atoi(count) : 3000;

	state = 1;
	for (int i = 0; i < n; i++) {
		struct text pattern = {.n = 0}, text = {.n = 0};

		if (chance(6) == 0)
			put(&pattern, "^");
		make_pattern(&pattern, 2);
		if (chance(6) == 0)
			put(&pattern, "$");
		for (unsigned k = chance(10); k > 0; k--)
			put(&text, (const char *[]){"a", "b", "c"}[chance(3)]);
		compare(pattern.s, text.s);
	}
}

static bool up_to(void *arg, uint64_t steps)
{
	uint64_t *left = arg;

	if (steps > *left)
		return false;
	*left -= steps;
	return true;
}

static void takes_linear_time(void)
{
	static const char *const patterns[] = {
	    "(a*)*b",	   "(a|a)*b",	"(a|aa)+$x",
	    "(x+x+)+y",	   "(.*a){20}", "a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaab",
	    "(((a+)+)+)+b"};
	static char text[20000];
	struct pf_arena arena;
	const char *problem;

	memset(text, 'a', sizeof text - 1);
	pf_arena_init(&arena, SIZE_MAX);
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		uint64_t left = 200 * sizeof text;
		const struct sieve_regex *regex = sieve_regex_compile(
		    &arena, pf_str_c(patterns[i]), SIEVE_REGEX_ASCII, &problem);
		struct pf_str groups[3];

		ok(regex != NULL);
		sieve_regex_match(regex, pf_str_c(text), groups, 3, up_to,
				  &left);
		tap_check(left > 0, "%s", patterns[i]);
	}
	pf_arena_release(&arena);
}

static void stops_when_told(void)
{
	struct pf_arena arena;
	const char *problem;
	uint64_t left = 100;

	pf_arena_init(&arena, SIZE_MAX);
	const struct sieve_regex *regex = sieve_regex_compile(
	    &arena, PF_STR("a*b"), SIEVE_REGEX_EXACT, &problem);
	ok(!sieve_regex_match(regex,
			      PF_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"),
			      NULL, 0, up_to, &left));
	pf_arena_release(&arena);
}

int main(void)
{
	matches_as_regexec_does();
	takes_linear_time();
	stops_when_told();
	return tap_done();
}
