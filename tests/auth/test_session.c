/* Whole transcripts of the auth-client protocol, as three clients speak it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/session.h"
#include "base/rand.h"
#include "tests/auth/conf.h"
#include "tests/tap.h"

#define ANN_SECRET "AGFubgBzZWNyZXQ=" /* NUL ann NUL secret */
#define ANN_WRONG  "AGFubgB3cm9uZw==" /* NUL ann NUL wrong */
#define HELLO	   "VERSION\t1\t0\nCPID\t4711\n"

static struct pf_conf conf;
static struct auth_users *users;
static bool users_down, hold_work, hold_answers;
static struct auth_attempt *held;

static pf_status find_user(void *arg, struct pf_str name,
			   const struct auth_user **user, struct pf_error *err)
{
	(void)arg;
	if (users_down)
		return pf_error_set(err, PF_UNAVAILABLE, NULL, "down");
	*user = auth_users_find(users, name);
	return *user ? PF_OK : PF_NOTFOUND;
}

static void work(void *arg, struct auth_attempt *a)
{
	(void)arg;
	if (hold_work)
		held = a;
	else
		auth_attempt_worked(a, auth_exchange_work(&a->x, NULL));
}

static void decided(void *arg, struct auth_attempt *a)
{
	(void)arg;
	if (hold_answers)
		held = a;
	else
		auth_attempt_answer(a);
}

static const struct auth_session_ops ops = {find_user, work, decided};

static struct auth_session session;

static void begin(const char *mechanisms)
{
	auth_session_init(&session, &conf, &ops, NULL, mechanisms, 3);
	pf_buf_clear(&session.out);
}

/* What the session says to this. */
static const char *say(const char *text)
{
	size_t n = strlen(text);

	pf_buf_clear(&session.out);
	ok(auth_session_input(&session, text, n) == n || session.close);
	return session.out.data;
}

static void greets_with_all_at_once(void)
{
	char want[300];

	auth_session_init(&session, &conf, &ops, NULL,
			  "PLAIN LOGIN SCRAM-SHA-256 NONSENSE", 3);
	snprintf(want, sizeof want,
		 "VERSION\t1\t2\n"
		 "MECH\tPLAIN\tplaintext\n"
		 "MECH\tLOGIN\tplaintext\n"
		 "MECH\tSCRAM-SHA-256\tmutual-auth\n"
		 "SPID\t%ld\nCUID\t3\nCOOKIE\t%s\nDONE\n",
		 (long)getpid(), session.cookie);
	is_str(session.out.data, want);
	is_int(strspn(session.cookie, "0123456789abcdef"), 32);
	auth_session_release(&session);
}

static void speaks_with_postfix(void)
{
	begin("PLAIN LOGIN");
	is_str(say(HELLO), "");
	is_str(say("AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\t"
		   "rip=192.0.2.7\tsecured\tresp=" ANN_SECRET "\n"),
	       "OK\t1\tuser=ann\n");
	is_str(say("AUTH\t2\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\t"
		   "rip=192.0.2.7\tsecured\tresp=" ANN_WRONG "\n"),
	       "FAIL\t2\tuser=ann\n");
	is_str(say("AUTH\t3\tPLAIN\tservice=smtp\tsecured\n"), "CONT\t3\t\n");
	is_str(say("CONT\t3\t" ANN_SECRET "\n"), "OK\t3\tuser=ann\n");
	is_str(say("AUTH\t4\tLOGIN\tservice=smtp\tsecured\n"),
	       "CONT\t4\tVXNlcm5hbWU6\n");
	is_str(say("CONT\t4\tQW5u\n"), "CONT\t4\tUGFzc3dvcmQ6\n");
	is_str(say("CONT\t4\tc2VjcmV0\n"), "OK\t4\tuser=ann\n");
	ok(!session.close);
	auth_session_release(&session);
}

static void speaks_with_exim(void)
{
	begin("PLAIN");
	is_str(say(HELLO), "");
	/* minor 0: an empty resp= is none */
	is_str(say("AUTH\t1\tPLAIN\tservice=smtp\tsecured\tresp=\n"),
	       "CONT\t1\t\n");
	is_str(say("CONT\t1\t" ANN_SECRET "\n"), "OK\t1\tuser=ann\n");
	auth_session_release(&session);
	begin("PLAIN");
	is_str(say("VERSION\t1\t2\nCPID\t1\n"), "");
	is_str(say("AUTH\t1\tPLAIN\tservice=smtp\tsecured\tresp=\n"),
	       "FAIL\t1\n");
	auth_session_release(&session);
}

