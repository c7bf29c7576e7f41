/*
 * Password schemes: "{SCHEME}data" -> is this the password?
 *
 * One row per scheme.  Without a prefix a field is crypt(3)'s, as in Dovecot.
 * Every comparison is constant in time; every intermediate is wiped.
 * MD5, LANMAN and their like are not here: Dovecot itself disables them.
 */
#include "auth/scheme.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "auth/scram.h"
#include "base/base64.h"
#include "base/rand.h"

enum answer {
	RIGHT,
	WRONG,
	MALFORMED /* stored data is not what the scheme says */
};

struct scheme {
	const char *name;
	enum answer (*verify)(struct pf_str data, struct pf_str password,
			      int variant);
	int variant;
};

static enum answer same(struct pf_str a, struct pf_str b)
{
	if (a.n != b.n)
		return WRONG;
	return CRYPTO_memcmp(a.p, b.p, a.n) == 0 ? RIGHT : WRONG;
}

static enum answer verify_plain(struct pf_str data, struct pf_str password,
				int variant)
{
	(void)variant;
	return same(data, password);
}

/* ---- crypt(3) ---------------------------------------------------------- */

/* A digit of yescrypt's numbers; what takes more than one is too much. */
static uint64_t yescrypt_digit(char c)
{
	static const char digits[] =
	    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? (uint64_t)(digit - digits) : 64;
}

/* What crypt(3) will take: only yescrypt ("$y$jNr...", also "$gy$") is worth
 * counting.  UINT64_MAX: too much. */
static uint64_t crypt_memory(struct pf_str data)
{
	if (pf_str_starts(data, PF_STR("$gy$")))
		data = pf_str_from(data, 4);
	else if (pf_str_starts(data, PF_STR("$y$")))
		data = pf_str_from(data, 3);
	else
		return 0;
	if (data.n < 3)
		return 0;
	uint64_t log2n = yescrypt_digit(data.p[1]) + 1;
	uint64_t r = yescrypt_digit(data.p[2]) + 1;
	return log2n > 30 || r > 48 ? UINT64_MAX : 128 * r << log2n;
}

static enum answer verify_argon2(struct pf_str data, struct pf_str password,
				 int variant)
{
	bool right;

	(void)variant;
	if (!auth_argon2_verify(data, password, &right))
		return MALFORMED;
	return right ? RIGHT : WRONG;
}

static enum answer verify_crypt(struct pf_str data, struct pf_str password,
				int variant)
{
	enum answer answer = MALFORMED;

	(void)variant;
	if (pf_str_starts(data, PF_STR("$7$")))
		return auth_scrypt_verify(data, password) ? RIGHT : WRONG;
	if (pf_str_starts(data, PF_STR("$argon2")))
		return verify_argon2(data, password, 0);
	uint64_t memory = crypt_memory(data);
	if (!auth_budget_take(memory))
		return MALFORMED;
	struct crypt_data *work = calloc(1, sizeof *work);
	if (!work)
		abort();
	char *phrase = pf_str_dup(password);
	char *setting = pf_str_dup(data);
	char *hash = crypt_r(phrase, setting, work);
	auth_budget_give(memory);
	if (hash && hash[0] != '*')
		answer = same(pf_str_c(hash), data);
	OPENSSL_cleanse(work, sizeof *work);
	OPENSSL_cleanse(phrase, password.n);
	free(work);
	free(phrase);
	free(setting);
	return answer;
}

static enum answer verify_scrypt(struct pf_str data, struct pf_str password,
				 int variant)
{
	(void)variant;
	return auth_scrypt_verify(data, password) ? RIGHT : WRONG;
}

/* ---- salted and plain digests ------------------------------------------ */

enum {
	SHA1,
	SHA256,
	SHA512,
	SALTED = 8,
	HEX = 16,
	BASE64 = 32
};

static bool hex_decode(struct pf_str s, struct pf_buf *to)
{
	static const char digits[] = "0123456789abcdef";

	if (s.n % 2)
		return false;
	for (size_t i = 0; i < s.n; i += 2) {
		const char *high = strchr(digits, pf_ascii_lower(s.p[i]));
		const char *low = strchr(digits, pf_ascii_lower(s.p[i + 1]));
		if (!high || !low || !*high || !*low)
			return false;
		pf_buf_add_byte(to,
				(char)((high - digits) << 4 | (low - digits)));
	}
	return !to->failed;
}

