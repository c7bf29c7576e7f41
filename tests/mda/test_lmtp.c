/* LMTP transcripts, whole and byte by byte. */
#include "mda/lmtp.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "tests/tap.h"

/* A server without a store: knows every user but "nobody", is out of order
 * for "broken", and writes down what it would deliver. */
struct world {
	struct mda_lmtp *lmtp;
	struct pf_buf out, got; /* replies; the messages between [ and ] */
	struct pf_buf facts;	/* envelopes */
	bool quit;
};

static const struct mda_lmtp_conf plain = {
    .hostname = "mx", .size_max = 1000, .rcpts_max = 3, .trusted = true};

static void answer_rcpt(struct world *w)
{
	const struct mda_lmtp_rcpts *rcpts = &mda_lmtp_mail(w->lmtp)->rcpts;
	const struct mda_lmtp_rcpt *rcpt = &rcpts->v[rcpts->n - 1];

	pf_buf_addf(&w->facts, "rcpt=%.*s mailbox=%.*s orcpt=%.*s notify=%u\n",
		    (int)rcpt->address.n, rcpt->address.p, (int)rcpt->mailbox.n,
		    rcpt->mailbox.p, (int)rcpt->orcpt.n, rcpt->orcpt.p,
		    rcpt->notify);
	if (pf_str_starts(rcpt->mailbox, PF_STR("nobody")))
		mda_lmtp_rcpt_reply(w->lmtp, "550 5.1.1 no");
	else if (pf_str_starts(rcpt->mailbox, PF_STR("broken")))
		mda_lmtp_rcpt_reply(w->lmtp, "451 4.3.0 later");
	else
		mda_lmtp_rcpt_reply(w->lmtp, "250 2.1.5 yes");
}

static void answer_end(struct world *w)
{
	const struct mda_lmtp_mail *mail = mda_lmtp_mail(w->lmtp);
	const char *replies[10];
	size_t n = mail->rcpts.n;

	pf_buf_addf(&w->facts,
		    "from=%.*s size=%llu utf8=%d 8bit=%d ident=%.*s "
		    "addr=%.*s\n",
		    (int)mail->from.n, mail->from.p,
		    (unsigned long long)mail->size, mail->utf8, mail->eightbit,
		    (int)mail->forward.ident.n, mail->forward.ident.p,
		    (int)mail->forward.addr.n, mail->forward.addr.p);
	for (size_t i = 0; i < n; i++)
		replies[i] = mda_lmtp_too_big(w->lmtp) ? "552 5.3.4 big"
			     : i == 0		       ? "250 2.0.0 first"
						       : "250 2.0.0 next";
	pf_buf_add_byte(&w->got, ']');
	mda_lmtp_end_reply(w->lmtp, replies, n);
}

/* Feeds bytes; returns how many were used. */
static size_t feed(struct world *w, const char *p, size_t n)
{
	size_t all = 0;
	enum mda_lmtp_event event;

	do {
		struct pf_str data = {NULL, 0};
		size_t used = 0;

		event = mda_lmtp_input(w->lmtp, p + all, n - all, &used, &data);
		all += used;
		if (event == LMTP_RCPT)
			answer_rcpt(w);
		if (event == LMTP_DATA)
			pf_buf_add_str(&w->got, data);
		if (event == LMTP_END)
			answer_end(w);
		if (event == LMTP_RESET)
			pf_buf_add_c(&w->facts, "reset\n");
		w->quit = event == LMTP_QUIT;
	} while (event != LMTP_MORE && event != LMTP_QUIT);
	pf_buf_add_str(&w->out, pf_buf_str(mda_lmtp_out(w->lmtp)));
	pf_buf_clear(mda_lmtp_out(w->lmtp));
	return all;
}

static struct world run(const struct mda_lmtp_conf *conf, const char *p,
			size_t n, size_t step)
{
	struct world w = {.lmtp = mda_lmtp_new(conf)};
	size_t used = 0, shown = 0;

	pf_buf_init(&w.out, 1 << 20);
	pf_buf_init(&w.got, 1 << 20);
	pf_buf_init(&w.facts, 1 << 20);
	while (shown < n && !w.quit) {
		shown = shown + step < n ? shown + step : n;
		used += feed(&w, p + used, shown - used);
	}
	return w;
}

static void end(struct world *w)
{
	mda_lmtp_free(&w->lmtp);
	pf_buf_release(&w->out);
	pf_buf_release(&w->got);
	pf_buf_release(&w->facts);
}

