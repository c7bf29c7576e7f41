/* Shows what a reader found as one line of text, for tests. */
#ifndef TESTS_IMAP_DUMP_H
#define TESTS_IMAP_DUMP_H

#include "imap/imap.h"

static inline void dump_text(struct pf_buf *to, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c >= 0x7f)
			pf_buf_addf(to, "\\x%02x", c);
		else
			pf_buf_add_byte(to, (char)c);
	}
}

static inline void dump_args(struct pf_buf *to, const struct imap_arg *arg)
{
	for (; arg->kind != IMAP_END; arg++) {
		pf_buf_add_byte(to, ' ');
		switch (arg->kind) {
		case IMAP_ATOM:
			dump_text(to, arg->text);
			break;
		case IMAP_NIL:
			pf_buf_add_c(to, "nil");
			break;
		case IMAP_STRING:
			if (arg->literal)
				pf_buf_add_c(to, arg->literal8 ? "~L" : "L");
			pf_buf_add_byte(to, '\'');
			dump_text(to, arg->text);
			pf_buf_add_byte(to, '\'');
			break;
		case IMAP_LIST:
			pf_buf_addf(to, "%zu(", arg->count);
			dump_args(to, arg->list);
			pf_buf_add_c(to, " )");
			break;
		case IMAP_STREAM:
			pf_buf_addf(to, "%sstream:%llu",
				    arg->literal8 ? "~" : "",
				    (unsigned long long)arg->size);
			break;
		case IMAP_END:
			break;
		}
	}
}

static inline void dump_command(struct pf_buf *to, struct imap_reader *r)
{
	dump_text(to, imap_reader_tag(r));
	pf_buf_add_byte(to, ' ');
	dump_text(to, imap_reader_name(r));
	dump_args(to, imap_reader_args(r));
}

/*
 * Everything that happens when `in` arrives in pieces of at most `step` bytes:
 * commands in "[...]", "+" for a continuation, "<...>" for a stream with its
 * arguments so far, "!tag: text" for a failure, "~" behind a LIMIT.  Good
 * commands are also given to `on_command`.
 */
static inline void dump_session(struct pf_buf *to,
				const struct imap_reader_conf *conf,
				struct pf_str in, size_t step,
				void (*on_command)(struct imap_reader *))
{
	struct imap_reader *r = imap_reader_new(conf);

	while (in.n > 0) {
		size_t used = 0;
		struct pf_error err = {0};
		struct pf_str piece = pf_str_head(in, step);

		if (imap_reader_event(r) == IMAP_READ_LITERAL &&
		    imap_reader_stream_left(r) > 0) {
			uint64_t left = imap_reader_stream_left(r);
			used = piece.n < left ? piece.n : (size_t)left;
			imap_reader_stream_took(r, used);
			in = pf_str_from(in, used);
			continue;
		}
		pf_status status =
		    imap_reader_feed(r, piece.p, piece.n, &used, &err);
		in = pf_str_from(in, used);
		if (status == PF_MORE) {
			if (imap_reader_event(r) == IMAP_READ_CONTINUE)
				pf_buf_add_byte(to, '+');
			if (imap_reader_event(r) == IMAP_READ_LITERAL) {
				pf_buf_add_byte(to, '<');
				dump_command(to, r);
				pf_buf_addf(to, "%s>",
					    imap_reader_stream_sync(r) ? " +"
								       : "");
			}
			continue;
		}
		if (status == PF_OK) {
			pf_buf_add_byte(to, '[');
			dump_command(to, r);
			pf_buf_add_byte(to, ']');
			if (on_command)
				on_command(r);
		} else {
			pf_buf_add_byte(to, '!');
			dump_text(to, imap_reader_tag(r));
			pf_buf_addf(to, ": %s", err.client);
			if (err.status == PF_LIMIT)
				pf_buf_add_byte(to, '~');
			if (status == PF_LIMIT) {
				pf_buf_add_c(to, " BYE");
				break;
			}
		}
		imap_reader_next(r);
	}
	imap_reader_free(&r);
}

#endif
