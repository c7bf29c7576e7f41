#include "imapd/progress.h"
#include "tests/tap.h"

static void told_every_ten_seconds(void)
{
	struct progress p = {0};

	ok(!progress_due(&p, 0));
	ok(!progress_due(&p, 9999));
	ok(progress_due(&p, 10000));
	ok(!progress_due(&p, 10001));
	ok(!progress_due(&p, 19999));
	ok(progress_due(&p, 25000));
	ok(!progress_due(&p, 34999));
	ok(progress_due(&p, 35000));
}

#define writes(call, want)                                                     \
	do {                                                                   \
		struct pf_buf to = PF_BUF_INIT(1000);                          \
		call;                                                          \
		is_mem(to.data, to.len, want);                                 \
		pf_buf_release(&to);                                           \
	} while (0)

/* RFC 9585 4's rules */
static void details(void)
{
	writes(progress_write(&to, PF_STR("A001"), 454, 1000),
	       "* OK [INPROGRESS (\"A001\" 454 1000)] Still working\r\n");
	writes(progress_write(&to, PF_STR("tag"), 175, 0),
	       "* OK [INPROGRESS (\"tag\" 175 NIL)] Still working\r\n");
	/* never the goal itself */
	writes(progress_write(&to, PF_STR("tag"), 7, 7),
	       "* OK [INPROGRESS (\"tag\" 6 7)] Still working\r\n");
	writes(progress_write(&to, PF_STR("tag"), 9, 7),
	       "* OK [INPROGRESS (\"tag\" 6 7)] Still working\r\n");
	/* a "]" would end the response code */
	writes(progress_write(&to, PF_STR("a]b"), 1, 2),
	       "* OK [INPROGRESS (NIL 1 2)] Still working\r\n");
}

int main(void)
{
	told_every_ten_seconds();
	details();
	return tap_done();
}
