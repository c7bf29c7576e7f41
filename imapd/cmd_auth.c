/*
 * STARTTLS, LOGIN, AUTHENTICATE (RFC 3501 6.2; initial response: RFC 4959),
 * and what of them ManageSieve shares.
 *
 * A password or a SASL message passes through to authd and is forgotten; the
 * gate only carries it.
 */
#include <stdlib.h>

#include "base/base64.h"
#include "base/log.h"
#include "imapd/msieve.h"

#define FAILURES_MAX 5
#define SASL_MAX     8192

bool gate_begin_tls(struct gate_conn *g)
{
	struct pf_error err = {0};

	/* RFC 3501 6.2.1, RFC 5804 2.2: what was known before is forgotten;
	 * the reader starts afresh */
	imap_reader_free(&g->reader);
	msieve_reader_free(&g->sieve_reader);
	if (net_conn_start_tls(g->conn, g->gate->tls, &err) != PF_OK) {
		pf_log_error(PF_LOG_WARN, "starttls", &err,
			     PF_LOGC("ip", g->ip));
		gate_close(g, "starttls");
		return false;
	}
	g->tls = true;
	return true;
}

void gate_starttls(struct gate_conn *g, const struct imap_arg *args)
{
	if (!args_are(args, 0)) {
		gate_reply(g, "BAD STARTTLS takes no arguments");
		return;
	}
	if (g->tls || !g->gate->tls) {
		gate_reply(g, g->tls ? "BAD TLS is on already"
				     : "NO [UNAVAILABLE] There is no TLS here");
		return;
	}
	gate_reply(g, "OK Begin TLS");
	(void)gate_begin_tls(g);
}

/* ---- what authd says --------------------------------------------------------
 */

static void failed(struct gate_conn *g, const char *reason)
{
	pf_log(PF_LOG_WARN, "login-failed", PF_LOGC("ip", g->ip),
	       PF_LOGC("mechanism", g->mechanism),
	       PF_LOGC("reason", reason ? reason : ""));
	g->failures++;
	gate_result(g, "NO", "AUTHENTICATIONFAILED",
		    "Wrong user name or password");
	if (g->failures < FAILURES_MAX) {
		gate_continue(g);
		return;
	}
	gate_bye(g, "Too many failures");
}

static void challenge(struct gate_conn *g, struct pf_str data)
{
	struct pf_buf text = PF_BUF_INIT(2 * SASL_MAX);
	struct pf_buf line = PF_BUF_INIT(2 * SASL_MAX + 16);

	pf_base64_encode(&text, data);
	if (g->protocol == HANDOFF_SIEVE) {
		ms_gate_challenge(g, pf_buf_str(&text));
	} else {
		pf_buf_addf(&line, "+ %s\r\n", text.data);
		gate_send(g, pf_buf_str(&line));
	}
	pf_buf_release(&text);
	pf_buf_release(&line);
	g->state = GATE_SASL;
	net_conn_resume(g->conn);
}

static void on_result(void *arg, enum auth_result result, struct pf_str data,
		      const char *cookie, const char *reason)
{
	struct gate_conn *g = arg;

	if (result != AUTH_CONTINUE)
		g->request = NULL;
	switch (result) {
	case AUTH_CONTINUE:
		challenge(g, data);
		break;
	case AUTH_OK:
		gate_hand_over(g, data, cookie);
		break;
	case AUTH_FAIL:
		failed(g, reason);
		break;
	case AUTH_UNAVAILABLE:
		pf_log(PF_LOG_ERROR, "auth-unavailable", PF_LOGC("ip", g->ip),
		       PF_LOGC("reason", reason ? reason : ""));
		gate_result(g, "NO", "UNAVAILABLE",
			    "Logging in does not work at the moment");
		gate_continue(g);
		break;
	}
}

static void begin(struct gate_conn *g, const char *mechanism,
		  struct pf_str initial)
{
	unsigned char exporter[NET_BINDING_MAX], end_point[NET_BINDING_MAX];
	size_t n =
	    net_conn_tls_binding(g->conn, NET_BINDING_EXPORTER, exporter);
	size_t m =
	    net_conn_tls_binding(g->conn, NET_BINDING_END_POINT, end_point);
	struct auth_peer peer = {
	    .service = g->protocol == HANDOFF_SIEVE ? "sieve" : "imap",
	    .local_ip = g->local_ip,
	    .remote_ip = g->ip,
	    .secured = g->tls,
	    .exporter = pf_str_mem(exporter, n),
	    .end_point = pf_str_mem(end_point, m),
	};

