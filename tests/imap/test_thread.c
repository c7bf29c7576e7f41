#include "imap/imap.h"

#include <time.h>

#include "tests/tap.h"

static uint32_t one_based(void *arg, uint32_t n)
{
	(void)arg;
	return n + 1;
}

struct mail {
	int64_t date;
	const char *subject;
	bool reply;
	const char *id, *in_reply_to, *references;
};

static struct pf_buf shown;

static const char *thread(enum imap_thread_kind kind, const struct mail *mail,
			  size_t count)
{
	struct imap_threads *t = imap_threads_new(kind);

	for (size_t i = 0; i < count; i++) {
		struct imap_thread_message m = {
		    .date = mail[i].date,
		    .subject = pf_str_c(mail[i].subject),
		    .reply = mail[i].reply,
		    .message_id = pf_str_c(mail[i].id),
		    .in_reply_to = pf_str_c(mail[i].in_reply_to),
		    .references = pf_str_c(mail[i].references)};
		is_int(imap_threads_add(t, &m, NULL), PF_OK);
	}
	imap_threads_finish(t);
	pf_buf_clear(&shown);
	/* piece by piece, as when the output is full */
	while (imap_threads_write(t, &shown, shown.len + 1, one_based, NULL))
		continue;
	imap_threads_free(&t);
	return shown.data;
}

