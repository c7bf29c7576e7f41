/*
 * LMTP (RFC 2033) without I/O: bytes in, events and reply bytes out.
 *
 *	while (n > 0 || first) {
 *		event = mda_lmtp_input(lmtp, p, n, &used, &data);
 *		... send and clear mda_lmtp_out(lmtp) ...
 *	}
 *
 * RCPT and END need an answer of the owner's (mda_lmtp_rcpt_reply,
 * mda_lmtp_end_reply); until it is given mda_lmtp_input uses nothing and
 *returns LMTP_WAIT.  So a peer may pipeline as it likes (RFC 2920), and replies
 *come in the order of its commands.
 */
#ifndef MDA_LMTP_H
#define MDA_LMTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"

#define LMTP_LINE_MAX	(64 * 1024)
#define LMTP_ERRORS_MAX 20   /* bad commands before we hang up */
#define LMTP_REPLY_MAX	2048 /* of one recipient, all of its lines */

enum mda_lmtp_event {
	LMTP_MORE,  /* everything was used */
	LMTP_WAIT,  /* an answer of the owner's is missing */
	LMTP_RCPT,  /* is mda_lmtp_mail()->rcpts' last one right? */
	LMTP_DATA,  /* `data`: the next bytes of the message, CRLF line ends */
	LMTP_END,   /* the message is complete: one reply for each recipient */
	LMTP_RESET, /* the transaction was dropped (RSET, LHLO) */
	LMTP_QUIT,  /* send what there is, and close */
};

enum mda_lmtp_notify { /* RFC 3461 4.1 */
	LMTP_NOTIFY_NEVER = 1 << 0,
	LMTP_NOTIFY_SUCCESS = 1 << 1,
	LMTP_NOTIFY_FAILURE = 1 << 2,
	LMTP_NOTIFY_DELAY = 1 << 3,
};

struct mda_lmtp_rcpt {
	struct pf_str address; /* as sent, without <> and source route */
	struct pf_str mailbox; /* the same, quotes of the local part removed */
	struct pf_str orcpt;   /* "rfc822;u@d", xtext decoded, or empty */
	unsigned notify;       /* enum mda_lmtp_notify; 0: not given */
};
struct mda_lmtp_rcpts pf_vec(struct mda_lmtp_rcpt);

/* What XFORWARD said; empty: nothing, or [UNAVAILABLE]. */
struct mda_lmtp_forward {
	struct pf_str name, addr, port, proto, helo, ident, source;
};

struct mda_lmtp_mail {
	struct pf_str from;  /* "" = <> */
	struct pf_str envid; /* xtext decoded */
	struct pf_str ret;   /* "FULL", "HDRS"; empty: not given */
	bool eightbit, utf8;
	bool has_by; /* RFC 2852 */
	int by;	     /* seconds from now, may be over */
	bool by_return, by_trace;
	uint64_t declared; /* SIZE=, 0: not given */
	uint64_t size;	   /* message bytes so far, CRLF line ends */
	struct mda_lmtp_rcpts rcpts;
	struct mda_lmtp_forward forward;
};

struct mda_lmtp_conf {
	const char *hostname; /* kept, not copied */
	uint64_t size_max;    /* 0: none */
	size_t rcpts_max;
	bool trusted; /* XFORWARD is believed */
};

struct mda_lmtp;
/* Puts the greeting into mda_lmtp_out. */
struct mda_lmtp *mda_lmtp_new(const struct mda_lmtp_conf *conf);
void mda_lmtp_free(struct mda_lmtp **lmtp);

/* Uses bytes up to the next event.  `data` is set for LMTP_DATA only and
 * points into p, or at a constant. */
enum mda_lmtp_event mda_lmtp_input(struct mda_lmtp *lmtp, const char *p,
				   size_t n, size_t *used, struct pf_str *data);
struct pf_buf *mda_lmtp_out(struct mda_lmtp *lmtp);

/* The transaction; valid until LMTP_RESET or mda_lmtp_end_reply. */
const struct mda_lmtp_mail *mda_lmtp_mail(const struct mda_lmtp *lmtp);
struct pf_str mda_lmtp_lhlo(const struct mda_lmtp *lmtp);
/* In the middle of a message (to be known when we are told to stop)? */
bool mda_lmtp_busy(const struct mda_lmtp *lmtp);

/* "250 2.1.5 OK": a reply that does not begin with 2 drops the recipient. */
void mda_lmtp_rcpt_reply(struct mda_lmtp *lmtp, const char *reply);

/* The final replies, in the order of rcpts; one of several lines has CRLF
 * between them.  A message over size_max was not shown further: answer
 * mda_lmtp_too_big's text. */
void mda_lmtp_end_reply(struct mda_lmtp *lmtp, const char *const *replies,
			size_t n);
bool mda_lmtp_too_big(const struct mda_lmtp *lmtp);

/* "421 4.3.2 ..." for idle time-outs and shutdown. */
void mda_lmtp_bye(struct mda_lmtp *lmtp, const char *reply);

#endif
