/*
 * Prints what FETCH (ENVELOPE BODY BODYSTRUCTURE) would answer for message
 * files, whose paths come on stdin, one a line:
 *
 *	find cur -type f | tests/imap/structure
 *
 * For tests/real/structure.py and for looking at a message by hand.
 */
#include "imap/imap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pf_str header_of(void *arg, const struct mime_part *part)
{
	const struct pf_buf *file = arg;

	return pf_str_head(
	    pf_str_from(pf_buf_str(file), (size_t)part->header.start),
	    (size_t)part->header.size);
}

static bool read_file(int fd, struct pf_buf *to)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	char *room = pf_buf_reserve(to, (size_t)st.st_size + 1);
	ssize_t n = room ? pread(fd, room, (size_t)st.st_size, 0) : -1;
	if (n > 0)
		pf_buf_commit(to, (size_t)n);
	return n >= 0;
}

static bool print_message(const char *path, unsigned number)
{
	struct pf_buf file = PF_BUF_INIT(1 << 30), to = PF_BUF_INIT(1 << 30);
	struct pf_arena arena;
	struct mime_part *root;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	pf_arena_init(&arena, 1 << 30);
	bool good = fd >= 0 && read_file(fd, &file) &&
		    mime_parse_fd(&arena, fd, &root, NULL) == PF_OK;
	if (good) {
		pf_buf_addf(&to, "* %u FETCH (ENVELOPE ", number);
		imap_write_envelope(&to, header_of(&file, root));
		pf_buf_add_c(&to, " BODY ");
		imap_write_body(&to, root, false, header_of, &file);
		pf_buf_add_c(&to, " BODYSTRUCTURE ");
		imap_write_body(&to, root, true, header_of, &file);
		pf_buf_add_c(&to, ")\r\n");
		good =
		    !to.failed && fwrite(to.data, 1, to.len, stdout) == to.len;
	}
	if (fd >= 0)
		close(fd);
	pf_arena_release(&arena);
	pf_buf_release(&file);
	pf_buf_release(&to);
	return good;
}

int main(void)
{
	char path[4096];
	unsigned number = 0;

	while (fgets(path, sizeof path, stdin)) {
		path[strcspn(path, "\n")] = '\0';
		if (!print_message(path, ++number)) {
			fprintf(stderr, "%s: cannot read\n", path);
			return 1;
		}
	}
	return 0;
}
