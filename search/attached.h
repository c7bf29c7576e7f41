/*
 * attached: the text of attachments (private to search/).
 *
 * penfold-indexd puts what extract/ makes of a message's attachments into a
 * file of its own, ROOT/penfold-attachments/text/NAME, written once; an index
 * beside it (ROOT/penfold-attachments/index) proposes, as the other one does
 * for mail.  The files are the truth: with or without the index, a message has
 * the attachment text that stands in its file, and none without one.
 */
#ifndef SEARCH_ATTACHED_H
#define SEARCH_ATTACHED_H

#include "index/index.h"
#include "search/pattern.h"

struct search_attached;

/* Never fails: without files nothing is found. */
struct search_attached *search_attached_new(const char *store_root);
void search_attached_free(struct search_attached **attached);

/* Does the attached text of this message contain the pattern?  *set belongs to
 * the pattern, NULL at first; the caller frees it, before `attached`. */
bool search_attached_has(struct search_attached *attached, struct pf_str guid,
			 struct search_pattern *pattern,
			 struct index_set **set);

#endif
