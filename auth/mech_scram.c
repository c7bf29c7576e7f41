/*
 * SCRAM-SHA-256 and SCRAM-SHA-1 (RFC 5802, RFC 7677), and both as -PLUS: then
 * the client's proof covers what names the TLS connection (tls-exporter or
 * tls-server-end-point), so that nobody can sit in between with another one.
 *
 *	C: n,,n=user,r=cnonce			client-first (-PLUS: p=type,,)
 *	S: r=cnonce snonce,s=salt,i=4096	server-first
 *	C: c=biws,r=...,p=proof			client-final
 *	S: v=signature				server-final, then an empty C:
 *
 * The user's keys are at hand, or (a {PLAIN} password) made from it by a job
 * once the client's proof has come.  A user without either, or no user at
 * all, gets a made-up salt and a proof that never fits.
 */
#include "auth/mech.h"

#include <openssl/crypto.h>

#include "auth/wire.h"
#include "base/base64.h"
#include "base/rand.h"

#define NONCE_LEN 18 /* random bytes of ours; 24 characters */

enum {
	START,
	FIRST, /* client-first is expected */
	FINAL, /* client-final is expected */
	EMPTY  /* server-final was sent */
};

/* "x=" at the front: the value up to the next comma. */
static bool attribute(struct pf_str *rest, char name, struct pf_str *value)
{
	if (rest->n < 2 || rest->p[0] != name || rest->p[1] != '=')
		return false;
	*rest = pf_str_from(*rest, 2);
	if (!pf_str_split(rest, ',', value))
		*value = PF_STR("");
	return true;
}

/* saslname: "=2C" is a comma, "=3D" an equals sign. */
static bool add_name(struct pf_buf *to, struct pf_str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] != '=') {
			pf_buf_add_byte(to, name.p[i]);
			continue;
		}
		struct pf_str code = pf_str_head(pf_str_from(name, i + 1), 2);
		if (pf_str_ieq(code, PF_STR("2C")))
			pf_buf_add_byte(to, ',');
		else if (pf_str_ieq(code, PF_STR("3D")))
			pf_buf_add_byte(to, '=');
		else
			return false;
		i += 2;
	}
	return !to->failed && auth_wire_clean(pf_buf_str(to));
}

static bool nonce_is_good(struct pf_str nonce)
{
	for (size_t i = 0; i < nonce.n; i++)
		if (nonce.p[i] < 0x21 || nonce.p[i] > 0x7e)
			return false;
	return nonce.n > 0 && nonce.n <= 512;
}

/* ---- client-first ------------------------------------------------------ */

/* NULL: the client's word on channel binding is fine; else what is not.
 * RFC 5802 6: "y" says that he could and we did not offer it, so that, where
 * we did, somebody took it out of our list. */
static const char *check_flag(struct auth_exchange *x, struct pf_str flag,
			      const struct pf_buf **binding)
{
	*binding = NULL;
	if (!x->mech->plus) {
		if (pf_str_eq(flag, PF_STR("y")) &&
		    (x->exporter.len || x->end_point.len))
			return "client was not shown our -PLUS mechanisms";
		return pf_str_eq(flag, PF_STR("n")) ||
			       pf_str_eq(flag, PF_STR("y"))
			   ? NULL
			   : "wants channel binding";
	}
	if (pf_str_eq(flag, PF_STR("p=tls-exporter")))
		*binding = &x->exporter;
	else if (pf_str_eq(flag, PF_STR("p=tls-server-end-point")))
		*binding = &x->end_point;
	else
		return "wants another channel binding";
	return (*binding)->len ? NULL : "there is no such channel binding";
}

static enum auth_step client_first(struct auth_exchange *x, struct pf_str resp)
{
	struct auth_scram *s = &x->scram;
	struct pf_str whole = resp, flag, authz, name, nonce;
	const struct pf_buf *binding;
	const char *why;

