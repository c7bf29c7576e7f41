/* attach: the text of a message's attachments (private to indexd/). */
#ifndef INDEXD_ATTACH_H
#define INDEXD_ATTACH_H

#include "base/map.h"
#include "index/index.h"
#include "store/store.h"

/* Reads the attachments of a message, if it has any and nobody did so before,
 * keeps their text and adds it to `writer`.  Attachments that cannot be read
 * are no failure.  *added: there was some text. */
PF_CHECKED pf_status indexd_attach_message(struct index_writer *writer,
					   struct store_box *box, uint32_t uid,
					   bool *added, struct pf_error *err);
/* Removes the texts of messages that are not among these GUIDs. */
void indexd_attach_sweep(const struct store *store, const struct pf_map *guids);

#endif
