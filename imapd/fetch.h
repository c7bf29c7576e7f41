/*
 * fetch: one message while FETCH answers about it (fetch_body.c), and the
 * command around it (cmd_fetch.c).
 *
 * Everything that may fail is found out before the first byte of the answer:
 * a message is opened, its header read, its tree parsed (in time slices) and
 * every short item is ready as text; then the line is written, and only the
 * large sections are streamed from the file.
 */
#ifndef IMAPD_FETCH_H
#define IMAPD_FETCH_H

#include "imapd/client.h"

/* Part of a file on its way out, LF becoming CRLF. */
struct stream {
	uint64_t begin;	 /* where the section starts in the file */
	uint64_t offset; /* next byte to read */
	uint64_t end;	 /* of the section in the file */
	uint64_t done;	 /* bytes of the section made so far (CRLF counted) */
	uint64_t skip;	 /* of them are not wanted (partial) */
	uint64_t left;	 /* announced and not yet sent */
	bool after_cr;
	bool as_is; /* no bare LF in it */
};

/* A part while it is decoded (RFC 3516). */
struct binary {
	struct mime_decoder decoder;
	uint64_t offset, end; /* in the file */
	uint64_t made;	      /* decoded so far (counting) */
	uint64_t skip, left;  /* to send */
	bool after_cr, ended;
};

struct message {
	struct client *client;
	/* where it is and goes to, if not client->box and client->out */
	struct store_box *box;
	struct pf_buf *out;
	uint32_t uid;
	uint64_t size; /* RFC822.SIZE */
	int fd;	       /* -1: not open */
	uint64_t file_size;
	/* the last bytes that were read: most messages are read once */
	char *window;
	uint64_t window_at;
	size_t window_n;
	struct pf_arena arena; /* texts and tree of this message */
	struct pf_buf header;  /* raw, as far as MIME_HEADER_MAX */
	bool header_read;
	uint64_t header_end; /* 0: longer than what was read */
	struct mime_parser *parser;
	uint64_t parsed;
	struct mime_part *root;
	struct stream stream;
	struct binary binary;
};

void message_init(struct message *m, struct client *client);
void message_begin(struct message *m, uint32_t uid, uint64_t size);
void message_end(struct message *m); /* ready for the next one */
void message_release(struct message *m);

/* EXPUNGED when it is gone. */
PF_CHECKED pf_status message_open(struct message *m, struct pf_error *err);
/* Bytes of the file from `offset` on, as many as come at once, none at its
 * end; valid until the next call that reads. */
PF_CHECKED pf_status message_bytes(struct message *m, uint64_t offset,
				   struct pf_str *bytes, struct pf_error *err);
/* m->header, m->header_end */
PF_CHECKED pf_status message_header(struct message *m, struct pf_error *err);
/* m->root; MORE: the time slice is over, call again. */
PF_CHECKED pf_status message_tree(struct message *m, int64_t start,
				  struct pf_error *err);
/* Raw header of a part, valid until the next call. */
struct pf_str message_part_header(struct message *m,
				  const struct mime_part *part,
				  struct pf_buf *buf);

enum section_need {
	SECTION_NEEDS_FILE = 1,
	SECTION_NEEDS_HEADER = 2,
	SECTION_NEEDS_TREE = 4,
};
unsigned section_needs(const struct imap_fetch_item *item);
/* HEADER.FIELDS of `header`, CRLF line ends, in `to`. */
void section_fields(struct pf_buf *to, struct pf_str header,
		    const struct imap_fetch_item *item,
		    const struct pf_map *wanted);
void section_wanted(struct pf_map *wanted, const struct imap_fetch_item *item);
/* The header that HEADER.FIELDS of this item is about; false: no such part. */
bool section_header(struct message *m, const struct imap_fetch_item *item,
		    struct pf_buf *buf, struct pf_str *header);
/* Sets up m->stream and the announced size; false: no such part (NIL). */
bool section_stream(struct message *m, const struct imap_fetch_item *item);
/* Writes what fits.  OUTPUT, MORE, DONE; FAIL when the file is too short. */
enum run section_emit(struct message *m, int64_t start);

/* fetch_binary.c.  Sets up m->binary for a part of m->root; false: no such
 * part, or *status is UNSUPPORTED (its encoding). */
bool binary_begin(struct message *m, const struct imap_fetch_item *item,
		  pf_status *status, struct pf_error *err);
/* Its decoded size; MORE: call again. */
PF_CHECKED pf_status binary_count(struct message *m, int64_t start,
				  uint64_t *size);
/* After another binary_begin: what binary_emit is to write. */
void binary_send(struct message *m, const struct imap_fetch_item *item,
		 uint64_t size);
enum run binary_emit(struct message *m, int64_t start);

/* cmd_fetch.c: FETCH lines without a FETCH, for messages of the view; `what`
 * must live longer. */
struct fetch;
struct fetch *fetch_new(struct client *client, const struct imap_fetch *what,
			const struct store_uids *uids);
enum run fetch_tell(struct cmd *cmd, struct fetch *fetch);
void fetch_free(struct fetch **fetch);

#endif
