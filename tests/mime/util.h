/* What the tests of mime share: short names for long calls. */
#ifndef TESTS_MIME_UTIL_H
#define TESTS_MIME_UTIL_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mime/mime.h"
#include "tests/tap.h"

/* An unlinked file with these bytes, to be closed. */
static inline int file_of(struct pf_str s)
{
	int fd = memfd_create("mail", MFD_CLOEXEC);

	if (fd < 0 || (s.n && write(fd, s.p, s.n) != (ssize_t)s.n))
		abort();
	return fd;
}

/* Appends `text` `count` times. */
__attribute__((unused)) static void repeat(struct pf_buf *to, const char *text,
					   size_t count)
{
	while (count-- > 0)
		pf_buf_add_c(to, text);
}

#endif
