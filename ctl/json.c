/* JSON on standard output: as much of it as our verbs need. */
#include "ctl/ctl.h"

#include <stdio.h>

#include "base/utf8.h"

void ctl_json_string(struct pf_str s)
{
	size_t n;

	putchar('"');
	for (; s.n > 0; s = pf_str_from(s, n)) {
		unsigned char c = (unsigned char)*s.p;

		if (pf_utf8_next(s, &n) == PF_UTF8_BAD)
			fputs("\\ufffd", stdout);
		else if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ')
			printf("\\u%04x", c);
		else
			fwrite(s.p, 1, n, stdout);
	}
	putchar('"');
}

void ctl_json_member(const char *name, struct pf_str value)
{
	printf(", \"%s\": ", name);
	ctl_json_string(value);
}
