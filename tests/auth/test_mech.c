/* The mechanisms, driven by hand; SCRAM against the RFCs' own examples. */
#include <stdio.h>

#include <openssl/evp.h>

#include "auth/mech.h"
#include "base/base64.h"
#include "tests/auth/conf.h"
#include "tests/tap.h"

static struct pf_conf conf;
static struct auth_users *users;

static const char users_text[] =
    "user:{PLAIN}pencil\n"
    "keys:{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n"
    "hash:$5$rounds=1000$RZQ2TG3sKAEjgWSE$"
    "9ydRjs/JhWirQQ6wVUCR0huZzVcWzOWmLb0vM2.S9b5\n"
    "off:{PLAIN}pencil::::::nologin\n"
    "com,ma=:{PLAIN}pencil\n";

/* Steps until the client's turn, or the end. */
static enum auth_step drive(struct auth_exchange *x, struct pf_str resp)
{
	enum auth_step step = auth_exchange_step(x, resp);

	if (step == AUTH_STEP_USER)
		step = auth_exchange_user(
		    x, auth_users_find(users, pf_buf_str(&x->name)));
	if (step == AUTH_STEP_WORK)
		step = auth_exchange_worked(x, auth_exchange_work(x, NULL));
	return step;
}

static enum auth_step plain(const char *message, size_t n)
{
	struct auth_exchange x;
	enum auth_step step;

	auth_exchange_init(&x, &auth_mech_plain);
	step = drive(&x, pf_str_mem(message, n));
	if (step == AUTH_STEP_DONE)
		is_str(x.user, "user");
	else
		ok(x.why != NULL && x.why[0]);
	auth_exchange_release(&x);
	return step;
}

#define PLAIN(literal) plain(literal, sizeof(literal) - 1)

static void plain_takes_the_right_password(void)
{
	struct auth_exchange x;

	is_int(PLAIN("\0user\0pencil"), AUTH_STEP_DONE);
	is_int(PLAIN("user\0user\0pencil"), AUTH_STEP_DONE);
	is_int(PLAIN("\0USER\0pencil"), AUTH_STEP_DONE);
	is_int(PLAIN("\0user\0Pencil"), AUTH_STEP_FAIL);
	is_int(PLAIN("hash\0user\0pencil"), AUTH_STEP_FAIL);
	is_int(PLAIN("\0nobody\0pencil"), AUTH_STEP_FAIL);
	is_int(PLAIN("\0off\0pencil"), AUTH_STEP_FAIL);
	is_int(PLAIN("\0user\0"), AUTH_STEP_FAIL);
	is_int(PLAIN("\0\0pencil"), AUTH_STEP_FAIL);
	is_int(PLAIN("\0us\ter\0pencil"), AUTH_STEP_FAIL);
	is_int(PLAIN("\0user\npencil"), AUTH_STEP_FAIL);
	is_int(PLAIN("\0user\0pencil\0"), AUTH_STEP_FAIL);
	is_int(PLAIN(""), AUTH_STEP_FAIL);

	auth_exchange_init(&x, &auth_mech_plain);
	is_int(drive(&x, (struct pf_str){0}), AUTH_STEP_CHALLENGE);
	is_int(x.out.len, 0);
	is_int(drive(&x, PF_STR("\0user\0pencil")), AUTH_STEP_DONE);
	auth_exchange_release(&x);
}

static void login_asks_twice(void)
{
	struct auth_exchange x;

	auth_exchange_init(&x, &auth_mech_login);
	is_int(drive(&x, (struct pf_str){0}), AUTH_STEP_CHALLENGE);
	is_str(x.out.data, "Username:");
	is_int(drive(&x, PF_STR("user")), AUTH_STEP_CHALLENGE);
	is_str(x.out.data, "Password:");
	is_int(drive(&x, PF_STR("pencil")), AUTH_STEP_DONE);
	auth_exchange_release(&x);

	/* the name with the command */
	auth_exchange_init(&x, &auth_mech_login);
	is_int(drive(&x, PF_STR("user")), AUTH_STEP_CHALLENGE);
	is_str(x.out.data, "Password:");
	is_int(drive(&x, PF_STR("wrong")), AUTH_STEP_FAIL);
	auth_exchange_release(&x);

	auth_exchange_init(&x, &auth_mech_login);
	is_int(drive(&x, PF_STR("us\tuser=root")), AUTH_STEP_FAIL);
	auth_exchange_release(&x);
}

