/* UTF-8 (RFC 3629), checked: no overlong forms, no surrogates. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buf.h"

#define PF_UTF8_BAD ((uint32_t)-1)

/* Decodes the character at s.p and stores its length (1..4) in *len.  A byte
 * that starts no valid character gives PF_UTF8_BAD and length 1.  s.n > 0. */
uint32_t pf_utf8_next(struct pf_str s, size_t *len);

bool pf_utf8_valid(struct pf_str s);

/* Appends the character (U+FFFD for an invalid one). */
void pf_utf8_add(struct pf_buf *buf, uint32_t character);

/* Appends s with each invalid byte replaced by U+FFFD. */
void pf_utf8_add_clean(struct pf_buf *buf, struct pf_str s);

/*
 * Modified UTF-7, in which IMAP4rev1 writes mailbox names and Maildir++ names
 * its folders (RFC 3501 5.1.3).  Encoding appends (false on bytes that are no
 * UTF-8); decoding accepts only what the encoder writes, so that no two
 * encoded names mean one mailbox.
 */
bool pf_utf7_encode(struct pf_buf *to, struct pf_str utf8);
bool pf_utf7_decode(struct pf_buf *to, struct pf_str utf7);

#endif
