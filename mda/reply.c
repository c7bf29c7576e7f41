/* Statuses as LMTP replies and as exit codes: one table. */
#include "mda/mda.h"

#include <stdio.h>
#include <sysexits.h>

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

	snprintf(to, LMTP_REPLY_MAX, "%s <%.*s> %s", table[status].code,
		 address.n < 254 ? (int)address.n : 254, address.p, text);
	/* it is one line, and goes to people who know no UTF-8 */
	n = strlen(to);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)to[i] < 0x20 || (unsigned char)to[i] > 0x7e)
			to[i] = '?';
}

int mda_exit_code(pf_status status)
{
	return table[status].exit;
}
