/* What all mechanisms share (mech.h). */
#include "auth/mech.h"

#include <stdlib.h>

static unsigned char secret[32];

/* The hash of a random password that nobody knows, at the cost of ours. */
static const char dummy[] = "{CRYPT}$7$C6....3....penfoldnobodyhasthis.$"
			    "7zUj5Wq1G4mvJd9ThoRYNbCrA0ExlDPIfVKuS8sHZw2";

void auth_mech_set_secret(struct pf_str text)
{
	auth_scram_h(AUTH_SCRAM_SHA256, text, secret);
}

void auth_mech_fake_salt(const struct auth_mech *mech, struct pf_str name,
			 unsigned char *salt, size_t n)
{
	unsigned char digest[AUTH_SCRAM_DIGEST_MAX];
	struct pf_buf text = PF_BUF_INIT(1024);

	/* the same with -PLUS, as that of a known user is */
	pf_buf_add_c(&text, mech->hash == AUTH_SCRAM_SHA1 ? "SCRAM-SHA-1 "
							  : "SCRAM-SHA-256 ");
	for (size_t i = 0; i < name.n; i++)
		pf_buf_add_byte(&text, pf_ascii_lower(name.p[i]));
	auth_scram_hmac(AUTH_SCRAM_SHA256, pf_str_mem(secret, sizeof secret),
			pf_buf_str(&text), digest);
	memcpy(salt, digest, n < sizeof digest ? n : sizeof digest);
	pf_buf_release(&text);
}

