/* pattern: one needle found in texts that come in pieces (private to
 * search/). */
#ifndef SEARCH_PATTERN_H
#define SEARCH_PATTERN_H

#include "base/buf.h"
#include "search/text.h"

struct search_pattern {
	struct pf_buf needle; /* folded */
	uint32_t *fallback;   /* Knuth, Morris, Pratt: linear, no look back */
	size_t at;
};

PF_CHECKED pf_status search_pattern_init(struct search_pattern *pattern,
					 struct pf_str needle,
					 struct pf_error *err);
void search_pattern_release(struct search_pattern *pattern);
/* A new text begins. */
void search_pattern_reset(struct search_pattern *pattern);
/* Has the needle ended within this piece? */
bool search_pattern_feed(struct search_pattern *pattern, struct pf_str text);

#endif
