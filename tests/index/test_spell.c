/* Distances of words. */
#include "index/spell.h"

#include "tests/tap.h"

static unsigned distance(const char *written, const char *meant)
{
	struct index_spelling spelling;

	if (!index_spelling_init(&spelling, pf_str_c(written)))
		return 99;
	return index_spelling_distance(&spelling, pf_str_c(meant));
}

static void one_letter(void)
{
	is_int(distance("hello", "hello"), 0);
	is_int(distance("helo", "hello"), 1);
	is_int(distance("helllo", "hello"), 1);
	is_int(distance("hallo", "hello"), 1);
	is_int(distance("hlelo", "hello"), 1);
	is_int(distance("hello", "jello"), 1);
	is_int(distance("hello", "hell"), 1);
	is_int(distance("hello", "helloo"), 1);
	/* a character, not a byte */
	is_int(distance("gr\303\274n", "gr\303\244n"), 1);
	is_int(distance("gr\303\274n", "grun"), 1);
}

static void too_far(void)
{
	is_int(distance("hello", "hole"), 2);
	is_int(distance("hello", "world"), 2);
	is_int(distance("hello", ""), 2);
	is_int(distance("cat", "cat"), 99);
	is_int(distance("recieving", "receiving"), 1);
	is_int(distance("recievnig", "receiving"), 2);
	is_int(distance("reciewnig", "receiving"), 3);
	is_int(distance("acommodation", "accommodations"), 2);
	is_int(distance("0123456789012345678901234567890123", "0"), 99);
	is_int(distance("01234567890123456789012345678901",
			"012345678901234567890123456789012"),
	       3); /* longer than what is looked at */
}

int main(void)
{
	one_letter();
	too_far();
	return tap_done();
}
