/*
 * qresync: what a client that knew the mailbox before is told to catch up
 * (RFC 7162 3.2): VANISHED (EARLIER), then its changed messages.
 */
#ifndef IMAPD_QRESYNC_H
#define IMAPD_QRESYNC_H

#include "imapd/client.h"

struct qresync_ranges pf_vec(struct imap_range);

struct qresync {
	struct qresync_ranges vanished;
	size_t at; /* of them are told */
};

/* SELECT's parameter. */
struct qresync_param {
	uint32_t uidvalidity;
	uint64_t modseq;
	struct imap_set known;	/* UIDs; all, if it was not said */
	struct imap_set at, is; /* message numbers and UIDs, one to one */
};
/* BAD was replied where it is false. */
bool qresync_param_read(struct cmd *cmd, const struct imap_arg *list,
			struct qresync_param *param);

/* The UIDs of `known` that were expunged after `modseq` and are not in the
 * view any more.  Where that is forgotten: all that are not there, from
 * `trusted` + 1 on. */
PF_CHECKED pf_status qresync_vanished(struct qresync *q, struct client *client,
				      const struct imap_set *known,
				      uint64_t modseq, uint32_t trusted,
				      struct pf_error *err);
/* Up to this UID client and server agree (RFC 7162 3.2.5.2). */
uint32_t qresync_agreed(const struct client *client,
			const struct qresync_param *param);
/* "* VANISHED (EARLIER) 2:4,7" in lines of bearable length; OUTPUT, DONE */
enum run qresync_tell(struct qresync *q, struct client *client);
void qresync_release(struct qresync *q);

/* "OK [HIGHESTMODSEQ n] X completed" behind an expunge, for clients that
 * want to know; `before` is what it was. */
enum run qresync_reply(struct cmd *cmd, uint64_t before);
uint64_t qresync_modseq(const struct client *client);

#endif
