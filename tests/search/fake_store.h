/*
 * A store in memory, for the tests of search: as much of store.h as search
 * uses, over message texts that the test gives.
 */
#ifndef TESTS_SEARCH_FAKE_STORE_H
#define TESTS_SEARCH_FAKE_STORE_H

#include "store/store.h"

struct fake_msg {
	struct store_msg msg; /* uids ascending */
	char guid[32];
	struct pf_buf text;
	bool recent, expunged, unreadable;
};

struct store_box {
	struct pf_vec(struct fake_msg) msgs;
	const char *keywords[STORE_KEYWORDS_MAX];
	unsigned opened;       /* how many messages were read */
	void (*on_open)(void); /* what happens meanwhile; or NULL */
};

struct store_view {
	struct store_box *box;
};

struct fake_msg *fake_add(struct store_box *box, struct pf_str text);
void fake_release(struct store_box *box);
/* The message as a file. */
int fake_fd(const struct fake_msg *msg);

#endif
