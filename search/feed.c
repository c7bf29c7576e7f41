/*
 * feed: a message's texts into the index, each into the field that keys.c
 * will ask for it.  Both look here for which that is.
 */
#include "search/feed.h"

#include "base/buf.h"
#include "mime/mime.h"
#include "search/search.h"
#include "search/text.h"

enum index_field search_header_field(struct pf_str name)
{
	static const struct {
		const char *name;
		enum index_field field;
	} own[] = {
	    {"Subject", INDEX_SUBJECT}, {"From", INDEX_FROM}, {"To", INDEX_TO},
	    {"Cc", INDEX_CC},		{"Bcc", INDEX_BCC},
	};

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (pf_str_ieq(name, pf_str_c(own[i].name)))
			return own[i].field;
	return INDEX_HEADER;
}

struct feed {
	struct index_writer *writer;
	struct pf_buf name;
	pf_status status;
	struct pf_error *err;
};

static bool add(struct feed *feed, enum index_field field, struct pf_str text,
		bool more)
{
	feed->status =
	    index_writer_text(feed->writer, field, text, more, feed->err);
	return feed->status == PF_OK;
}

static bool feed_piece(void *arg, const struct search_piece *piece)
{
	struct feed *feed = arg;

	if (!piece->name.n)
		return add(feed, INDEX_BODY, piece->text, piece->more);
	pf_buf_clear(&feed->name);
	mime_fold(&feed->name, piece->name);
	return add(feed, INDEX_HEADER, pf_buf_str(&feed->name), false) &&
	       add(feed, search_header_field(piece->name), piece->text,
		   piece->more);
}

pf_status search_index_message(struct index_writer *writer, struct pf_str guid,
			       int fd, struct pf_error *err)
{
	struct feed feed = {.writer = writer, .err = err};
	pf_status status = index_writer_begin(writer, guid, err);

	if (status)
		return status;
	pf_buf_init(&feed.name, 8 * MIME_HEADER_MAX);
	status = search_text(fd, false, feed_piece, &feed, err);
	pf_buf_release(&feed.name);
	if (status) /* the message's fault, not the index's */
		status = pf_error_set(err, PF_LIMIT, NULL,
				      "a message cannot be read: %s",
				      pf_status_text(status));
	else
		status = feed.status;
	if (!status)
		status = index_writer_end(writer, err);
	else
		index_writer_abandon(writer);
	return status;
}
