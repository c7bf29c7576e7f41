/* PLAIN (RFC 4616): [authzid] NUL authcid NUL passwd, in one message. */
#include "auth/mech.h"
#include "auth/wire.h"

static enum auth_step step(struct auth_exchange *x, struct pf_str resp)
{
	struct pf_str authz, name;

	if (!resp.p && x->state++ == 0)
		return AUTH_STEP_CHALLENGE; /* an empty one */
	ptrdiff_t first = pf_str_chr(resp, '\0');
	if (first < 0)
		return auth_exchange_fail(x, "malformed PLAIN message");
	authz = pf_str_head(resp, (size_t)first);
	resp = pf_str_from(resp, (size_t)first + 1);
	ptrdiff_t second = pf_str_chr(resp, '\0');
	if (second <= 0)
		return auth_exchange_fail(x, "malformed PLAIN message");
	name = pf_str_head(resp, (size_t)second);
	resp = pf_str_from(resp, (size_t)second + 1);
	pf_buf_add_str(&x->authz, authz);
	pf_buf_add_str(&x->name, name);
	pf_buf_add_str(&x->secret, resp);
	if (x->authz.failed || x->name.failed || x->secret.failed ||
	    !auth_wire_clean(name) || !auth_wire_clean(authz))
		return auth_exchange_fail(x, "impossible user name");
	return AUTH_STEP_USER;
}

const struct auth_mech auth_mech_plain = {
    .name = "PLAIN",
    .props = "\tplaintext",
    .plaintext = true,
    .step = step,
    .user = auth_password_user,
    .work = auth_password_work,
    .worked = auth_password_worked,
};
