/* Recipients: an address of the envelope -> a user (authd knows; <postmaster>
 * and abuse, RFC 5321 4.5.1 and RFC 2142, are its business, too). */
#include "mda/mda.h"

#include <stdlib.h>

pf_status mda_rcpt_find(struct auth_lookup *lookup,
			const struct mda_lmtp_rcpt *rcpt,
			struct mda_rcpt *found, struct pf_error *err)
{
	struct auth_identity id = {0};
	pf_status status;

	if (rcpt->mailbox.n == 0 || rcpt->mailbox.p[0] == '@')
		return pf_error_set(err, PF_NOTFOUND, "No such user",
				    "empty local part");
	status = auth_lookup_address(lookup, rcpt->mailbox, &id, err);
	if (status != PF_OK)
		return status;
	mda_rcpt_fill(found, rcpt, &id);
	return PF_OK;
}

static char *notify_text(unsigned notify)
{
	static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE",
					    "DELAY"};
	struct pf_buf text = PF_BUF_INIT(100);

	if (!notify)
		return NULL;
	for (unsigned i = 0; i < 4; i++)
		if (notify & 1u << i)
			pf_buf_addf(&text, "%s%s", text.len ? "," : "",
				    words[i]);
	return pf_buf_detach(&text);
}

void mda_rcpt_fill(struct mda_rcpt *rcpt, const struct mda_lmtp_rcpt *from,
		   const struct auth_identity *id)
{
	rcpt->id = *id;
	rcpt->address = pf_str_dup(from->address);
	rcpt->orcpt = from->orcpt.n ? pf_str_dup(from->orcpt) : NULL;
	rcpt->notify = notify_text(from->notify);
	rcpt->status = PF_INTERNAL;
}

void mda_rcpt_release(struct mda_rcpt *rcpt)
{
	auth_identity_release(&rcpt->id);
	free(rcpt->address);
	free(rcpt->orcpt);
	free(rcpt->notify);
	memset(rcpt, 0, sizeof *rcpt);
}
