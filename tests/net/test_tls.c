/* The TLS layer against an OpenSSL client in the same process. */
#include "net/private.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/tap.h"

static struct net_loop *loop;
static struct net_tls *tls;
static SSL_CTX *client_ctx;
static bool closed_once = true;

struct seen {
	struct net_conn *conn;
	struct pf_buf in;
	bool starttls; /* "STARTTLS\r\n" answers and starts it */
	size_t take;
	int ups, closes, eofs, drains;
	pf_status why;
	char log[360];
};

struct client {
	int fd;
	SSL *ssl;
};

static size_t on_input(void *arg, const char *p, size_t n)
{
	struct seen *seen = arg;
	struct pf_str line = PF_STR("STARTTLS\r\n");

	if (seen->starttls && pf_str_starts(pf_str_mem(p, n), line)) {
		(void)net_conn_send(seen->conn, "OK\r\n", 4);
		if (net_conn_start_tls(seen->conn, tls, NULL) != PF_OK)
			net_conn_abort(seen->conn);
		return line.n;
	}
	if (n > seen->take)
		n = seen->take;
	pf_buf_add(&seen->in, p, n);
	return n;
}

static void on_tls(void *arg)
{
	struct seen *seen = arg;

	seen->ups++;
	(void)net_conn_send(seen->conn, "hello\r\n", 7);
}

static void on_drain(void *arg)
{
	((struct seen *)arg)->drains++;
}

static void on_eof(void *arg)
{
	((struct seen *)arg)->eofs++;
}

static void on_closed(void *arg, const struct pf_error *why)
{
	struct seen *seen = arg;

	seen->closes++;
	seen->why = why->status;
	memcpy(seen->log, why->log, sizeof seen->log);
	seen->conn = NULL;
}

static const struct net_conn_events events = {.on_input = on_input,
					      .on_drain = on_drain,
					      .on_eof = on_eof,
					      .on_closed = on_closed,
					      .on_tls = on_tls};

static void turn(void)
{
	for (int i = 0; i < 8; i++)
		uv_run(&loop->uv, UV_RUN_NOWAIT);
}

static void begin(struct seen *seen, struct client *client, size_t input_max)
{
	int fds[2];

	memset(seen, 0, sizeof *seen);
	seen->take = SIZE_MAX;
	pf_buf_init(&seen->in, 1 << 24);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	if (net_conn_new(loop, fds[0], &events, seen, input_max, &seen->conn,
			 NULL) != PF_OK)
		abort();
	client->fd = fds[1];
	client->ssl = SSL_new(client_ctx);
	SSL_set_fd(client->ssl, client->fd);
	SSL_set_connect_state(client->ssl);
}

static void finish(struct seen *seen, struct client *client)
{
	if (seen->conn)
		net_conn_abort(seen->conn);
	turn();
	closed_once = closed_once && seen->closes == 1;
	SSL_free(client->ssl);
	close(client->fd);
	pf_buf_release(&seen->in);
}

static bool shake(struct client *client)
{
	for (int i = 0; i < 20; i++) {
		if (SSL_do_handshake(client->ssl) == 1) {
			turn();
			return true;
		}
		turn();
	}
	return false;
}

/* At most `most` bytes; stops when there is nothing for some turns. */
static size_t drink(struct client *client, char *to, size_t most)
{
	size_t all = 0;

	for (int idle = 0; idle < 3 && all < most;) {
		int want = most - all < 65536 ? (int)(most - all) : 65536;
		int n = SSL_read(client->ssl, to + all, want);

		if (n > 0) {
			all += (size_t)n;
			idle = 0;
		} else {
			idle++;
			turn();
		}
	}
	return all;
}

static void implicit_tls(void)
{
	struct seen seen;
	struct client client;
	char text[100] = "";

	begin(&seen, &client, 1000);
	ok(net_conn_start_tls(seen.conn, tls, NULL) == PF_OK);
	(void)net_conn_send(seen.conn, "early ", 6); /* waits */
	ok(!net_conn_is_tls(seen.conn));
	is_str(net_conn_tls_info(seen.conn), "");
	ok(shake(&client));
	is_int(seen.ups, 1);
	ok(net_conn_is_tls(seen.conn));
	is_str(net_conn_tls_info(seen.conn), "TLSv1.3 TLS_AES_256_GCM_SHA384");
	(void)drink(&client, text, sizeof text - 1);
	is_str(text, "early hello\r\n");
	is_int(SSL_write(client.ssl, "a NOOP\r\n", 8), 8);
	turn();
	is_str(seen.in.data, "a NOOP\r\n");
	/* close_notify reaches the client */
	net_conn_close(seen.conn);
	turn();
	is_int(SSL_read(client.ssl, text, 10), 0);
	is_int(SSL_get_error(client.ssl, 0), SSL_ERROR_ZERO_RETURN);
	finish(&seen, &client);
	is_int(seen.why, PF_CLOSED);
}

static void starttls(void)
{
	struct seen seen;
	struct client client;
	char text[100] = "";

	begin(&seen, &client, 1000);
	seen.starttls = true;
	is_int(write(client.fd, "STARTTLS\r\n", 10), 10);
	turn();
	is_int(read(client.fd, text, 99), 4);
	is_str(text, "OK\r\n");
	ok(shake(&client));
	is_int(seen.ups, 1);
	is_int(seen.in.len, 0);
	SSL_shutdown(client.ssl);
	turn();
	is_int(seen.eofs, 1);
	finish(&seen, &client);
}

