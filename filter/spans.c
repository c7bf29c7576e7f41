/* A message in pieces (struct sieve_span), read one after the other. */
#include "filter/filter.h"

#include <stdlib.h>

#include "base/fsio.h"

#define BLOCK (64 * 1024)

static pf_status read_file(const struct sieve_span *span, char *block,
			   filter_block_fn fn, void *arg, struct pf_error *err)
{
	pf_status status = PF_OK;
	uint64_t done = 0;
	size_t n = 1;

	while (status == PF_OK && n > 0 && done < span->size) {
		size_t want = span->size - done < BLOCK
				  ? (size_t)(span->size - done)
				  : BLOCK;

		status = pf_fs_pread(span->fd, block, want,
				     (off_t)(span->start + done), &n, err);
		if (status == PF_OK && n > 0)
			status = fn(arg, block, n, err);
		done += n;
	}
	return status;
}

pf_status filter_spans_read(const struct sieve_span *spans, size_t count,
			    filter_block_fn fn, void *arg, struct pf_error *err)
{
	char *block = malloc(BLOCK);
	pf_status status = PF_OK;

	if (!block)
		abort();
	for (size_t i = 0; status == PF_OK && i < count; i++) {
		if (!spans[i].text.p)
			status = read_file(&spans[i], block, fn, arg, err);
		else if (spans[i].text.n > 0)
			status = fn(arg, spans[i].text.p, spans[i].text.n, err);
	}
	free(block);
	return status;
}