static enum answer verify_digest(struct pf_str data, struct pf_str password,
				 int variant)
{
	int kind = variant & (SALTED - 1);
	const EVP_MD *md = kind == SHA1	    ? EVP_sha1()
			   : kind == SHA256 ? EVP_sha256()
					    : EVP_sha512();
	size_t n = (size_t)EVP_MD_get_size(md);
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct pf_buf bytes = PF_BUF_INIT(1024);
	struct pf_buf text = PF_BUF_INIT(8192);
	enum answer answer = MALFORMED;

	/* without a word about it, hexadecimal is known by its length */
	bool hex = variant & HEX ||
		   (!(variant & (BASE64 | SALTED)) && data.n == 2 * n);
	if ((hex ? hex_decode(data, &bytes) : pf_base64_decode(&bytes, data)) &&
	    (variant & SALTED ? bytes.len > n : bytes.len == n)) {
		pf_buf_add_str(&text, password);
		pf_buf_add(&text, bytes.data + n, bytes.len - n);
		if (text.failed ||
		    !EVP_Digest(text.data, text.len, digest, NULL, md, NULL))
			answer = WRONG;
		else
			answer = same(pf_str_mem(digest, n),
				      pf_str_mem(bytes.data, n));
	}
	OPENSSL_cleanse(digest, sizeof digest);
	pf_buf_wipe(&text);
	pf_buf_wipe(&bytes);
	return answer;
}

/* ---- PBKDF2: $1$salt$rounds$hex, SHA-1 --------------------------------- */

static enum answer verify_pbkdf2(struct pf_str data, struct pf_str password,
				 int variant)
{
	struct pf_str salt, rounds;
	unsigned char key[20];
	struct pf_buf want = PF_BUF_INIT(64);
	enum answer answer = MALFORMED;
	uint64_t n;

	(void)variant;
	if (!pf_str_starts(data, PF_STR("$1$")))
		return MALFORMED;
	data = pf_str_from(data, 3);
	if (pf_str_split(&data, '$', &salt) &&
	    pf_str_split(&data, '$', &rounds) && salt.n <= 256 &&
	    pf_str_u64(rounds, AUTH_SCRAM_ITER_MAX, &n) && n > 0 &&
	    hex_decode(data, &want) && want.len == sizeof key &&
	    PKCS5_PBKDF2_HMAC(password.p, (int)password.n,
			      (const unsigned char *)salt.p, (int)salt.n,
			      (int)n, EVP_sha1(), sizeof key, key))
		answer = same(pf_str_mem(key, sizeof key), pf_buf_str(&want));
	OPENSSL_cleanse(key, sizeof key);
	pf_buf_wipe(&want);
	return answer;
}

/* ---- SCRAM keys -------------------------------------------------------- */

static enum answer verify_scram(struct pf_str data, struct pf_str password,
				int variant)
{
	enum auth_scram_hash hash = (enum auth_scram_hash)variant;
	size_t n = auth_scram_digest_len(hash);
	struct auth_scram_keys want, got;

	if (!auth_scram_keys_parse(hash, data, &want))
		return MALFORMED;
	got = want;
	auth_scram_keys_derive(hash, password, &got);
	enum answer answer =
	    same(pf_str_mem(got.stored, n), pf_str_mem(want.stored, n));
	OPENSSL_cleanse(&got, sizeof got);
	OPENSSL_cleanse(&want, sizeof want);
	return answer;
}

/* ---- the table --------------------------------------------------------- */

static const struct scheme schemes[] = {
    {"PLAIN", verify_plain, 0},
    {"CLEAR", verify_plain, 0},
    {"CLEARTEXT", verify_plain, 0},
    {"CRYPT", verify_crypt, 0},
    {"BLF-CRYPT", verify_crypt, 0},
    {"MD5-CRYPT", verify_crypt, 0},
    {"SHA256-CRYPT", verify_crypt, 0},
    {"SHA512-CRYPT", verify_crypt, 0},
    {"SCRYPT", verify_scrypt, 0},
    {"ARGON2I", verify_argon2, 0},
    {"ARGON2D", verify_argon2, 0},
    {"ARGON2ID", verify_argon2, 0},
    {"SHA", verify_digest, SHA1},
    {"SHA1", verify_digest, SHA1},
    {"SHA256", verify_digest, SHA256},
    {"SHA512", verify_digest, SHA512},
    {"SSHA", verify_digest, SHA1 | SALTED},
    {"SSHA256", verify_digest, SHA256 | SALTED},
    {"SSHA512", verify_digest, SHA512 | SALTED},
    {"PBKDF2", verify_pbkdf2, 0},
    {"SCRAM-SHA-1", verify_scram, AUTH_SCRAM_SHA1},
    {"SCRAM-SHA-256", verify_scram, AUTH_SCRAM_SHA256},
};

