/*
 * The server's half of the auth-client protocol (session.h).
 *
 * An attempt walks: AUTH -> exchange steps -> (away: job) -> verdict ->
 * (away: delay) -> answer.  A client that cancels or goes away meanwhile only
 * unlinks its attempts; whoever has them away frees them by answering.
 *
 * Backend trouble is never a FAIL, because Postfix makes a 535 of every FAIL
 * and phones then forget the password: clients that say so get code=temp_fail,
 * all others are hung up on, which Postfix turns into 454.
 */
#include "auth/session.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/rand.h"

static struct auth_attempt *attempt_of(struct pf_link *link)
{
	return pf_container_of(link, struct auth_attempt, link);
}

static struct pf_str id_key(const uint32_t *id)
{
	return pf_str_mem(id, sizeof *id);
}

/* ---- attempts ---------------------------------------------------------- */

static struct auth_attempt *attempt_new(struct auth_session *s,
					const struct auth_mech *mech,
					const struct auth_wire_request *r)
{
	struct auth_attempt *a = calloc(1, sizeof *a);

	if (!a)
		abort();
	a->session = s;
	a->id = r->id;
	a->nologin = r->nologin;
	a->temp_fail = r->temp_fail;
	a->service = pf_str_dup(r->service);
	a->remote_ip = pf_str_dup(r->remote_ip);
	auth_exchange_init(&a->x, mech);
	pf_buf_add_str(&a->x.exporter, r->exporter);
	pf_buf_add_str(&a->x.end_point, r->end_point);
	pf_list_append(&s->attempts, &a->link);
	pf_map_set(&s->by_id, id_key(&a->id), a);
	return a;
}

static void unlink_attempt(struct auth_attempt *a)
{
	if (!a->session)
		return;
	pf_map_remove(&a->session->by_id, id_key(&a->id));
	pf_list_remove(&a->link);
	a->session = NULL;
}

static void attempt_free(struct auth_attempt *a)
{
	unlink_attempt(a);
	auth_exchange_release(&a->x);
	free(a->service);
	free(a->remote_ip);
	free(a->reason);
	free(a);
}

/* The client's part in it is over. */
static void abandon(struct auth_attempt *a)
{
	if (a->away)
		unlink_attempt(a);
	else
		attempt_free(a);
}

static void drop_oldest_idle(struct auth_session *s)
{
	for (struct pf_link *l = s->attempts.next; l != &s->attempts;
	     l = l->next)
		if (!attempt_of(l)->away) {
			attempt_free(attempt_of(l));
			return;
		}
	s->close = true; /* a thousand checks at once */
}

/* ---- steps ------------------------------------------------------------- */

static void decide(struct auth_attempt *a, enum auth_verdict verdict)
{
	a->verdict = verdict;
	a->away = true;
	a->session->ops->decided(a->session->arg, a);
}

static bool device_allows(const struct auth_attempt *a,
			  const struct auth_user *user)
{
	struct pf_str name =
	    pf_str_from(pf_str_c(a->x.via), sizeof "device:" - 1);
	const struct auth_device *device = auth_device_find(user, name);

	return device && auth_device_allows(device, pf_str_c(a->service),
					    pf_str_c(a->remote_ip));
}

/* Whom a master wants to be.  False: that cannot be known now. */
static bool find_other(struct auth_attempt *a)
{
	const struct auth_user *other = NULL;
	struct auth_session *s = a->session;
	pf_status status =
	    s->ops->user(s->arg, pf_buf_str(&a->x.authz), &other, NULL);

	if (status != PF_OK && status != PF_NOTFOUND)
		return false;
	auth_exchange_act_for(&a->x, status == PF_OK ? other : NULL);
	return true;
}

static enum auth_step find_user(struct auth_attempt *a)
{
	const struct auth_user *user = NULL;
	struct auth_session *s = a->session;
	struct pf_str ip = pf_str_c(a->remote_ip);
	pf_status status =
	    s->ops->user(s->arg, pf_buf_str(&a->x.name), &user, NULL);

	if (status != PF_OK && status != PF_NOTFOUND) {
		a->x.trouble = true;
		return auth_exchange_fail(&a->x, "the user file is down");
	}
	if (status == PF_NOTFOUND)
		user = NULL;
	enum auth_step step = auth_exchange_user(&a->x, user);
	if (user && a->x.known && !auth_user_allows(user, ip)) {
		a->x.known = false;
		a->x.why = "not from this address (allow_nets)";
	}
	if (a->x.known && a->x.by_device && !device_allows(a, user)) {
		a->x.known = false;
		a->x.why = "not what this device is for";
	}
	if (a->x.known && auth_exchange_is_master(&a->x, user) &&
	    !find_other(a)) {
		a->x.trouble = true;
		return auth_exchange_fail(&a->x, "the user file is down");
	}
	return step;
}

