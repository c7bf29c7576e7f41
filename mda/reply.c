/* Statuses as LMTP replies and as exit codes: one table. */
#include "mda/mda.h"

#include <stdio.h>
#include <sysexits.h>

#define REPLY_LINE 510 /* bytes with its code, RFC 5321 4.5.3.1.5 */
#define LINE	   400 /* of a refusal's text */

/*
 * What was knowable when RCPT was answered must not turn into a 5xx later
 * (the MTA would bounce mail it has accepted), so the only permanent ones
 * are those that RCPT itself gives, and what the message alone decides.
 */
static const struct {
	const char *code;
	int exit;
} table[PF_STATUS_COUNT] = {
    [PF_OK] = {"250 2.0.0", EX_OK},
    [PF_NOTFOUND] = {"550 5.1.1", EX_NOUSER},
    [PF_EXISTS] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_INVALID] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_LIMIT] = {"552 5.3.4", EX_DATAERR},
    [PF_NOPERM] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_NOSPACE] = {"452 4.3.1", EX_TEMPFAIL},
    [PF_OVERQUOTA] = {"452 4.2.2", EX_TEMPFAIL},
    [PF_BUSY] = {"451 4.2.0", EX_TEMPFAIL},
    [PF_UNAVAILABLE] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_AUTHFAILED] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_DISABLED] = {"451 4.2.1", EX_TEMPFAIL},
    [PF_EXPUNGED] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_CORRUPT] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_UNSUPPORTED] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_TIMEOUT] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_CLOSED] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_CANCELLED] = {"451 4.3.2", EX_TEMPFAIL},
    [PF_MORE] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_IO] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_NOMEM] = {"451 4.3.0", EX_TEMPFAIL},
    [PF_INTERNAL] = {"451 4.3.0", EX_TEMPFAIL},
};

void mda_reply(char to[LMTP_REPLY_MAX], pf_status status, struct pf_str address,
	       const char *text)
{
	size_t n;

	snprintf(to, REPLY_LINE, "%s <%.*s> %s", table[status].code,
		 address.n < 254 ? (int)address.n : 254, address.p, text);
	/* it is one line, and goes to people who know no UTF-8 */
	n = strlen(to);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)to[i] < 0x20 || (unsigned char)to[i] > 0x7e)
			to[i] = '?';
}

/* The next line of at most LINE bytes, cut between words if that can be */
static struct pf_str next_line(struct pf_str *rest)
{
	struct pf_str line, whole = *rest;

	(void)pf_str_split(rest, '\n', &line);
	if (line.n <= LINE)
		return pf_str_trim(line);
	line = pf_str_head(whole, LINE);
	ptrdiff_t blank = pf_str_rchr(line, ' ');
	if (blank > 0)
		line = pf_str_head(line, (size_t)blank);
	*rest = pf_str_from(whole, line.n);
	return pf_str_trim(line);
}

void mda_reply_full(char to[LMTP_REPLY_MAX], struct pf_str address)
{
	mda_reply(to, PF_OVERQUOTA, address, "Mailbox is full");
	memcpy(to, "552 5", 5);
}

static bool is_ascii(struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7e)
			return false;
	return true;
}

void mda_reply_refusal(char to[LMTP_REPLY_MAX], struct pf_str reason)
{
	static const char instead[] =
	    "The recipient's mail filter refuses this message";
	struct pf_buf text = PF_BUF_INIT(LMTP_REPLY_MAX);

	reason = pf_str_trim(reason);
	/* a reply is ASCII (RFC 5429 2.1.1) */
	if (reason.n == 0 || !is_ascii(reason))
		reason = pf_str_c(instead);
	while (reason.n > 0 && text.len < LMTP_REPLY_MAX - 2 * LINE) {
		struct pf_str line = next_line(&reason);

		if (text.len > 0)
			pf_buf_add_c(&text, "\r\n");
		pf_buf_add_c(&text, "550-5.7.1 ");
		for (size_t i = 0; i < line.n; i++)
			pf_buf_add_byte(&text, (unsigned char)line.p[i] < 0x20
						   ? ' '
						   : line.p[i]);
	}
	snprintf(to, LMTP_REPLY_MAX, "%.*s", (int)text.len, text.data);
	/* the last line has a blank for the hyphen (RFC 5321 4.2.1) */
	char *last = strrchr(to, '\n');
	(last ? last + 1 : to)[3] = ' ';
	pf_buf_release(&text);
}

int mda_exit_code(pf_status status)
{
	return table[status].exit;
}
