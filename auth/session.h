/*
 * One connection of the Dovecot auth-client protocol, without I/O: bytes in,
 * bytes to s->out, and questions to whoever drives it (auth/server.c; tests).
 */
#ifndef AUTH_SESSION_H
#define AUTH_SESSION_H

#include "auth/mech.h"
#include "auth/wire.h"
#include "base/map.h"
#include "base/vec.h"

#define AUTH_ATTEMPTS_MAX                                                      \
	1024 /* of one connection; the oldest idle one goes                    \
	      */
#define AUTH_COOKIE_LEN 32

enum auth_verdict {
	AUTH_VERDICT_OK,
	AUTH_VERDICT_FAIL,
	AUTH_VERDICT_TROUBLE /* a backend is down: nobody's password is wrong */
};

struct auth_session;

/* One AUTH request.  While `away` it belongs to the driver: a job runs, or
 * the answer waits; the session only loses sight of it when it ends. */
struct auth_attempt {
	struct pf_link link;
	struct auth_session *session; /* NULL: the client gave up, or is gone */
	uint32_t id;
	struct auth_exchange x;
	enum auth_verdict verdict;
	bool nologin, temp_fail, away;
	char *service, *remote_ip, *reason;
	int64_t asked_ms; /* when the client's last message came */
};

struct auth_session_ops {
	/* The user of a login name; NOTFOUND, UNAVAILABLE. */
	pf_status (*user)(void *arg, struct pf_str name,
			  const struct auth_user **user, struct pf_error *err);
	/* Run auth_exchange_work(&a->x), then auth_attempt_worked(a). */
	void (*work)(void *arg, struct auth_attempt *a);
	/* a->verdict is there: call auth_attempt_answer(a), now or later. */
	void (*decided)(void *arg, struct auth_attempt *a);
};

struct auth_session {
	const struct pf_conf *conf;
	const struct auth_session_ops *ops;
	void *arg;
	struct pf_buf out;
	bool close; /* the connection is to be closed (after out) */
	bool greeted;
	uint32_t minor, client_pid;
	char cookie[AUTH_COOKIE_LEN + 1];
	struct pf_link attempts;
	struct pf_map by_id;
};

/* Puts the whole handshake into out at once: Exim sends nothing before it has
 * all of it, and Postfix wants a MECH before the SPID.  `mechanisms`:
 * blank-separated.  `number`: of this connection. */
void auth_session_init(struct auth_session *s, const struct pf_conf *conf,
		       const struct auth_session_ops *ops, void *arg,
		       const char *mechanisms, uint32_t number);
void auth_session_release(struct auth_session *s);

/* Returns how many bytes were used. */
size_t auth_session_input(struct auth_session *s, const char *p, size_t n);

/* The driver's answers.  They may free the attempt. */
void auth_attempt_worked(struct auth_attempt *a, pf_status status);
void auth_attempt_answer(struct auth_attempt *a);

#endif