/* The same answers whether it comes at once or byte by byte. */
static struct world transcript(const struct mda_lmtp_conf *conf, const char *in)
{
	struct world slow = run(conf, in, strlen(in), 1);
	struct world fast = run(conf, in, strlen(in), SIZE_MAX / 2);

	if (!pf_str_eq(pf_buf_str(&slow.out), pf_buf_str(&fast.out)) ||
	    !pf_str_eq(pf_buf_str(&slow.got), pf_buf_str(&fast.got)) ||
	    !pf_str_eq(pf_buf_str(&slow.facts), pf_buf_str(&fast.facts))) {
		pf_buf_clear(&fast.out);
		pf_buf_add_c(&fast.out, "differs when it comes slowly");
	}
	end(&slow);
	return fast;
}

/* The replies behind greeting and LHLO. */
static const char *replies(const struct world *w)
{
	const char *size = strstr(w->out.data, "250 SIZE 1000\r\n");

	return size ? size + 15 : w->out.data;
}

#define LHLO "LHLO c\r\n"

static void what_postfix_sends(void)
{
	struct world w = transcript(
	    &plain,
	    "LHLO mx.penfold.test\r\n"
	    "XFORWARD NAME=localhost ADDR=IPV6:::1 PORT=39320\r\n"
	    "XFORWARD PROTO=ESMTP HELO=cl IDENT=889FE54E259 SOURCE=LOCAL\r\n"
	    "MAIL FROM:<a@b.test> SIZE=241 BODY=8BITMIME\r\n"
	    "RCPT TO:<u+ml-x@ex.test> ORCPT=rfc822;u+2Bml-x@ex.test\r\n"
	    "RCPT TO:<nobody@ex.test> ORCPT=rfc822;nobody@ex.test\r\n"
	    "RCPT TO:<v@ex.test> NOTIFY=SUCCESS,FAILURE\r\n"
	    "DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n");

	is_str(w.out.data, "220 mx LMTP penfold\r\n"
			   "250-mx\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
			   "250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n"
			   "250-DSN\r\n250-DELIVERBY\r\n250-XFORWARD NAME ADDR "
			   "PORT PROTO HELO "
			   "IDENT SOURCE\r\n250 SIZE 1000\r\n"
			   "250 2.0.0 OK\r\n250 2.0.0 OK\r\n250 2.1.0 OK\r\n"
			   "250 2.1.5 yes\r\n550 5.1.1 no\r\n250 2.1.5 yes\r\n"
			   "354 Go ahead, end with a dot on a line of its "
			   "own\r\n250 2.0.0 first\r\n250 2.0.0 next\r\n"
			   "221 2.0.0 Bye\r\n");
	is_str(w.got.data, "Subject: x\r\n\r\nbody\r\n]");
	is_str(w.facts.data,
	       "rcpt=u+ml-x@ex.test mailbox=u+ml-x@ex.test "
	       "orcpt=rfc822;u+ml-x@ex.test notify=0\n"
	       "rcpt=nobody@ex.test mailbox=nobody@ex.test "
	       "orcpt=rfc822;nobody@ex.test notify=0\n"
	       "rcpt=v@ex.test mailbox=v@ex.test orcpt= notify=6\n"
	       "from=a@b.test size=20 utf8=0 8bit=1 ident=889FE54E259 "
	       "addr=::1\n");
	ok(w.quit);
	end(&w);
}

static void address_probe(void)
{
	struct world w =
	    transcript(&plain, LHLO "MAIL FROM:<double-bounce@x>\r\n"
				    "RCPT TO:<nobody@x>\r\nRSET\r\nQUIT\r\n");

	is_str(replies(&w), "250 2.1.0 OK\r\n550 5.1.1 no\r\n250 2.0.0 OK\r\n"
			    "221 2.0.0 Bye\r\n");
	ok(strstr(w.facts.data, "reset\n") != NULL);
	end(&w);
}

/* RFC 5321 4.1.1.4: every other spelling of the end is data. */
static void only_crlf_dot_crlf_ends_data(void)
{
	static const char *const inside[][2] = {
	    {"a\n.\nb\r\n", "a\n.\nb\r\n"},
	    {"a\n.\r\nb\r\n", "a\n.\r\nb\r\n"},
	    {"a\r.\rb\r\n", "a\r.\rb\r\n"},
	    {"a\r\n.\nb\r\n", "a\r\n\nb\r\n"},
	    {"a\r\n.\rb\r\n", "a\r\n\rb\r\n"},
	    {"a\r\n.\r\r\nb\r\n", "a\r\n\r\r\nb\r\n"},
	    {"a\r.\r\nb\r\n", "a\r.\r\nb\r\n"},
	    {"a\r\r\n..\r\nb\r\n", "a\r\r\n.\r\nb\r\n"},
	    {"..a\r\n...\r\n", ".a\r\n..\r\n"},
	    {".a\r\n", "a\r\n"},
	    {"", ""},
	    {"\r\n", "\r\n"},
	};

	for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
		char in[300], want[300];
		struct world w;

		snprintf(in, sizeof in,
			 LHLO "MAIL FROM:<>\r\nRCPT TO:<u@x>\r\nDATA\r\n"
			      "%s.\r\nNOOP\r\n",
			 inside[i][0]);
		snprintf(want, sizeof want, "%s]", inside[i][1]);
		w = transcript(&plain, in);
		is_str(w.got.data, want);
		ok(strstr(replies(&w), "250 2.0.0 first\r\n250 2.0.0 OK\r\n"));
		end(&w);
	}
}

