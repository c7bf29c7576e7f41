/* SASLprep (RFC 4013): GNU libidn knows the profile; this is its only home. */
#include "auth/scram.h"

#include <stdlib.h>
#include <stringprep.h>

#include "base/utf8.h"

static bool is_printable_ascii(struct pf_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < 0x20 || text.p[i] > 0x7e)
			return false;
	return true;
}

bool auth_saslprep(struct pf_str text, struct pf_buf *to)
{
	char *prepared = NULL;

	if (is_printable_ascii(text)) {
		pf_buf_add_str(to, text);
		return !to->failed;
	}
	if (text.n > to->max || !pf_utf8_valid(text) ||
	    pf_str_chr(text, '\0') >= 0)
		return false;
	char *copy = pf_str_dup(text);
	/* a "stored string" in RFC 4013's terms is one without unassigned
	 * characters; as a "query" both sides allow them */
	int code = stringprep_profile(copy, &prepared, "SASLprep", 0);
	explicit_bzero(copy, text.n);
	free(copy);
	if (code != STRINGPREP_OK)
		return false;
	pf_buf_add_c(to, prepared);
	explicit_bzero(prepared, strlen(prepared));
	free(prepared);
	return !to->failed;
}
