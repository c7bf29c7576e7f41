/* The arguments of MAIL, RCPT and XFORWARD (RFC 5321 4.1.2, RFC 3461). */
#ifndef MDA_LMTP_PATH_H
#define MDA_LMTP_PATH_H

#include "base/arena.h"
#include "base/str.h"

#define LMTP_PATH_MAX 1000 /* RFC 5321 4.5.3.1.3 says at least 256 */

enum mda_lmtp_path_result {
	LMTP_PATH_OK,
	LMTP_PATH_BAD,
	LMTP_PATH_UTF8, /* needs SMTPUTF8, which was not said */
};

/*
 * Cuts "<...>" from the front of *rest.  `address` is what stands inside,
 * without a source route; `mailbox` has the local part's quotes removed.
 * Empty for <>.
 */
enum mda_lmtp_path_result mda_lmtp_path_parse(struct pf_arena *arena,
					      struct pf_str *rest, bool utf8,
					      struct pf_str *address,
					      struct pf_str *mailbox);

/* RFC 3461 4: "+2B" is "+".  {NULL,0} when it is broken or holds control
 * characters. */
struct pf_str mda_lmtp_xtext(struct pf_arena *arena, struct pf_str in);

#endif
