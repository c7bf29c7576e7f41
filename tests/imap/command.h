/* A command's arguments from its text, for tests of the grammars. */
#ifndef TESTS_IMAP_COMMAND_H
#define TESTS_IMAP_COMMAND_H

#include "imap/imap.h"

/* Reads "a " + text + CRLF; the arguments live in `arena`. */
static inline const struct imap_arg *command_args(const char *text,
						  struct pf_arena *arena)
{
	static const struct imap_reader_conf conf = {
	    .line_max = 65536, .literal_max = 65536, .depth_max = 1000};
	struct imap_reader *r = imap_reader_new(&conf);
	struct pf_buf line = PF_BUF_INIT(100000);
	size_t used = 0, at = 0;
	pf_status status;

	pf_buf_addf(&line, "a %s\r\n", text);
	do {
		status = imap_reader_feed(r, line.data + at, line.len - at,
					  &used, NULL);
		at += used;
	} while (status == PF_MORE && at < line.len);
	const struct imap_arg *args =
	    status == PF_OK ? imap_reader_args(r) : NULL;
	pf_arena_init(arena, 1 << 20);
	if (args)
		imap_reader_detach(r, arena);
	imap_reader_free(&r);
	pf_buf_release(&line);
	arena->max = 8 << 20;
	return args;
}

#endif
