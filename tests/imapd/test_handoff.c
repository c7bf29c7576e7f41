/* The packet between gate and session process. */
#include "imapd/handoff.h"

#include <stdlib.h>

#include "tests/tap.h"

static const struct handoff whole = {
    .protocol = HANDOFF_SIEVE,
    .cookie = PF_STR("c00k1e"),
    .ip = PF_STR("2001:db8::1"),
    .tls = PF_STR("TLSv1.3 X"),
    .tag = PF_STR("a1"),
    .name = PF_STR("77"),
    .input = PF_STR("b NOOP\r\n\0tail"),
};

static void there_and_back(void)
{
	struct pf_buf packet = PF_BUF_INIT(HANDOFF_MAX);
	struct handoff got = {0};

	ok(handoff_write(&packet, &whole, NULL) == PF_OK);
	ok(handoff_read(pf_buf_str(&packet), &got, NULL) == PF_OK);
	ok(got.protocol == HANDOFF_SIEVE);
	ok(pf_str_eq(got.cookie, whole.cookie));
	ok(pf_str_eq(got.ip, whole.ip));
	ok(pf_str_eq(got.tls, whole.tls));
	ok(pf_str_eq(got.tag, whole.tag));
	ok(pf_str_eq(got.name, whole.name));
	ok(pf_str_eq(got.input, whole.input));
	pf_buf_release(&packet);
}

/* Every cut before the input is refused; nothing is read past the end. */
static void cut_short(void)
{
	struct pf_buf packet = PF_BUF_INIT(HANDOFF_MAX);
	struct handoff got;
	size_t header, refused = 0;

	ok(handoff_write(&packet, &whole, NULL) == PF_OK);
	header = packet.len - whole.input.n;
	for (size_t n = 0; n < header; n++) {
		char *exact = pf_str_dup(pf_str_head(pf_buf_str(&packet), n));
		refused += handoff_read(pf_str_mem(exact, n), &got, NULL) ==
			   PF_INVALID;
		free(exact);
	}
	is_int(refused, header);
	ok(handoff_read(pf_str_head(pf_buf_str(&packet), header), &got, NULL) ==
	   PF_OK);
	is_int(got.input.n, 0);
	pf_buf_release(&packet);
}

static void strange_packets(void)
{
	struct handoff got;

	ok(handoff_read(PF_STR("2\0imap\0c\0ip\0tls\0tag\0\0"), &got, NULL) ==
	   PF_INVALID);
	ok(handoff_read(PF_STR("3\0pop3\0c\0ip\0tls\0tag\0\0"), &got, NULL) ==
	   PF_INVALID);
	ok(handoff_read(PF_STR("3\0imap\0\0ip\0tls\0tag\0\0"), &got, NULL) ==
	   PF_INVALID);
	ok(handoff_read(PF_STR("3\0imap\0c\0ip\0tls\0\0\0"), &got, NULL) ==
	   PF_INVALID);
	ok(handoff_read(PF_STR("3\0imap\0c\0\0\0tag\0\0"), &got, NULL) ==
	   PF_OK);
	ok(got.protocol == HANDOFF_IMAP);
}

static void too_long(void)
{
	static char input[HANDOFF_MAX];
	struct pf_buf packet = PF_BUF_INIT(HANDOFF_MAX);
	struct handoff h = whole;

	h.input = pf_str_mem(input, sizeof input);
	ok(handoff_write(&packet, &h, NULL) == PF_LIMIT);
	pf_buf_release(&packet);
}

static void workers(void)
{
	struct pf_str ann = PF_STR("ann");
	bool used[4] = {false};

	is_int(handoff_worker(ann, 1), 0);
	is_int(handoff_worker(ann, 4), handoff_worker(ann, 4));
	for (char c = 'a'; c <= 'z'; c++)
		used[handoff_worker(pf_str_mem(&c, 1), 4)] = true;
	ok(used[0] && used[1] && used[2] && used[3]);
}

int main(void)
{
	there_and_back();
	cut_short();
	strange_packets();
	too_long();
	workers();
	return tap_done();
}
