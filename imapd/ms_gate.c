/*
 * ManageSieve before login: greeting, CAPABILITY, STARTTLS, AUTHENTICATE,
 * NOOP, LOGOUT (RFC 5804 2.1-2.4, 2.13).
 */
#include <stdlib.h>

#include "base/log.h"
#include "config.h"
#include "filter/filter.h"
#include "imapd/msieve.h"
#include "sieve/sieve.h"

#define BAD_MAX 10

static const struct msieve_reader_conf reader_conf = {
    .line_max = 16384,
    .literal_max = 12288,
};

/* ---- capabilities --------------------------------------------------------
 */

static void add_capability(struct pf_buf *to, const char *name,
			   struct pf_str value)
{
	pf_buf_addf(to, "\"%s\" ", name);
	msieve_add_string(to, value);
	pf_buf_add_c(to, "\r\n");
}

/* Is `word` one of blank-separated `list`? */
static bool has_word(const char *list, struct pf_str word)
{
	struct pf_str rest = pf_str_c(list), one;

	while (pf_str_split(&rest, ' ', &one))
		if (pf_str_eq(one, word))
			return true;
	return false;
}

/* RFC 5804 1.7 */
void ms_common_capabilities(struct pf_buf *to, const struct pf_conf *conf)
{
	struct sieve_limits limits;

	filter_limits(conf, &limits);
	if (*conf->imapsieve_url)
		limits.offers |= SIEVE_OFFER_IMAP;
	const char *extensions = sieve_extensions(limits.offers);

	add_capability(to, "IMPLEMENTATION",
		       PF_STR("penfold " PACKAGE_VERSION));
	add_capability(to, "SIEVE", pf_str_c(extensions));
	if (has_word(extensions, PF_STR("enotify")))
		add_capability(to, "NOTIFY", PF_STR("mailto"));
	if (has_word(extensions, PF_STR("extlists"))) /* RFC 6134 2.8 */
		add_capability(to, "EXTLISTS", PF_STR("tag urn"));
	pf_buf_addf(
	    to, "\"MAXREDIRECTS\" \"%lld\"\r\n",
	    (long long)pf_conf_part_number(conf->sieve_limits, "redirects"));
	pf_buf_add_c(to, "\"VERSION\" \"1.0\"\r\n");
}

static void write_capabilities(struct pf_buf *to, const struct gate_conn *g)
{
	struct pf_buf names = PF_BUF_INIT(1024);

	gate_write_mechanisms(&names, g, " ");
	ms_common_capabilities(to, g->gate->conf);
	pf_buf_add_c(to, "\"SASL\" \"");
	pf_buf_add_str(to, pf_str_trim(pf_buf_str(&names)));
	pf_buf_add_c(to, "\"\r\n");
	pf_buf_release(&names);
	if (!g->tls && g->gate->tls)
		pf_buf_add_c(to, "\"STARTTLS\"\r\n");
}

static void say_capabilities(struct gate_conn *g, const char *text)
{
	struct pf_buf lines = PF_BUF_INIT(16384);

	write_capabilities(&lines, g);
	msieve_add_result(&lines, "OK", "", pf_str_c(text));
	gate_send(g, pf_buf_str(&lines));
	pf_buf_release(&lines);
}

void ms_gate_greet(struct gate_conn *g)
{
	say_capabilities(g, "penfold ready");
}

/* ---- answers ------------------------------------------------------------- */

void ms_gate_result(struct gate_conn *g, const char *result, const char *code,
		    const char *text)
{
	struct pf_buf line = PF_BUF_INIT(1024);

	/* RFC 5804 1.3 */
	if (strcmp(code, "UNAVAILABLE") == 0)
		code = "TRYLATER";
	else if (strcmp(code, "PRIVACYREQUIRED") == 0)
		code = "ENCRYPT-NEEDED";
	else
		code = "";
	msieve_add_result(&line, strcmp(result, "BAD") == 0 ? "NO" : result,
			  code, pf_str_c(text));
	gate_send(g, pf_buf_str(&line));
	pf_buf_release(&line);
}

void ms_gate_challenge(struct gate_conn *g, struct pf_str base64)
{
	struct pf_buf line = PF_BUF_INIT(base64.n + 32);

	msieve_add_string(&line, base64);
	pf_buf_add_c(&line, "\r\n");
	gate_send(g, pf_buf_str(&line));
	pf_buf_release(&line);
	msieve_reader_expect_string(g->sieve_reader);
}