/* "{SSHA256.HEX}..." -> name, encoding, data */
static void split_prefix(const char *stored, struct pf_str *name, int *encoding,
			 struct pf_str *data)
{
	struct pf_str s = pf_str_c(stored);
	ptrdiff_t end = s.n && s.p[0] == '{' ? pf_str_chr(s, '}') : -1;

	*name = PF_STR("CRYPT");
	*data = s;
	*encoding = 0;
	if (end < 0)
		return;
	*data = pf_str_from(s, (size_t)end + 1);
	*name = (struct pf_str){s.p + 1, (size_t)end - 1};
	ptrdiff_t dot = pf_str_rchr(*name, '.');
	if (dot < 0)
		return;
	struct pf_str suffix = pf_str_from(*name, (size_t)dot + 1);
	*encoding = pf_str_ieq(suffix, PF_STR("HEX")) ? HEX
		    : pf_str_ieq(suffix, PF_STR("B64")) ||
			    pf_str_ieq(suffix, PF_STR("BASE64"))
			? BASE64
			: -1;
	*name = pf_str_head(*name, (size_t)dot);
}

static const struct scheme *find(struct pf_str name, int encoding)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (pf_str_ieq(name, pf_str_c(schemes[i].name)))
			return encoding == 0 ||
				       (encoding > 0 &&
					schemes[i].verify == verify_digest)
				   ? &schemes[i]
				   : NULL;
	return NULL;
}

bool auth_scheme_plain(const char *stored, struct pf_str *password)
{
	struct pf_str name, data;
	int encoding;

	split_prefix(stored, &name, &encoding, &data);
	const struct scheme *scheme = find(name, encoding);
	if (!scheme || scheme->verify != verify_plain)
		return false;
	*password = data;
	return true;
}

bool auth_scheme_pam(const char *stored, struct pf_str *service)
{
	struct pf_str name;
	int encoding;

	split_prefix(stored, &name, &encoding, service);
	return encoding == 0 && pf_str_ieq(name, PF_STR("PAM")) &&
	       pf_str_chr(*service, '/') < 0;
}

bool auth_scheme_scram(const char *stored, enum auth_scram_hash hash,
		       struct pf_str *keys)
{
	struct pf_str name, data;
	int encoding;

	split_prefix(stored, &name, &encoding, &data);
	const struct scheme *scheme = find(name, encoding);
	if (!scheme || scheme->verify != verify_scram ||
	    scheme->variant != (int)hash)
		return false;
	*keys = data;
	return true;
}

bool auth_password_is_weak(const char *stored)
{
	/* what stands up to guessing; all else of crypt(3) does not */
	static const char *const strong[] = {"$2",  "$5$",  "$6$",    "$7$",
					     "$y$", "$gy$", "$argon2"};
	struct pf_str name, data;
	int encoding;

	split_prefix(stored, &name, &encoding, &data);
	const struct scheme *scheme = find(name, encoding);
	if (!scheme || (scheme->verify != verify_crypt &&
			scheme->verify != verify_digest &&
			scheme->verify != verify_pbkdf2))
		return false;
	if (scheme->verify != verify_crypt)
		return true;
	for (size_t i = 0; i < sizeof strong / sizeof *strong; i++)
		if (pf_str_starts(data, pf_str_c(strong[i])))
			return false;
	return true;
}

static enum answer verify(const struct scheme *scheme, int encoding,
			  struct pf_str data, struct pf_str password)
{
	struct pf_buf prepared = PF_BUF_INIT(4096);
	int variant = scheme->variant | encoding;
	enum answer answer = scheme->verify(data, password, variant);

	/* what we write is prepared (RFC 4616 2), what others wrote is not */
	if (answer == WRONG && auth_saslprep(password, &prepared) &&
	    !pf_str_eq(pf_buf_str(&prepared), password))
		answer = scheme->verify(data, pf_buf_str(&prepared), variant);
	pf_buf_wipe(&prepared);
	return answer;
}

pf_status auth_password_verify(const char *stored, struct pf_str password,
			       struct pf_error *err)
{
	struct pf_str name, data;
	int encoding;

