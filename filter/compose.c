/*
 * Mail that penfold writes itself: answers of vacation (RFC 5230, RFC 3834),
 * letters about letters (RFC 5436),
 * refusals (RFC 5429, as a report of RFC 8098), and letters to a user whose
 * script is broken.  LF line ends; the MTA makes CRLF of them.
 */
#include "filter/filter.h"

#include <stdio.h>

#include "base/clock.h"
#include "mime/mime.h"

#define FIELD_MAX      4096 /* of the original that we quote in ours */
#define QUOTED_HEADERS (64 * 1024)

/* One line without control characters. */
static void add_clean(struct pf_buf *to, struct pf_str s)
{
	if (s.n > FIELD_MAX)
		s.n = FIELD_MAX;
	for (size_t i = 0; i < s.n; i++)
		pf_buf_add_byte(to,
				(unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f
				    ? ' '
				    : s.p[i]);
}

static void add_field(struct pf_buf *to, const char *name, struct pf_str value)
{
	struct pf_buf clean = PF_BUF_INIT(FIELD_MAX);

	if (value.n == 0)
		return;
	add_clean(&clean, value);
	pf_buf_addf(to, "%s: ", name);
	mime_encode_text(to, pf_buf_str(&clean));
	pf_buf_add_byte(to, '\n');
	pf_buf_release(&clean);
}

/* "Name <address>": of a name in other letters each word is encoded, without
 * its quotation marks, which would stand for themselves. */
static void add_mailbox(struct pf_buf *to, const char *name,
			struct pf_str value)
{
	ptrdiff_t at = pf_str_rchr(value, '<');
	struct pf_buf phrase = PF_BUF_INIT(FIELD_MAX);
	bool ascii = true;

	for (ptrdiff_t i = 0; i < at; i++) {
		ascii &= (unsigned char)value.p[i] < 0x80;
		if (value.p[i] != '"' && value.p[i] != '\\')
			pf_buf_add_byte(&phrase, value.p[i]);
	}
	if (ascii) {
		add_field(to, name, value);
	} else {
		add_field(to, name, pf_str_trim(pf_buf_str(&phrase)));
		to->len--; /* the end of the line */
		pf_buf_addf(to, "\n\t%.*s\n", (int)(value.n - (size_t)at),
			    value.p + at);
	}
	pf_buf_release(&phrase);
}

/* The first field of that name, unfolded; empty if there is none. */
static void find_field(struct pf_str header, struct pf_str name,
		       struct pf_buf *to)
{
	struct mime_field field;
	size_t pos = 0;

	while (mime_field_next(header, &pos, &field))
		if (pf_str_ieq(field.name, name)) {
			mime_unfold(to, field.raw);
			return;
		}
}

bool filter_looped(struct pf_str header, struct pf_str address)
{
	struct mime_field field;
	size_t pos = 0;

	while (mime_field_next(header, &pos, &field))
		if (pf_str_ieq(field.name, PF_STR(FILTER_LOOP_FIELD)) &&
		    pf_str_ieq(pf_str_trim(field.raw), address))
			return true;
	return false;
}

/* Message-ID and References of what we answer (RFC 5322 3.6.4). */
static void add_thread(struct pf_buf *to, struct pf_str header)
{
	struct pf_buf id = PF_BUF_INIT(FIELD_MAX),
		      refs = PF_BUF_INIT(FIELD_MAX);
	struct pf_str one, before;
	size_t pos = 0;

	find_field(header, PF_STR("Message-ID"), &id);
	find_field(header, PF_STR("References"), &refs);
	if (mime_msgid_next(pf_buf_str(&id), &pos, &one)) {
		pf_buf_addf(to, "In-Reply-To: %.*s\nReferences:", (int)one.n,
			    one.p);
		for (pos = 0;
		     mime_msgid_next(pf_buf_str(&refs), &pos, &before);)
			pf_buf_addf(to, " %.*s\n", (int)before.n, before.p);
		pf_buf_addf(to, " %.*s\n", (int)one.n, one.p);
	}
	pf_buf_release(&id);
	pf_buf_release(&refs);
}

static void add_trace(struct filter *filter, const char *auto_submitted,
		      struct pf_buf *to)
{
	char id[FILTER_ID_SIZE];

	filter_id_make(id);
	pf_buf_addf(to, "Message-ID: <%s@%s>\nDate: ", id, filter->hostname);
	mime_date_format(to, pf_clock_now(), 0);
	pf_buf_addf(to, "\nAuto-Submitted: %s\nMIME-Version: 1.0\n",
		    auto_submitted);
}

static void add_text(struct pf_buf *to, struct pf_str text)
{
	struct pf_buf encoded = PF_BUF_INIT(4 << 20);

	pf_buf_add_c(to, "Content-Type: text/plain; charset=utf-8\n"
			 "Content-Transfer-Encoding: quoted-printable\n\n");
	mime_qp_encode(&encoded, text);
	for (size_t i = 0; i < encoded.len; i++)
		if (encoded.data[i] != '\r') /* one of text would be =0D */
			pf_buf_add_byte(to, encoded.data[i]);
	pf_buf_add_byte(to, '\n');
	pf_buf_release(&encoded);
}

static struct pf_str postmaster(struct filter *filter, struct pf_buf *to)
{
	if (*filter->conf->postmaster_address)
		pf_buf_add_c(to, filter->conf->postmaster_address);
	else
		pf_buf_addf(to, "postmaster@%s", filter->hostname);
	return pf_buf_str(to);
}

void filter_compose_vacation(struct filter *filter, const char *address,
			     const struct sieve_action *action,
			     struct pf_str header, struct pf_buf *to)
{
	struct pf_buf subject = PF_BUF_INIT(FIELD_MAX);
	struct pf_buf text = PF_BUF_INIT(4 * FIELD_MAX);

	add_mailbox(to, "From",
		    action->address.n ? action->address : pf_str_c(address));
	add_field(to, "To", action->reply_to);
	find_field(header, PF_STR("Subject"), &subject);
	if (action->subject.n) {
		add_field(to, "Subject", action->subject);
	} else if (subject.len > 0) { /* RFC 5230 5.3 */
		pf_buf_add_c(&text, "Auto: ");
		mime_decode_text(&text, pf_buf_str(&subject));
		add_field(to, "Subject", pf_buf_str(&text));
	} else {
		add_field(to, "Subject", PF_STR("Automated reply"));
	}
	add_thread(to, header);
	add_trace(filter, "auto-replied", to);
	if (action->mime)
		pf_buf_add_str(to, action->text); /* header fields and body */
	else
		add_text(to, action->text);
	pf_buf_release(&subject);
	pf_buf_release(&text);
}

/* CRLF becomes LF, and it cannot end in the middle of a field's line. */
static void add_headers(struct pf_buf *to, struct pf_str header)
{
	header = pf_str_head(header, QUOTED_HEADERS);
	for (size_t i = 0; i < header.n; i++)
		if (header.p[i] != '\r')
			pf_buf_add_byte(to, header.p[i]);
	pf_buf_add_byte(to, '\n');
}

void filter_compose_reject(struct filter *filter, const char *address,
			   const char *orcpt, struct pf_str sender,
			   struct pf_str reason, struct pf_str header,
			   struct pf_buf *to)
{
	struct pf_buf text = PF_BUF_INIT(2 << 20);
	struct pf_buf from = PF_BUF_INIT(1024), id = PF_BUF_INIT(FIELD_MAX);
	struct pf_str one;
	size_t pos = 0;
	char bound[FILTER_ID_SIZE];

	filter_id_make(bound);
	find_field(header, PF_STR("Message-ID"), &id);
	add_field(to, "From", postmaster(filter, &from));
	add_field(to, "To", sender);
	add_field(to, "Subject", PF_STR("Your message was refused"));
	add_thread(to, header);
	add_trace(filter, "auto-replied", to);
	pf_buf_addf(to,
		    "Content-Type: multipart/report;\n"
		    "\treport-type=disposition-notification; boundary=\"%s\"\n"
		    "\n--%s\n",
		    bound, bound);
	/* whose words these are (RFC 5429 2.2.1) */
	pf_buf_add_c(&text, "Your message was refused by the recipient's mail "
			    "filter.\nThe reason given is:\n\n");
	pf_buf_add_str(&text, reason);
	add_text(to, pf_buf_str(&text));
	pf_buf_release(&text);
	pf_buf_addf(to,
		    "--%s\nContent-Type: message/disposition-notification\n\n"
		    "Reporting-UA: %s; penfold\n",
		    bound, filter->hostname);
	if (orcpt)
		pf_buf_addf(to, "Original-Recipient: %s\n", orcpt);
	pf_buf_addf(to, "Final-Recipient: rfc822; %s\n", address);
	if (mime_msgid_next(pf_buf_str(&id), &pos, &one))
		pf_buf_addf(to, "Original-Message-ID: %.*s\n", (int)one.n,
			    one.p);
	pf_buf_addf(to,
		    "Disposition: automatic-action/MDN-sent-automatically; "
		    "deleted\n\n--%s\nContent-Type: text/rfc822-headers\n\n",
		    bound);
	add_headers(to, header);
	pf_buf_addf(to, "--%s--\n", bound);
	pf_buf_release(&from);
	pf_buf_release(&id);
}

/* ---- notify (RFC 5436 2.7) ---- */

static struct pf_str domain_of(struct pf_str address)
{
	ptrdiff_t at = pf_str_rchr(address, '@');

	return at < 0 ? PF_STR("") : pf_str_from(address, (size_t)at + 1);
}

struct pf_str filter_notify_sender(const struct filter *filter,
				   const char *address,
				   const struct sieve_action *action)
{
	struct pf_str own = pf_str_c(address), from = action->address;
	struct pf_str rest = pf_str_c(filter->conf->domains), word;

	if (from.n == 0)
		return own;
	if (pf_str_ieq(domain_of(from), domain_of(own)))
		return from;
	while (pf_conf_word(&rest, &word))
		if (pf_str_ieq(domain_of(from), word))
			return from;
	return own;
}

static void add_recipients(struct pf_buf *to, const char *name,
			   const struct pf_str *addresses, size_t n)
{
	if (n == 0)
		return;
	pf_buf_addf(to, "%s: ", name);
	for (size_t i = 0; i < n; i++)
		pf_buf_addf(to, "%s%.*s", i ? ",\n\t" : "", (int)addresses[i].n,
			    addresses[i].p);
	pf_buf_add_byte(to, '\n');
}

/* :message, else what the URI says, else the message's own */
static void add_notify_subject(struct pf_buf *to,
			       const struct sieve_action *action,
			       struct pf_str header)
{
	struct pf_buf raw = PF_BUF_INIT(FIELD_MAX);
	struct pf_buf subject = PF_BUF_INIT(4 * FIELD_MAX);

	if (action->subject.p) {
		add_field(to, "Subject", action->subject);
	} else if (action->mailto->subject.p) {
		add_field(to, "Subject", action->mailto->subject);
	} else {
		find_field(header, PF_STR("Subject"), &raw);
		mime_decode_text(&subject, pf_buf_str(&raw));
		add_field(to, "Subject", pf_buf_str(&subject));
	}
	pf_buf_release(&raw);
	pf_buf_release(&subject);
}

void filter_compose_notify(struct filter *filter, const char *address,
			   struct pf_str from,
			   const struct sieve_action *action,
			   struct pf_str header, struct pf_buf *to)
{
	static const char *const importance[] = {"", "High", "Normal", "Low"};
	const struct sieve_mailto *mailto = action->mailto;
	struct pf_buf mark = PF_BUF_INIT(4 * FIELD_MAX);

	/* who can stop it (RFC 5436 2.7.1) */
	pf_buf_add_c(&mark, "auto-notified; owner-email=");
	pf_buf_add_quoted(&mark, pf_str_c(address));
	add_field(to, "From", from);
	add_recipients(to, "To", mailto->to, mailto->cc_from);
	add_recipients(to, "Cc", mailto->to + mailto->cc_from,
		       mailto->to_count - mailto->cc_from);
	add_notify_subject(to, action, header);
	add_thread(to, header);
	for (size_t i = 0; i < mailto->field_count; i++) {
		const struct sieve_mailto_field *f = &mailto->fields[i];
		char name[100];

		if (pf_str_copy(f->name, name, sizeof name)) {
			name[0] = pf_ascii_upper(name[0]);
			add_field(to, name, f->value);
		}
	}
	pf_buf_addf(to, "X-Priority: %d\nImportance: %s\n",
		    2 * action->importance - 1, importance[action->importance]);
	add_trace(filter, mark.data, to);
	add_text(to,
		 mailto->body.p ? mailto->body : PF_STR("There is new mail."));
	pf_buf_release(&mark);
}

void filter_compose_report(struct filter *filter,
			   const struct sieve_action *action,
			   struct pf_str sender, struct pf_str header,
			   struct pf_buf *before, struct pf_buf *behind)
{
	struct pf_buf from = PF_BUF_INIT(1024),
		      subject = PF_BUF_INIT(2 * FIELD_MAX);
	struct mime_field field;
	char bound[FILTER_ID_SIZE];
	size_t pos = 0;

	filter_id_make(bound);
	pf_buf_add_c(&subject, "Report: ");
	while (mime_field_next(header, &pos, &field))
		if (pf_str_ieq(field.name, PF_STR("Subject"))) {
			mime_decode_text(&subject, field.raw);
			break;
		}
	add_field(before, "From", postmaster(filter, &from));
	add_field(before, "To", action->address);
	add_field(before, "Subject", pf_buf_str(&subject));
	add_trace(filter, "auto-generated", before);
	pf_buf_addf(before,
		    "Content-Type: multipart/report;\n"
		    "\treport-type=feedback-report; boundary=\"%s\"\n\n--%s\n",
		    bound, bound);
	add_text(before, action->text);
	pf_buf_addf(before,
		    "--%s\nContent-Type: message/feedback-report\n\n"
		    "Version: 1\nFeedback-Type: %.*s\nUser-Agent: penfold\n"
		    "Original-Mail-From: <%.*s>\n\n--%s\nContent-Type: %s\n\n",
		    bound, (int)action->handle.n, action->handle.p,
		    (int)sender.n, sender.n ? sender.p : "", bound,
		    action->headers_only ? "text/rfc822-headers"
					 : "message/rfc822");
	pf_buf_addf(behind, "\n--%s--\n", bound);
	pf_buf_release(&from);
	pf_buf_release(&subject);
}

void filter_compose_letter(struct filter *filter,
			   const struct auth_identity *id, const char *subject,
			   struct pf_str text, struct pf_buf *to)
{
	struct pf_buf from = PF_BUF_INIT(1024);

	add_field(to, "From", postmaster(filter, &from));
	add_field(to, "To", pf_str_c(id->user));
	add_field(to, "Subject", pf_str_c(subject));
	add_trace(filter, "auto-generated", to);
	add_text(to, text);
	pf_buf_release(&from);
}

void filter_compose_notice(struct filter *filter,
			   const struct auth_identity *id, const char *path,
			   const char *problem, const char *all,
			   struct pf_buf *to)
{
	struct pf_buf text = PF_BUF_INIT(64 * 1024);

	pf_buf_addf(&text,
		    "Your mail filter\n\n    %s\n\ncould not be run:\n\n"
		    "%s%s%s\n"
		    "No mail is lost: until it is repaired everything is put "
		    "into INBOX.\nThis letter is sent once for each version "
		    "of the script.\n",
		    path, all ? "" : "    ", all ? all : problem,
		    all ? "" : "\n");
	filter_compose_letter(filter, id, "Your Sieve script has an error",
			      pf_buf_str(&text), to);
	pf_buf_release(&text);
}
