/*
 * What a TLS server is set up with: certificates (one for each host name),
 * ciphers, session tickets, ALPN, stapled OCSP responses.
 *
 * Each certificate has an SSL_CTX.  Connections begin with the first, and the
 * name in the client's first message may change that (SNI, RFC 6066 3).
 *
 * Session tickets are sealed with keys of this process that are made anew
 * every TICKET_LIFE and outlive a change of certificates; a ticket can be used
 * for one to two of these lives, and then nobody can open it any more.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rand.h"
#include "net/key.h"
#include "net/private.h"

/* RFC 9325 4.2: forward secrecy and authenticated encryption only */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS	"X25519:P-256:P-384"

#define TICKET_LIFE (6 * 3600) /* seconds */

struct cert {
	SSL_CTX *ctx;
	X509 *x509;
	unsigned char *staple;
	size_t staple_len;
	int64_t staple_until;
};

struct net_tls {
	struct cert certs[NET_CERTS_MAX];
	size_t count;
	int refs;
};

SSL_CTX *net_tls_context(const struct net_tls *tls)
{
	return tls->certs[0].ctx;
}

pf_status net_ssl_error(struct pf_error *err, pf_status status,
			const char *what)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return pf_error_set(err, status, NULL, "%s: %s", what,
			    reason ? reason : "unknown reason");
}

static int64_t unix_time(const ASN1_TIME *time)
{
	struct tm tm;

	return time && ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm)
						       : INT64_MAX;
}

/* ---- session tickets (RFC 5077 4, RFC 8446 4.6.1) ------------------------ */

struct ticket_key {
	unsigned char name[16], cipher[32], mac[32];
	int64_t made_ms;
	bool there;
};
static struct ticket_key ticket_keys[2]; /* the one in use, its predecessor */

static void rotate_tickets(void)
{
	struct ticket_key *now = &ticket_keys[0];
	int64_t ms = pf_clock_mono_ms(), life = TICKET_LIFE * 1000;

	if (now->there && ms - now->made_ms < life)
		return;
	ticket_keys[1] = *now;
	if (ms - now->made_ms >= 2 * life) /* nobody came for long */
		OPENSSL_cleanse(&ticket_keys[1], sizeof ticket_keys[1]);
	pf_rand_bytes(now->name, sizeof now->name);
	pf_rand_bytes(now->cipher, sizeof now->cipher);
	pf_rand_bytes(now->mac, sizeof now->mac);
	now->made_ms = ms;
	now->there = true;
}

static const struct ticket_key *find_ticket_key(const unsigned char *name)
{
	for (size_t i = 0; i < 2; i++)
		if (ticket_keys[i].there &&
		    CRYPTO_memcmp(ticket_keys[i].name, name,
				  sizeof ticket_keys[i].name) == 0)
			return &ticket_keys[i];
	return NULL;
}

/* OpenSSL's: 1 done, 2 done and make a new ticket, 0 a full handshake */
static int seal_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
		       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
	const struct ticket_key *key = &ticket_keys[0];
	char digest[] = "SHA256";
	OSSL_PARAM params[3];

	(void)ssl;
	rotate_tickets();
	if (sealing) {
		memcpy(name, key->name, sizeof key->name);
		pf_rand_bytes(
		    iv, (size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
	} else if (!(key = find_ticket_key(name))) {
		return 0;
	}
	params[0] = OSSL_PARAM_construct_octet_string(
	    OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->mac, sizeof key->mac);
	params[1] =
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv,
			      sealing) != 1 ||
	    EVP_MAC_CTX_set_params(mac, params) != 1)
		return -1;
	return !sealing && key != &ticket_keys[0] ? 2 : 1;
}

/* ---- choosing -------------------------------------------------------------
 */