static void injection_is_refused(void)
{
	struct seen seen;
	struct client client;

	begin(&seen, &client, 1000);
	seen.starttls = true;
	is_int(write(client.fd, "STARTTLS\r\na LOGIN x y\r\n", 23), 23);
	turn();
	is_int(seen.closes, 1);
	is_int(seen.why, PF_INVALID);
	is_int(seen.in.len, 0);
	is_int(seen.ups, 0);
	finish(&seen, &client);

	/* and when TLS is asked for later, from outside on_input */
	begin(&seen, &client, 1000);
	seen.take = 2;
	is_int(write(client.fd, "a b", 3), 3);
	turn();
	ok(net_conn_start_tls(seen.conn, tls, NULL) == PF_INVALID);
	finish(&seen, &client);
}

static void garbage_is_no_handshake(void)
{
	struct seen seen;
	struct client client;

	begin(&seen, &client, 1000);
	ok(net_conn_start_tls(seen.conn, tls, NULL) == PF_OK);
	is_int(write(client.fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	turn();
	is_int(seen.why, PF_INVALID);
	ok(strstr(seen.log, "TLS handshake") != NULL);
	finish(&seen, &client);
}

static void handshake_times_out(void)
{
	struct seen seen;
	struct client client;

	net_conn_handshake_ms = 5;
	begin(&seen, &client, 1000);
	ok(net_conn_start_tls(seen.conn, tls, NULL) == PF_OK);
	while (!seen.closes)
		uv_run(&loop->uv, UV_RUN_ONCE);
	is_int(seen.why, PF_TIMEOUT);
	net_conn_handshake_ms = 30000;
	finish(&seen, &client);
}

static void much_data_both_ways(void)
{
	struct seen seen;
	struct client client;
	size_t size = 1 << 20, got, sent = 0;
	char *data = malloc(size), *back = malloc(size);

	if (!data || !back)
		abort();
	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 7 + i / 251);
	begin(&seen, &client, 100000);
	ok(net_conn_start_tls(seen.conn, tls, NULL) == PF_OK);
	ok(shake(&client));
	(void)drink(&client, back, 7);
	ok(!net_conn_send(seen.conn, data, size));
	got = drink(&client, back, size);
	is_int(got, size);
	ok(memcmp(data, back, size) == 0);
	ok(seen.drains >= 1);
	while (sent < size) {
		int n = SSL_write(client.ssl, data + sent, 16000);

		if (n > 0)
			sent += (size_t)n;
		turn();
		if (size - sent < 16000)
			break;
	}
	turn();
	is_int(seen.in.len, sent);
	ok(memcmp(data, seen.in.data, sent) == 0);
	free(data);
	free(back);
	finish(&seen, &client);
}

static void paused_input_is_bounded(void)
{
	struct seen seen;
	struct client client;
	static char block[16000];
	size_t sent = 0;
	int n;

	begin(&seen, &client, 1000);
	ok(net_conn_start_tls(seen.conn, tls, NULL) == PF_OK);
	ok(shake(&client));
	seen.take = 0;
	while ((n = SSL_write(client.ssl, block, sizeof block)) > 0) {
		sent += (size_t)n;
		turn();
	}
	is_int(seen.conn->kept.len, 1000);
	ok(sent > 100000); /* the socket's own buffer */
	seen.take = SIZE_MAX;
	net_conn_resume(seen.conn);
	turn();
	for (int i = 0; i < 100; i++)
		turn();
	ok(seen.in.len >= sent);
	finish(&seen, &client);
}

static void bad_files(void)
{
	struct net_tls *none = NULL;
	struct pf_error err;

	ok(net_tls_new("/nonexistent", "/nonexistent", "1.2", &none, &err) ==
	   PF_INVALID);
	ok(strstr(err.log, "/nonexistent") != NULL);
	ok(none == NULL);
}

int main(void)
{
	char dir[] = "/tmp/penfold-tls-XXXXXX", cert[64], key[64];
	struct pf_error err = {0};
	struct stat st;

	if (!mkdtemp(dir) || net_loop_new(0, 0, &loop, NULL) != PF_OK)
		return 1;
	snprintf(cert, sizeof cert, "%s/cert.pem", dir);
	snprintf(key, sizeof key, "%s/key.pem", dir);
	ok(net_tls_self_signed("mail.example", cert, key, &err) == PF_OK);
	ok(stat(key, &st) == 0 && (st.st_mode & 0777) == 0600);
	ok(net_tls_new(cert, key, "1.1", &tls, &err) == PF_INVALID);
	ok(net_tls_new(cert, key, "1.2", &tls, &err) == PF_OK);
	client_ctx = SSL_CTX_new(TLS_client_method());
	implicit_tls();
	starttls();
	injection_is_refused();
	garbage_is_no_handshake();
	handshake_times_out();
	much_data_both_ways();
	paused_input_is_bounded();
	bad_files();
	ok(closed_once);
	SSL_CTX_free(client_ctx);
	net_tls_unref(&tls);
	net_loop_free(&loop);
	unlink(cert);
	unlink(key);
	rmdir(dir);
	return tap_done();
}
