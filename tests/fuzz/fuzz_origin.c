/* Texts of other servers: any bytes give ascending UIDs and clean names. */
#include <stdlib.h>

#include "base/utf8.h"
#include "origin/origin.h"

static void check_uids(struct origin_uids *uids)
{
	struct pf_buf text = PF_BUF_INIT(1 << 20);
	struct origin_uids again;
	uint32_t last = 0;

	for (size_t i = 0; i < uids->list.n; i++) {
		if (uids->list.v[i].uid <= last || uids->list.v[i].base.n == 0)
			abort();
		last = uids->list.v[i].uid;
	}
	if (uids->uidnext <= last || uids->uidvalidity == 0)
		abort();
	/* what we write we read */
	origin_uids_write(uids, 3, &text);
	if (!text.failed && (!origin_uids_parse(pf_buf_str(&text), &again) ||
			     again.list.n != uids->list.n))
		abort();
	origin_uids_release(&again);
	pf_buf_release(&text);
}

static void ignore(void *arg, struct pf_str base, struct pf_str keyword)
{
	size_t *bytes = arg;

	*bytes += base.n + keyword.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_str text = pf_str_mem(data, size), line;
	struct pf_buf name = PF_BUF_INIT(4096), back = PF_BUF_INIT(8192);
	struct origin_uids uids = {0};
	size_t bytes = 0;
	uint32_t uid = 0;

	if (size > 65536)
		return 0;
	if (origin_uids_parse(text, &uids))
		check_uids(&uids);
	origin_uids_release(&uids);
	if (origin_uids_mbsync_parse(text, &uids))
		check_uids(&uids);
	origin_uids_release(&uids);
	origin_courier_parse(text, ignore, &bytes);
	while (pf_str_split(&text, '\n', &line)) {
		(void)origin_uids_mbsync_name(line, &uid);
		if (!origin_courier_name(line, '/', &name))
			continue;
		if (!pf_utf8_valid(pf_buf_str(&name)))
			abort();
		pf_buf_clear(&back);
		(void)origin_courier_line(pf_buf_str(&name), '/', false, &back);
	}
	pf_buf_release(&name);
	pf_buf_release(&back);
	return 0;
}
