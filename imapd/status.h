/* STATUS items (RFC 3501 6.3.10), shared by STATUS and LIST-STATUS. */
#ifndef IMAPD_STATUS_H
#define IMAPD_STATUS_H

#include "imapd/client.h"

/* "(MESSAGES UNSEEN)" -> bits, or BAD was replied. */
bool status_parse(struct cmd *cmd, const struct imap_arg *arg, unsigned *items);
/* "* STATUS name (...)" */
PF_CHECKED pf_status status_write(struct cmd *cmd, struct pf_str name,
				  unsigned items, struct pf_error *err);

#endif
