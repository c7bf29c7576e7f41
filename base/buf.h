/*
 * Growable bytes with a maximum that is fixed at init.
 *
 *	start            len        cap        max
 *	|  taken  |  data |   free   |   ...    |
 *	^ data - taken   ^ data+len
 *
 * Appending never fails on the spot: an append that does not fit (over max,
 * or no memory) sets `failed` and adds nothing, so that a writer is checked
 * once at its end with pf_buf_status().  The bytes are followed by a NUL that
 * is not counted, so that short text can be read as a C string.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/error.h"
#include "base/str.h"

struct pf_buf {
	char *data; /* never NULL after init: an empty string at first */
	size_t len;
	size_t cap;
	size_t max;   /* len never exceeds it */
	size_t taken; /* consumed bytes in front of data */
	bool failed;
};

#define PF_BUF_INIT(max_bytes)                                                 \
	((struct pf_buf){(char *)(uintptr_t) "", 0, 0, (max_bytes), 0, false})

void pf_buf_init(struct pf_buf *buf, size_t max);

/* Frees the memory; the buffer is empty and usable again. */
void pf_buf_release(struct pf_buf *buf);

/* The same, after overwriting every byte (passwords, keys). */
void pf_buf_wipe(struct pf_buf *buf);

/* Empties, keeps the memory, clears `failed`. */
void pf_buf_clear(struct pf_buf *buf);

void pf_buf_add(struct pf_buf *buf, const void *p, size_t n);
void pf_buf_add_str(struct pf_buf *buf, struct pf_str s);
void pf_buf_add_c(struct pf_buf *buf, const char *c_string);
void pf_buf_add_byte(struct pf_buf *buf, char c);
/* "s" with a backslash before each quote and backslash in it: what IMAP, Sieve,
 * ManageSieve and mail fields all call a quoted string. */
void pf_buf_add_quoted(struct pf_buf *buf, struct pf_str s);
void pf_buf_add_u64(struct pf_buf *buf, uint64_t value);
__attribute__((format(printf, 2, 3))) void pf_buf_addf(struct pf_buf *buf,
						       const char *format, ...);

/* Room for n bytes behind the data, or NULL (then `failed` is set).  Say how
 * many were used with pf_buf_commit. */
char *pf_buf_reserve(struct pf_buf *buf, size_t n);
void pf_buf_commit(struct pf_buf *buf, size_t n);

/* Drops n bytes from the front (cheap), from the end. */
void pf_buf_take(struct pf_buf *buf, size_t n);
void pf_buf_cut(struct pf_buf *buf, size_t new_len);

/* The data as a slice, valid until the next append. */
static inline struct pf_str pf_buf_str(const struct pf_buf *buf)
{
	return (struct pf_str){buf->data, buf->len};
}

/* PF_OK, or PF_LIMIT when an append did not fit. */
pf_status pf_buf_status(const struct pf_buf *buf, struct pf_error *err);

/* Hands the bytes over (malloc'd, NUL-terminated, caller frees). */
char *pf_buf_detach(struct pf_buf *buf);

#endif
