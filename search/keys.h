/*
 * keys: a key tree as a program for a stack of three-valued answers, so that
 * neither depth nor breadth chosen by a peer costs recursion (private to
 * search/).
 */
#ifndef SEARCH_KEYS_H
#define SEARCH_KEYS_H

#include "base/vec.h"
#include "imap/imap.h"
#include "index/index.h"
#include "search/pattern.h"
#include "store/store.h"

/* Combines as Kleene's logic does: NO AND OPEN is NO, YES AND OPEN is OPEN. */
enum search_verdict {
	VERDICT_NO,
	VERDICT_YES,
	VERDICT_OPEN
};

/* A key that only the message's text decides. */
enum search_needs {
	NEEDS_HEADER = 1, /* the header is enough */
	NEEDS_BODY = 2,
	NEEDS_PARTS = 4,   /* what kinds of parts it has */
	NEEDS_ATTACHED = 8 /* text of attachments, kept beside it */
};
struct search_leaf {
	const struct imap_key *key;
	enum search_needs needs;
	enum search_verdict verdict; /* for the message at hand */
	struct search_pattern pattern;
	/* what the index says; NULL: not asked */
	struct index_set *set, *name_set;
	bool sure; /* set's YES is the key's */
};

struct search_op {
	const struct imap_key *key; /* AND, OR, NOT: combine `arity` answers */
	size_t arity;
	ssize_t leaf; /* -1: decided without the text */
	int flag;     /* FLAG: enum store_flag, 0: by keyword */
	uint64_t keyword;
};

struct search_keys {
	struct pf_vec(struct search_op) ops;
	struct pf_vec(struct search_leaf) leaves;
	enum search_verdict *stack;	  /* deep enough */
	struct search_attached *attached; /* NULL: no key asks for it */
};

/* What cheap keys look at. */
struct search_subject {
	struct store_view *view;
	const struct store_msg *msg;
	uint32_t seq;
	const struct store_uids *saved;
	int64_t now;
};

PF_CHECKED pf_status search_keys_compile(struct search_keys *keys,
					 const struct imap_key *root,
					 struct store_box *box,
					 struct pf_error *err);
void search_keys_release(struct search_keys *keys);

/* The verdicts of all leaves as long as nothing is read: OPEN, but for those
 * that look at attachments. */
void search_keys_begin(struct search_keys *keys, struct pf_str guid);
/* Then, before the text: of those that look at parts.  False: there is none. */
bool search_keys_parts(struct search_keys *keys,
		       const struct search_subject *subject);
/* The whole tree, leaves by their present verdicts. */
enum search_verdict search_keys_judge(const struct search_keys *keys,
				      const struct search_subject *subject);

#endif
