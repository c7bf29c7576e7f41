/*
 * guids: which document stands for a message, in one flat file, so that a
 * walk over a mailbox does not look each message up in the term tree (private
 * to index/).
 *
 * Format: a header of one record, "penfold guids UUID\n", then for document
 * number 1, 2, ... a record of INDEX_GUID_RECORD bytes: the GUID, padded with
 * NULs.  A record of NULs, or none, tells nothing: ask the tree.  Records are
 * written, and cleared, and synced before the database commit that needs it,
 * and readers look at the file after opening the database; so a record that
 * a reader sees is true for its revision, or has a number above all of it.
 */
#ifndef INDEX_GUIDS_H
#define INDEX_GUIDS_H

#include "base/buf.h"

#define INDEX_GUID_RECORD 64
#define INDEX_GUID_WINDOW 512 /* records read at once */

/* ---- reading ---- */

struct index_guids {
	int fd; /* -1: there is none */
	uint32_t first, count;
	char window[INDEX_GUID_RECORD * INDEX_GUID_WINDOW];
};

void index_guids_open(struct index_guids *guids, const char *dir,
		      const char *uuid);
void index_guids_close(struct index_guids *guids);
/* Surely?  False also where the file cannot tell. */
bool index_guids_is(struct index_guids *guids, uint32_t docid,
		    struct pf_str guid);

/* ---- writing ---- */

struct index_guids_writer {
	int fd;
	uint32_t first; /* of what is due */
	struct pf_buf due;
	bool dirty, complete; /* written but not synced; has its header */
	char head[INDEX_GUID_RECORD];
};

/* *complete: else put all there are; the first sync makes it complete. */
PF_CHECKED pf_status index_guids_begin(struct index_guids_writer *writer,
				       const char *dir, const char *uuid,
				       bool *complete, struct pf_error *err);
/* An empty GUID clears the record. */
PF_CHECKED pf_status index_guids_put(struct index_guids_writer *writer,
				     uint32_t docid, struct pf_str guid,
				     struct pf_error *err);
PF_CHECKED pf_status index_guids_sync(struct index_guids_writer *writer,
				      struct pf_error *err);
void index_guids_end(struct index_guids_writer *writer);

#endif
