/*
 * LOGIN (draft-murchison-sasl-login, never an RFC): asks for the name, then
 * for the password.  Some clients send the name with the command.
 */
#include "auth/mech.h"
#include "auth/wire.h"

enum {
	START,
	NAME,
	PASSWORD
};

static enum auth_step step(struct auth_exchange *x, struct pf_str resp)
{
	if (x->state == START) {
		x->state = NAME;
		if (resp.n == 0) {
			pf_buf_add_c(&x->out, "Username:");
			return AUTH_STEP_CHALLENGE;
		}
	}
	if (x->state == NAME) {
		x->state = PASSWORD;
		pf_buf_add_str(&x->name, resp);
		if (x->name.failed || resp.n == 0 || !auth_wire_clean(resp))
			return auth_exchange_fail(x, "impossible user name");
		pf_buf_add_c(&x->out, "Password:");
		return AUTH_STEP_CHALLENGE;
	}
	pf_buf_add_str(&x->secret, resp);
	if (x->secret.failed)
		return auth_exchange_fail(x, "impossible password");
	return AUTH_STEP_USER;
}

const struct auth_mech auth_mech_login = {
    .name = "LOGIN",
    .props = "\tplaintext",
    .plaintext = true,
    .step = step,
    .user = auth_password_user,
    .work = auth_password_work,
    .worked = auth_password_worked,
};
