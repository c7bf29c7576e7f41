/* Every scheme against what other programs wrote (Dovecot's `doveadm pw`,
 * libcrypt, libscrypt), and what we write against libcrypt. */
#include <crypt.h>
#include <stdlib.h>

#include "auth/scheme.h"
#include "tests/auth/conf.h"
#include "tests/tap.h"

#define PASSWORD                                                               \
	"s\xc3\xa9"                                                            \
	"cret 42"

static const char *const stored[] = {
    "{PLAIN}" PASSWORD,
    "{cleartext}" PASSWORD,
    "{SHA}DXSRjZ1uy7xAS58xtKYFAIetp7E=",
    "{SHA1}DXSRjZ1uy7xAS58xtKYFAIetp7E=",
    "{SSHA}rTtfDh4Bn5dfi+uj5tD4KTxvU27ejGOh",
    "{SSHA.HEX}06465762cfee8bf47908df5f5707696b3bc2e5c25289e828",
    "{SHA256}zAhCd2Eb4qzgjIiHWuvFbXDtMReobqbbRNp5jE+LTvk=",
    "{SHA256.HEX}"
    "cc084277611be2ace08c88875aebc56d70ed3117a86ea6db44da798c4f8b4ef9",
    "{SHA256}"
    "cc084277611be2ace08c88875aebc56d70ed3117a86ea6db44da798c4f8b4ef9",
    "{SSHA256}7vcN31eq9gO7ZT67GkIvAt/YWE6tCetryxhg5JDalDVnEJP1",
    "{SHA512}Rb70B1OgEdjH2imJG2XN5QBB/99VStWxqfkg8uP8cxFRZcKrTWEfdbXkO8oJ9Ym72"
    "jbI0QM1hikO89EkFexsnQ==",
    "{SSHA512}HHYRQZMuErKouTN+s/GJjqdrT1i6UZEd2elHsi2Tv45MoxOQtu8wIL6/d605eH/Q"
    "OdJWV6Gk2KvoqDKbsJa9wCIvllo=",
    "{SSHA512.B64}HNNKMMU3Rp9iqPPtq3sVgaq8hcN/q9fa3TZxfxYeXDdsAUxh+bj8bY6uE7by"
    "Ag4F4AQ/N4hZEcJi3MPQeYzVGG3duMc=",
    "{PBKDF2}$1$/5Xf4R.MBbT5xtEd$5000$b043e5f2b98d85c6f8b3aef0d664087958adcba"
    "4",
    "{SCRAM-SHA-1}4096,PmGerdd0eZGwh1ZuxaK65g==,j4oJSSPf2xCfYa6cQQ8AR94P+zA=,"
    "KUP6gNcwQyIdQdpddHwqZsAGVSY=",
    "{SCRAM-SHA-256}4096,/nVLSRnAEeKHdlS2GytIMw==,3xN+1TY/CIUkLnXYOZe6xr6ratN"
    "MRq4DhxbKuMrXcVY=,RTuTCJuu+BbxhczABR40TJa3RB940+cevsVdfsVWTAI=",
    "{BLF-CRYPT}$2y$04$.HhrXXVzwPYWx9JucAznaO7aYRDYbDBbu.I2uunvSqTVzH3o186GS",
    "{CRYPT}$2y$05$XSynnU9bFJOtjp2xURWUoOOmMKQDU2/woT9V9kd9xDQumWp0ExE06",
    "{SHA256-CRYPT}$5$rounds=1000$RZQ2TG3sKAEjgWSE$9ydRjs/JhWirQQ6wVUCR0huZzVc"
    "WzOWmLb0vM2.S9b5",
    "{SHA512-CRYPT}$6$rounds=1000$fDyJPwRFYflGWbAi$7j16vrBXhuiFJBHJwARFWpQiz9p"
    ".axtuwOn0Wii/e2FPKujGU483Sxt9f2Z3xCI7xk3Ty2Zlz8iNvfmtGW0cF1",
    "$6$rounds=1000$fDyJPwRFYflGWbAi$7j16vrBXhuiFJBHJwARFWpQiz9p.axtuwOn0Wii/e"
    "2FPKujGU483Sxt9f2Z3xCI7xk3Ty2Zlz8iNvfmtGW0cF1",
    "{MD5-CRYPT}$1$Lt1k0TaW$hp0H7Xe2rer3G9HSn6Jar1",
    "$y$j75$abcdefgh$m8HuyfRloeoDVRMWAw6YTU60UnkwBzKhktg225ilqQ9",
    /* doveadm pw's own costs: ARGON2ID takes 256 MiB */
    "{ARGON2ID}$argon2id$v=19$m=262144,t=3,p=1$VAM2tkSgeTGSIB0FY0d9Eg$ngfwvx6A"
    "Gqz6CLh0ZBSgFiKmAte/TxZ9i5hkCFJH4Ec",
    "{ARGON2I}$argon2i$v=19$m=32768,t=3,p=1$hMLRSU3i+GgDf5qQzKj9xw$CBH/nJ/IAML"
    "FQP8RnUYgEqTNxmJDxfI5L6Tt3eFXRsc",
    "$argon2i$v=19$m=32768,t=3,p=1$hMLRSU3i+GgDf5qQzKj9xw$CBH/nJ/IAMLFQP8RnUYg"
    "EqTNxmJDxfI5L6Tt3eFXRsc",
    "{SCRYPT}$s1$0a0801$rgdiYMX+wV7eYWZwDV+pKg==$MYwcytfm9WKGSFx2PyI9blVuVSIn5"
    "LszItHT1nW3yLbaEDdbEdVYycHlm+dfNpqSqa5/L5pCvlwv1m+pW00aOA==",
};

