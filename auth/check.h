/*
 * Password checks of the server: the jobs, what they may cost, and how long a
 * wrong answer waits.
 *
 * A failure is answered on a grid of hundreds of milliseconds from when it
 * was asked, so that neither the scheme nor the existence of a user shows in
 * the time; the grid of an address that guesses grows, up to AUTH_DELAY_MAX.
 * (Cutting such an address off is the next step, and its place is here.)
 */
#ifndef AUTH_CHECK_H
#define AUTH_CHECK_H

#include "auth/session.h"
#include "auth/ttl.h"
#include "auth/upgrade.h"

#define AUTH_DELAY_FIRST 400
#define AUTH_DELAY_STEP	 250
#define AUTH_DELAY_MAX	 1900 /* ms */

struct net_loop;

struct auth_check {
	struct net_loop *loop;
	size_t pending;		  /* jobs that are not done */
	size_t pending_max;	  /* more would take longer than MTAs wait */
	struct pf_map running;	  /* checks that others may wait for */
	struct auth_ttl verified; /* passwords that were right lately */
	struct auth_ttl guessing; /* addresses and their failures */
	struct auth_upgrade upgrade;
	struct pf_link waiting; /* answers that are delayed */
	unsigned char key[32];	/* of `verified`, and of this process */
	void (*flush)(struct auth_session *s);
};

/* flush(session): something was put into its out. */
void auth_check_init(struct auth_check *c, struct net_loop *loop,
		     const struct pf_conf *conf, int threads,
		     void (*flush)(struct auth_session *s));
/* When all sessions have ended and no job runs. */
void auth_check_release(struct auth_check *c);

/* Runs the attempt's work, now or in a job, then auth_attempt_worked(). */
void auth_check_run(struct auth_check *c, struct auth_attempt *a);

/* How many ms after now a failure of this attempt is to be answered; counts
 * the failure. */
uint64_t auth_check_delay(struct auth_check *c, const struct auth_attempt *a);

/* auth_attempt_answer(a) after ms. */
void auth_check_answer_later(struct auth_check *c, struct auth_attempt *a,
			     uint64_t ms);

#endif
