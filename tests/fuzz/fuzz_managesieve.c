/*
 * Any bytes as ManageSieve: what comes out must not depend on how the bytes
 * were cut, and what is said again is read again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "msieve/msieve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct msieve_reader_conf conf = {.line_max = 256,
					       .literal_max = 512};

/* Status, name and arguments of each command. */
static void read_all(struct pf_str in, size_t step, struct pf_buf *said)
{
	struct msieve_reader *r = msieve_reader_new(&conf);
	size_t at = 0;

	while (at < in.n) {
		size_t n = in.n - at < step ? in.n - at : step, used = 0;
		pf_status status =
		    msieve_reader_feed(r, in.p + at, n, &used, NULL);
		if (used > n || (status == PF_MORE && used != n) || used == 0)
			abort();
		at += used;
		if (status == PF_MORE)
			continue;
		pf_buf_addf(said, "%d", (int)status);
		if (status == PF_CORRUPT)
			break;
		if (status == PF_OK)
			pf_buf_add_str(said, msieve_reader_name(r));
		for (size_t i = 0;
		     status == PF_OK && i < msieve_reader_count(r); i++) {
			struct msieve_arg arg = msieve_reader_arg(r, i);
			pf_buf_addf(said, " %d %u ", (int)arg.kind, arg.number);
			if (arg.kind == MSIEVE_STRING)
				msieve_add_string(said, arg.text);
		}
		msieve_reader_next(r);
	}
	msieve_reader_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_str in = pf_str_mem(data, size);
	struct pf_buf whole = PF_BUF_INIT(64 << 20);
	struct pf_buf bytes = PF_BUF_INIT(64 << 20);

	if (size > 100000)
		return 0;
	read_all(in, size + 1, &whole);
	read_all(in, 1, &bytes);
	if (!pf_str_eq(pf_buf_str(&whole), pf_buf_str(&bytes)))
		abort();
	if (msieve_name_check(in, NULL) == PF_OK &&
	    (size > MSIEVE_NAME_MAX || pf_str_chr(in, '/') >= 0))
		abort();
	pf_buf_release(&whole);
	pf_buf_release(&bytes);
	return 0;
}
