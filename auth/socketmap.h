/*
 * Postfix' socketmap protocol (socketmap_table(5)), without I/O: a netstring
 * "map SP key" in, a netstring with the answer out.
 */
#ifndef AUTH_SOCKETMAP_H
#define AUTH_SOCKETMAP_H

#include "base/buf.h"
#include "base/error.h"

#define AUTH_SOCKETMAP_MAX 100000

/* Takes the request at the front of `input`: OK, MORE, or INVALID (close).
 * *used: bytes to drop. */
PF_CHECKED pf_status auth_socketmap_take(struct pf_str input,
					 struct pf_str *map, struct pf_str *key,
					 size_t *used);

/* OK: "OK data"; NOTFOUND; UNSUPPORTED: "PERM", everything else "TEMP". */
void auth_socketmap_answer(struct pf_buf *to, pf_status status,
			   struct pf_str data);

#endif
