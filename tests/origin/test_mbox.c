/* mbox: where messages begin and end, quoting, flags; there and back. */
#include <stdio.h>
#include <stdlib.h>

#include "origin/origin.h"
#include "tests/tap.h"

#define FROM "From ann@example.org Thu Feb  4 10:20:01 2021\n"

static struct pf_buf body = PF_BUF_INIT(1 << 20);

static bool next(const char *text, size_t *at, struct origin_message *m)
{
	return origin_mbox_next(pf_str_c(text), at, m, &body);
}

static void dates_of_from_lines(void)
{
	static const struct {
		const char *line;
		int64_t date;
	} cases[] = {
	    {FROM, 1612434001},
	    {"From - Thu Feb 04 10:20:01 2021\r\n", 1612434001},
	    {"From x Thu Feb  4 10:20 2021\n", 1612434000},
	    {"From x Thu Feb  4 10:20:01 CET 2021\n", 1612434001},
	    {"From x Thu Feb  4 10:20:01 2021 +0100\n", 1612434001},
	    {"From here on Feb is cold\n", 0},
	    {"From x Thu Feb 44 10:20:01 2021\n", 0},
	    {"From x Thu Feb  4 10:77:01 2021\n", 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t date = 0;
		bool is = origin_mbox_date(pf_str_c(cases[i].line), &date);
		is_int(is, cases[i].date != 0);
		is_int(date, cases[i].date);
	}
}

static void two_messages(void)
{
	const char *text =
	    FROM "Subject: a\nStatus: RO\nX-Status: AF\n"
		 "X-Keywords: one  two\n\nline\n"
		 ">From me\n>>From you\n>From: is none\n\n\n" FROM
		 "Subject: b\n\nFrom nobody in particular\n"
		 "last";
	struct origin_message m;
	size_t at = 0;

	ok(next(text, &at, &m));
	is_str(body.data, "Subject: a\n\nline\nFrom me\n>From you\n"
			  ">From: is none\n\n");
	is_int(m.flags, STORE_SEEN | STORE_ANSWERED | STORE_FLAGGED);
	ok(pf_str_eq(m.keywords, PF_STR("one  two")));
	is_int(m.date, 1612434001);
	ok(next(text, &at, &m));
	is_str(body.data, "Subject: b\n\nFrom nobody in particular\nlast");
	is_int(m.flags, 0);
	ok(!next(text, &at, &m));
	is_int(at, strlen(text));
}

static void a_from_line_needs_an_empty_one_before(void)
{
	struct origin_message m;
	size_t at = 0;

	ok(next(FROM "A: b\n\ntext\n" FROM "more\n", &at, &m));
	is_str(body.data, "A: b\n\ntext\n" FROM "more\n");
}

static void content_length_is_believed_when_it_is_right(void)
{
	const char *text =
	    FROM "A: b\nContent-Length: 55\n\nnot quoted:\n\n" FROM
		 ">From\n\n" FROM "C: d\nContent-Length: 999\n\n"
		 "wrong\n";
	struct origin_message m;
	size_t at = 0;

	is_int(strlen("not quoted:\n\n" FROM ">From"), 64);
	ok(next(FROM "A: b\nContent-Length: 65\n\nnot quoted:\n\n" FROM
		     ">From\n\n" FROM "C: d\n\n",
		&at, &m));
	is_str(body.data, "A: b\n\nnot quoted:\n\n" FROM ">From\n");
	/* wrong: the field is the message's own, quoting decides */
	at = 0;
	ok(next(text, &at, &m));
	is_str(body.data, "A: b\nContent-Length: 55\n\nnot quoted:\n");
}

static void what_is_no_mbox(void)
{
	struct origin_message m;
	size_t at = 0;

	ok(!next("Subject: x\n\n", &at, &m));
	is_int(at, 0);
	ok(!next("", &at, &m));
	ok(!next("\n\n", &at, &m));
	ok(next(FROM, &at, &m));
	is_str(body.data, "");
}

static void there_and_back(void)
{
	static const char *const texts[] = {
	    "Subject: a\n\nFrom me\n>From you\n\n\nend\n",
	    "Subject: b\n\n" FROM "\n" FROM,
	    "no header at all\n",
	    "A: b\n\n",
	    "A: b\r\n\r\nFrom crlf\r\n\r\n",
	};
	struct pf_buf file = PF_BUF_INIT(1 << 20);
	struct origin_message m = {.flags = STORE_SEEN | STORE_DRAFT,
				   .keywords = PF_STR("k1 k2"),
				   .date = 1612434001};
	size_t at = 0;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		origin_mbox_write(&m, pf_str_c(texts[i]), &file);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct origin_message got;
		ok(origin_mbox_next(pf_buf_str(&file), &at, &got, &body));
		is_str(body.data, texts[i]);
		is_int(got.flags, m.flags);
		is_int(got.date, m.date);
		ok(pf_str_eq(got.keywords, m.keywords));
	}
	is_int(at < file.len, false);
	pf_buf_release(&file);
}

int main(void)
{
	dates_of_from_lines();
	two_messages();
	a_from_line_needs_an_empty_one_before();
	content_length_is_believed_when_it_is_right();
	what_is_no_mbox();
	there_and_back();
	pf_buf_release(&body);
	return tap_done();
}