/* RFC 5802 5 and RFC 7677 3: the server's nonce cannot be had from our random
 * source (it is base64), so the example's messages are put in its place. */
static void example(const struct auth_mech *mech, const char *first,
		    const char *nonce, const char *server_first,
		    const char *final, const char *server_final)
{
	struct auth_exchange x;
	struct pf_buf salt = PF_BUF_INIT(100);
	const char *s = strstr(server_first, ",s=") + 3;

	auth_exchange_init(&x, mech);
	is_int(drive(&x, pf_str_c(first)), AUTH_STEP_CHALLENGE);
	ok(pf_str_starts(pf_str_c(x.scram.nonce.data),
			 pf_str_head(pf_str_c(nonce), 20)));
	pf_buf_clear(&x.scram.nonce);
	pf_buf_add_c(&x.scram.nonce, nonce);
	pf_buf_clear(&x.scram.message);
	pf_buf_addf(&x.scram.message, "%s,%s", first + 3, server_first);
	ok(pf_base64_decode(&salt,
			    pf_str_mem(s, (size_t)(strchr(s, ',') - s))));
	memcpy(x.scram.keys.salt, salt.data, salt.len);
	x.scram.keys.salt_len = salt.len;
	x.scram.keys.iterations = 4096;
	is_int(drive(&x, pf_str_c(final)), AUTH_STEP_CHALLENGE);
	is_str(x.out.data, server_final);
	is_int(drive(&x, PF_STR("")), AUTH_STEP_DONE);
	is_str(x.user, "user");
	auth_exchange_release(&x);
	pf_buf_release(&salt);
}