static void paths(void)
{
	static const char *const cases[][2] = {
	    {"<u@x>", "250"},
	    {"<\"\">", "250"}, /* mda_rcpt_find says 550: an empty mailbox */
	    {"<\"\"@x>", "250"},
	    {"<postmaster>", "250"},
	    {"<\"john doe\"@x>", "250"},
	    {"<\"a\\\"b\"@x>", "250"},
	    {"<\"a>b\"@x>", "250"},
	    {"<@r1,@r2:u@x>", "250"},
	    {"<a..b.@x_y>", "250"},
	    {"<u@[192.0.2.1]>", "250"},
	    {"<u@[IPv6:::1]>", "250"},
	    {" <u@x>", "250"},
	    {"<>", "501"},
	    {"<@x>", "501"},
	    {"<@r:>", "501"},
	    {"<u@>", "501"},
	    {"<u@x", "501"},
	    {"u@x", "501"},
	    {"<u@x>y", "501"},
	    {"<u v@x>", "501"},
	    {"<u@x y>", "501"},
	    {"<u<v@x>", "501"},
	    {"<\"u@x>", "501"},
	    {"<u@x@y>", "501"},
	    {"<\xc3\xa4@x>", "553"},
	    {"<\xff@x>", "501"},
	    {"<u@x> FOO=1", "555"},
	    {"<u@x> NOTIFY=NEVER,DELAY", "501"},
	    {"<u@x> ORCPT=rfc822;a+2", "501"},
	    {"<u@x> ORCPT=rfc822;a+0Ab", "501"},
	    {"", "501"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char in[300];
		struct world w;

		snprintf(in, sizeof in, LHLO "MAIL FROM:<>\r\nRCPT TO:%s\r\n",
			 cases[i][0]);
		w = transcript(&plain, in);
		if (!ok(strlen(replies(&w)) > 16 &&
			strncmp(replies(&w) + 14, cases[i][1], 3) == 0))
			printf("# %s: %s\n", cases[i][0], replies(&w) + 14);
		end(&w);
	}
}

/* RFC 2852 4, RFC 3461 4 */
static void reports_and_deadlines(void)
{
	static const struct {
		const char *param, *reply;
		int by;
		bool by_return, by_trace;
	} cases[] = {
	    {"BY=120;N", "250", 120, false, false},
	    {"BY=+120;Rt", "250", 120, true, true},
	    {"by=-120;nT", "250", -120, false, true},
	    {"BY=0;N", "250", 0, false, false},
	    {"BY=999999999;R", "250", 999999999, true, false},
	    {"BY=0;R", "501", 0, false, false},
	    {"BY=-1;R", "501", 0, false, false},
	    {"BY=1000000000;N", "501", 0, false, false},
	    {"BY=120", "501", 0, false, false},
	    {"BY=120;", "501", 0, false, false},
	    {"BY=120;X", "501", 0, false, false},
	    {"BY=120;NX", "501", 0, false, false},
	    {"BY=120;NTT", "501", 0, false, false},
	    {"BY=;N", "501", 0, false, false},
	    {"BY=+-1;N", "501", 0, false, false},
	    {"BY", "501", 0, false, false},
	    {"BY=", "501", 0, false, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mda_lmtp *lmtp = mda_lmtp_new(&plain);
		struct pf_str data;
		const struct mda_lmtp_mail *mail = mda_lmtp_mail(lmtp);
		char in[300];
		size_t used;

		snprintf(in, sizeof in,
			 LHLO "MAIL FROM:<a@x> %s RET=HDRS ENVID=Q+2B1\r\n",
			 cases[i].param);
		(void)mda_lmtp_input(lmtp, in, strlen(in), &used, &data);
		const char *last = strstr(mda_lmtp_out(lmtp)->data, "SIZE");
		ok(last && strstr(last, cases[i].reply));
		is_int(mail->has_by, cases[i].reply[0] == '2');
		is_int(mail->by, cases[i].by);
		is_int(mail->by_return, cases[i].by_return);
		is_int(mail->by_trace, cases[i].by_trace);
		if (mail->has_by) {
			is_mem(mail->ret.p, mail->ret.n, "HDRS");
			is_mem(mail->envid.p, mail->envid.n, "Q+1");
		}
		mda_lmtp_free(&lmtp);
	}
}

static void quotes_are_removed_for_the_look_up(void)
{
	struct world w =
	    transcript(&plain, LHLO "MAIL FROM:<>\r\n"
				    "RCPT TO:<@a,@b:\"j\\\" d\"@x>\r\n");

	is_str(w.facts.data,
	       "rcpt=\"j\\\" d\"@x mailbox=j\" d@x orcpt= notify=0\n");
	end(&w);
}

static void utf8_addresses_need_smtputf8(void)
{
	struct world w =
	    transcript(&plain, LHLO "MAIL FROM:<\xc3\xa4@x>\r\n"
				    "MAIL FROM:<\xc3\xa4@x> SMTPUTF8\r\n"
				    "RCPT TO:<\xc3\xb6@x>\r\nDATA\r\n.\r\n");

	is_str(replies(&w),
	       "550 5.6.7 Address needs SMTPUTF8\r\n250 2.1.0 OK\r\n"
	       "250 2.1.5 yes\r\n354 Go ahead, end with a dot on a line of its "
	       "own\r\n250 2.0.0 first\r\n");
	ok(strstr(w.facts.data, "utf8=1") != NULL);
	end(&w);
}

static void order_of_commands(void)
{
	struct world w = transcript(
	    &plain, "MAIL FROM:<>\r\nHELO x\r\nEHLO x\r\nLHLO\r\n" LHLO
		    "RCPT TO:<u@x>\r\nDATA\r\nMAIL FROM:<a@b>\r\n"
		    "MAIL FROM:<a@b>\r\nDATA\r\nRCPT TO:<nobody@x>\r\n"
		    "RCPT TO:<broken@x>\r\nDATA\r\nXFORWARD NAME=x\r\n"
		    "LHLO again\r\n");
	const char *at = strstr(w.out.data, "\r\n") + 2;

	ok(strncmp(at,
		   "503 5.5.1 Say LHLO first\r\n"
		   "500 5.5.1 This is LMTP: say LHLO\r\n"
		   "500 5.5.1 This is LMTP: say LHLO\r\n"
		   "501 5.5.4 LHLO needs a name\r\n250-mx\r\n",
		   120) == 0);
	ok(strstr(replies(&w),
		  "503 5.5.1 Say MAIL first\r\n"
		  "503 5.5.1 Say MAIL and RCPT first\r\n250 2.1.0 OK\r\n"
		  "503 5.5.1 One MAIL at a time\r\n"
		  "503 5.5.1 No valid recipients\r\n550 5.1.1 no\r\n"
		  "451 4.3.0 later\r\n503 5.5.1 No valid recipients\r\n"
		  "503 5.5.1 XFORWARD comes before MAIL\r\n250-mx\r\n"));
	ok(strstr(w.facts.data, "reset\n") != NULL);
	end(&w);
}

static void small_commands(void)
{
	struct world w = transcript(
	    &plain, LHLO "NOOP\r\nnoop x\r\nVRFY u\r\nHELP\r\nEXPN u\r\n"
			 "NOOPX\r\n\r\nRSET\nDA\rTA\r\n");

	is_str(replies(&w),
	       "250 2.0.0 OK\r\n250 2.0.0 OK\r\n252 2.5.0 Try RCPT\r\n"
	       "214 2.0.0 LMTP, RFC 2033\r\n500 5.5.1 Unknown command\r\n"
	       "500 5.5.1 Unknown command\r\n500 5.5.1 Unknown command\r\n"
	       "250 2.0.0 OK\r\n501 5.5.2 Bad character in a command\r\n");
	end(&w);
}

static void sizes(void)
{
	struct world w;
	char in[2000] = LHLO "MAIL FROM:<> SIZE=1001\r\n"
			     "MAIL FROM:<> SIZE=x\r\n"
			     "MAIL FROM:<> SIZE=1000\r\nRCPT TO:<u@x>\r\n"
			     "RCPT TO:<v@x>\r\nDATA\r\n";
	size_t n = strlen(in);

	memset(in + n, 'a', 1100);
	memcpy(in + n + 1100, "\r\n.\r\nNOOP\r\n", 12);
	w = transcript(&plain, in);
	is_str(replies(&w),
	       "552 5.3.4 Message is too big\r\n"
	       "501 5.5.4 Bad parameter value\r\n250 2.1.0 OK\r\n"
	       "250 2.1.5 yes\r\n250 2.1.5 yes\r\n354 Go ahead, end with a dot "
	       "on a line of its own\r\n552 5.3.4 big\r\n552 5.3.4 big\r\n"
	       "250 2.0.0 OK\r\n");
	is_int(w.got.len, 1001); /* and the ] */
	end(&w);
}

static void recipients_are_counted(void)
{
	struct world w =
	    transcript(&plain, LHLO "MAIL FROM:<>\r\nRCPT TO:<a@x>\r\n"
				    "RCPT TO:<nobody@x>\r\nRCPT TO:<b@x>\r\n"
				    "RCPT TO:<c@x>\r\nRCPT TO:<d@x>\r\n");

	ok(strstr(replies(&w), "250 2.1.5 yes\r\n452 4.5.3 Too many"));
	end(&w);
}

static void xforward_is_for_the_trusted(void)
{
	struct mda_lmtp_conf strange = plain;
	struct world w;

	strange.trusted = false;
	w = transcript(&strange, LHLO "XFORWARD NAME=x\r\n");
	is_str(replies(&w), "550 5.7.0 You may not use XFORWARD\r\n");
	ok(!strstr(w.out.data, "250-XFORWARD"));
	end(&w);

	w = transcript(&plain,
		       LHLO "XFORWARD\r\nXFORWARD FOO=x\r\nXFORWARD NAME\r\n"
			    "XFORWARD IDENT=a+0Ab\r\n"
			    "XFORWARD IDENT=Q1 ADDR=[UNAVAILABLE]\r\n"
			    "MAIL FROM:<>\r\nRCPT TO:<u@x>\r\nDATA\r\n.\r\n"
			    "MAIL FROM:<>\r\nRCPT TO:<u@x>\r\nDATA\r\n.\r\n");
	is_int(strncmp(replies(&w),
		       "501 5.5.4 XFORWARD needs attributes\r\n"
		       "501 5.5.4 Bad XFORWARD attribute\r\n"
		       "501 5.5.4 Bad XFORWARD attribute\r\n"
		       "501 5.5.4 Bad XFORWARD attribute\r\n250 2.0.0 OK\r\n",
		       150),
	       0);
	/* of one transaction only */
	ok(strstr(w.facts.data, "ident=Q1 addr=\n"));
	ok(strstr(w.facts.data, "ident= addr=\n"));
	end(&w);
}

static void lines_and_errors_have_an_end(void)
{
	size_t n = LMTP_LINE_MAX + 10;
	char *line = malloc(n);
	struct world w;

	if (!line)
		abort();
	memset(line, 'a', n);
	w = run(&plain, line, n, 5000);
	ok(w.quit);
	ok(strstr(w.out.data, "500 5.5.6 Line too long\r\n"));
	end(&w);

	for (size_t i = 0; i + 3 < 300; i += 3)
		memcpy(line + i, "x\r\n", 3);
	w = run(&plain, line, 297, 297);
	ok(w.quit);
	ok(strstr(w.out.data, "421 4.7.0 Too many errors\r\n"));
	end(&w);
	free(line);
}

static void waits_for_its_owner(void)
{
	struct mda_lmtp *lmtp = mda_lmtp_new(&plain);
	const char in[] = LHLO "MAIL FROM:<>\r\nRCPT TO:<u@x>\r\nNOOP\r\n";
	size_t used = 0, more = 99;
	struct pf_str data;

	is_int(mda_lmtp_input(lmtp, in, sizeof in - 1, &used, &data),
	       LMTP_RCPT);
	is_int(mda_lmtp_input(lmtp, in + used, 6, &more, &data), LMTP_WAIT);
	is_int(more, 0);
	mda_lmtp_rcpt_reply(lmtp, "250 2.1.5 yes");
	is_int(mda_lmtp_input(lmtp, in + used, 6, &more, &data), LMTP_MORE);
	is_int(more, 6);
	mda_lmtp_free(&lmtp);
}

int main(void)
{
	what_postfix_sends();
	address_probe();
	only_crlf_dot_crlf_ends_data();
	paths();
	reports_and_deadlines();
	quotes_are_removed_for_the_look_up();
	utf8_addresses_need_smtputf8();
	order_of_commands();
	small_commands();
	sizes();
	recipients_are_counted();
	xforward_is_for_the_trusted();
	lines_and_errors_have_an_end();
	waits_for_its_owner();
	return tap_done();
}
