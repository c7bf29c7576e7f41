/* The process with the keys: it signs, sees new files, and knows bad ones. */
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "net/key.h"
#include "net/private.h"
#include "tests/tap.h"

static char dir[] = "/tmp/penfold-key-XXXXXX", cert[64], key_file[64];
static struct net_key *key;
static struct net_tls *tls;
static struct pf_error err;

static void put(const char *path, const char *text)
{
	if (pf_fs_replace(AT_FDCWD, path, pf_str_c(text), 0600, false, NULL) !=
	    PF_OK)
		abort();
}

/* A handshake in memory against the server's contexts; the name that the
 * client asks for and the protocol it offers may be NULL. */
static bool shake(const char *protocol, SSL_SESSION **session, bool *reused)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *client = SSL_new(ctx), *server = SSL_new(net_tls_context(tls));
	BIO *one = NULL, *two = NULL;
	int c = 0, s = 0;
	char byte;

	(void)SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	(void)SSL_set_max_proto_version(client, TLS1_2_VERSION);
	BIO_new_bio_pair(&one, 0, &two, 0);
	SSL_set_bio(client, one, one);
	SSL_set_bio(server, two, two);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	if (protocol)
		SSL_set_alpn_protos(client, (const unsigned char *)protocol,
				    (unsigned)strlen(protocol));
	if (*session)
		SSL_set_session(client, *session);
	for (int i = 0; i < 10 && (c != 1 || s != 1); i++) {
		c = SSL_do_handshake(client);
		s = SSL_do_handshake(server);
	}
	(void)SSL_read(client, &byte, 1);
	*reused = SSL_session_reused(client);
	SSL_SESSION_free(*session);
	*session = SSL_get1_session(client);
	SSL_set_quiet_shutdown(client, 1); /* else it counts as broken off */
	SSL_shutdown(client);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
	return c == 1 && s == 1;
}

static void load(void)
{
	net_tls_unref(&tls);
	ok(net_tls_new_by_key(key, "1.2", &tls, &err) == PF_OK);
}

static void signs_elsewhere(void)
{
	SSL_SESSION *session = NULL;
	bool changed = false, reused;
	size_t which;

	ok(net_key_look(key, &changed, &err) == PF_OK && changed);
	load();
	ok(shake(NULL, &session, &reused) && !reused);
	ok(shake("\4imap", &session, &reused) && reused);
	SSL_SESSION_free(session);
	session = NULL;
	ok(!shake("\10http/1.1", &session, &reused));
	ok(shake("\10http/1.1\13managesieve", &session, &reused));
	SSL_SESSION_free(session);
	ok(net_tls_expires(tls, &which) > 1000000000 && which == 0);
}

static void sees_what_changes(void)
{
	SSL_SESSION *session = NULL;
	bool changed = true, reused;

	ok(net_key_look(key, &changed, &err) == PF_OK && !changed);
	ok(shake(NULL, &session, &reused));
	/* no key, then one that is another certificate's */
	put(key_file, "rubbish");
	ok(net_key_look(key, &changed, &err) == PF_INVALID);
	ok(strstr(err.log, key_file) != NULL);
	ok(net_key_look(key, &changed, &err) == PF_OK && !changed);
	ok(shake(NULL, &session, &reused));
	ok(net_tls_self_signed("b.example", cert, key_file, &err) == PF_OK);
	ok(net_key_look(key, &changed, &err) == PF_OK && changed);
	/* handshakes that began with the old ones still find their key */
	SSL_SESSION_free(session);
	session = NULL;
	ok(shake(NULL, &session, &reused));
	/* tickets outlive the change */
	load();
	ok(shake(NULL, &session, &reused) && reused);
	SSL_SESSION_free(session);
}

static void says_when_it_is_gone(void)
{
	struct net_key *other = NULL;
	bool changed;

	/* no files yet: nothing to serve */
	ok(net_key_new("/nonexistent/a", "/nonexistent/b", &other, &err) ==
	   PF_OK);
	ok(net_key_look(other, &changed, &err) == PF_INVALID);
	ok(net_tls_new_by_key(other, "1.2", &tls, &err) == PF_INVALID);
	net_key_free(&other);
	ok(net_key_new("", "", &other, &err) == PF_OK);
	net_key_free(&other);
}

static void lists_must_be_pairs(void)
{
	struct net_cert_files files[NET_CERTS_MAX];
	char two[160];
	size_t count;

	snprintf(two, sizeof two, "%s %s", cert, cert);
	ok(net_cert_files_read(two, key_file, files, &count, &err) ==
	   PF_INVALID);
	ok(net_cert_files_read("", "", files, &count, &err) == PF_INVALID);
	snprintf(two, sizeof two, "%s %s", key_file, key_file);
	ok(net_cert_files_read(cert, two, files, &count, &err) == PF_INVALID);
	ok(net_cert_files_read(cert, key_file, files, &count, &err) == PF_OK);
	is_int(count, 1);
	net_cert_files_release(&files[0]);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	snprintf(cert, sizeof cert, "%s/cert.pem", dir);
	snprintf(key_file, sizeof key_file, "%s/key.pem", dir);
	ok(net_tls_self_signed("a.example", cert, key_file, &err) == PF_OK);
	ok(net_key_new(cert, key_file, &key, &err) == PF_OK);
	signs_elsewhere();
	sees_what_changes();
	lists_must_be_pairs();
	net_tls_unref(&tls);
	says_when_it_is_gone();
	net_key_free(&key);
	unlink(cert);
	unlink(key_file);
	rmdir(dir);
	return tap_done();
}