/* ---- commands ------------------------------------------------------------ */

static void bad(struct gate_conn *g, const char *text)
{
	ms_gate_result(g, "NO", "", text);
	if (++g->bad >= BAD_MAX)
		gate_bye(g, "Too many bad commands");
}

static void starttls(struct gate_conn *g)
{
	if (g->tls || !g->gate->tls) {
		ms_gate_result(g, "NO", "",
			       g->tls ? "TLS is on already"
				      : "There is no TLS here");
		return;
	}
	ms_gate_result(g, "OK", "", "Begin TLS");
	/* RFC 5804 2.2: the capabilities once more, behind TLS */
	if (gate_begin_tls(g))
		ms_gate_greet(g);
}

static void authenticate(struct gate_conn *g)
{
	const struct msieve_reader *r = g->sieve_reader;
	struct pf_str initial = {NULL, 0};

	if (msieve_reader_count(r) == 2)
		initial = msieve_reader_arg(r, 1).text;
	gate_begin_sasl(g, msieve_reader_arg(r, 0).text, initial);
}

void ms_add_noop(struct pf_buf *to, const struct msieve_reader *r)
{
	struct pf_buf code = PF_BUF_INIT(20000);

	/* RFC 5804 2.13 */
	if (msieve_reader_count(r) == 1) {
		pf_buf_add_c(&code, "TAG ");
		msieve_add_string(&code, msieve_reader_arg(r, 0).text);
	}
	msieve_add_result(to, "OK", code.data, PF_STR("Done"));
	pf_buf_release(&code);
}

static void noop(struct gate_conn *g)
{
	struct pf_buf line = PF_BUF_INIT(20000);

	ms_add_noop(&line, g->sieve_reader);
	gate_send(g, pf_buf_str(&line));
	pf_buf_release(&line);
}

static void capability(struct gate_conn *g)
{
	say_capabilities(g, "Capabilities");
}

static void logout(struct gate_conn *g)
{
	ms_gate_result(g, "OK", "", "Until next time");
	gate_close(g, "logout");
}

static const struct {
	const char *name, *args, *or_args;
	void (*run)(struct gate_conn *g);
} commands[] = {
    {"AUTHENTICATE", "s", "ss", authenticate},
    {"CAPABILITY", "", NULL, capability},
    {"LOGOUT", "", NULL, logout},
    {"NOOP", "", "s", noop},
    {"STARTTLS", "", NULL, starttls},
};

static void run_command(struct gate_conn *g)
{
	struct msieve_reader *r = g->sieve_reader;
	struct pf_str name = msieve_reader_name(r);

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (!pf_str_eq(name, pf_str_c(commands[i].name)))
			continue;
		if (msieve_reader_args_are(r, commands[i].args) ||
		    (commands[i].or_args &&
		     msieve_reader_args_are(r, commands[i].or_args)))
			commands[i].run(g);
		else
			bad(g, "These are not the arguments of this command");
		return;
	}
	bad(g, ms_command_find(name) ? "Log in first" : "Unknown command");
}

/* ---- input --------------------------------------------------------------- */

static void took(struct gate_conn *g, pf_status status,
		 const struct pf_error *err)
{
	if (status == PF_MORE)
		return;
	if (status == PF_CORRUPT) {
		gate_bye(g, err->client);
		return;
	}
	if (g->state == GATE_SASL && status == PF_OK)
		gate_sasl_line(g, msieve_reader_arg(g->sieve_reader, 0).text);
	else if (g->state == GATE_SASL)
		gate_sasl_line(g, PF_STR("*"));
	else if (status == PF_OK)
		run_command(g);
	else
		bad(g, err->client);
	/* the memory had a password in it, perhaps */
	if (g->sieve_reader)
		msieve_reader_next(g->sieve_reader);
}

size_t ms_gate_input(struct gate_conn *g, const char *p, size_t n)
{
	size_t used = 0;

	if (!g->sieve_reader)
		g->sieve_reader = msieve_reader_new(&reader_conf);
	/* the reader is gone behind STARTTLS: what follows is an attack */
	while (used < n && g->sieve_reader &&
	       (g->state == GATE_COMMANDS || g->state == GATE_SASL)) {
		struct pf_error err = {0};
		size_t part = 0;

		pf_status status = msieve_reader_feed(g->sieve_reader, p + used,
						      n - used, &part, &err);
		used += part;
		took(g, status, &err);
	}
	return g->state == GATE_CLOSING ? n : used;
}