#define THREAD(kind, mails)                                                    \
	thread(IMAP_THREAD_##kind, mails, sizeof mails / sizeof *mails)

static void by_references(void)
{
	static const struct mail plain[] = {
	    {1, "A", false, "<1@x>", "", ""},
	    {2, "A", true, "<2@x>", "<1@x>", ""},
	    {3, "A", true, "<3@x>", "", "<1@x> <2@x>"},
	    {4, "A", true, "<4@x>", "", "<1@x>"},
	    {5, "B", false, "<5@x>", "", ""},
	    {0, "C", false, "<6@x>", "", ""},
	};
	is_str(THREAD(REFERENCES, plain), "(6)(1 (2 3)(4))(5)");
	is_str(THREAD(REFS, plain), "(6)(1 (2 3)(4))(5)");

	/* RFC 5256's "(3 6 (4 23)(44 7 96))", numbered from 1 */
	static const struct mail nested[] = {
	    {1, "", false, "<3@x>", "", ""},
	    {2, "", false, "<6@x>", "<3@x>", ""},
	    {3, "", false, "<4@x>", "<6@x>", ""},
	    {4, "", false, "<23@x>", "<4@x>", ""},
	    {5, "", false, "<44@x>", "<6@x>", ""},
	    {6, "", false, "<7@x>", "<44@x>", ""},
	    {7, "", false, "<96@x>", "<7@x>", ""},
	};
	is_str(THREAD(REFERENCES, nested), "(1 2 (3 4)(5 6 7))");

	/* the parent is not here: "((3)(5))" */
	static const struct mail missing[] = {
	    {1, "x", true, "<1@x>", "<0@x>", ""},
	    {2, "y", true, "<2@x>", "<0@x>", ""},
	    {3, "z", true, "<3@x>", "<9@x>", ""},
	};
	is_str(THREAD(REFERENCES, missing), "((1)(2))(3)");

	/* dummies inside are passed over, children sorted by date */
	static const struct mail holes[] = {
	    {1, "x", false, "<a@x>", "", ""},
	    {9, "x", true, "<d@x>", "", "<a@x> <b@x> <c@x>"},
	    {5, "x", true, "<e@x>", "", "<a@x> <b@x> <f@x>"},
	};
	is_str(THREAD(REFERENCES, holes), "(1 (3)(2))");

	/* an id that is quoted is the same (2.2), and one that is there twice
	 * counts once */
	static const struct mail quoted[] = {
	    {1, "x", false, "<\"a.b\"@x>", "", ""},
	    {2, "y", true, "<c@x>", "<a.b@ \n x>", ""},
	    {3, "z", false, "<a.b@x>", "", ""},
	};
	is_str(THREAD(REFERENCES, quoted), "(1 2)(3)");

	/* references win over In-Reply-To; circles are not closed */
	static const struct mail circle[] = {
	    {1, "x", true, "<a@x>", "", "<b@x>"},
	    {2, "y", true, "<b@x>", "", "<a@x>"},
	    {3, "z", true, "<c@x>", "", "<c@x>"},
	};
	is_str(THREAD(REFERENCES, circle), "(2 1)(3)");
	is_str(THREAD(REFERENCES, ((const struct mail[0]){})), "");
}

static void by_subject_too(void)
{
	/* 5.C: a reply goes below, equals get a dummy above */
	static const struct mail reply[] = {
	    {1, "A", false, "<1@x>", "", ""},
	    {2, "A", true, "<2@x>", "", ""},
	    {3, "A", true, "<3@x>", "", ""},
	};
	is_str(THREAD(REFERENCES, reply), "(1 (2)(3))");
	is_str(THREAD(REFS, reply), "(1)(2)(3)");
	static const struct mail equal[] = {
	    {1, "A", false, "<1@x>", "", ""},
	    {2, "A", false, "<2@x>", "", ""},
	    {3, "A", false, "<3@x>", "", ""},
	};
	is_str(THREAD(REFERENCES, equal), "((1)(2)(3))");
	/* the reply came first by date */
	static const struct mail late[] = {
	    {2, "A", false, "<1@x>", "", ""},
	    {1, "A", true, "<2@x>", "", ""},
	};
	is_str(THREAD(REFERENCES, late), "(1 2)");
	/* a dummy takes them all */
	static const struct mail dummy[] = {
	    {1, "A", true, "<1@x>", "<0@x>", ""},
	    {2, "B", true, "<2@x>", "<0@x>", ""},
	    {3, "A", false, "<3@x>", "", ""},
	    {0, "A", false, "<4@x>", "", ""},
	};
	is_str(THREAD(REFERENCES, dummy), "((4)(1)(2)(3))");
	/* two dummies */
	static const struct mail dummies[] = {
	    {1, "A", true, "<1@x>", "<0@x>", ""},
	    {2, "B", true, "<2@x>", "<0@x>", ""},
	    {3, "A", true, "<3@x>", "<9@x>", ""},
	    {4, "C", true, "<4@x>", "<9@x>", ""},
	};
	is_str(THREAD(REFERENCES, dummies), "((1)(2)(3)(4))");
	/* no subject is no subject */
	static const struct mail none[] = {
	    {1, "", false, "<1@x>", "", ""},
	    {2, "", true, "<2@x>", "", ""},
	};
	is_str(THREAD(REFERENCES, none), "(1)(2)");
}

static void by_ordered_subject(void)
{
	static const struct mail mail[] = {
	    {5, "B", false, "<1@x>", "", ""},
	    {1, "A", false, "<2@x>", "", ""},
	    {4, "B", true, "<3@x>", "", ""},
	    {9, "A", true, "<4@x>", "<1@x>", ""},
	    {7, "B", true, "<5@x>", "", ""},
	    {9, "C", true, "<6@x>", "", ""},
	};
	is_str(THREAD(ORDEREDSUBJECT, mail), "(2 4)(3 (1)(5))(6)");
}

static void by_latest(void)
{
	static const struct mail mail[] = {
	    {1, "A", false, "<1@x>", "", ""},
	    {2, "B", false, "<2@x>", "", ""},
	    {3, "C", false, "<3@x>", "<1@x>", ""},
	    {1, "D", false, "<4@x>", "<9@x>", ""},
	    {9, "E", false, "<5@x>", "<9@x>", ""},
	};
	is_str(THREAD(REFS, mail), "(2)(1 3)((4)(5))");
}

static void is_fast(void)
{
	enum {
		COUNT = 100000
	};
	struct imap_threads *t = imap_threads_new(IMAP_THREAD_REFERENCES);
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	/* one chain, the deepest first, each closing a circle if it could */
	for (unsigned i = 0; i < COUNT; i++) {
		char id[40], refs[80];
		snprintf(id, sizeof id, "<%u@x>", i);
		snprintf(refs, sizeof refs, "<0@x> <%u@x>", i + 1);
		struct imap_thread_message m = {.date = i,
						.subject = PF_STR("S"),
						.message_id = pf_str_c(id),
						.references = pf_str_c(refs)};
		is_int(imap_threads_add(t, &m, NULL), PF_OK);
	}
	imap_threads_finish(t);
	pf_buf_clear(&shown);
	ok(!imap_threads_write(t, &shown, SIZE_MAX, one_based, NULL));
	clock_gettime(CLOCK_MONOTONIC, &end);
	imap_threads_free(&t);
	ok(shown.len > COUNT);
	ok(end.tv_sec - begin.tv_sec < 10);
}

int main(void)
{
	pf_buf_init(&shown, 10000000);
	by_references();
	by_subject_too();
	by_ordered_subject();
	by_latest();
	is_fast();
	pf_buf_release(&shown);
	return tap_done();
}
