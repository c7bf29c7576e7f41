/*
 * index: the full-text index of one user, a C shim over Xapian.  It is handed
 * text and proposes messages; the text itself decides (search/).  Disposable:
 * missing, old or damaged it is rebuilt, and no answer changes.
 *
 * A document is one distinct message, named by its GUID (store_msg_guid), so
 * COPY and MOVE cost nothing.  No C++ type and no exception leaves index.cc.
 * Thread rule: one handle, one thread at a time.  One writer, any number of
 * readers in any process.
 *
 * All texts are folded UTF-8 (mime_fold).  `version` names whatever made them
 * (search_text_version): an index of another version counts as none.
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct index;
struct index_set;
struct index_writer;

/* Where in a message a text stood. */
enum index_field {
	INDEX_BODY,    /* decoded body texts, and the headers of inner parts */
	INDEX_SUBJECT, /* the values of these fields of the message header */
	INDEX_FROM,
	INDEX_TO,
	INDEX_CC,
	INDEX_BCC,
	INDEX_HEADER, /* all names, and the values of every other field */
	INDEX_FIELDS
};
#define INDEX_ALL_FIELDS ((1u << INDEX_FIELDS) - 1)

/* ---- reading ---- */

/* NOTFOUND (no index of this version yet), CORRUPT, IO, ... */
PF_CHECKED pf_status index_open(const char *path, const char *version,
				struct index **index, struct pf_error *err);
void index_close(struct index **index);
/* Sees what the writer committed since.  NOTFOUND when the index was thrown
 * away and begun anew: open it again (sets and document numbers are void). */
PF_CHECKED pf_status index_reopen(struct index *index, struct pf_error *err);
PF_CHECKED pf_status index_count(struct index *index, uint32_t *documents,
				 struct pf_error *err);
/* Document number of a GUID: 0 = not indexed.  Quick where the GUIDs come in
 * about the order in which they were indexed, or the reverse. */
PF_CHECKED pf_status index_docid(struct index *index, struct pf_str guid,
				 uint32_t *docid, struct pf_error *err);

/*
 * Which messages contain `needle` (folded) in any of the fields of the mask
 * (1 << INDEX_BODY | ...)?  The set answers per document number, also for
 * what was not indexed when the set was made (MAYBE).  NO is certain; YES is
 * too; MAYBE: look at the text.
 */
enum index_answer {
	INDEX_NO,
	INDEX_YES,
	INDEX_MAYBE
};
PF_CHECKED pf_status index_candidates(struct index *index, struct pf_str needle,
				      unsigned fields, struct index_set **set,
				      struct pf_error *err);
enum index_answer index_set_ask(const struct index_set *set, uint32_t docid);
/* Documents for which the answer is not NO. */
uint32_t index_set_count(const struct index_set *set);
void index_set_free(struct index_set **set);

/* The stem of a lower-case word, appended (English; what is none stays). */
struct pf_buf;
PF_CHECKED pf_status index_stem(struct pf_str word, struct pf_buf *stem,
				struct pf_error *err);

/* Of all words, the one that was most likely meant by `word` (folded), which
 * is in no message itself; appended.  NOTFOUND: none is like it. */
PF_CHECKED pf_status index_spell(struct index *index, struct pf_str word,
				 struct pf_buf *meant, struct pf_error *err);

/* ---- writing (penfold-indexd only) ---- */

/* BUSY when another writer has it.  A damaged database, or one of another
 * version, is removed and a new one begun (*rebuilt). */
PF_CHECKED pf_status index_writer_open(const char *path, const char *version,
				       struct index_writer **writer,
				       bool *rebuilt, struct pf_error *err);
/* begin, add texts in pieces (whole characters; `more`: the text goes on in
 * the next piece), end.  A GUID already there is replaced.
 * begin: LIMIT for a GUID too long to be a key (such a message stays outside
 * the index and is always read).  A message with more words than the index
 * takes is marked, and its answer is always MAYBE. */
PF_CHECKED pf_status index_writer_begin(struct index_writer *writer,
					struct pf_str guid,
					struct pf_error *err);
PF_CHECKED pf_status index_writer_text(struct index_writer *writer,
				       enum index_field field,
				       struct pf_str folded, bool more,
				       struct pf_error *err);
PF_CHECKED pf_status index_writer_end(struct index_writer *writer,
				      struct pf_error *err);
/* Forgets the message that was begun. */
void index_writer_abandon(struct index_writer *writer);
PF_CHECKED pf_status index_writer_has(struct index_writer *writer,
				      struct pf_str guid, bool *has,
				      struct pf_error *err);
/* Removes the messages that keep() does not know. */
typedef bool (*index_keep_fn)(void *arg, struct pf_str guid);
PF_CHECKED pf_status index_writer_sweep(struct index_writer *writer,
					index_keep_fn keep, void *arg,
					uint32_t *removed,
					struct pf_error *err);
/* Text facts of our own kept in the database (how far we are); an empty
 * value is none.  get: appends. */
struct pf_buf;
PF_CHECKED pf_status index_writer_note(struct index_writer *writer,
				       const char *key, struct pf_str value,
				       struct pf_error *err);
PF_CHECKED pf_status index_writer_note_get(struct index_writer *writer,
					   const char *key, struct pf_buf *to,
					   struct pf_error *err);
/* Memory is bounded: `end` commits by itself after many words. */
PF_CHECKED pf_status index_writer_commit(struct index_writer *writer,
					 struct pf_error *err);
/* Commits; failures are silent (the next writer indexes again). */
void index_writer_close(struct index_writer **writer);

#endif
