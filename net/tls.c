/*
 * TLS as a layer over a connection, by OpenSSL with a BIO of our own: it
 * reads from the slice that just came from the socket and writes straight
 * into the connection's queue.  So there are no memory BIOs that grow and
 * stay, and with SSL_MODE_RELEASE_BUFFERS an idle connection holds no
 * buffers at all (docs/decisions/010-idle-connections.md).
 *
 * Ciphertext that cannot be decrypted yet (the owner paused, its input is
 * full) waits in `wire`; the socket is not read meanwhile, so that is at most
 * one read.
 */
#include "net/key.h"
#include "net/private.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#define EARLY_MAX (256 * 1024) /* sent by the owner before the handshake */

struct net_tls_layer {
	struct net_conn *conn;
	SSL *ssl;
	struct net_tls *tls; /* what the handshake's callbacks look at */
	struct pf_str in;    /* what the BIO may read now */
	struct pf_buf wire;  /* ciphertext kept for later */
	struct pf_buf early;
	char *info;
	bool up, ended, running;
};

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *to, size_t n, size_t *got)
{
	struct net_tls_layer *layer = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (layer->in.n == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	*got = n < layer->in.n ? n : layer->in.n;
	memcpy(to, layer->in.p, *got);
	layer->in = pf_str_from(layer->in, *got);
	return 1;
}

static int bio_write(BIO *bio, const char *p, size_t n, size_t *written)
{
	struct net_tls_layer *layer = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	net_conn_wire(layer->conn, p, n);
	*written = n;
	return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *p)
{
	(void)bio;
	(void)number;
	(void)p;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
	bio_method =
	    BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "penfold");
	if (!bio_method || !BIO_meth_set_read_ex(bio_method, bio_read) ||
	    !BIO_meth_set_write_ex(bio_method, bio_write) ||
	    !BIO_meth_set_ctrl(bio_method, bio_ctrl))
		abort();
}

/* ---- the layer ---- */

pf_status net_tls_layer_new(struct net_tls *tls, struct net_conn *conn,
			    struct net_tls_layer **out, struct pf_error *err)
{
	struct net_tls_layer *layer = calloc(1, sizeof *layer);
	BIO *bio;

	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (!layer)
		abort();
	pthread_once(&once, make_bio_method);
	/* the SSL holds its context by a count of its own */
	layer->ssl = SSL_new(net_tls_context(tls));
	bio = BIO_new(bio_method);
	if (!layer->ssl || !bio) {
		SSL_free(layer->ssl);
		BIO_free(bio);
		free(layer);
		return net_ssl_error(err, PF_NOMEM, "TLS");
	}
	BIO_set_data(bio, layer);
	BIO_set_init(bio, 1);
	SSL_set_bio(layer->ssl, bio, bio);
	SSL_set_accept_state(layer->ssl);
	layer->conn = conn;
	layer->tls = tls;
	net_tls_ref(tls);
	pf_buf_init(&layer->wire, 2 * NET_SCRATCH);
	pf_buf_init(&layer->early, EARLY_MAX);
	*out = layer;
	return PF_OK;
}

void net_tls_layer_free(struct net_tls_layer **layerp)
{
	struct net_tls_layer *layer = *layerp;

	if (!layer)
		return;
	*layerp = NULL;
	SSL_free(layer->ssl);
	net_tls_unref(&layer->tls);
	pf_buf_release(&layer->wire);
	pf_buf_release(&layer->early);
	free(layer->info);
	free(layer);
}

bool net_tls_layer_up(const struct net_tls_layer *layer)
{
	return layer->up;
}

const char *net_tls_layer_info(struct net_tls_layer *layer)
{
	char text[128];

	if (!layer->info) {
		snprintf(text, sizeof text, "%s %s",
			 SSL_get_version(layer->ssl),
			 SSL_get_cipher_name(layer->ssl));
		layer->info = pf_str_dup(pf_str_c(text));
	}
	return layer->info;
}

/* RFC 5929 4.1: the certificate's hash, by the hash of its signature; MD5 and
 * SHA-1 become SHA-256, and where a signature has no hash there is none. */
static size_t end_point(SSL *ssl, unsigned char to[NET_BINDING_MAX])
{
	X509 *cert = SSL_get_certificate(ssl);
	unsigned n = 0;
	int hash = NID_undef;

	if (!cert || !X509_get_signature_info(cert, &hash, NULL, NULL, NULL))
		return 0;
	if (hash == NID_md5 || hash == NID_sha1)
		hash = NID_sha256;
	const EVP_MD *md = EVP_get_digestbynid(hash);
	if (!md || EVP_MD_get_size(md) > NET_BINDING_MAX ||
	    !X509_digest(cert, md, to, &n))
		return 0;
	return n;
}

/* RFC 9266 4: with TLS 1.2 programs disagree about what an empty context is,
 * and it needs extended master secrets; from 1.3 on it is one thing. */