const struct auth_mech *auth_mech_find(struct pf_str name)
{
	static const struct auth_mech *const all[] = {
	    &auth_mech_plain,
	    &auth_mech_login,
	    &auth_mech_scram_sha256_plus,
	    &auth_mech_scram_sha256,
	    &auth_mech_scram_sha1_plus,
	    &auth_mech_scram_sha1,
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (pf_str_ieq(name, pf_str_c(all[i]->name)))
			return all[i];
	return NULL;
}

bool auth_mech_offered(const struct pf_conf *conf, const char *mechanism)
{
	struct pf_str list = pf_str_c(conf->auth_mechanisms), word;
	struct pf_str name = pf_str_c(mechanism);

	if (pf_str_istarts(name, PF_STR("SCRAM-")) && name.n > 5 &&
	    pf_str_ieq(pf_str_from(name, name.n - 5), PF_STR("-PLUS")))
		name.n -= 5;
	while (pf_conf_word(&list, &word))
		if (pf_str_ieq(word, name))
			return true;
	return false;
}

void auth_exchange_init(struct auth_exchange *x, const struct auth_mech *mech)
{
	*x = (struct auth_exchange){.mech = mech, .why = "unfinished"};
	pf_buf_init(&x->name, AUTH_NAME_MAX);
	pf_buf_init(&x->authz, AUTH_NAME_MAX);
	pf_buf_init(&x->secret, 1024);
	pf_buf_init(&x->stored, AUTH_LINE_MAX);
	pf_buf_init(&x->out, 4096);
	pf_buf_init(&x->exporter, 64);
	pf_buf_init(&x->end_point, 64);
	pf_buf_init(&x->scram.gs2, 1024);
	pf_buf_init(&x->scram.nonce, 1024);
	pf_buf_init(&x->scram.message, 8192);
}

void auth_exchange_release(struct auth_exchange *x)
{
	pf_buf_release(&x->name);
	pf_buf_release(&x->authz);
	pf_buf_wipe(&x->secret);
	pf_buf_wipe(&x->stored);
	pf_buf_wipe(&x->out);
	pf_buf_release(&x->exporter);
	pf_buf_release(&x->end_point);
	pf_buf_release(&x->scram.gs2);
	pf_buf_release(&x->scram.nonce);
	pf_buf_release(&x->scram.message);
	free(x->user);
	free(x->via);
	free(x->account);
	explicit_bzero(&x->scram.keys, sizeof x->scram.keys);
	*x = (struct auth_exchange){0};
}

enum auth_step auth_exchange_step(struct auth_exchange *x, struct pf_str resp)
{
	pf_buf_clear(&x->out);
	return x->mech->step(x, resp);
}

static bool acts_for_himself(const struct auth_exchange *x)
{
	return x->authz.len == 0 ||
	       pf_str_ieq(pf_buf_str(&x->authz), pf_buf_str(&x->name)) ||
	       (x->user &&
		pf_str_ieq(pf_buf_str(&x->authz), pf_str_c(x->user)));
}

static void set_via(struct auth_exchange *x, const char *kind, const char *name)
{
	struct pf_buf via = PF_BUF_INIT(AUTH_NAME_MAX + 16);

	pf_buf_addf(&via, "%s:%s", kind, name);
	free(x->via);
	x->via = pf_buf_detach(&via);
}

/* By a device's password?  Where only those count, any other fails. */
static void look_at_devices(struct auth_exchange *x,
			    const struct auth_user *user)
{
	const struct auth_device *device =
	    x->mech->plaintext ? auth_device_match(user, pf_buf_str(&x->secret))
			       : NULL;

	x->by_device = device != NULL;
	if (device) {
		set_via(x, "device", device->name);
	} else if (user->devices_only) {
		x->known = false;
		x->why = "only device passwords count";
	}
}

bool auth_exchange_is_master(const struct auth_exchange *x,
			     const struct auth_user *user)
{
	return user->master && !user->disabled && !x->by_device &&
	       !acts_for_himself(x);
}

void auth_exchange_act_for(struct auth_exchange *x,
			   const struct auth_user *other)
{
	/* masters act for users, not for each other */
	x->known = other && !other->master;
	x->why = x->known ? "wrong password" : "a master for nobody";
	if (!x->known)
		return;
	set_via(x, "master", x->user);
	free(x->user);
	x->user = pf_str_dup(pf_str_c(other->name));
}

enum auth_step auth_exchange_user(struct auth_exchange *x,
				  const struct auth_user *user)
{
	x->why = user ? "wrong password" : "unknown user";
	if (user) {
		x->user = pf_str_dup(pf_str_c(user->name));
		x->account = pf_str_dup(pf_str_c(user->name));
	}
	x->known = user && !user->disabled;
	if (user && user->disabled)
		x->why = "user is disabled";
	if (x->known)
		look_at_devices(x, user);
	if (x->known && !acts_for_himself(x) &&
	    !auth_exchange_is_master(x, user)) {
		x->known = false;
		x->why = "wants to act for another user";
	}
	return x->mech->user(x, user);
}

pf_status auth_exchange_work(struct auth_exchange *x, struct pf_error *err)
{
	return x->mech->work(x, err);
}

enum auth_step auth_exchange_worked(struct auth_exchange *x, pf_status status)
{
	return x->mech->worked(x, status);
}

/* ---- passwords in clear ------------------------------------------------ */

enum auth_step auth_password_user(struct auth_exchange *x,
				  const struct auth_user *user)
{
	x->slow = !x->by_device;
	pf_buf_add_c(&x->stored, x->known ? user->password : dummy);
	return AUTH_STEP_WORK;
}

pf_status auth_password_work(struct auth_exchange *x, struct pf_error *err)
{
	if (x->by_device)
		return PF_OK;
	struct pf_str service;
	if (x->known && auth_scheme_pam(x->stored.data, &service))
		return auth_pam_verify(service, x->account,
				       pf_buf_str(&x->secret), err);
	return auth_password_verify(x->stored.data, pf_buf_str(&x->secret),
				    err);
}

enum auth_step auth_password_worked(struct auth_exchange *x, pf_status status)
{
	pf_buf_wipe(&x->secret);
	if (status == PF_OK && x->known)
		return AUTH_STEP_DONE;
	if (x->known && status == PF_UNSUPPORTED)
		x->why = "password scheme not supported";
	return AUTH_STEP_FAIL;
}
