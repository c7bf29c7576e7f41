/*
 * What leaves the house on behalf of one recipient: redirects, refusals and
 * answers.  When they happen, and what a failure means, is deliver.c's.
 */
#include "mda/delivery.h"

#include <stdio.h>

#include "mime/mime.h"

#define RECEIVED_MAX 50 /* no redirect beyond that many hops */

/* For others: without what only this delivery says */
static void add_relayed(struct delivery *d, struct pf_str header,
			struct pf_buf *to)
{
	struct mime_field field;
	size_t pos = 0;

	while (mime_field_next(header, &pos, &field)) {
		struct pf_str line =
		    pf_str_mem(header.p + field.offset, field.size);

		if (pf_str_ieq(field.name, PF_STR("Return-Path")) ||
		    (pf_str_ieq(field.name, PF_STR("Delivered-To")) &&
		     pf_str_eq(pf_str_trim(field.raw),
			       pf_str_c(d->rcpt->address))))
			continue;
		for (size_t i = 0; i < line.n; i++) {
			if (line.p[i] != '\r' || i + 1 == line.n ||
			    line.p[i + 1] != '\n')
				pf_buf_add_byte(to, line.p[i]);
		}
	}
	pf_buf_add_byte(to, '\n');
}

static bool too_many_hops(struct pf_str header)
{
	struct mime_field field;
	size_t pos = 0;
	int n = 0;

	while (mime_field_next(header, &pos, &field))
		n += pf_str_ieq(field.name, PF_STR("Received"));
	return n > RECEIVED_MAX;
}

pf_status mda_delivery_redirect(struct delivery *d,
				const struct sieve_action *action,
				struct pf_error *err)
{
	const struct mda_message *m = d->message;
	struct pf_buf head = PF_BUF_INIT(MIME_HEADER_MAX + 128 * 1024);
	struct pf_buf rule = PF_BUF_INIT(4096);
	struct sieve_span whole = {
	    .fd = m->fd, .start = m->relay_from, .size = FILTER_REST};
	const struct sieve_span *body = &whole;
	size_t count = 1;
	pf_status status = PF_OK;

	if (filter_looped(pf_buf_str(&d->header), pf_str_c(d->rcpt->address)) ||
	    too_many_hops(pf_buf_str(&d->header)))
		return pf_error_set(err, PF_INVALID, NULL,
				    "redirect would loop");
	pf_buf_addf(&head, FILTER_LOOP_FIELD ": %s\n", d->rcpt->address);
	if (action->header.p) {
		add_relayed(d, action->header, &head);
		status =
		    mda_delivery_body(d, action, &whole, &body, &count, err);
		if (status == PF_OK)
			status = pf_buf_status(&head, err);
	}
	if (status == PF_OK)
		status = filter_send_dsn(d->filter, m->envelope.from,
					 action->address, &action->dsn,
					 pf_buf_str(&head), body, count, err);
	if (status == PF_OK) {
		d->sent++;
		filter_chain_rule(&d->chain, action, &rule);
		pf_buf_addf(&rule, ": redirect to %.*s", (int)action->address.n,
			    action->address.p);
		mda_delivery_journal(d, PF_STR(""), PF_STR(""),
				     pf_buf_str(&rule));
	}
	pf_buf_release(&head);
	pf_buf_release(&rule);
	return status;
}

pf_status mda_delivery_reject(struct delivery *d,
			      const struct sieve_action *action,
			      struct pf_error *err)
{
	struct pf_str sender = d->message->envelope.from;
	struct pf_buf notice = PF_BUF_INIT(2 << 20), rule = PF_BUF_INIT(400);
	pf_status status = PF_OK;

	if (action->refuse) { /* our reply does it (RFC 5429 2.1.1) */
		d->refusal = action->text;
	} else if (sender.n) { /* MDNs go to nobody else (RFC 5429 2.2.1) */
		filter_compose_reject(d->filter, d->rcpt->address,
				      d->rcpt->orcpt, sender, action->text,
				      mda_message_header(d->message), &notice);
		status = filter_send(d->filter, PF_STR(""), sender,
				     pf_buf_str(&notice), -1, 0, err);
	}
	if (status == PF_OK) {
		d->refused = true;
		filter_chain_rule(&d->chain, action, &rule);
		pf_buf_add_c(&rule, action->refuse ? ": ereject" : ": reject");
		mda_delivery_journal(d, PF_STR(""), PF_STR(""),
				     pf_buf_str(&rule));
	}
	pf_buf_release(&notice);
	pf_buf_release(&rule);
	return status;
}

