/*
 * search: the planner between SEARCH keys, the store and the index.  The
 * index proposes, the text decides: the answer is always exactly what a
 * brute-force scan over decoded, case-folded text would give, with the index
 * there, half-built, or gone.
 *
 * Used by imapd (SEARCH) and ctl (`penfold search`).  Blocking; runs in
 * bounded steps so that a session can be interrupted.
 */
#ifndef SEARCH_SEARCH_H
#define SEARCH_SEARCH_H

#include "base/error.h"
#include "imap/imap.h"
#include "store/store.h"

struct search;

/* `key` (and its arena) must outlive the search.  view: sequence numbers and
 * \Recent are the session's; messages may come and go while the search runs,
 * but sequence numbers must not change if `key` has any.  saved: what "$"
 * means (sorted; may be NULL).  index_path: the user's index
 * (search_index_path); NULL, or one that cannot be used: without. */
PF_CHECKED pf_status search_new(struct store_view *view,
				const struct imap_key *key,
				const struct store_uids *saved,
				const char *index_path, struct search **search,
				struct pf_error *err);
/* Before the first step: only the first `oldest` and the last `newest` of what
 * matches are wanted, and the result may lack others. */
void search_want(struct search *search, uint32_t oldest, uint32_t newest);
/* Works for about `slice_ms` (0: until done); PF_MORE: call again; PF_OK:
 * finished.  Any other status: a message could not be read, no answer. */
PF_CHECKED pf_status search_step(struct search *search, int slice_ms,
				 struct pf_error *err);
/* UIDs that match, sorted; of those still in the view. */
const struct store_uids *search_result(const struct search *search);
/* messages looked at / to look at, for progress */
void search_progress(const struct search *search, uint32_t *done,
		     uint32_t *total);
void search_free(struct search **search);

/* Instead of steps: judges one message, by its text alone if the search has no
 * index.  EXPUNGED. */
PF_CHECKED pf_status search_message(struct search *search, uint32_t uid,
				    bool *matches, struct pf_error *err);
/* RFC 6203: FUZZY keys become what they mean, in place.  A word that the index
 * (index_path as for search_new) does not know may be misspelled.  grades: keys
 * that tell how well a message fits (NULL: it says nothing); new keys are in
 * the arena and look at texts of the tree. */
#define SEARCH_GRADES 3
PF_CHECKED pf_status search_fuzzy(struct imap_key *root, struct pf_arena *arena,
				  const char *index_path,
				  struct imap_key **grades,
				  struct pf_error *err);

/* Does one message match?  Decided by its text alone.  EXPUNGED. */
PF_CHECKED pf_status search_matches(struct store_view *view, uint32_t uid,
				    const struct imap_key *key, bool *matches,
				    struct pf_error *err);

/* Where a user's index is: root + "/penfold-index" */
void search_index_path(struct pf_buf *to, const char *store_root);

/* Appends the EMAILID (RFC 8474 4) that stands for a message's GUID, without
 * the parentheses: FETCH and SEARCH must agree. */
void search_email_id(struct pf_buf *to, struct pf_str guid);
/* ... the THREADID of a message; kept in its summary.  EXPUNGED. */
PF_CHECKED pf_status search_thread_id(struct store_box *box, uint32_t uid,
				      struct pf_buf *to, struct pf_error *err);
/* ... made of a header, or the GUID where that has no ids. */
void search_thread_id_of(struct pf_buf *to, struct pf_str header,
			 struct pf_str guid);
/* A letter and any text as an object identifier (RFC 8474 7). */
void search_object_id(struct pf_buf *to, char kind, struct pf_str name);

/* ---- feeding the index (penfold-indexd) ------------------------------ */

/* The `version` for index_open and index_writer_open. */
const char *search_text_version(void);

/* Adds to `writer` what search would look at.  LIMIT: this message cannot be
 * indexed (or read), others can. */
struct index_writer;
PF_CHECKED pf_status search_index_message(struct index_writer *writer,
					  struct pf_str guid, int fd,
					  struct pf_error *err);

/* Keeps ENVELOPE, BODYSTRUCTURE and the listed header fields of a message in
 * the store's summary, unless they are there.  `fd`: its file. */
void search_keep_summary(struct store_box *box, uint32_t uid, int fd);

/* Some words of the open message (folded), others with another seed.  Return
 * false to stop. */
typedef bool (*search_word_fn)(void *arg, struct pf_str word);
PF_CHECKED pf_status search_words(int fd, unsigned seed, search_word_fn fn,
				  void *arg, struct pf_error *err);

/* Where the text of attachments is ("text", "index" of them, or "": all), the
 * name of a message's file in it, and the text into that index; see attached.h.
 */
void search_attached_path(struct pf_buf *to, const char *store_root,
			  const char *what);
void search_attached_name(struct pf_buf *to, struct pf_str guid);
PF_CHECKED pf_status search_index_attached(struct index_writer *writer,
					   struct pf_str guid,
					   struct pf_str text,
					   struct pf_error *err);

#endif