static int choose_cert(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct net_tls *tls = arg;

	(void)alert;
	for (size_t i = 0; name && i < tls->count; i++)
		if (X509_check_host(tls->certs[i].x509, name, 0, 0, NULL) ==
		    1) {
			(void)SSL_set_SSL_CTX(ssl, tls->certs[i].ctx);
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_NOACK; /* old clients know no better */
}

/* RFC 7301 3.2.  Who wants to talk something else, such as HTTP, was led here
 * by an attacker, perhaps. */
static int choose_protocol(SSL *ssl, const unsigned char **out,
			   unsigned char *out_len, const unsigned char *in,
			   unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\4imap\13managesieve";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in,
				  in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* RFC 6066 8: what is out of date is worse than nothing. */
static int staple(SSL *ssl, void *arg)
{
	const struct cert *cert = arg;
	unsigned char *copy;

	if (!cert->staple || cert->staple_until <= pf_clock_now())
		return SSL_TLSEXT_ERR_NOACK;
	copy = OPENSSL_memdup(cert->staple, cert->staple_len);
	if (!copy)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_tlsext_status_ocsp_resp(ssl, copy, (int)cert->staple_len);
	return SSL_TLSEXT_ERR_OK;
}

/* Is it a good answer about this certificate?  Until when? */
static bool staple_fits(const struct pf_buf *der, X509 *x509, int64_t *until)
{
	const unsigned char *p = (const unsigned char *)der->data;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)der->len);
	OCSP_BASICRESP *basic = response && OCSP_response_status(response) ==
						OCSP_RESPONSE_STATUS_SUCCESSFUL
				    ? OCSP_response_get1_basic(response)
				    : NULL;
	bool fits = false;

	for (int i = 0; basic && i < OCSP_resp_count(basic) && !fits; i++) {
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
		const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(one);
		ASN1_GENERALIZEDTIME *next = NULL;
		ASN1_INTEGER *serial = NULL;

		OCSP_id_get0_info(NULL, NULL, NULL, &serial,
				  (OCSP_CERTID *)(uintptr_t)id);
		fits = ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(x509)) ==
			   0 &&
		       OCSP_single_get0_status(one, NULL, NULL, NULL, &next) ==
			   V_OCSP_CERTSTATUS_GOOD;
		*until = unix_time(next);
	}
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return fits;
}

/* ---- one certificate ------------------------------------------------------
 */

