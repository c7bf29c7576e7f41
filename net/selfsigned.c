/* A self-signed certificate for the try-out mode and for tests. */
#include "net/private.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/fsio.h"
#include "base/rand.h"

#define VALID_DAYS 3650

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool good;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	good = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return good;
}

static bool is_address(const char *host)
{
	unsigned char bits[16];

	return inet_pton(AF_INET, host, bits) == 1 ||
	       inet_pton(AF_INET6, host, bits) == 1;
}

/* X.509 version 3, a positive serial number, the host as SAN. */
static bool fill(X509 *cert, EVP_PKEY *key, const char *host)
{
	X509_NAME *name = X509_get_subject_name(cert);
	uint64_t serial;
	char san[320];

	pf_rand_bytes(&serial, sizeof serial);
	snprintf(san, sizeof san, "%s:%s,DNS:localhost,IP:127.0.0.1,IP:::1",
		 is_address(host) ? "IP" : "DNS", host);
	return X509_set_version(cert, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert),
				       (serial >> 1) | 1) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), VALID_DAYS, 0,
				NULL) &&
	       X509_set_pubkey(cert, key) == 1 &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					  (const unsigned char *)host, -1, -1,
					  0) == 1 &&
	       X509_set_issuer_name(cert, name) == 1 &&
	       add_extension(cert, NID_basic_constraints,
			     "critical,CA:FALSE") &&
	       add_extension(cert, NID_subject_alt_name, san) &&
	       X509_sign(cert, key, EVP_sha256()) > 0;
}

static pf_status save(BIO *bio, const char *path, mode_t mode,
		      struct pf_error *err)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);

	return pf_fs_replace(AT_FDCWD, path, pf_str_mem(p, (size_t)n), mode,
			     true, err);
}

pf_status net_tls_self_signed(const char *host, const char *cert_file,
			      const char *key_file, struct pf_error *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	BIO *key_pem = BIO_new(BIO_s_secmem());
	BIO *cert_pem = BIO_new(BIO_s_mem());
	pf_status status;

	if (!key || !cert || !key_pem || !cert_pem || !fill(cert, key, host) ||
	    PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) !=
		1 ||
	    PEM_write_bio_X509(cert_pem, cert) != 1) {
		ERR_clear_error();
		status = pf_error_set(err, PF_INTERNAL, NULL,
				      "cannot make a certificate for %s", host);
	} else {
		/* the key first: a certificate without it is of no use */
		status = save(key_pem, key_file, 0600, err);
		if (status == PF_OK)
			status = save(cert_pem, cert_file, 0644, err);
	}
	BIO_free(key_pem);
	BIO_free(cert_pem);
	X509_free(cert);
	EVP_PKEY_free(key);
	return status;
}