pf_status mda_delivery_pipe(struct delivery *d,
			    const struct sieve_action *action,
			    struct pf_error *err)
{
	const struct filter_caller caller = {
	    .filter = d->filter,
	    .id = &d->rcpt->id,
	    .from = d->message->envelope.from,
	    .to = pf_str_c(d->rcpt->address),
	    .orcpt = pf_str_c(d->rcpt->orcpt),
	};
	struct pf_buf rule = PF_BUF_INIT(4096);
	const struct sieve_span *body;
	struct sieve_span whole;
	size_t count;
	pf_status status =
	    mda_delivery_body(d, action, &whole, &body, &count, err);

	if (status != PF_OK)
		return status;
	if (!filter_pipe(&caller, action, body, count))
		return pf_error_set(err, PF_INVALID, NULL,
				    "the program %.*s did not take the message",
				    (int)action->program->name.n,
				    action->program->name.p);
	d->sent++;
	filter_chain_rule(&d->chain, action, &rule);
	pf_buf_addf(&rule, ": pipe to %.*s", (int)action->program->name.n,
		    action->program->name.p);
	mda_delivery_journal(d, PF_STR(""), PF_STR(""), pf_buf_str(&rule));
	pf_buf_release(&rule);
	return PF_OK;
}

void mda_delivery_report(struct delivery *d, const struct sieve_action *action)
{
	const struct sieve_span *body;
	struct sieve_span whole;
	struct pf_error err;
	size_t count;

	/* not to the one whose script this is: it could go round */
	if (pf_str_ieq(action->address, pf_str_c(d->rcpt->address)))
		return;
	pf_status status =
	    mda_delivery_body(d, action, &whole, &body, &count, &err);
	if (status == PF_OK)
		status =
		    filter_report(d->filter, action, d->message->envelope.from,
				  body, count, &err);
	if (status != PF_OK)
		mda_delivery_problem(d, "report", &err);
}

void mda_delivery_vacation(struct delivery *d,
			   const struct sieve_action *action)
{
	/* nobody is to hear of an answer that gets lost (RFC 5230 5.1) */
	static const struct sieve_dsn never = {.notify = PF_STR("NEVER")};
	struct pf_buf answer = PF_BUF_INIT(2 << 20);
	struct pf_error err;

	if (!filter_vacation_due(&d->rcpt->id, action->handle, action->reply_to,
				 action->seconds))
		return;
	filter_compose_vacation(d->filter, d->rcpt->address, action,
				mda_message_header(d->message), &answer);
	if (filter_send_dsn(d->filter, PF_STR(""), action->reply_to, &never,
			    pf_buf_str(&answer), NULL, 0, &err) != PF_OK)
		mda_delivery_problem(d, "vacation", &err);
	else if (action->mailbox.n &&
		 mda_delivery_letter(d, action->mailbox, &answer, action,
				     &err) != PF_OK)
		mda_delivery_problem(d, "vacation :fcc", &err);
	pf_buf_release(&answer);
}

/* Whoever cannot be told is not told: never tried again (RFC 5436 2.7). */
void mda_delivery_notify(struct delivery *d, const struct sieve_action *action)
{
	const struct sieve_mailto *mailto = action->mailto;
	struct pf_str from =
	    filter_notify_sender(d->filter, d->rcpt->address, action);
	/* what has no sender may be a bounce, perhaps of this very letter */
	struct pf_str sender = d->message->envelope.from.n ? from : PF_STR("");
	struct pf_buf letter = PF_BUF_INIT(1 << 20);
	struct pf_error err;
	size_t told = 0;

	if (too_many_hops(pf_buf_str(&d->header)))
		return;
	filter_compose_notify(d->filter, d->rcpt->address, from, action,
			      mda_message_header(d->message), &letter);
	for (size_t i = 0; i < mailto->to_count; i++) {
		if (filter_send(d->filter, sender, mailto->to[i],
				pf_buf_str(&letter), -1, 0, &err) == PF_OK)
			told++;
		else
			mda_delivery_problem(d, "notify", &err);
	}
	if (told > 0 && action->mailbox.n &&
	    mda_delivery_letter(d, action->mailbox, &letter, action, &err) !=
		PF_OK)
		mda_delivery_problem(d, "notify :fcc", &err);
	pf_buf_release(&letter);
}
