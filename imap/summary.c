/*
 * The header summary: raw fields that mail programs want for their message
 * lists, kept by the store per message, so that a list of 100,000 messages
 * opens none of their files.
 */
#include "imap/imap.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc.h"

/* Lower case, sorted; may be changed at any time (see edition).  What
 * Thunderbird, mutt, Roundcube, Apple Mail, K-9, alpine, Gnus and mbsync ask
 * for. */
static const char *const listed[] = {
    "bcc",
    "cc",
    "content-description",
    "content-disposition",
    "content-language",
    "content-location",
    "content-md5",
    "content-transfer-encoding",
    "content-type",
    "date",
    "delivered-to",
    "disposition-notification-to",
    "envelope-to",
    "errors-to",
    "followup-to",
    "from",
    "importance",
    "in-reply-to",
    "lines",
    "list-archive",
    "list-help",
    "list-id",
    "list-owner",
    "list-post",
    "list-subscribe",
    "list-unsubscribe",
    "mail-followup-to",
    "mail-reply-to",
    "message-id",
    "mime-version",
    "newsgroups",
    "organization",
    "path",
    "precedence",
    "priority",
    "received",
    "references",
    "reply-to",
    "resent-bcc",
    "resent-cc",
    "resent-date",
    "resent-from",
    "resent-subject",
    "resent-to",
    "return-path",
    "sender",
    "status",
    "subject",
    "to",
    "user-agent",
    "x-bogosity",
    "x-draft-info",
    "x-keywords",
    "x-label",
    "x-mailer",
    "x-mailing-list",
    "x-original-to",
    "x-priority",
    "x-sender",
    "x-spam-flag",
    "x-spam-level",
    "x-spam-score",
    "x-spam-status",
    "x-status",
    "x-tuid",
    "x-uid",
    "xref",
};

static int compare(const void *key, const void *entry)
{
	return strcmp(key, *(const char *const *)entry);
}

static bool is_listed(struct pf_str name)
{
	char lower[32];

	if (name.n >= sizeof lower)
		return false;
	for (size_t i = 0; i < name.n; i++)
		lower[i] = pf_ascii_lower(name.p[i]);
	lower[name.n] = '\0';
	return bsearch(lower, listed, sizeof listed / sizeof *listed,
		       sizeof *listed, compare) != NULL;
}

bool imap_summary_covers(const struct imap_fetch_item *item)
{
	if (item->kind != IMAP_FETCH_SECTION || item->number_count ||
	    item->section != IMAP_SECTION_FIELDS)
		return false;
	for (size_t i = 0; i < item->field_count; i++)
		if (!is_listed(item->fields[i]))
			return false;
	return true;
}

/* Of the list: what was kept under another list is of no use, because a field
 * missing in it may be in the message.  It stands in front of what is kept. */
static uint32_t edition(void)
{
	static _Atomic uint32_t known;

	if (!known) {
		uint32_t crc = 0;
		for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
			crc = pf_crc32c(crc, listed[i], strlen(listed[i]) + 1);
		known = crc;
	}
	return known;
}

bool imap_summary_fields(struct pf_str kept, struct pf_str *fields)
{
	uint32_t made;

	if (kept.n < sizeof made)
		return false;
	memcpy(&made, kept.p, sizeof made);
	if (made != edition())
		return false;
	*fields = pf_str_mem(kept.p + sizeof made, kept.n - sizeof made);
	return true;
}

void imap_summary_headers(struct pf_buf *to, struct pf_str header)
{
	struct mime_field field;
	size_t pos = 0;
	uint32_t made = edition();

	pf_buf_add(to, &made, sizeof made);
	while (mime_field_next(header, &pos, &field))
		if (is_listed(field.name))
			pf_buf_add(to, header.p + field.offset, field.size);
}
