/*
 * LMTP: any bytes, in pieces whose sizes the first byte chooses.  Checked:
 * it makes progress, keeps its bounds, and the pieces change nothing.
 */
#include <stdint.h>
#include <stdlib.h>

#include "mda/lmtp.h"

struct seen {
	uint64_t replies, data;
	size_t reply_bytes, data_bytes;
};

static void mix(uint64_t *hash, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++)
		*hash = (*hash ^ (unsigned char)s.p[i]) * 0x100000001b3u;
}

static void answer_end(struct mda_lmtp *lmtp)
{
	size_t n = mda_lmtp_mail(lmtp)->rcpts.n;
	const char *replies[8];

	if (n == 0 || n > 8)
		abort();
	for (size_t i = 0; i < n; i++)
		replies[i] = "250 2.0.0 OK";
	mda_lmtp_end_reply(lmtp, replies, n);
}

static void answer_rcpt(struct mda_lmtp *lmtp)
{
	const struct mda_lmtp_rcpts *rcpts = &mda_lmtp_mail(lmtp)->rcpts;
	struct pf_str mailbox = rcpts->v[rcpts->n - 1].mailbox;
	bool good = mailbox.n > 0 && (mailbox.p[0] & 1);

	mda_lmtp_rcpt_reply(lmtp, good ? "250 2.1.5 OK" : "550 5.1.1 no");
}

static struct seen run(const char *p, size_t n, size_t step)
{
	const struct mda_lmtp_conf conf = {
	    .hostname = "mx", .size_max = 500, .rcpts_max = 8, .trusted = true};
	struct mda_lmtp *lmtp = mda_lmtp_new(&conf);
	struct seen seen = {1, 1, 0, 0};
	size_t used = 0, shown = 0;
	enum mda_lmtp_event event = LMTP_MORE;

	while (event != LMTP_QUIT && shown < n) {
		int idle = 0;

		shown = shown + step < n ? shown + step : n;
		do {
			struct pf_str data = {NULL, 0};
			size_t did = 0;
			struct pf_buf *out = mda_lmtp_out(lmtp);

			event = mda_lmtp_input(lmtp, p + used, shown - used,
					       &did, &data);
			used += did;
			if (used > shown || (idle = did ? 0 : idle + 1) > 3 ||
			    event == LMTP_WAIT)
				abort();
			if (event == LMTP_RCPT)
				answer_rcpt(lmtp);
			if (event == LMTP_END)
				answer_end(lmtp);
			mix(&seen.data, data);
			seen.data_bytes += data.n;
			mix(&seen.replies, pf_buf_str(out));
			seen.reply_bytes += out->len;
			pf_buf_clear(out);
		} while (event != LMTP_MORE && event != LMTP_QUIT);
	}
	mda_lmtp_free(&lmtp);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data + 1;
	struct seen whole, pieces;

	if (size < 2)
		return 0;
	whole = run(p, size - 1, size);
	pieces = run(p, size - 1, (size_t)data[0] % 64 + 1);
	if (whole.replies != pieces.replies ||
	    whole.reply_bytes != pieces.reply_bytes ||
	    whole.data != pieces.data || whole.data_bytes != pieces.data_bytes)
		abort();
	return 0;
}
