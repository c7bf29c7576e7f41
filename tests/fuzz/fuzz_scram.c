/* Any messages to any mechanism: the first byte picks it, LF parts them (a
 * message of one 0x01 is "none").  Nobody logs in without his proof. */
#include <stdlib.h>

#include "auth/mech.h"
#include "base/rand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pf_conf conf;
static struct auth_users *users;

/* The same nonce each time, so that the fuzzer gets past it. */
static void fixed(void *to, size_t n)
{
	memset(to, 0, n);
}

static void set_up(void)
{
	pf_conf_init(&conf);
	auth_users_parse(
	    &conf,
	    PF_STR("user:{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
		   "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
		   "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n"),
	    &users, NULL);
	pf_rand_set_source(fixed);
}

static enum auth_step drive(struct auth_exchange *x, struct pf_str resp)
{
	enum auth_step step = auth_exchange_step(x, resp);

	if (step == AUTH_STEP_USER)
		step = auth_exchange_user(
		    x, auth_users_find(users, pf_buf_str(&x->name)));
	if (step == AUTH_STEP_WORK)
		step = auth_exchange_worked(
		    x, x->slow ? PF_AUTHFAILED : auth_exchange_work(x, NULL));
	return step;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct auth_mech *const mechs[] = {
	    &auth_mech_scram_sha256, &auth_mech_scram_sha1,
	    &auth_mech_plain,	     &auth_mech_login,
	    &auth_mech_scram_sha256, &auth_mech_scram_sha256_plus,
	    &auth_mech_plain,	     &auth_mech_scram_sha1_plus};
	struct auth_exchange x;
	struct pf_str rest, message;
	enum auth_step step = AUTH_STEP_CHALLENGE;

	if (!users)
		set_up();
	if (size == 0)
		return 0;
	rest = pf_str_mem(data + 1, size - 1);
	auth_exchange_init(&x, mechs[data[0] % 8]);
	if (data[0] & 4) {
		pf_buf_add_c(&x.exporter, "exporter");
		pf_buf_add_c(&x.end_point, "end point");
	}
	while (step == AUTH_STEP_CHALLENGE &&
	       pf_str_split(&rest, '\n', &message)) {
		if (pf_str_eq(message, PF_STR("\1")))
			message = (struct pf_str){NULL, 0};
		step = drive(&x, message);
	}
	if (step == AUTH_STEP_DONE && (!x.user || !x.known))
		abort();
	auth_exchange_release(&x);
	return 0;
}
