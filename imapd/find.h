/*
 * find: what SEARCH, SORT and THREAD have in common: the search itself, and
 * the answer of the first two.
 */
#ifndef IMAPD_FIND_H
#define IMAPD_FIND_H

#include "imapd/relevance.h"
#include "search/search.h"

struct find {
	/* NULL: the client's */
	struct store_view *view;
	struct store_box *box;
	struct pf_str mailbox; /* ESEARCH: its name is told */
	uint32_t uidvalidity;
	bool quiet; /* about progress */
	struct imap_search what;
	struct imap_key *root; /* as the client wants it */
	struct search *search;
	struct pf_buf index_path;
	struct pf_arena arena; /* of keys that are made here */
	const struct store_uids *result;
	struct relevance relevance;
	const struct store_uids *found; /* NULL: not yet; sorted by UID */
	/* the answer */
	size_t at, score_at;
	bool begun, scores_begun;
};

/* Begins what f->what says; MORE, or DONE with a refusal. */
enum run find_begin(struct cmd *cmd, struct find *f);
/* After find_begin, where the answer is in the order of UIDs: MIN, MAX and
 * PARTIAL alone do not look at more messages than they need. */
void find_narrow(struct find *f);
/* A parser's complaint as an answer: BADCHARSET or BAD. */
enum run find_syntax(struct cmd *cmd, pf_status status,
		     const struct pf_error *err);
/* A slice; MORE, or DONE: f->found is there, or the reply is an error. */
enum run find_step(struct cmd *cmd, struct find *f);
void find_release(struct find *f);
/* INPROGRESS, when it is time; not inside an answer */
void find_tell_progress(struct cmd *cmd, uint64_t done, uint64_t goal);

/* "* SEARCH 2 84", "* ESEARCH (TAG "a") UID ALL 2,84", in the order of
 * `uids`; also sets "$".  OUTPUT, DONE. */
enum run find_answer(struct cmd *cmd, struct find *f, const char *name,
		     const struct store_uids *uids);

/* Which of `count` results PARTIAL from:to means: first..end (RFC 9394). */
void partial_span(int64_t from, int64_t to, size_t count, size_t *first,
		  size_t *end);

/* cmd_sort.c: where a message belongs among `order`, which is sorted.
 * EXPUNGED, ... */
PF_CHECKED pf_status sort_place(struct client *client,
				const struct imap_sort *by,
				const struct store_uids *order, uint32_t uid,
				size_t *at, struct pf_error *err);

#endif