static void wants_tls_for_clear_text(void)
{
	const char *refusal =
	    "FAIL\t1\treason=Clear-text passwords need TLS on this server\n";

	begin("PLAIN");
	say(HELLO);
	is_str(say("AUTH\t1\tPLAIN\trip=127.0.0.1\tresp=" ANN_SECRET "\n"),
	       refusal);
	/* the exception for loopback is for our own gate, not for an MTA */
	ok(pf_conf_set(&conf, PF_STR("auth_plain_loopback"), PF_STR("yes"),
		       NULL));
	is_str(
	    say("AUTH\t1\tPLAIN\tservice=smtp\trip=127.0.0.1\tresp=" ANN_SECRET
		"\n"),
	    refusal);
	is_str(
	    say("AUTH\t1\tPLAIN\tservice=imap\trip=127.0.0.1\tresp=" ANN_SECRET
		"\n"),
	    "OK\t1\tuser=ann\n");
	is_str(
	    say("AUTH\t1\tPLAIN\tservice=imap\trip=::1\tresp=" ANN_SECRET "\n"),
	    "OK\t1\tuser=ann\n");
	is_str(
	    say("AUTH\t1\tPLAIN\tservice=imap\trip=128.0.0.1\tresp=" ANN_SECRET
		"\n"),
	    refusal);
	is_str(say("AUTH\t1\tPLAIN\tservice=imap\trip=127.0.0.1."
		   "evil\tresp=" ANN_SECRET "\n"),
	       refusal);
	is_str(say("AUTH\t1\tPLAIN\tresp=" ANN_SECRET "\n"), refusal);
	ok(pf_conf_set(&conf, PF_STR("auth_plain_loopback"), PF_STR("no"),
		       NULL));
	/* what crosses the wire in SCRAM needs none */
	ok(strncmp(say("AUTH\t2\tSCRAM-SHA-256\trip=192.0.2.7\tresp="
		       "biwsbj1hbm4scj14\n"),
		   "CONT\t2\t", 7) == 0);
	auth_session_release(&session);
}

static void fails_one_request_only(void)
{
	begin("PLAIN");
	say(HELLO);
	is_str(say("AUTH\t1\tPLAIN\tsecured\tresp=***\n"),
	       "FAIL\t1\tcode=invalid_base64\n");
	is_str(say("AUTH\t1\tDIGEST-MD5\tsecured\n"),
	       "FAIL\t1\treason=Unsupported authentication mechanism\n");
	is_str(say("AUTH\t1\tPLAIN\tsecured\tresp=" ANN_SECRET "\tsecured\n"),
	       "FAIL\t1\tcode=invalid_base64\n");
	/* "us TAB er" */
	is_str(say("AUTH\t1\tPLAIN\tsecured\tresp=AHVzCWVyAHB3\n"),
	       "FAIL\t1\n");
	is_str(say("CONT\t99\tAA==\n"), "FAIL\t99\n");
	is_str(say("CANCEL\t99\nFUTURE\tcommand\n\n"), "");
	is_str(say("AUTH\t1\tPLAIN\tsecured\tresp=" ANN_SECRET "\n"),
	       "OK\t1\tuser=ann\n");
	ok(!session.close);
	auth_session_release(&session);
}

static void closes_on_nonsense(void)
{
	static const char *const inputs[] = {
	    "AUTH\t1\tPLAIN\tsecured\n", /* before CPID */
	    "VERSION\t2\t0\n",		 /* another protocol */
	    HELLO "AUTH\tx\tPLAIN\n",	 /* no id */
	    HELLO "AUTH\t1\tPLAIN\tsecured\n"
		  "AUTH\t1\tPLAIN\tsecured\n", /* an id twice */
	};
	char *big = malloc(AUTH_WIRE_LINE_MAX + 1);

	for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
		begin("PLAIN");
		say(inputs[i]);
		tap_check(session.close, "closes at input %zu", i);
		auth_session_release(&session);
	}
	if (!big)
		return;
	memset(big, 'x', AUTH_WIRE_LINE_MAX + 1);
	begin("PLAIN");
	ok(auth_session_input(&session, big, AUTH_WIRE_LINE_MAX - 1) == 0);
	ok(!session.close);
	auth_session_input(&session, big, AUTH_WIRE_LINE_MAX);
	ok(session.close);
	auth_session_release(&session);
	begin("PLAIN");
	big[AUTH_WIRE_LINE_MAX] = '\n';
	auth_session_input(&session, big, AUTH_WIRE_LINE_MAX + 1);
	ok(session.close);
	auth_session_release(&session);
	free(big);
}

