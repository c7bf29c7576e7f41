/*
 * ENVELOPE and BODYSTRUCTURE of any message: what is written must be a list
 * that a client can read: balanced, 7-bit outside literals, no bare line ends.
 */
#include <stdlib.h>

#include "imap/imap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pf_str header_of(void *arg, const struct mime_part *part)
{
	const struct pf_str *message = arg;

	return pf_str_head(pf_str_from(*message, (size_t)part->header.start),
			   (size_t)part->header.size);
}

static size_t skip_quoted(struct pf_str s, size_t i, bool utf8)
{
	for (i++; i < s.n && s.p[i] != '"'; i++) {
		i += s.p[i] == '\\';
		if (i >= s.n || s.p[i] == '\r' || s.p[i] == '\n' ||
		    (s.p[i] & 0x80 && !utf8) || s.p[i] == '\0')
			abort();
	}
	return i;
}

static size_t skip_literal(struct pf_str s, size_t i)
{
	ptrdiff_t end = pf_str_chr(pf_str_from(s, i), '\n');
	uint64_t n;

	if (end < 4 ||
	    !pf_str_u64((struct pf_str){s.p + i + 1, (size_t)end - 3}, s.n, &n))
		abort();
	return i + (size_t)end + (size_t)n;
}

static void check_list(struct pf_str s, bool utf8)
{
	int depth = 0;
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			i = skip_quoted(s, i, utf8);
		else if (s.p[i] == '{')
			i = skip_literal(s, i);
		else if ((unsigned char)s.p[i] < 0x20 || s.p[i] & 0x80)
			abort();
		else
			depth += (s.p[i] == '(') - (s.p[i] == ')');
		if (depth <= 0 && i + 1 < s.n)
			abort();
	}
	if (depth != 0 || i != s.n)
		abort();
}

/* As it is, and with UTF-8 between quotes, which is done once. */
static void check(struct pf_str made)
{
	struct pf_buf once = PF_BUF_INIT(64 << 20);
	struct pf_buf twice = PF_BUF_INIT(64 << 20);

	check_list(made, false);
	imap_write_utf8(&once, made);
	check_list(pf_buf_str(&once), true);
	imap_write_utf8(&twice, pf_buf_str(&once));
	if (!pf_str_eq(pf_buf_str(&once), pf_buf_str(&twice)))
		abort();
	pf_buf_release(&once);
	pf_buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_buf to = PF_BUF_INIT(64 << 20);
	struct pf_str message = pf_str_mem(data, size);
	struct pf_arena arena;

	pf_arena_init(&arena, 64 << 20);
	struct mime_parser *parser = mime_parser_new(&arena);
	mime_parser_add(parser, message.p, message.n);
	const struct mime_part *root = mime_parser_end(&parser);
	imap_write_envelope(&to, header_of(&message, root));
	check(pf_buf_str(&to));
	for (int extended = 0; extended < 2; extended++) {
		pf_buf_clear(&to);
		imap_write_body(&to, root, extended, header_of, &message);
		if (!to.failed)
			check(pf_buf_str(&to));
	}
	pf_buf_release(&to);
	pf_arena_release(&arena);
	return 0;
}