	if (!pf_str_split(&resp, ',', &flag))
		flag = PF_STR("");
	if ((why = check_flag(x, flag, &binding)))
		return auth_exchange_fail(x, why);
	if (!pf_str_split(&resp, ',', &authz))
		return auth_exchange_fail(x, "malformed SCRAM message");
	pf_buf_add(&s->gs2, whole.p, whole.n - resp.n);
	if (binding)
		pf_buf_add_str(&s->gs2, pf_buf_str(binding));
	if (authz.n) {
		struct pf_str value;
		if (!attribute(&authz, 'a', &value) ||
		    !add_name(&x->authz, value))
			return auth_exchange_fail(x, "malformed SCRAM message");
	}
	pf_buf_add_str(&s->message, resp);
	pf_buf_add_byte(&s->message, ',');
	/* "m=" in front would be an extension that we do not know */
	if (!attribute(&resp, 'n', &name) || name.n == 0 ||
	    !add_name(&x->name, name) || !attribute(&resp, 'r', &nonce) ||
	    !nonce_is_good(nonce) || s->message.failed || s->gs2.failed)
		return auth_exchange_fail(x, "malformed SCRAM message");
	pf_buf_add_str(&s->nonce, nonce);
	return AUTH_STEP_USER;
}

/* The user's keys, or what they can be made from. */
static bool find_keys(struct auth_exchange *x, const struct auth_user *user)
{
	struct auth_scram *s = &x->scram;
	enum auth_scram_hash hash = x->mech->hash;
	const char *extra =
	    hash == AUTH_SCRAM_SHA1 ? user->scram_sha1 : user->scram_sha256;
	struct pf_str text;

	if (auth_scheme_scram(user->password, hash, &text) ||
	    (extra && (text = pf_str_c(extra), true)))
		return auth_scram_keys_parse(hash, text, &s->keys);
	if (!auth_scheme_plain(user->password, &text) || text.n == 0)
		return false;
	s->derive = true;
	pf_buf_add_str(&x->secret, text);
	return !x->secret.failed;
}

static enum auth_step user(struct auth_exchange *x,
			   const struct auth_user *user)
{
	struct auth_scram *s = &x->scram;
	unsigned char random[NONCE_LEN];

	/* also the salt of a {PLAIN} user */
	s->keys.iterations = AUTH_SCRAM_ITERATIONS;
	s->keys.salt_len = AUTH_SCRAM_SALT_LEN;
	auth_mech_fake_salt(x->mech, pf_buf_str(&x->name), s->keys.salt,
			    s->keys.salt_len);
	if (x->known && !find_keys(x, user)) {
		x->known = false;
		x->why = "no SCRAM keys (penfold user passwd makes them)";
	}
	pf_rand_bytes(random, sizeof random);
	pf_base64_encode(&s->nonce, pf_str_mem(random, sizeof random));
	pf_buf_add_c(&x->out, "r=");
	pf_buf_add_str(&x->out, pf_buf_str(&s->nonce));
	pf_buf_add_c(&x->out, ",s=");
	pf_base64_encode(&x->out, pf_str_mem(s->keys.salt, s->keys.salt_len));
	pf_buf_add_c(&x->out, ",i=");
	pf_buf_add_u64(&x->out, s->keys.iterations);
	pf_buf_add_str(&s->message, pf_buf_str(&x->out));
	x->state = FINAL;
	return AUTH_STEP_CHALLENGE;
}

/* ---- client-final ------------------------------------------------------ */

static bool binding_is_ours(const struct auth_scram *s, struct pf_str value)
{
	struct pf_buf bytes = PF_BUF_INIT(1024);
	bool good = pf_base64_decode(&bytes, value) &&
		    pf_str_eq(pf_buf_str(&bytes), pf_buf_str(&s->gs2));

	pf_buf_release(&bytes);
	return good;
}

static enum auth_step client_final(struct auth_exchange *x, struct pf_str resp)
{
	struct auth_scram *s = &x->scram;
	struct pf_str whole = resp, binding, nonce, proof;
	struct pf_buf bytes = PF_BUF_INIT(256);
	ptrdiff_t last = pf_str_rchr(resp, ',');
	size_t n = auth_scram_digest_len(x->mech->hash);