/* Postfix makes a 535 of every FAIL, and a 454 of a closed connection. */
static void never_blames_the_password_for_trouble(void)
{
	users_down = true;
	begin("PLAIN");
	say(HELLO);
	is_str(say("AUTH\t1\tPLAIN\tsecured\tresp=" ANN_SECRET "\n"), "");
	ok(session.close);
	auth_session_release(&session);
	begin("PLAIN");
	say(HELLO);
	is_str(say("AUTH\t1\tPLAIN\tsecured\ttemp-fail\tresp=" ANN_SECRET "\n"),
	       "FAIL\t1\tuser=ann\tcode=temp_fail\n");
	ok(!session.close);
	auth_session_release(&session);
	users_down = false;

	/* too many checks are waiting */
	hold_work = true;
	begin("PLAIN");
	say(HELLO);
	say("AUTH\t1\tPLAIN\tsecured\tresp=" ANN_SECRET "\n");
	ok(held != NULL);
	auth_attempt_worked(held, PF_UNAVAILABLE);
	ok(session.close);
	auth_session_release(&session);
	hold_work = false;
}

static void survives_clients_that_leave(void)
{
	/* while the job runs: CANCEL, then the connection */
	for (int how = 0; how < 2; how++) {
		hold_work = true;
		begin("PLAIN");
		say(HELLO);
		say("AUTH\t1\tPLAIN\tsecured\tresp=" ANN_SECRET "\n");
		if (how == 0)
			is_str(say("CANCEL\t1\nCONT\t1\tAA==\n"), "FAIL\t1\n");
		else
			auth_session_release(&session);
		ok(held->session == NULL);
		auth_attempt_worked(held, auth_exchange_work(&held->x, NULL));
		if (how == 0)
			auth_session_release(&session);
		hold_work = false;
	}
	/* while the answer waits */
	hold_answers = true;
	begin("PLAIN");
	say(HELLO);
	is_str(say("AUTH\t1\tPLAIN\tsecured\tresp=" ANN_WRONG "\n"), "");
	is_int(held->verdict, AUTH_VERDICT_FAIL);
	auth_session_release(&session);
	auth_attempt_answer(held);
	/* talking into a running check is a protocol error */
	begin("PLAIN");
	say(HELLO);
	say("AUTH\t1\tPLAIN\tsecured\tresp=" ANN_WRONG "\n");
	say("CONT\t1\tAA==\n");
	ok(session.close);
	auth_session_release(&session);
	auth_attempt_answer(held);
	hold_answers = false;
}

static void keeps_to_allowed_networks(void)
{
	begin("PLAIN");
	say(HELLO);
	/* NUL bob NUL secret */
	is_str(say("AUTH\t1\tPLAIN\tsecured\trip=192.0.2.7\t"
		   "resp=AGJvYgBzZWNyZXQ=\n"),
	       "FAIL\t1\tuser=bob\n");
	is_str(say("AUTH\t1\tPLAIN\tsecured\trip=10.1.2.3\t"
		   "resp=AGJvYgBzZWNyZXQ=\n"),
	       "OK\t1\tuser=bob\n");
	auth_session_release(&session);
}

static void forgets_the_oldest_unfinished(void)
{
	char line[64];

	begin("PLAIN");
	say(HELLO);
	for (unsigned i = 1; i <= AUTH_ATTEMPTS_MAX + 1; i++) {
		snprintf(line, sizeof line, "AUTH\t%u\tPLAIN\tsecured\n", i);
		pf_buf_clear(&session.out);
		auth_session_input(&session, line, strlen(line));
	}
	is_int(session.by_id.count, AUTH_ATTEMPTS_MAX);
	is_str(say("CONT\t1\t" ANN_SECRET "\n"), "FAIL\t1\n");
	is_str(say("CONT\t2\t" ANN_SECRET "\n"), "OK\t2\tuser=ann\n");
	ok(!session.close);
	auth_session_release(&session);
}

int main(void)
{
	test_conf_init(&conf);
	auth_users_parse(&conf,
			 PF_STR("ann:{PLAIN}secret\n"
				"bob:{PLAIN}secret::::::allow_nets=10.0.0.0/8"
				"\n"),
			 &users, NULL);
	greets_with_all_at_once();
	speaks_with_postfix();
	speaks_with_exim();
	wants_tls_for_clear_text();
	fails_one_request_only();
	closes_on_nonsense();
	never_blames_the_password_for_trouble();
	survives_clients_that_leave();
	keeps_to_allowed_networks();
	forgets_the_oldest_unfinished();
	auth_users_unref(&users);
	pf_conf_release(&conf);
	return tap_done();
}
