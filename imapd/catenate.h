/* What a URL of CATENATE (RFC 4469) names, on its way into a draft. */
#ifndef IMAPD_CATENATE_H
#define IMAPD_CATENATE_H

#include "imapd/client.h"

struct catenate;
/* NULL: NO [BADURL] was replied. */
struct catenate *catenate_open(struct cmd *cmd, struct pf_str url);
/* DONE: all of it is in the draft; MORE: again; FAIL: NO was replied. */
enum run catenate_copy(struct cmd *cmd, struct catenate *catenate,
		       struct store_draft *draft);
void catenate_free(struct catenate **catenate);

#endif
