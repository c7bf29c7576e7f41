/*
 * The packet by which the gate hands a connection to a session process: one
 * SOCK_SEQPACKET message with one descriptor.  It says who vouches (authd's
 * one-time cookie), never who the user is.
 *
 *	"3" NUL protocol NUL cookie NUL ip NUL tls NUL tag NUL name NUL input
 */
#ifndef IMAPD_HANDOFF_H
#define IMAPD_HANDOFF_H

#include "base/buf.h"
#include "base/conf.h"

#define HANDOFF_MAX (64 * 1024)

enum handoff_protocol {
	HANDOFF_IMAP,
	HANDOFF_SIEVE
};

struct handoff {
	enum handoff_protocol protocol;
	struct pf_str cookie, ip, tls;
	struct pf_str tag;   /* of the LOGIN or AUTHENTICATE to answer */
	struct pf_str name;  /* the gate's of this connection; empty: it cannot
				come back */
	struct pf_str input; /* came behind it already */
};

/* LIMIT when it does not fit. */
PF_CHECKED pf_status handoff_write(struct pf_buf *to, const struct handoff *h,
				   struct pf_error *err);
/* Slices point into `packet`.  INVALID. */
PF_CHECKED pf_status handoff_read(struct pf_str packet, struct handoff *h,
				  struct pf_error *err);

/*
 * The other way: a session process gives a connection back (UNAUTHENTICATE).
 * The packet is the name it came under; it is sent before the socket pair is
 * shut, so that who sees the end can tell.  IMAP allows to send commands behind
 * UNAUTHENTICATE: what the session has read of them follows, and what it has
 * not is in the descriptor that comes along, its end of the pair.
 *
 *	name [NUL input...]
 */
#define HANDOFF_NAME_MAX 24

/* Which worker serves a user: his sessions share one process. */
unsigned handoff_worker(struct pf_str user, unsigned workers);

/* run_dir/session-N.sock as a Unix socket address.  LIMIT. */
struct sockaddr_un;
PF_CHECKED pf_status handoff_address(const struct pf_conf *conf,
				     unsigned worker,
				     struct sockaddr_un *address,
				     struct pf_error *err);

#endif
