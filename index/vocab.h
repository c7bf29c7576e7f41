/*
 * vocab: every term of the database in one flat file, so that the words with
 * a given inside are found by one memmem over some megabytes instead of a
 * walk through the term tree (private to index/).
 *
 * Format: "penfold words UUID\n", then one term and "\n" each, in no order;
 * extra terms, repeated terms and torn lines do no harm.  A term missing
 * would: so terms are appended and synced before the database commit that
 * first uses them, and the commit notes the file's size.  Readers load it
 * after opening the database.  A file of another UUID, a shorter one, or none:
 * walk the tree instead.
 */
#ifndef INDEX_VOCAB_H
#define INDEX_VOCAB_H

#include "base/buf.h"
#include "index/words.h"

/* ---- reading: a buffer with the terms, at least `size` bytes ---- */

PF_CHECKED pf_status index_vocab_load(struct pf_buf *terms, const char *dir,
				      const char *uuid, uint64_t size,
				      struct pf_error *err);
/* The next term whose first byte (the field) is `field` and whose rest
 * contains the fragment; *pos starts at 0. */
bool index_vocab_next(struct pf_str terms, char field,
		      const struct index_fragment *fragment, size_t *pos,
		      struct pf_str *term);

/* ---- writing ---- */

struct index_vocab;

/* *complete: the file holds all terms of this database.  Otherwise a new one
 * is begun, which readers see with the first sync: add every term before. */
PF_CHECKED pf_status index_vocab_open(struct index_vocab **vocab,
				      const char *dir, const char *uuid,
				      uint64_t size, bool *complete,
				      struct pf_error *err);
/* Is it sure that the term is there?  (Else find out, and add it.) */
bool index_vocab_knows(struct index_vocab *vocab, struct pf_str term);
PF_CHECKED pf_status index_vocab_add(struct index_vocab *vocab,
				     struct pf_str term, struct pf_error *err);
/* All of it is on the disk; *size bytes. */
PF_CHECKED pf_status index_vocab_sync(struct index_vocab *vocab, uint64_t *size,
				      struct pf_error *err);
void index_vocab_close(struct index_vocab **vocab);

#endif
