/*
 * A message that is in a mailbox already, as a script sees it: for what is run
 * by hand or over IMAP, long after the delivery.
 */
#include "filter/filter.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "mime/mime.h"

static pf_status read_header(struct filter_stored *stored, struct pf_error *err)
{
	char *head = malloc(MIME_HEADER_MAX);
	size_t n = 0;

	if (!head)
		abort();
	pf_status status =
	    pf_fs_pread(stored->ask.fd, head, MIME_HEADER_MAX, 0, &n, err);
	if (status == PF_OK) {
		size_t end = mime_header_end(pf_str_mem(head, n));

		pf_buf_add(&stored->header, head, end);
		status = pf_buf_status(&stored->header, err);
	}
	free(head);
	return status;
}

/* The first field of that name, "" when there is none; <> are taken off. */
static struct pf_str field(struct pf_str header, struct pf_str name)
{
	struct mime_field field;
	size_t pos = 0;

	while (mime_field_next(header, &pos, &field)) {
		struct pf_str value = pf_str_trim(field.raw);

		if (!pf_str_ieq(field.name, name))
			continue;
		if (value.n >= 2 && value.p[0] == '<' &&
		    value.p[value.n - 1] == '>')
			value = pf_str_mem(value.p + 1, value.n - 2);
		return value;
	}
	return PF_STR("");
}

/* "user" and "detail" of user+detail@domain */
static void split_recipient(struct sieve_message *m)
{
	ptrdiff_t at = pf_str_rchr(m->to, '@');

	m->has_detail = false;
	m->detail = PF_STR("");

	m->user = at >= 0 ? pf_str_head(m->to, (size_t)at) : m->to;
	for (size_t i = 1; i < m->user.n; i++) {
		if (!strchr(m->delimiters, m->user.p[i]))
			continue;
		m->detail = pf_str_from(m->user, i + 1);
		m->user = pf_str_head(m->user, i);
		m->has_detail = true;
		return;
	}
}

void filter_stored_envelope(struct filter_stored *stored,
			    const struct filter_envelope *envelope)
{
	stored->message.from = envelope->from;
	stored->message.to = envelope->to;
	split_recipient(&stored->message);
}

pf_status
filter_stored_init(struct filter_stored *stored, struct filter *filter,
		   const struct auth_identity *id, struct store *store, int fd,
		   const struct filter_envelope *envelope, struct pf_error *err)
{
	struct sieve_message *m = &stored->message;
	struct stat st;

	*stored = (struct filter_stored){
	    .ask = {.filter = filter, .id = id, .store = store, .fd = fd}};
	pf_buf_init(&stored->header, MIME_HEADER_MAX);
	pf_status status = read_header(stored, err);
	if (status != PF_OK) {
		pf_buf_release(&stored->header);
		return status;
	}
	struct pf_str header = pf_buf_str(&stored->header);
	*m = (struct sieve_message){
	    .header = header,
	    .size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0,
	    .delimiters = filter->conf->recipient_delimiter,
	    .now = pf_clock_now(),
	};
	const struct filter_envelope own = {
	    field(header, PF_STR("Return-Path")),
	    field(header, PF_STR("Delivered-To"))};
	filter_stored_envelope(stored, envelope ? envelope : &own);
	filter_ask_init(&stored->ask, m);
	m->duplicate = NULL;
	return PF_OK;
}

void filter_stored_release(struct filter_stored *stored)
{
	pf_buf_release(&stored->header);
	filter_ask_release(&stored->ask);
}