static size_t exporter(SSL *ssl, unsigned char to[NET_BINDING_MAX])
{
	static const char label[] = "EXPORTER-Channel-Binding";

	if (SSL_version(ssl) < TLS1_3_VERSION ||
	    SSL_export_keying_material(ssl, to, 32, label, sizeof label - 1,
				       NULL, 0, 0) != 1)
		return 0;
	return 32;
}

size_t net_tls_layer_binding(struct net_tls_layer *layer, enum net_binding kind,
			     unsigned char to[NET_BINDING_MAX])
{
	size_t n = kind == NET_BINDING_EXPORTER ? exporter(layer->ssl, to)
						: end_point(layer->ssl, to);

	ERR_clear_error();
	return n;
}

bool net_tls_layer_pending(const struct net_tls_layer *layer)
{
	return layer->wire.len > 0 || SSL_pending(layer->ssl) > 0;
}

static void fail(struct net_tls_layer *layer, int result, const char *what)
{
	struct pf_error err = {0};

	if (SSL_get_error(layer->ssl, result) == SSL_ERROR_SYSCALL)
		(void)pf_error_set(&err, PF_CLOSED, NULL, "%s: broken off",
				   what);
	else
		(void)net_ssl_error(&err, PF_INVALID, what);
	net_conn_fail(layer->conn, &err);
}

static void encrypt(struct net_tls_layer *layer, const char *p, size_t n)
{
	while (n > 0 && layer->conn->state == NET_CONN_OPEN) {
		size_t done = 0;
		int r;

		ERR_clear_error();
		r = SSL_write_ex(layer->ssl, p, n, &done);
		if (r != 1) {
			fail(layer, r, "TLS write");
			return;
		}
		p += done;
		n -= done;
	}
}

void net_tls_layer_output(struct net_tls_layer *layer, const void *p, size_t n)
{
	struct pf_error err = {0};

	if (layer->up) {
		encrypt(layer, p, n);
		return;
	}
	pf_buf_add(&layer->early, p, n);
	if (pf_buf_status(&layer->early, &err) != PF_OK)
		net_conn_fail(layer->conn, &err);
}

void net_tls_layer_end(struct net_tls_layer *layer)
{
	ERR_clear_error();
	if (layer->up && !layer->ended)
		(void)SSL_shutdown(layer->ssl);
	layer->ended = true;
	ERR_clear_error();
}

static bool handshake(struct net_tls_layer *layer)
{
	struct net_conn *conn = layer->conn;
	int r = SSL_do_handshake(layer->ssl);

	if (r != 1) {
		if (SSL_get_error(layer->ssl, r) != SSL_ERROR_WANT_READ)
			fail(layer, r, "TLS handshake");
		return false;
	}
	layer->up = true;
	encrypt(layer, layer->early.data, layer->early.len);
	pf_buf_release(&layer->early);
	if (conn->events.on_tls && conn->state == NET_CONN_OPEN)
		conn->events.on_tls(conn->arg);
	return conn->state == NET_CONN_OPEN;
}

/* Decrypts as long as there is input and somebody who takes it. */
static void decrypt(struct net_tls_layer *layer)
{
	struct net_conn *conn = layer->conn;

	ERR_clear_error();
	if (conn->state != NET_CONN_OPEN || (!layer->up && !handshake(layer)))
		return;
	for (;;) {
		size_t room = net_conn_pass_room(conn), n = 0;
		int r;

		if (room == 0)
			return;
		ERR_clear_error();
		r = SSL_read_ex(layer->ssl, conn->loop->plain,
				room < NET_SCRATCH ? room : NET_SCRATCH, &n);
		if (r == 1) {
			net_conn_pass(conn, conn->loop->plain, n);
			continue;
		}
		switch (SSL_get_error(layer->ssl, r)) {
		case SSL_ERROR_WANT_READ:
			return;
		case SSL_ERROR_ZERO_RETURN:
			net_conn_deliver_eof(conn);
			return;
		default:
			fail(layer, r, "TLS read");
			return;
		}
	}
}

void net_tls_layer_input(struct net_tls_layer *layer, const char *p, size_t n)
{
	struct net_conn *conn = layer->conn;
	bool kept = layer->wire.len > 0;

	if (layer->running)
		return; /* from inside a delivery: the loop below goes on */
	if (kept)
		pf_buf_add(&layer->wire, p, n);
	layer->in = kept ? pf_buf_str(&layer->wire) : pf_str_mem(p, n);
	layer->running = true;
	decrypt(layer);
	layer->running = false;
	if (conn->state != NET_CONN_OPEN)
		return;
	if (kept)
		pf_buf_take(&layer->wire, layer->wire.len - layer->in.n);
	else
		pf_buf_add_str(&layer->wire, layer->in);
	layer->in = (struct pf_str){0};
	if (layer->wire.failed) {
		struct pf_error err = {0};

		(void)pf_buf_status(&layer->wire, &err);
		net_conn_fail(conn, &err);
	}
	if (layer->wire.len == 0)
		pf_buf_release(&layer->wire);
}
