/*
 * BINARY sections (RFC 3516): a part without its transfer encoding.
 *
 * Decoding is done twice, once to count (the size comes first on the wire) and
 * once to send, so that the size of a part costs no memory.  Text is in CRLF
 * as everywhere in IMAP: bare LFs of the file become CRLF before decoding, and
 * base64 does not care.
 *
 * The whole message (BINARY[]) and parts with other parts inside have no
 * encoding of their own and are sent as they are.
 */
#include "base/fsio.h"
#include "base/log.h"
#include "imapd/fetch.h"

#define CHUNK 16384

bool binary_begin(struct message *m, const struct imap_fetch_item *item,
		  pf_status *status, struct pf_error *err)
{
	struct binary *b = &m->binary;
	enum mime_encoding encoding = MIME_ENC_IDENTITY;
	const struct mime_part *part =
	    mime_part_find(m->root, item->numbers, item->number_count);

	*status = PF_OK;
	if (!part)
		return false;
	if (item->number_count && !part->multipart && !part->message)
		encoding = mime_encoding(part->encoding);
	if (encoding == MIME_ENC_UNKNOWN) {
		*status = pf_error_set(err, PF_UNSUPPORTED,
				       "Unknown transfer encoding",
				       "unknown transfer encoding");
		return false;
	}
	*b = (struct binary){.offset = part->body.start,
			     .end = part->body.start + part->body.size};
	if (!item->number_count)
		b->offset = part->header.start;
	mime_decoder_init(&b->decoder, encoding);
	return true;
}

/* LF -> CRLF, where it is not there. */
static void to_crlf(struct binary *b, struct pf_str in, struct pf_buf *out)
{
	while (in.n > 0) {
		const char *lf = memchr(in.p, '\n', in.n);
		size_t run = lf ? (size_t)(lf - in.p) : in.n;

		pf_buf_add(out, in.p, run);
		if (run > 0)
			b->after_cr = in.p[run - 1] == '\r';
		if (!lf)
			return;
		pf_buf_add_c(out, b->after_cr ? "\n" : "\r\n");
		b->after_cr = false;
		in = pf_str_from(in, run + 1);
	}
}

/* The next decoded piece; false at the end, or where the file breaks off. */
static bool decode(struct message *m, struct pf_buf *piece)
{
	struct binary *b = &m->binary;
	struct pf_buf lines = PF_BUF_INIT(2 * CHUNK);
	struct pf_str bytes = {0};

	pf_buf_clear(piece);
	if (b->ended)
		return false;
	if (b->offset < b->end &&
	    message_bytes(m, b->offset, &bytes, NULL) != PF_OK)
		bytes.n = 0;
	if (bytes.n > b->end - b->offset)
		bytes.n = (size_t)(b->end - b->offset);
	b->offset += bytes.n;
	to_crlf(b, bytes, &lines);
	mime_decoder_add(&b->decoder, pf_buf_str(&lines), piece);
	if (bytes.n == 0) {
		mime_decoder_end(&b->decoder, piece);
		b->ended = true;
	}
	pf_buf_release(&lines);
	return true;
}

pf_status binary_count(struct message *m, int64_t start, uint64_t *size)
{
	struct binary *b = &m->binary;
	struct pf_buf piece = PF_BUF_INIT(8 * CHUNK);
	pf_status status = PF_OK;

	while (status == PF_OK && decode(m, &piece)) {
		b->made += piece.len;
		if (slice_over(start))
			status = PF_MORE;
	}
	if (status == PF_OK)
		*size = b->made;
	pf_buf_release(&piece);
	return status;
}

void binary_send(struct message *m, const struct imap_fetch_item *item,
		 uint64_t size)
{
	struct binary *b = &m->binary;

	b->skip = item->partial ? item->offset : 0;
	b->left = b->skip < size ? size - b->skip : 0;
	if (item->partial && b->left > item->length)
		b->left = item->length;
}

/* Of a decoded piece: what is wanted. */
static void send_piece(struct binary *b, struct pf_buf *out, struct pf_str s)
{
	uint64_t drop = b->skip < s.n ? b->skip : s.n;

	b->skip -= drop;
	s = pf_str_from(s, (size_t)drop);
	s = pf_str_head(s, b->left < s.n ? (size_t)b->left : s.n);
	pf_buf_add_str(out, s);
	b->left -= s.n;
}

enum run binary_emit(struct message *m, int64_t start)
{
	struct client *client = m->client;
	struct binary *b = &m->binary;
	struct pf_buf piece = PF_BUF_INIT(8 * CHUNK);
	enum run result = RUN_DONE;

	while (b->left > 0 && result == RUN_DONE) {
		if (client_full(client)) {
			result = RUN_OUTPUT;
		} else if (slice_over(start)) {
			result = RUN_MORE;
		} else if (decode(m, &piece)) {
			send_piece(b, &client->out, pf_buf_str(&piece));
		} else {
			/* the size is promised: nothing else can follow */
			pf_log(PF_LOG_ERROR, "message-too-short",
			       PF_LOGC("user", client->user->name),
			       PF_LOGS("mailbox", store_box_name(client->box)),
			       PF_LOGU("uid", m->uid),
			       PF_LOGU("missing", b->left));
			result = RUN_FAIL;
		}
	}
	pf_buf_release(&piece);
	return result;
}
