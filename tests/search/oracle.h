/*
 * What SEARCH must answer, the slow and simple way: every text of a message
 * in memory, memmem, recursion.  Shares mime/ with search/, and nothing else.
 */
#ifndef TESTS_SEARCH_ORACLE_H
#define TESTS_SEARCH_ORACLE_H

#include "imap/imap.h"
#include "tests/search/fake_store.h"

/* A text that a needle may lie in. */
struct oracle_text {
	char *name; /* header field of the message, or NULL */
	char *plain, *folded;
	size_t plain_n, folded_n;
};
struct oracle_msg {
	struct pf_vec(struct oracle_text) texts;
	const struct fake_msg *msg;
	uint32_t seq;
	bool has_date;
	int64_t sent_day;
};

void oracle_read(struct oracle_msg *msg, const struct fake_msg *from,
		 uint32_t seq);
void oracle_release(struct oracle_msg *msg);
bool oracle_matches(const struct oracle_msg *msg, const struct imap_key *key);

#endif
