/* Looking into a user's index (private to ctl/). */
#ifndef CTL_INDEX_H
#define CTL_INDEX_H

#include "index/index.h"
#include "store/store.h"

struct ctl_index_count {
	uint32_t messages, indexed; /* distinct ones */
	uint64_t size;		    /* of the mail */
};
/* What all mailboxes hold; index NULL: nothing is indexed. */
PF_CHECKED pf_status ctl_index_count(const struct store_conf *conf,
				     struct index *index,
				     struct ctl_index_count *count,
				     struct pf_error *err);

struct ctl_index_size {
	uint32_t files;
	uint64_t bytes;
};
/* Of the files in a folder; 0 without it. */
struct ctl_index_size ctl_index_size(const char *path);

struct ctl_index_check {
	uint32_t messages, words; /* asked */
	uint32_t unindexed;
	uint32_t missing; /* words of which the index says that they are not in
			     their message */
};
/* Cuts words out of messages, at most about CTL_INDEX_SAMPLE of them, and asks
 * the index for each. */
#define CTL_INDEX_SAMPLE 1000
PF_CHECKED pf_status ctl_index_verify(const struct store_conf *conf,
				      struct index *index,
				      struct ctl_index_check *check,
				      struct pf_error *err);

#endif