static void scram_does_the_rfcs_examples(void)
{
	example(&auth_mech_scram_sha1, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
		"fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
		"s=QSXCR+Q6sek8bf92,i=4096",
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
		"p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
	example(&auth_mech_scram_sha256, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
		"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

static void scram_keys_are_the_rfcs(void)
{
	struct auth_scram_keys keys = {.iterations = 4096, .salt_len = 16};
	struct pf_buf salt = PF_BUF_INIT(100), text = PF_BUF_INIT(1000);

	ok(pf_base64_decode(&salt, PF_STR("W22ZaJ0SNY7soEsUEjb6gQ==")));
	memcpy(keys.salt, salt.data, 16);
	auth_scram_keys_derive(AUTH_SCRAM_SHA256, PF_STR("pencil"), &keys);
	auth_scram_keys_add(&text, AUTH_SCRAM_SHA256, &keys);
	/* RFC 7677's user, as Dovecot stores him */
	is_str(auth_users_find(users, PF_STR("keys"))->password + 15,
	       text.data);
	pf_buf_release(&salt);
	pf_buf_release(&text);
}

/* The client's half of RFC 5802 3. */
static void prove(enum auth_scram_hash hash, const char *password,
		  const struct auth_scram_keys *keys, struct pf_str message,
		  unsigned char *proof)
{
	const EVP_MD *md = hash == AUTH_SCRAM_SHA1 ? EVP_sha1() : EVP_sha256();
	size_t n = auth_scram_digest_len(hash);
	unsigned char salted[32], key[32], stored[32], signature[32];

	ok(PKCS5_PBKDF2_HMAC(password, (int)strlen(password), keys->salt,
			     (int)keys->salt_len, (int)keys->iterations, md,
			     (int)n, salted));
	auth_scram_hmac(hash, pf_str_mem(salted, n), PF_STR("Client Key"), key);
	auth_scram_h(hash, pf_str_mem(key, n), stored);
	auth_scram_hmac(hash, pf_str_mem(stored, n), message, signature);
	for (size_t i = 0; i < n; i++)
		proof[i] = key[i] ^ signature[i];
}

/* A whole client.  spoil: goes behind the nonce.  bound: what the client
 * thinks names its channel; ours are "exporter" and "end point", if any. */
static enum auth_step bound_client(const struct auth_mech *mech,
				   const char *gs2, const char *bound,
				   bool channel, const char *name,
				   const char *password, const char *spoil)
{
	struct pf_buf message = PF_BUF_INIT(2000), final = PF_BUF_INIT(2000);
	struct auth_exchange x;
	unsigned char proof[32];
	char first[200];

	snprintf(first, sizeof first, "%sn=%s,r=client", gs2, name);
	auth_exchange_init(&x, mech);
	pf_buf_add_c(&x.exporter, channel ? "exporter" : "");
	pf_buf_add_c(&x.end_point, channel ? "end point" : "");
	enum auth_step step = drive(&x, pf_str_c(first));
	if (step == AUTH_STEP_CHALLENGE) {
		char header[200];
		snprintf(header, sizeof header, "%s%s", gs2, bound);
		pf_buf_add_c(&final, "c=");
		pf_base64_encode(&final, pf_str_c(header));
		pf_buf_addf(&final, ",r=%s%s", x.scram.nonce.data, spoil);
		pf_buf_addf(&message, "n=%s,r=client,%s,%s", name, x.out.data,
			    final.data);
		prove(mech->hash, password, &x.scram.keys, pf_buf_str(&message),
		      proof);
		pf_buf_add_c(&final, ",p=");
		pf_base64_encode(
		    &final,
		    pf_str_mem(proof, auth_scram_digest_len(mech->hash)));
		step = drive(&x, pf_buf_str(&final));
	}
	if (step == AUTH_STEP_CHALLENGE)
		step = drive(&x, PF_STR(""));
	auth_exchange_release(&x);
	pf_buf_release(&message);
	pf_buf_release(&final);
	return step;
}

static enum auth_step client(const struct auth_mech *mech, const char *gs2,
			     const char *name, const char *password,
			     const char *spoil)
{
	return bound_client(mech, gs2, "", false, name, password, spoil);
}

/* RFC 5802 6 */
static void scram_plus_knows_its_channel(void)
{
	static const struct {
		const char *gs2, *bound;
		bool channel;
		enum auth_step want, want_without; /* -PLUS */
	} tries[] = {
	    {"p=tls-exporter,,", "exporter", true, AUTH_STEP_DONE,
	     AUTH_STEP_FAIL},
	    {"p=tls-server-end-point,,", "end point", true, AUTH_STEP_DONE,
	     AUTH_STEP_FAIL},
	    {"p=tls-server-end-point,a=user,", "end point", true,
	     AUTH_STEP_DONE, AUTH_STEP_FAIL},
	    /* somebody sits in between, with a connection of his own */
	    {"p=tls-exporter,,", "another", true, AUTH_STEP_FAIL,
	     AUTH_STEP_FAIL},
	    {"p=tls-exporter,,", "", true, AUTH_STEP_FAIL, AUTH_STEP_FAIL},
	    {"p=tls-exporter,,", "end point", true, AUTH_STEP_FAIL,
	     AUTH_STEP_FAIL},
	    {"p=tls-unique,,", "exporter", true, AUTH_STEP_FAIL,
	     AUTH_STEP_FAIL},
	    /* no TLS */
	    {"p=tls-exporter,,", "", false, AUTH_STEP_FAIL, AUTH_STEP_FAIL},
	    {"n,,", "", true, AUTH_STEP_FAIL, AUTH_STEP_DONE},
	    /* "you do not": somebody took -PLUS out of our list */
	    {"y,,", "", true, AUTH_STEP_FAIL, AUTH_STEP_FAIL},
	    {"y,,", "", false, AUTH_STEP_FAIL, AUTH_STEP_DONE},
	    {"", "", true, AUTH_STEP_FAIL, AUTH_STEP_FAIL},
	};

	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		is_int(bound_client(&auth_mech_scram_sha256_plus, tries[i].gs2,
				    tries[i].bound, tries[i].channel, "user",
				    "pencil", ""),
		       tries[i].want);
		is_int(bound_client(&auth_mech_scram_sha256, tries[i].gs2,
				    tries[i].bound, tries[i].channel, "user",
				    "pencil", ""),
		       tries[i].want_without);
	}
	is_int(bound_client(&auth_mech_scram_sha1_plus, "p=tls-exporter,,",
			    "exporter", true, "user", "pencil", ""),
	       AUTH_STEP_DONE);
	is_int(bound_client(&auth_mech_scram_sha1_plus, "p=tls-exporter,,",
			    "exporter", true, "user", "wrong", ""),
	       AUTH_STEP_FAIL);
	is_int(bound_client(&auth_mech_scram_sha1_plus, "p=tls-exporter,,",
			    "exporter", true, "nobody", "pencil", ""),
	       AUTH_STEP_FAIL);
}

static void scram_tells_right_from_wrong(void)
{
	const struct auth_mech *m = &auth_mech_scram_sha256;

	is_int(client(m, "n,,", "user", "pencil", ""), AUTH_STEP_DONE);
	is_int(client(m, "y,,", "user", "pencil", ""), AUTH_STEP_DONE);
	is_int(client(m, "n,a=user,", "user", "pencil", ""), AUTH_STEP_DONE);
	is_int(client(m, "n,,", "keys", "pencil", ""), AUTH_STEP_DONE);
	is_int(client(m, "n,,", "com=2Cma=3D", "pencil", ""), AUTH_STEP_DONE);
	is_int(client(&auth_mech_scram_sha1, "n,,", "user", "pencil", ""),
	       AUTH_STEP_DONE);
	is_int(client(m, "n,,", "user", "Pencil", ""), AUTH_STEP_FAIL);
	is_int(client(m, "n,,", "nobody", "pencil", ""), AUTH_STEP_FAIL);
	is_int(client(m, "n,,", "off", "pencil", ""), AUTH_STEP_FAIL);
	is_int(client(m, "n,,", "hash",
		      "s\xc3\xa9"
		      "cret 42",
		      ""),
	       AUTH_STEP_FAIL);
	/* keys of another hash do not help */
	is_int(client(&auth_mech_scram_sha1, "n,,", "keys", "pencil", ""),
	       AUTH_STEP_FAIL);
	is_int(client(m, "n,a=keys,", "user", "pencil", ""), AUTH_STEP_FAIL);
	is_int(client(m, "p=tls-unique,,", "user", "pencil", ""),
	       AUTH_STEP_FAIL);
	is_int(client(m, "n,,m=x,", "user", "pencil", ""), AUTH_STEP_FAIL);
	is_int(client(m, "n,,", "us=3er", "pencil", ""), AUTH_STEP_FAIL);
	is_int(client(m, "n,,", "", "pencil", ""), AUTH_STEP_FAIL);
	is_int(client(m, "n,,", "user", "pencil", "x"), AUTH_STEP_FAIL);
}

static void salt_of(const struct auth_mech *mech, const char *name,
		    unsigned char salt[16])
{
	struct auth_exchange x;
	char first[100];

	snprintf(first, sizeof first, "%sn=%s,r=c",
		 mech->plus ? "p=tls-exporter,," : "n,,", name);
	auth_exchange_init(&x, mech);
	pf_buf_add_c(&x.exporter, "exporter");
	is_int(drive(&x, pf_str_c(first)), AUTH_STEP_CHALLENGE);
	is_int(x.scram.keys.salt_len, 16);
	memcpy(salt, x.scram.keys.salt, 16);
	auth_exchange_release(&x);
}

/* RFC 5802 9: who asks twice must not learn that there is nobody. */
static void unknown_users_keep_their_salt(void)
{
	unsigned char a[16], b[16], c[16];

	auth_mech_set_secret(PF_STR("one"));
	salt_of(&auth_mech_scram_sha256, "nobody", a);
	salt_of(&auth_mech_scram_sha256_plus, "NoBody", b);
	salt_of(&auth_mech_scram_sha256, "somebody", c);
	ok(memcmp(a, b, 16) == 0);
	ok(memcmp(a, c, 16) != 0);
	auth_mech_set_secret(PF_STR("two"));
	salt_of(&auth_mech_scram_sha256, "nobody", b);
	ok(memcmp(a, b, 16) != 0);
}

int main(void)
{
	test_conf_init(&conf);
	auth_users_parse(&conf, pf_str_c(users_text), &users, NULL);
	plain_takes_the_right_password();
	login_asks_twice();
	scram_does_the_rfcs_examples();
	scram_keys_are_the_rfcs();
	scram_tells_right_from_wrong();
	scram_plus_knows_its_channel();
	unknown_users_keep_their_salt();
	auth_users_unref(&users);
	pf_conf_release(&conf);
	return tap_done();
}