static void knows_what_others_wrote(void)
{
	for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
		tap_check(auth_password_verify(stored[i], PF_STR(PASSWORD),
					       NULL) == PF_OK,
			  "right for %.20s", stored[i]);
		tap_check(auth_password_verify(stored[i], PF_STR(PASSWORD "x"),
					       NULL) == PF_AUTHFAILED,
			  "wrong for %.20s", stored[i]);
	}
}

static void refuses_the_rest(void)
{
	static const char *const bad[] = {
	    "{LANMAN}0123",
	    "{PLAIN-MD5}0123",
	    "{PLAIN.HEX}" PASSWORD,
	    "{SHA.ROT13}x",
	    "{SHA}short",
	    "{SSHA256}AAAA",
	    "{SCRAM-SHA-256}4096,AA==",
	    "{SCRAM-SHA-256}0,AA==,AA==,AA==",
	    "{PBKDF2}$1$salt$0$00",
	    "{PBKDF2}$2$salt$1$00",
	    "{CRYPT}$99$unknown",
	    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$short",
	    "{ARGON2ID}argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA",
	    "{ARGON2ID}$argon2x$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA",
	    /* more memory, time or threads than one user's hash may have */
	    "{ARGON2ID}$argon2id$v=19$m=262145,t=1,p=1$VAM2tkSgeTGSIB0FY0d9Eg$"
	    "ngfwvx6AGqz6CLh0ZBSgFiKmAte/TxZ9i5hkCFJH4Ec",
	    "{ARGON2ID}$argon2id$v=19$m=8192,t=1025,p=1$VAM2tkSgeTGSIB0FY0d9Eg$"
	    "ngfwvx6AGqz6CLh0ZBSgFiKmAte/TxZ9i5hkCFJH4Ec",
	    "{ARGON2ID}$argon2id$v=19$m=8192,t=1,p=17$VAM2tkSgeTGSIB0FY0d9Eg$"
	    "ngfwvx6AGqz6CLh0ZBSgFiKmAte/TxZ9i5hkCFJH4Ec",
	    "$y$jGT$abcdefgh$m8HuyfRloeoDVRMWAw6YTU60UnkwBzKhktg225ilqQ9",
	    "$y$jzzz$abcdefgh$m8HuyfRloeoDVRMWAw6YTU60UnkwBzKhktg225ilqQ9",
	    "plain text in the field",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		tap_check(auth_password_verify(bad[i], PF_STR(PASSWORD),
					       NULL) == PF_UNSUPPORTED,
			  "unsupported: %s", bad[i]);
	is_int(auth_password_verify("{PLAIN}", PF_STR(""), NULL),
	       PF_AUTHFAILED);
	is_int(auth_password_verify("", PF_STR(""), NULL), PF_AUTHFAILED);
	is_int(auth_password_verify("{PLAIN}x", PF_STR("x\0y"), NULL),
	       PF_AUTHFAILED);
	/* parameters that would eat the machine */
	is_int(
	    auth_password_verify("$7$Zzzzz.zzzzzsalt$hash", PF_STR("x"), NULL),
	    PF_AUTHFAILED);
	is_int(auth_password_verify("{SCRYPT}$s1$1effff$AAAA$AAAA", PF_STR("x"),
				    NULL),
	       PF_AUTHFAILED);
}

static void knows_the_weak_ones(void)
{
	static const char *const weak[] = {
	    "{SHA}x",		"{SSHA512}x",	 "{MD5-CRYPT}$1$salt$x",
	    "{PBKDF2}$1$s$1$x", "abJnggxhB/yWI",
	};
	static const char *const strong[] = {
	    "{PLAIN}x",
	    "{CRYPT}$7$x",
	    "{BLF-CRYPT}$2y$05$x",
	    "$6$salt$x",
	    "{ARGON2ID}$argon2id$x",
	    "{SCRAM-SHA-256}x",
	    "{UNKNOWN}x",
	    "$y$j9T$x",
	};

	for (size_t i = 0; i < sizeof weak / sizeof *weak; i++)
		tap_check(auth_password_is_weak(weak[i]), "weak: %s", weak[i]);
	for (size_t i = 0; i < sizeof strong / sizeof *strong; i++)
		tap_check(!auth_password_is_weak(strong[i]), "strong: %s",
			  strong[i]);
}

static void complains_about_passwords(void)
{
	static const char *const bad[] = {
	    "",		"short-7",    "aaaaaaaaaaaa", "12345678",
	    "hgfedcba", "Password1!", "91827364501",  "qwertz123",
	    "ann@ex12", "Anna.ann",   "ann.2026",
	};
	static const char *const good[] = {
	    "correct horse",
	    "secret-42",
	    "annual leave, again",
	    "x9$Lk2pq",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		tap_check(auth_password_complaint(PF_STR("ann@ex.test"),
						  pf_str_c(bad[i])) != NULL,
			  "bad: %s", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		tap_check(auth_password_complaint(PF_STR("ann@ex.test"),
						  pf_str_c(good[i])) == NULL,
			  "good: %s", good[i]);
}

static void prepares_passwords(void)
{
	/* U+FB01 is "fi" in SASLprep, U+00A0 a blank */
	is_int(auth_password_verify("{PLAIN}fish x",
				    PF_STR("\xef\xac\x81sh\xc2\xa0x"), NULL),
	       PF_OK);
	is_int(auth_password_verify("{PLAIN}\xef\xac\x81sh",
				    PF_STR("\xef\xac\x81sh"), NULL),
	       PF_OK);
}

static bool libcrypt_agrees(const char *field, const char *password)
{
	struct crypt_data *work = calloc(1, sizeof *work);
	const char *hash = crypt_r(password, field, work);
	bool good = hash && strcmp(hash, field) == 0;

	free(work);
	return good;
}

static void writes_what_libcrypt_reads(void)
{
	struct pf_buf field = PF_BUF_INIT(1000);

	is_int(auth_password_hash("SCRYPT", PF_STR(PASSWORD), &field, NULL),
	       PF_OK);
	ok(strncmp(field.data, "{CRYPT}$7$", 10) == 0);
	ok(libcrypt_agrees(field.data + 7, PASSWORD));
	ok(!libcrypt_agrees(field.data + 7, "other"));
	is_int(auth_password_verify(field.data, PF_STR(PASSWORD), NULL), PF_OK);
	pf_buf_clear(&field);
	is_int(auth_password_hash("ROT13", PF_STR(PASSWORD), &field, NULL),
	       PF_UNSUPPORTED);
	is_int(auth_password_hash("SCRYPT", PF_STR(""), &field, NULL),
	       PF_INVALID);
	pf_buf_release(&field);
}

static void leaves_keys_for_each_mechanism(void)
{
	struct pf_buf all = PF_BUF_INIT(4000), line = PF_BUF_INIT(5000);
	struct auth_scram_keys keys, again;
	struct auth_users *users;
	struct pf_conf conf;

	test_conf_init(&conf);
	is_int(auth_password_hash_all(&conf, PF_STR("pw"), &all, NULL), PF_OK);
	ptrdiff_t blank = pf_str_chr(pf_buf_str(&all), ' ');
	ok(blank > 0 && pf_str_chr(pf_buf_str(&all), ':') < 0);
	pf_buf_addf(&line, "ann:%.*s::::::%s\n", (int)blank, all.data,
		    all.data + blank + 1);
	auth_users_parse(&conf, pf_buf_str(&line), &users, NULL);
	const struct auth_user *ann = auth_users_find(users, PF_STR("ann"));
	is_int(auth_password_verify(ann->password, PF_STR("pw"), NULL), PF_OK);
	ok(ann->scram_sha1 && ann->scram_sha256);
	ok(auth_scram_keys_parse(AUTH_SCRAM_SHA256, pf_str_c(ann->scram_sha256),
				 &keys));
	again = keys;
	auth_scram_keys_derive(AUTH_SCRAM_SHA256, PF_STR("pw"), &again);
	ok(memcmp(&keys, &again, sizeof keys) == 0);
	auth_users_unref(&users);

	/* a site without SCRAM stores no weaker copy */
	ok(pf_conf_set(&conf, PF_STR("auth_mechanisms"), PF_STR("PLAIN LOGIN"),
		       NULL));
	pf_buf_clear(&all);
	is_int(auth_password_hash_all(&conf, PF_STR("pw"), &all, NULL), PF_OK);
	ok(pf_str_chr(pf_buf_str(&all), ' ') < 0);
	ok(pf_conf_set(&conf, PF_STR("password_scheme"),
		       PF_STR("SCRAM-SHA-256"), NULL));
	pf_buf_clear(&all);
	is_int(auth_password_hash_all(&conf, PF_STR("pw"), &all, NULL), PF_OK);
	is_int(auth_password_verify(all.data, PF_STR("pw"), NULL), PF_OK);
	pf_buf_release(&all);
	pf_buf_release(&line);
	pf_conf_release(&conf);
}

int main(void)
{
	knows_what_others_wrote();
	refuses_the_rest();
	knows_the_weak_ones();
	complains_about_passwords();
	prepares_passwords();
	writes_what_libcrypt_reads();
	leaves_keys_for_each_mechanism();
	return tap_done();
}