static void run(struct auth_attempt *a, enum auth_step step)
{
	struct auth_session *s = a->session;

	if (step == AUTH_STEP_USER)
		step = find_user(a);
	switch (step) {
	case AUTH_STEP_USER: /* not twice */
	case AUTH_STEP_FAIL:
		decide(a,
		       a->x.trouble ? AUTH_VERDICT_TROUBLE : AUTH_VERDICT_FAIL);
		break;
	case AUTH_STEP_DONE:
		decide(a, AUTH_VERDICT_OK);
		break;
	case AUTH_STEP_WORK:
		a->away = true;
		s->ops->work(s->arg, a);
		break;
	case AUTH_STEP_CHALLENGE:
		auth_wire_begin(&s->out, "CONT", a->id);
		pf_buf_add_byte(&s->out, '\t');
		pf_base64_encode(&s->out, pf_buf_str(&a->x.out));
		auth_wire_end(&s->out);
		break;
	}
}

void auth_attempt_worked(struct auth_attempt *a, pf_status status)
{
	a->away = false;
	if (!a->session) {
		attempt_free(a);
		return;
	}
	if (status == PF_UNAVAILABLE) {
		a->x.trouble = true;
		a->x.why = "too busy, or PAM does not work";
		run(a, AUTH_STEP_FAIL);
		return;
	}
	run(a, auth_exchange_worked(&a->x, status));
}

void auth_attempt_answer(struct auth_attempt *a)
{
	struct auth_session *s = a->session;
	struct pf_str name = pf_buf_str(&a->x.name);

	if (!s) {
		attempt_free(a);
		return;
	}
	if (a->verdict == AUTH_VERDICT_TROUBLE && !a->temp_fail) {
		s->close = true;
		attempt_free(a);
		return;
	}
	if (a->verdict == AUTH_VERDICT_OK) {
		auth_wire_begin(&s->out, "OK", a->id);
		auth_wire_param(&s->out, "user", pf_str_c(a->x.user));
	} else {
		auth_wire_begin(&s->out, "FAIL", a->id);
		if (name.n && auth_wire_clean(name))
			auth_wire_param(&s->out, "user", name);
		if (a->verdict == AUTH_VERDICT_TROUBLE)
			pf_buf_add_c(&s->out, "\tcode=temp_fail");
		if (a->reason)
			auth_wire_param(&s->out, "reason", pf_str_c(a->reason));
	}
	auth_wire_end(&s->out);
	attempt_free(a);
}

/* ---- requests ---------------------------------------------------------- */

static bool is_loopback(struct pf_str ip)
{
	struct auth_net v4, v6, this;

	return auth_net_parse(PF_STR("127.0.0.0/8"), &v4) &&
	       auth_net_parse(PF_STR("::1"), &v6) &&
	       auth_net_parse(ip, &this) && this.bits == 128 &&
	       (memcmp(this.address, v4.address, 13) == 0 ||
		memcmp(this.address, v6.address, 16) == 0);
}

/* An MTA says "secured" itself where it is; the exception for loopback is for
 * our own gate only. */
static bool clear_text_is_safe(const struct auth_session *s,
			       const struct auth_wire_request *r)
{
	bool ours = pf_str_eq(r->service, PF_STR("imap")) ||
		    pf_str_eq(r->service, PF_STR("sieve"));

	return r->secured || (ours && s->conf->auth_plain_loopback &&
			      is_loopback(r->remote_ip));
}

static void refuse(struct auth_session *s, uint32_t id, const char *code,
		   const char *reason)
{
	auth_wire_begin(&s->out, "FAIL", id);
	if (code)
		auth_wire_param(&s->out, "code", pf_str_c(code));
	if (reason)
		auth_wire_param(&s->out, "reason", pf_str_c(reason));
	auth_wire_end(&s->out);
}

/* Feeds a response (base64; has false: none) to the exchange. */
static void feed(struct auth_attempt *a, bool has, struct pf_str base64)
{
	struct pf_buf bytes = PF_BUF_INIT(AUTH_WIRE_LINE_MAX);
	struct auth_session *s = a->session;

	a->asked_ms = pf_clock_mono_ms();
	if (has && !pf_base64_decode(&bytes, base64)) {
		refuse(s, a->id, "invalid_base64", NULL);
		attempt_free(a);
	} else {
		run(a, auth_exchange_step(&a->x, has ? pf_buf_str(&bytes)
						     : (struct pf_str){0}));
	}
	pf_buf_wipe(&bytes);
}

