/*
 * index: the full-text index of one user, a C shim over Xapian.  It is handed
 * text and proposes messages; the text itself decides (search/).  Disposable:
 * missing, old or damaged it is rebuilt, and no answer changes.
 *
 * A document is one distinct message, named by its GUID (store_msg_guid), so
 * COPY and MOVE cost nothing.  No C++ type and no exception leaves index.cc.
 * Thread rule: one handle, one thread at a time.
 *
 * All texts are folded UTF-8 (mime_fold).
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct index;
struct index_writer;

/* Where in a message a text stood. */
enum index_field {
	INDEX_BODY, /* decoded body text and attachment names */
	INDEX_SUBJECT,
	INDEX_FROM, /* decoded and raw forms */
	INDEX_TO,
	INDEX_CC,
	INDEX_BCC,
	INDEX_HEADER, /* every other header field: "name value" */
	INDEX_FIELDS
};

/* ---- reading ---- */

/* NOTFOUND (no index yet), CORRUPT, IO, ... */
PF_CHECKED pf_status index_open(const char *path, struct index **index,
				struct pf_error *err);
void index_close(struct index **index);
/* Sees what the writer committed since. */
PF_CHECKED pf_status index_reopen(struct index *index, struct pf_error *err);
uint64_t index_count(struct index *index);
PF_CHECKED pf_status index_has(struct index *index, struct pf_str guid,
			       bool *has, struct pf_error *err);

/*
 * Which indexed messages may contain `needle` (folded) in any of the fields
 * of the mask (1 << INDEX_BODY | ...)?  A superset of the truth among indexed
 * messages.  `exact`: it is the truth.  `all`: the index cannot tell (for
 * example one character, only punctuation), every message may.
 * The set is of document numbers; ask with index_set_has by GUID.
 */
struct index_set;
PF_CHECKED pf_status index_candidates(struct index *index, struct pf_str needle,
				      unsigned fields, struct index_set **set,
				      bool *all, bool *exact,
				      struct pf_error *err);
uint64_t index_set_count(const struct index_set *set);
/* Document number of a GUID: 0 = not indexed. */
uint32_t index_docid(struct index *index, struct pf_str guid);
bool index_set_has(const struct index_set *set, uint32_t docid);
void index_set_free(struct index_set **set);

/* ---- writing (penfold-indexd only) ---- */

/* BUSY when another writer has it; a corrupt database is moved away and a
 * new one begun (*rebuilt). */
PF_CHECKED pf_status index_writer_open(const char *path,
				       struct index_writer **writer,
				       bool *rebuilt, struct pf_error *err);
/* begin, add texts in pieces, end.  A GUID already there is replaced. */
PF_CHECKED pf_status index_writer_begin(struct index_writer *writer,
					struct pf_str guid,
					struct pf_error *err);
PF_CHECKED pf_status index_writer_text(struct index_writer *writer,
				       enum index_field field,
				       struct pf_str folded, bool more,
				       struct pf_error *err);
PF_CHECKED pf_status index_writer_end(struct index_writer *writer,
				      struct pf_error *err);
PF_CHECKED pf_status index_writer_remove(struct index_writer *writer,
					 struct pf_str guid,
					 struct pf_error *err);
PF_CHECKED pf_status index_writer_has(struct index_writer *writer,
				      struct pf_str guid, bool *has,
				      struct pf_error *err);
/* Text facts of our own kept in the database (how far we are, versions). */
PF_CHECKED pf_status index_writer_note(struct index_writer *writer,
				       const char *key, struct pf_str value,
				       struct pf_error *err);
PF_CHECKED pf_status index_writer_commit(struct index_writer *writer,
					 struct pf_error *err);
void index_writer_close(struct index_writer **writer);

#ifdef __cplusplus
}
#endif

#endif
