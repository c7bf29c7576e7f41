/* parts: what kinds of parts a message has (private to search/). */
#ifndef SEARCH_PARTS_H
#define SEARCH_PARTS_H

#include "store/store.h"

/* "attachment", "image", ..., or what a file name ends in ("pdf").  A message
 * that cannot be read has nothing. */
bool search_parts_has(struct store_box *box, uint32_t uid, struct pf_str kind);

#endif
