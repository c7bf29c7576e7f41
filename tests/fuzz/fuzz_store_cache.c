/*
 * penfold.snapshot and penfold.log: any bytes.  The first byte says which.
 * Their sums would keep the engine out, so the records' are put right first
 * (and once more they are not).
 */
#include "base/crc.h"
#include "tests/store/memory_box.h"

static bool apply_one(void *arg, const struct store_record_header *h,
		      const char *payload)
{
	return store_apply(arg, h->type, pf_str_mem(payload, h->length));
}

static void put_right(char *bytes, size_t size)
{
	struct store_record_header h;
	uint64_t seq = 0;

	for (size_t at = 0; size - at >= sizeof h;) {
		memcpy(&h, bytes + at, sizeof h);
		size_t room = size - at - sizeof h;
		h.length %= 512;
		if ((h.length + 7u) / 8 * 8 > room)
			break;
		h.type = h.type % 12 + (h.type % 12 == 0);
		h.seq = ++seq;
		h.crc =
		    pf_crc32c(0, &h, offsetof(struct store_record_header, crc));
		h.crc = pf_crc32c(h.crc, bytes + at + sizeof h, h.length);
		memcpy(bytes + at, &h, sizeof h);
		at += sizeof h + (h.length + 7u) / 8 * 8;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_box *box;
	uint64_t seq = 0;

	if (size == 0)
		return 0;
	size_t n = size - 1;
	char *bytes = malloc(n ? n : 1);
	if (!bytes)
		abort();
	if (n)
		memcpy(bytes, data + 1, n);
	box = memory_box_new();
	if (data[0] & 1) {
		if (store_snapshot_parse(box, pf_str_mem(bytes, n)))
			memory_box_verify(box);
	} else {
		store_log_walk(pf_str_mem(bytes, n), &seq, apply_one, box);
		put_right(bytes, n);
		seq = 0;
		store_log_walk(pf_str_mem(bytes, n), &seq, apply_one, box);
		memory_box_verify(box);
	}
	memory_box_free(box);
	free(bytes);
	return 0;
}
