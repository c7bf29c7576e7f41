/* The gate's packet to a session process: written, read. */
#include "imapd/handoff.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/crc.h"

#define VERSION PF_STR("3")

static const char *const protocols[] = {
    [HANDOFF_IMAP] = "imap",
    [HANDOFF_SIEVE] = "sieve",
};

static void add_field(struct pf_buf *to, struct pf_str field)
{
	pf_buf_add_str(to, field);
	pf_buf_add_byte(to, '\0');
}

pf_status handoff_write(struct pf_buf *to, const struct handoff *h,
			struct pf_error *err)
{
	add_field(to, VERSION);
	add_field(to, pf_str_c(protocols[h->protocol]));
	add_field(to, h->cookie);
	add_field(to, h->ip);
	add_field(to, h->tls);
	add_field(to, h->tag);
	add_field(to, h->name);
	pf_buf_add_str(to, h->input);
	return pf_buf_status(to, err);
}

pf_status handoff_read(struct pf_str packet, struct handoff *h,
		       struct pf_error *err)
{
	struct pf_str fields[7];
	enum handoff_protocol protocol = HANDOFF_IMAP;
	struct pf_str rest = packet;

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		ptrdiff_t nul = pf_str_chr(rest, '\0');
		if (nul < 0)
			return pf_error_set(err, PF_INVALID, NULL,
					    "handoff: field %zu is missing", i);
		fields[i] = pf_str_head(rest, (size_t)nul);
		rest = pf_str_from(rest, (size_t)nul + 1);
	}
	if (!pf_str_eq(fields[0], VERSION))
		return pf_error_set(err, PF_INVALID, NULL,
				    "handoff: from another version");
	if (pf_str_eq(fields[1], pf_str_c(protocols[HANDOFF_SIEVE])))
		protocol = HANDOFF_SIEVE;
	else if (!pf_str_eq(fields[1], pf_str_c(protocols[HANDOFF_IMAP])))
		return pf_error_set(err, PF_INVALID, NULL,
				    "handoff: unknown protocol");
	if (fields[2].n == 0 || fields[5].n == 0)
		return pf_error_set(err, PF_INVALID, NULL,
				    "handoff: no cookie or no tag");
	*h = (struct handoff){.protocol = protocol,
			      .cookie = fields[2],
			      .ip = fields[3],
			      .tls = fields[4],
			      .tag = fields[5],
			      .name = fields[6],
			      .input = rest};
	return PF_OK;
}

unsigned handoff_worker(struct pf_str user, unsigned workers)
{
	/* the same in every process; a CRC's low bits alone hardly differ
	 * between names like u1 and u2 */
	uint32_t mixed = pf_crc32c(0, user.p, user.n) * 2654435761u;

	return workers > 1 ? (mixed >> 16) % workers : 0;
}

pf_status handoff_address(const struct pf_conf *conf, unsigned worker,
			  struct sockaddr_un *address, struct pf_error *err)
{
	char name[40];

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(name, sizeof name, "session-%u.sock", worker);
	if (!pf_conf_run_path(conf, name, address->sun_path,
			      sizeof address->sun_path))
		return pf_error_set(err, PF_LIMIT, NULL,
				    "run_dir is too long for a socket");
	return PF_OK;
}
