/*
 * :matches against a second matcher, which tries everything in the order of
 * RFC 5229 3.2 (each "*" as short as can be, the left ones first): both must
 * agree on the match and on every match variable.
 */
#include <stdlib.h>

#include "sieve/sieve.h"
#include "tests/tap.h"

static uint64_t state = 88172645463325252u;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

struct span {
	size_t start, n;
};

/* Backtracking, exponential, obviously right; on short texts only */
static bool matches(const char *pattern, const char *text, size_t at,
		    struct span *spans)
{
	if (*pattern == '\0')
		return text[at] == '\0';
	if (*pattern == '*') {
		for (size_t n = 0;; n++) {
			*spans = (struct span){at, n};
			if (matches(pattern + 1, text, at + n, spans + 1))
				return true;
			if (text[at + n] == '\0')
				return false;
		}
	}
	if (text[at] == '\0')
		return false;
	if (*pattern == '?') {
		*spans = (struct span){at, 1};
		return matches(pattern + 1, text, at + 1, spans + 1);
	}
	return *pattern == text[at] &&
	       matches(pattern + 1, text, at + 1, spans);
}

static void make(char *to, unsigned max, const char *letters)
{
	unsigned n = below(max + 1);

	for (unsigned i = 0; i < n; i++)
		to[i] = letters[below((unsigned)strlen(letters))];
	to[n] = '\0';
}

/* "1:text|2:text|..." of all spans, "-" when nothing matches */
static void expect(struct pf_buf *to, const char *pattern, const char *text)
{
	struct span spans[16] = {{0, 0}};
	unsigned k = 0;

	if (!matches(pattern, text, 0, spans)) {
		pf_buf_add_c(to, "-");
		return;
	}
	pf_buf_add_c(to, "=");
	for (const char *p = pattern; *p; p++) {
		if (*p != '*' && *p != '?')
			continue;
		pf_buf_add_byte(to, '|');
		pf_buf_add(to, text + spans[k].start, spans[k].n);
		k++;
	}
}

static void run(struct pf_buf *to, const char *pattern, const char *text)
{
	struct sieve_script *script = NULL;
	struct sieve_result result;
	char source[400], header[100], *end = source;

	end += snprintf(end, sizeof source,
			"require [\"variables\", \"fileinto\"];\n"
			"if header :comparator \"i;octet\" :matches \"x\" "
			"\"%s\" { fileinto \"=",
			pattern);
	for (unsigned k = 1, i = 0; pattern[i]; i++) {
		if (pattern[i] == '*' || pattern[i] == '?')
			end += snprintf(end, 10, "|${%u}", k++);
	}
	snprintf(end, 20, "\"; }");
	snprintf(header, sizeof header, "X: %s\n\n", text);
	struct sieve_message message = {.header = pf_str_c(header)};
	if (sieve_compile(pf_str_c(source), NULL, &script, NULL, NULL) != PF_OK)
		return;
	if (sieve_run(script, &message, NULL, NULL, NULL, &result, NULL) ==
	    PF_OK) {
		if (result.actions[0].kind == SIEVE_FILEINTO)
			pf_buf_add_str(to, result.actions[0].mailbox);
		else
			pf_buf_add_c(to, "-");
	}
	sieve_result_release(&result);
	sieve_script_free(&script);
}

static void captures_as_backtracking_does(void)
{
	unsigned matched = 0;

	for (int i = 0; i < 3000; i++) {
		struct pf_buf want = PF_BUF_INIT(1000);
		struct pf_buf got = PF_BUF_INIT(1000);
		char pattern[16], text[16];

		make(pattern, 8, "ab*?*");
		make(text, 10, "ab");
		expect(&want, pattern, text);
		run(&got, pattern, text);
		tap_check(pf_str_eq(pf_buf_str(&got), pf_buf_str(&want)),
			  "\"%s\" on \"%s\": got %s, want %s", pattern, text,
			  got.data, want.data);
		matched += want.data[0] == '=';
		pf_buf_release(&want);
		pf_buf_release(&got);
	}
	ok(matched > 500 && matched < 2500);
}

int main(void)
{
	captures_as_backtracking_does();
	return tap_done();
}