static void begin(struct auth_session *s, const struct auth_wire_request *r)
{
	const struct auth_mech *mech = auth_mech_find(r->mech);
	/* before 1.2 an empty "resp=" meant that there is none (Exim) */
	bool has = r->has_resp && (r->resp.n > 0 || s->minor >= 2);

	if (pf_map_get(&s->by_id, id_key(&r->id))) {
		s->close = true;
		return;
	}
	if (!mech || !auth_mech_offered(s->conf, mech->name)) {
		refuse(s, r->id, NULL, "Unsupported authentication mechanism");
		return;
	}
	if (mech->plaintext && !clear_text_is_safe(s, r)) {
		refuse(s, r->id, NULL,
		       "Clear-text passwords need TLS on this server");
		return;
	}
	if (s->by_id.count >= AUTH_ATTEMPTS_MAX)
		drop_oldest_idle(s);
	feed(attempt_new(s, mech, r), has, r->resp);
}

static void request(struct auth_session *s, const struct auth_wire_request *r)
{
	struct auth_attempt *a =
	    r->id ? pf_map_get(&s->by_id, id_key(&r->id)) : NULL;

	switch (r->kind) {
	case AUTH_WIRE_VERSION:
		s->close = r->id != 1;
		s->minor = r->minor;
		break;
	case AUTH_WIRE_CPID:
		s->client_pid = r->id;
		s->greeted = true;
		break;
	case AUTH_WIRE_AUTH:
		if (s->greeted)
			begin(s, r);
		else
			s->close = true;
		break;
	case AUTH_WIRE_CONT:
		if (a && !a->away)
			feed(a, true, r->resp);
		else if (!a) /* dropped, or never there */
			refuse(s, r->id, NULL, NULL);
		else
			s->close = true;
		break;
	case AUTH_WIRE_CANCEL:
		if (a)
			abandon(a);
		break;
	case AUTH_WIRE_UNKNOWN:
		break;
	case AUTH_WIRE_BAD:
		s->close = true;
		break;
	}
}

size_t auth_session_input(struct auth_session *s, const char *p, size_t n)
{
	struct pf_str input = pf_str_mem(p, n), line;
	struct auth_wire_request r;
	struct pf_arena arena;
	size_t used = 0;

	pf_arena_init(&arena, 2 * AUTH_WIRE_LINE_MAX);
	while (!s->close && auth_wire_line(pf_str_from(input, used), &line)) {
		used += line.n + 1;
		if (line.n >= AUTH_WIRE_LINE_MAX) {
			s->close = true;
			break;
		}
		auth_wire_request_parse(line, &arena, &r);
		request(s, &r);
		pf_arena_release(&arena);
	}
	if (n - used >= AUTH_WIRE_LINE_MAX || s->out.failed)
		s->close = true;
	return used;
}

/* ---- life -------------------------------------------------------------- */

static void handshake(struct auth_session *s, const char *mechanisms,
		      uint32_t number)
{
	struct pf_str list = pf_str_c(mechanisms), word;

	pf_buf_add_c(&s->out, "VERSION\t1\t2\n");
	while (pf_conf_word(&list, &word)) {
		const struct auth_mech *mech = auth_mech_find(word);
		if (mech)
			pf_buf_addf(&s->out, "MECH\t%s%s\n", mech->name,
				    mech->props);
	}
	pf_buf_addf(&s->out, "SPID\t%ld\nCUID\t%u\nCOOKIE\t%s\nDONE\n",
		    (long)getpid(), number, s->cookie);
}

void auth_session_init(struct auth_session *s, const struct pf_conf *conf,
		       const struct auth_session_ops *ops, void *arg,
		       const char *mechanisms, uint32_t number)
{
	unsigned char random[AUTH_COOKIE_LEN / 2];
	struct pf_buf hex = PF_BUF_INIT(AUTH_COOKIE_LEN);

	*s = (struct auth_session){.conf = conf, .ops = ops, .arg = arg};
	pf_buf_init(&s->out, 1 << 20);
	pf_list_init(&s->attempts);
	pf_rand_bytes(random, sizeof random);
	pf_hex_encode(&hex, pf_str_mem(random, sizeof random));
	memcpy(s->cookie, hex.data, AUTH_COOKIE_LEN + 1);
	pf_buf_release(&hex);
	handshake(s, mechanisms, number);
}

void auth_session_release(struct auth_session *s)
{
	while (!pf_list_empty(&s->attempts))
		abandon(attempt_of(s->attempts.next));
	pf_map_release(&s->by_id);
	pf_buf_release(&s->out);
}