	if (last < 0 || !attribute(&resp, 'c', &binding) ||
	    !attribute(&resp, 'r', &nonce))
		return auth_exchange_fail(x, "malformed SCRAM message");
	if (!binding_is_ours(s, binding) ||
	    !pf_str_eq(nonce, pf_buf_str(&s->nonce)))
		return auth_exchange_fail(x, "SCRAM nonce or binding differs");
	proof = pf_str_from(whole, (size_t)last + 1);
	bool good = attribute(&proof, 'p', &binding) &&
		    pf_base64_decode(&bytes, binding) && bytes.len == n;
	if (good)
		memcpy(s->proof, bytes.data, n);
	pf_buf_release(&bytes);
	pf_buf_add_byte(&s->message, ',');
	pf_buf_add_str(&s->message, pf_str_head(whole, (size_t)last));
	if (!good || s->message.failed)
		return auth_exchange_fail(x, "malformed SCRAM message");
	x->slow = s->derive;
	return AUTH_STEP_WORK;
}

/* RFC 5802 3: ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage), and
 * H(ClientKey) must be StoredKey. */
static pf_status work(struct auth_exchange *x, struct pf_error *err)
{
	struct auth_scram *s = &x->scram;
	enum auth_scram_hash hash = x->mech->hash;
	size_t n = auth_scram_digest_len(hash);
	unsigned char key[AUTH_SCRAM_DIGEST_MAX], again[AUTH_SCRAM_DIGEST_MAX];
	struct pf_str message = pf_buf_str(&s->message);

	if (s->derive)
		auth_scram_keys_derive(hash, pf_buf_str(&x->secret), &s->keys);
	auth_scram_hmac(hash, pf_str_mem(s->keys.stored, n), message, key);
	for (size_t i = 0; i < n; i++)
		key[i] ^= s->proof[i];
	auth_scram_h(hash, pf_str_mem(key, n), again);
	bool right = CRYPTO_memcmp(again, s->keys.stored, n) == 0;
	if (right) {
		auth_scram_hmac(hash, pf_str_mem(s->keys.server, n), message,
				key);
		pf_buf_add_c(&x->out, "v=");
		pf_base64_encode(&x->out, pf_str_mem(key, n));
	}
	OPENSSL_cleanse(key, sizeof key);
	return right ? PF_OK
		     : pf_error_set(err, PF_AUTHFAILED, NULL, "wrong proof");
}

static enum auth_step worked(struct auth_exchange *x, pf_status status)
{
	pf_buf_wipe(&x->secret);
	if (status != PF_OK || !x->known)
		return AUTH_STEP_FAIL;
	x->state = EMPTY;
	return AUTH_STEP_CHALLENGE;
}

static enum auth_step step(struct auth_exchange *x, struct pf_str resp)
{
	if (x->state == START) {
		x->state = FIRST;
		if (resp.n == 0) /* none, or an empty one */
			return AUTH_STEP_CHALLENGE;
	}
	if (x->state == FIRST)
		return client_first(x, resp);
	if (x->state == FINAL)
		return client_final(x, resp);
	return resp.n == 0 ? AUTH_STEP_DONE
			   : auth_exchange_fail(x, "malformed SCRAM message");
}

#define SCRAM(label, with, digest)                                             \
	{                                                                      \
		.name = label, .props = "\tmutual-auth", .plus = with,         \
		.hash = digest, .step = step, .user = user, .work = work,      \
		.worked = worked,                                              \
	}

const struct auth_mech auth_mech_scram_sha1 =
    SCRAM("SCRAM-SHA-1", false, AUTH_SCRAM_SHA1);
const struct auth_mech auth_mech_scram_sha1_plus =
    SCRAM("SCRAM-SHA-1-PLUS", true, AUTH_SCRAM_SHA1);
const struct auth_mech auth_mech_scram_sha256 =
    SCRAM("SCRAM-SHA-256", false, AUTH_SCRAM_SHA256);
const struct auth_mech auth_mech_scram_sha256_plus =
    SCRAM("SCRAM-SHA-256-PLUS", true, AUTH_SCRAM_SHA256);