static SSL_CTX *new_context(int version, struct net_tls *tls, struct cert *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(
	    ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		     SSL_OP_CIPHER_SERVER_PREFERENCE |
		     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* resumption by tickets costs us no memory, a cache would */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_timeout(ctx, TICKET_LIFE);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, seal_ticket);
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_set_security_level(ctx, 2); /* 112 bits, no SHA-1 */
	SSL_CTX_set_tlsext_servername_callback(ctx, choose_cert);
	SSL_CTX_set_tlsext_servername_arg(ctx, tls);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	SSL_CTX_set_tlsext_status_cb(ctx, staple);
	SSL_CTX_set_tlsext_status_arg(ctx, cert);
	if (SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
	    SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1 &&
	    SSL_CTX_set1_groups_list(ctx, GROUPS) == 1 &&
	    SSL_CTX_set_session_id_context(
		ctx, (const unsigned char *)"penfold", 7) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* The chain: the server's certificate, then those above it. */
static bool use_chain(SSL_CTX *ctx, const struct pf_buf *pem, X509 **first)
{
	BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	X509 *x509;
	bool good = bio != NULL;

	while (good && (x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (!*first) {
			*first = x509;
			good = SSL_CTX_use_certificate(ctx, x509) == 1;
		} else if (SSL_CTX_add0_chain_cert(ctx, x509) != 1) {
			X509_free(x509);
			good = false;
		}
	}
	BIO_free(bio);
	/* the end of the file is the last error */
	if (good && *first)
		ERR_clear_error();
	return good && *first;
}

static pf_status add_cert(struct net_tls *tls, int version,
			  const struct net_cert_files *files,
			  struct pf_error *err)
{
	struct cert *cert = &tls->certs[tls->count];

	ERR_clear_error();
	cert->ctx = new_context(version, tls, cert);
	if (!cert->ctx)
		return net_ssl_error(err, PF_NOMEM, "TLS");
	tls->count++;
	if (!use_chain(cert->ctx, &files->chain, &cert->x509))
		return net_ssl_error(err, PF_INVALID, "certificate");
	if (SSL_CTX_use_PrivateKey(cert->ctx, files->key) != 1)
		return net_ssl_error(err, PF_INVALID, "key");
	if (files->staple.len > 0 &&
	    staple_fits(&files->staple, cert->x509, &cert->staple_until)) {
		cert->staple =
		    OPENSSL_memdup(files->staple.data, files->staple.len);
		cert->staple_len = files->staple.len;
	}
	return PF_OK;
}

/* ---- all of them ----------------------------------------------------------
 */

static pf_status begin(const char *min_version, int *version,
		       struct net_tls **tls, struct pf_error *err)
{
	*version =
	    strcmp(min_version, "1.3") == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
	if (strcmp(min_version, "1.2") != 0 && strcmp(min_version, "1.3") != 0)
		return pf_error_set(err, PF_INVALID, NULL,
				    "TLS version %s: 1.2 or 1.3", min_version);
	*tls = calloc(1, sizeof **tls);
	if (!*tls)
		abort();
	(*tls)->refs = 1;
	return PF_OK;
}

pf_status net_tls_new(const char *certs, const char *keys,
		      const char *min_version, struct net_tls **out,
		      struct pf_error *err)
{
	struct net_cert_files files[NET_CERTS_MAX];
	struct net_tls *tls = NULL;
	size_t count = 0;
	int version;
	pf_status status = begin(min_version, &version, &tls, err);

	if (status == PF_OK)
		status = net_cert_files_read(certs, keys, files, &count, err);
	for (size_t i = 0; i < count; i++) {
		if (status == PF_OK)
			status = add_cert(tls, version, &files[i], err);
		net_cert_files_release(&files[i]);
	}
	if (status != PF_OK)
		net_tls_unref(&tls);
	else
		*out = tls;
	return status;
}

pf_status net_tls_new_by_key(struct net_key *key, const char *min_version,
			     struct net_tls **out, struct pf_error *err)
{
	struct net_tls *tls = NULL;
	size_t count = 0;
	int version;
	pf_status status = begin(min_version, &version, &tls, err);

	if (status == PF_OK)
		status = net_key_count(key, &count, err);
	for (size_t i = 0; i < count && status == PF_OK; i++) {
		struct net_cert_files files;

		status = net_key_cert(key, i, &files, err);
		if (status != PF_OK)
			break;
		status = add_cert(tls, version, &files, err);
		net_cert_files_release(&files);
	}
	if (status != PF_OK)
		net_tls_unref(&tls);
	else
		*out = tls;
	return status;
}

int64_t net_tls_expires(const struct net_tls *tls, size_t *which)
{
	int64_t first = INT64_MAX;

	*which = 0;
	for (size_t i = 0; i < tls->count; i++) {
		int64_t end = unix_time(X509_get0_notAfter(tls->certs[i].x509));
		if (end < first) {
			first = end;
			*which = i;
		}
	}
	return first;
}

void net_tls_ref(struct net_tls *tls)
{
	tls->refs++;
}

void net_tls_unref(struct net_tls **tlsp)
{
	struct net_tls *tls = *tlsp;

	*tlsp = NULL;
	if (!tls || --tls->refs > 0)
		return;
	for (size_t i = 0; i < tls->count; i++) {
		SSL_CTX_free(tls->certs[i].ctx);
		X509_free(tls->certs[i].x509);
		OPENSSL_free(tls->certs[i].staple);
	}
	free(tls);
}
