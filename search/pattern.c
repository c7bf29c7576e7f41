/* pattern: one needle found in texts that come in pieces. */
#include "search/pattern.h"

#include <stdlib.h>

#define NEEDLE_MAX ((size_t)64 << 20)

pf_status search_pattern_init(struct search_pattern *pattern,
			      struct pf_str needle, struct pf_error *err)
{
	struct pf_str folded;
	pf_status status;
	uint32_t k = 0;

	*pattern = (struct search_pattern){.needle = PF_BUF_INIT(NEEDLE_MAX)};
	search_fold_needle(&pattern->needle, needle);
	folded = pf_buf_str(&pattern->needle);
	status = pf_buf_status(&pattern->needle, err);
	pattern->fallback = calloc(folded.n + 1, sizeof *pattern->fallback);
	if (!pattern->fallback)
		status = pf_error_set(err, PF_NOMEM, NULL, "search: no memory");
	if (status) {
		search_pattern_release(pattern);
		return status;
	}
	for (size_t i = 1; i < folded.n; i++) {
		while (k && folded.p[i] != folded.p[k])
			k = pattern->fallback[k - 1];
		if (folded.p[i] == folded.p[k])
			k++;
		pattern->fallback[i] = k;
	}
	return PF_OK;
}

void search_pattern_release(struct search_pattern *pattern)
{
	pf_buf_release(&pattern->needle);
	free(pattern->fallback);
	pattern->fallback = NULL;
}

void search_pattern_reset(struct search_pattern *pattern)
{
	pattern->at = 0;
}

bool search_pattern_feed(struct search_pattern *pattern, struct pf_str text)
{
	struct pf_str needle = pf_buf_str(&pattern->needle);
	size_t k = pattern->at;

	if (!needle.n)
		return true;
	for (size_t i = 0; i < text.n; i++) {
		if (k == 0) {
			const char *hit =
			    memchr(text.p + i, needle.p[0], text.n - i);
			if (!hit)
				break;
			i = (size_t)(hit - text.p);
			k = 1;
		} else {
			while (k && text.p[i] != needle.p[k])
				k = pattern->fallback[k - 1];
			k += text.p[i] == needle.p[k];
		}
		if (k == needle.n) {
			pattern->at = pattern->fallback[k - 1];
			return true;
		}
	}
	pattern->at = k;
	return false;
}