	split_prefix(stored, &name, &encoding, &data);
	const struct scheme *scheme = find(name, encoding);
	if (!scheme)
		return pf_error_set(err, PF_UNSUPPORTED, NULL,
				    "password scheme {%.*s} is not supported",
				    (int)(name.n < 40 ? name.n : 40), name.p);
	if (data.n == 0 || password.n == 0 || password.n > 1024 ||
	    pf_str_chr(password, '\0') >= 0)
		return pf_error_set(err, PF_AUTHFAILED, NULL,
				    "empty or impossible password");
	switch (verify(scheme, encoding, data, password)) {
	case RIGHT:
		return PF_OK;
	case WRONG:
		return pf_error_set(err, PF_AUTHFAILED, NULL, "wrong password");
	case MALFORMED:
		break;
	}
	return pf_error_set(err, PF_UNSUPPORTED, NULL,
			    "the stored {%s} data is not understood",
			    scheme->name);
}

/* ---- writing ----------------------------------------------------------- */

static void new_scram(enum auth_scram_hash hash, struct pf_str password,
		      struct pf_buf *to)
{
	struct auth_scram_keys keys = {.iterations = AUTH_SCRAM_ITERATIONS,
				       .salt_len = AUTH_SCRAM_SALT_LEN};

	pf_rand_bytes(keys.salt, keys.salt_len);
	auth_scram_keys_derive(hash, password, &keys);
	auth_scram_keys_add(to, hash, &keys);
	OPENSSL_cleanse(&keys, sizeof keys);
}

pf_status auth_password_hash(const char *scheme, struct pf_str password,
			     struct pf_buf *stored, struct pf_error *err)
{
	struct pf_buf prepared = PF_BUF_INIT(4096);
	pf_status status = PF_OK;

	if (password.n == 0 || password.n > 511 ||
	    pf_str_chr(password, '\0') >= 0)
		return pf_error_set(err, PF_INVALID,
				    "A password has 1 to 511 bytes",
				    "empty or impossible password");
	if (auth_saslprep(password, &prepared) && prepared.len > 0)
		password = pf_buf_str(&prepared);
	if (strcmp(scheme, "SCRYPT") == 0) {
		pf_buf_add_c(stored, "{CRYPT}");
		status = auth_scrypt_hash(password, stored, err);
	} else if (strcmp(scheme, "SCRAM-SHA-256") == 0) {
		pf_buf_add_c(stored, "{SCRAM-SHA-256}");
		new_scram(AUTH_SCRAM_SHA256, password, stored);
	} else {
		status =
		    pf_error_set(err, PF_UNSUPPORTED, NULL,
				 "new passwords cannot use scheme %s", scheme);
	}
	pf_buf_wipe(&prepared);
	return status == PF_OK ? pf_buf_status(stored, err) : status;
}

static bool offers(const struct pf_conf *conf, const char *mechanism)
{
	struct pf_str list = pf_str_c(conf->auth_mechanisms), word;

	while (pf_conf_word(&list, &word))
		if (pf_str_ieq(word, pf_str_c(mechanism)))
			return true;
	return false;
}

pf_status auth_password_hash_all(const struct pf_conf *conf,
				 struct pf_str password,
				 struct pf_buf *credentials,
				 struct pf_error *err)
{
	static const struct {
		const char *mechanism, *field;
		enum auth_scram_hash hash;
	} scram[] = {
	    {"SCRAM-SHA-256", AUTH_FIELD_SCRAM_SHA256, AUTH_SCRAM_SHA256},
	    {"SCRAM-SHA-1", AUTH_FIELD_SCRAM_SHA1, AUTH_SCRAM_SHA1},
	};
	char tag[AUTH_TAG_LEN + 1];
	size_t start = credentials->len;
	pf_status status = auth_password_hash(conf->password_scheme, password,
					      credentials, err);

	if (status != PF_OK)
		return status;
	auth_password_tag(pf_str_from(pf_buf_str(credentials), start), tag);
	for (size_t i = 0; i < sizeof scram / sizeof *scram; i++) {
		if (!offers(conf, scram[i].mechanism) ||
		    strcmp(conf->password_scheme, scram[i].mechanism) == 0)
			continue;
		pf_buf_addf(credentials, " %s=%s,", scram[i].field, tag);
		new_scram(scram[i].hash, password, credentials);
	}
	return pf_buf_status(credentials, err);
}
