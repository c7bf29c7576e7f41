/* What a ManageSieve server says (RFC 5804 4). */
#include "base/utf8.h"
#include "msieve/msieve.h"

#define QUOTED_MAX 1024

static bool quotable(struct pf_str text)
{
	if (text.n > QUOTED_MAX || !pf_utf8_valid(text))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\0' || text.p[i] == '\r' || text.p[i] == '\n')
			return false;
	}
	return true;
}

void msieve_add_string(struct pf_buf *to, struct pf_str text)
{
	if (!quotable(text)) {
		pf_buf_addf(to, "{%zu}\r\n", text.n);
		pf_buf_add_str(to, text);
		return;
	}
	pf_buf_add_quoted(to, text);
}

void msieve_add_result(struct pf_buf *to, const char *result, const char *code,
		       struct pf_str text)
{
	pf_buf_add_c(to, result);
	if (code && *code)
		pf_buf_addf(to, " (%s)", code);
	if (text.n) {
		pf_buf_add_byte(to, ' ');
		msieve_add_string(to, text);
	}
	pf_buf_add_c(to, "\r\n");
}