	free(g->mechanism);
	g->mechanism = pf_str_dup(pf_str_c(mechanism));
	g->state = GATE_AUTH;
	g->request = auth_request_new(g->gate->auth, mechanism, &peer, initial,
				      on_result, g);
	if (g->request)
		return;
	gate_result(g, "NO", "UNAVAILABLE",
		    "Logging in does not work at the moment");
	gate_continue(g);
}

/* ---- LOGIN -----------------------------------------------------------------
 */

void gate_login(struct gate_conn *g, const struct imap_arg *args)
{
	struct pf_buf plain = PF_BUF_INIT(SASL_MAX * 2);
	struct pf_str user, password;

	if (!args_are(args, 2) || !imap_arg_astring(&args[0], &user) ||
	    !imap_arg_astring(&args[1], &password)) {
		gate_reply(g, "BAD LOGIN needs a user name and a password");
		return;
	}
	if (!gate_secure(g)) {
		gate_reply(g, "NO [PRIVACYREQUIRED] Clear-text passwords need "
			      "TLS here");
		return;
	}
	/* RFC 4616: authzid NUL authcid NUL password */
	pf_buf_add_byte(&plain, '\0');
	pf_buf_add_str(&plain, user);
	pf_buf_add_byte(&plain, '\0');
	pf_buf_add_str(&plain, password);
	if (pf_str_chr(user, '\0') >= 0 || pf_str_chr(password, '\0') >= 0 ||
	    plain.failed)
		gate_reply(g, "BAD That is no user name and password");
	else
		begin(g, "PLAIN", pf_buf_str(&plain));
	pf_buf_wipe(&plain);
}

/* ---- AUTHENTICATE
 * ------------------------------------------------------------
 */

void gate_begin_sasl(struct gate_conn *g, struct pf_str offered,
		     struct pf_str base64)
{
	struct pf_buf initial = PF_BUF_INIT(SASL_MAX);
	struct pf_str data = {NULL, 0};
	char mechanism[32];

	if (!gate_offers(g, offered) ||
	    !pf_str_copy(offered, mechanism, sizeof mechanism)) {
		gate_result(g, "NO", "CANNOT",
			    "There is no such mechanism here");
		return;
	}
	for (char *c = mechanism; *c; c++)
		*c = pf_ascii_upper(*c);
	if (!gate_secure(g) && (strcmp(mechanism, "PLAIN") == 0 ||
				strcmp(mechanism, "LOGIN") == 0)) {
		gate_result(g, "NO", "PRIVACYREQUIRED",
			    "Clear-text passwords need TLS here");
		return;
	}
	bool good = true;
	if (base64.p) {
		/* RFC 4959 3: "=" is an initial response of no bytes */
		if (!pf_str_eq(base64, PF_STR("=")))
			good = pf_base64_decode(&initial, base64);
		data = pf_buf_str(&initial);
	}
	if (good && !initial.failed)
		begin(g, mechanism, data);
	else
		gate_result(g, "BAD", "", "The initial response is not base64");
	pf_buf_wipe(&initial);
}

void gate_authenticate(struct gate_conn *g, const struct imap_arg *args)
{
	struct pf_str initial = {NULL, 0};

	if (args[0].kind != IMAP_ATOM ||
	    (args[1].kind != IMAP_END &&
	     (args[1].kind != IMAP_ATOM || args[2].kind != IMAP_END))) {
		gate_reply(g, "BAD AUTHENTICATE needs a mechanism");
		return;
	}
	if (args[1].kind == IMAP_ATOM)
		initial = args[1].text;
	gate_begin_sasl(g, args[0].text, initial);
}

static void cancelled(struct gate_conn *g, const char *text)
{
	auth_request_cancel(&g->request);
	gate_result(g, "BAD", "", text);
	g->state = GATE_COMMANDS;
}

void gate_sasl_line(struct gate_conn *g, struct pf_str line)
{
	struct pf_buf data = PF_BUF_INIT(SASL_MAX);

	if (pf_str_eq(line, PF_STR("*"))) {
		cancelled(g, "AUTHENTICATE was cancelled");
		return;
	}
	if (pf_base64_decode(&data, line) && !data.failed) {
		g->state = GATE_AUTH;
		auth_request_continue(g->request, pf_buf_str(&data));
	} else {
		cancelled(g, "That is not base64");
	}
	pf_buf_wipe(&data);
}
