#include "base/buf.h"

#include <stdlib.h>

#include "tests/tap.h"

static void starts_as_an_empty_string(void)
{
	struct pf_buf b = PF_BUF_INIT(10);

	is_str(b.data, "");
	is_int(b.len, 0);
	pf_buf_release(&b);
}

static void refuses_what_is_over_its_maximum(void)
{
	struct pf_buf b = PF_BUF_INIT(5);
	struct pf_error err;

	pf_buf_add_c(&b, "12345");
	ok(!b.failed);
	pf_buf_add_c(&b, "6");
	ok(b.failed);
	is_str(b.data, "12345");
	is_int(pf_buf_status(&b, &err), PF_LIMIT);
	pf_buf_add(&b, "", 0);
	pf_buf_clear(&b);
	is_int(pf_buf_status(&b, &err), PF_OK);
	pf_buf_release(&b);
}

static void takes_from_the_front_and_goes_on(void)
{
	struct pf_buf b = PF_BUF_INIT(1000);

	for (int round = 0; round < 500; round++) {
		pf_buf_add_c(&b, "abcdefgh");
		pf_buf_take(&b, 7);
		if (b.len > 900)
			break;
	}
	is_int(b.len, 500);
	ok(b.data[0] >= 'a' && b.data[499] == 'h');
	pf_buf_take(&b, 5000);
	is_int(b.len, 0);
	pf_buf_release(&b);
}

static void numbers_and_formats(void)
{
	struct pf_buf b = PF_BUF_INIT(2000);

	pf_buf_add_u64(&b, 0);
	pf_buf_add_byte(&b, ' ');
	pf_buf_add_u64(&b, UINT64_MAX);
	is_str(b.data, "0 18446744073709551615");
	pf_buf_clear(&b);
	pf_buf_addf(&b, "%s-%d", "x", 7);
	is_str(b.data, "x-7");
	pf_buf_clear(&b);
	pf_buf_addf(&b, "%0600d", 1);
	is_int(b.len, 600);
	is_int(b.data[599], '1');
	pf_buf_release(&b);
}

static void detach_hands_the_rest_over(void)
{
	struct pf_buf b = PF_BUF_INIT(100);

	pf_buf_add_c(&b, "hello world");
	pf_buf_take(&b, 6);
	char *p = pf_buf_detach(&b);
	is_str(p, "world");
	is_int(b.len, 0);
	free(p);
	p = pf_buf_detach(&b);
	is_str(p, "");
	free(p);
}

static void cut_and_reserve(void)
{
	struct pf_buf b = PF_BUF_INIT(8);
	char *room;

	pf_buf_add_c(&b, "abcdef");
	pf_buf_cut(&b, 3);
	is_str(b.data, "abc");
	room = pf_buf_reserve(&b, 5);
	ok(room != NULL);
	memcpy(room, "XY", 2);
	pf_buf_commit(&b, 2);
	is_str(b.data, "abcXY");
	ok(pf_buf_reserve(&b, 4) == NULL);
	pf_buf_release(&b);
}

static void quotes(void)
{
	struct pf_buf buf = PF_BUF_INIT(100);

	pf_buf_add_quoted(&buf, PF_STR("a\"b\\c"));
	is_str(buf.data, "\"a\\\"b\\\\c\"");
	pf_buf_clear(&buf);
	pf_buf_add_quoted(&buf, PF_STR(""));
	is_str(buf.data, "\"\"");
	pf_buf_release(&buf);
}

int main(void)
{
	quotes();
	starts_as_an_empty_string();
	refuses_what_is_over_its_maximum();
	takes_from_the_front_and_goes_on();
	numbers_and_formats();
	detach_hands_the_rest_over();
	cut_and_reserve();
	return tap_done();
}
