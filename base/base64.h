/* Base64 (RFC 4648 4) as protocols use it: strict, one line. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

void pf_base64_encode(struct pf_buf *to, struct pf_str from);

/* False (and nothing reliable in `to`) on a character outside the alphabet,
 * wrong padding, or data behind it.  MIME bodies: mime/transfer.c instead. */
bool pf_base64_decode(struct pf_buf *to, struct pf_str from);

void pf_hex_encode(struct pf_buf *to, struct pf_str from);

#endif
