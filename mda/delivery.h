/* Delivery to one recipient, between deliver.c and away.c. */
#ifndef MDA_DELIVERY_H
#define MDA_DELIVERY_H

#include "mda/mda.h"

struct delivery {
	struct filter *filter;
	struct mda_message *message;
	struct mda_rcpt *rcpt;
	struct store *store;
	struct share *share; /* NULL: there is nothing but his own */
	struct store_draft *draft, *own;
	struct pf_buf header;	   /* with our prefix, as the script sees it */
	struct pf_buf folders;	   /* "INBOX, nanog": for the reply */
	struct filter_chain chain; /* the scripts */
	bool broken;		   /* the user's own could not be run */
	unsigned stored, sent;
	bool refused;	       /* by a notice, or: */
	struct pf_str refusal; /* by our reply; p NULL: not */
	bool last; /* one recipient, one folder: the file can be moved there */
};

/* ---- deliver.c ---- */

void mda_delivery_journal(struct delivery *d, struct pf_str folder,
			  struct pf_str file, struct pf_str rule);
void mda_delivery_problem(struct delivery *d, const char *event,
			  const struct pf_error *err);
/* A letter of ours into one of the user's folders; action: its flags, or
 * NULL */
PF_CHECKED pf_status mda_delivery_letter(struct delivery *d,
					 struct pf_str folder,
					 const struct pf_buf *letter,
					 const struct sieve_action *action,
					 struct pf_error *err);
/* What is to stand behind the header of an action: its own pieces, or the
 * message's body (in *whole) */
PF_CHECKED pf_status mda_delivery_body(const struct delivery *d,
				       const struct sieve_action *action,
				       struct sieve_span *whole,
				       const struct sieve_span **body,
				       size_t *count, struct pf_error *err);

/* ---- shared.c ---- */

/* Opens what there is beside the user's own, if anything. */
void mda_delivery_share(struct delivery *d);
/* Where a script's folder is.  NOPERM, NOTFOUND: he may not deliver there. */
PF_CHECKED pf_status mda_delivery_place(struct delivery *d,
					struct pf_str folder, bool create,
					struct share_place *place,
					struct pf_error *err);

/* ---- quota.c ---- */

/* After a delivery: the letter that the mailbox is nearly full, once. */
void mda_quota_warn(struct delivery *d);

/* ---- away.c: actions that leave the house ---- */

PF_CHECKED pf_status mda_delivery_redirect(struct delivery *d,
					   const struct sieve_action *action,
					   struct pf_error *err);
PF_CHECKED pf_status mda_delivery_reject(struct delivery *d,
					 const struct sieve_action *action,
					 struct pf_error *err);
PF_CHECKED pf_status mda_delivery_pipe(struct delivery *d,
				       const struct sieve_action *action,
				       struct pf_error *err);
void mda_delivery_report(struct delivery *d, const struct sieve_action *action);
void mda_delivery_vacation(struct delivery *d,
			   const struct sieve_action *action);
void mda_delivery_notify(struct delivery *d, const struct sieve_action *action);

#endif
