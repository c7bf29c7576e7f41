/* INPROGRESS (RFC 9585): a sign of life from commands that take long. */
#include "imapd/progress.h"

/* RFC 9585 4 recommends 10 to 15 seconds. */
#define PROGRESS_MS 10000

bool progress_due(struct progress *p, int64_t now)
{
	if (p->told && now - p->when < PROGRESS_MS)
		return false;
	bool due = p->told;
	p->told = true;
	p->when = now;
	return due;
}

void progress_write(struct pf_buf *to, struct pf_str tag, uint64_t done,
		    uint64_t goal)
{
	pf_buf_add_c(to, "* OK [INPROGRESS (");
	if (pf_str_chr(tag, ']') >= 0)
		pf_buf_add_c(to, "NIL");
	else
		imap_write_quoted(to, tag);
	/* a goal that is reached would be a lie: there was no answer yet */
	if (goal > 0 && done >= goal)
		done = goal - 1;
	pf_buf_addf(to, " %llu ", (unsigned long long)done);
	if (goal > 0)
		pf_buf_addf(to, "%llu", (unsigned long long)goal);
	else
		pf_buf_add_c(to, "NIL");
	pf_buf_add_c(to, ")] Still working\r\n");
}
