/* feed: which texts are in which field of the index (private to search/). */
#ifndef SEARCH_FEED_H
#define SEARCH_FEED_H

#include "base/str.h"
#include "index/index.h"

/* The values of header field `name` are in this field of the index. */
enum index_field search_header_field(struct pf_str name);

#endif
