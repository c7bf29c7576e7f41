/* Password checks of the server (check.h). */
#include "auth/check.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/rand.h"
#include "net/net.h"

#define VERIFIED_MS   (10 * 60 * 1000)
#define VERIFIED_MAX  8192
#define GUESSING_MS   (15 * 60 * 1000)
#define GUESSING_MAX  16384
#define JOBS_A_THREAD 32 /* times 0.2 s: Postfix waits 10 s */

void auth_check_init(struct auth_check *c, struct net_loop *loop,
		     const struct pf_conf *conf, int threads,
		     void (*flush)(struct auth_session *s))
{
	*c = (struct auth_check){.loop = loop, .flush = flush};
	c->pending_max = (size_t)threads * JOBS_A_THREAD;
	c->upgrade = (struct auth_upgrade){.loop = loop, .conf = conf};
	pf_list_init(&c->waiting);
	auth_ttl_init(&c->verified, VERIFIED_MS, VERIFIED_MAX);
	auth_ttl_init(&c->guessing, GUESSING_MS, GUESSING_MAX);
	pf_rand_bytes(c->key, sizeof c->key);
}

/* ---- passwords that were right lately ---------------------------------- */

/* A name for "this password fits this stored text", useless without our key:
 * phones log in every few minutes, and 0.2 s of scrypt each time buys nothing
 * (a changed password has another stored text). */
static void verified_key(const struct auth_check *c,
			 const struct auth_exchange *x, unsigned char key[32])
{
	struct pf_buf text = PF_BUF_INIT(AUTH_LINE_MAX + 2048);

	pf_buf_add_c(&text, x->account);
	pf_buf_add_byte(&text, '\0');
	pf_buf_add_str(&text, pf_buf_str(&x->stored));
	pf_buf_add_byte(&text, '\0');
	pf_buf_add_str(&text, pf_buf_str(&x->secret));
	auth_scram_hmac(AUTH_SCRAM_SHA256, pf_str_mem(c->key, sizeof c->key),
			pf_buf_str(&text), key);
	pf_buf_wipe(&text);
}

/* ---- jobs -------------------------------------------------------------- */

/* One check, and all who wait for it: a mail program opens five connections
 * at once with the same password, which is then checked once. */
struct job {
	struct auth_check *check;
	struct pf_vec(struct auth_attempt *) attempts; /* the first is used */
	bool shared; /* its key is in `running`; success goes to `verified` */
	unsigned char key[32];
	pf_status status;
};

static struct pf_str job_key(const struct job *job)
{
	return pf_str_mem(job->key, sizeof job->key);
}

static void job_free(struct job *job)
{
	pf_vec_release(&job->attempts);
	OPENSSL_cleanse(job, sizeof *job);
	free(job);
}

static void job_work(void *arg)
{
	struct job *job = arg;

	job->status = auth_exchange_work(&job->attempts.v[0]->x, NULL);
}

static void job_done(void *arg)
{
	struct job *job = arg;
	struct auth_check *c = job->check;

	c->pending--;
	if (job->shared)
		pf_map_remove(&c->running, job_key(job));
	if (job->shared && job->status == PF_OK)
		auth_ttl_put(&c->verified, job_key(job), pf_clock_mono_ms());
	if (job->shared && job->status == PF_OK)
		auth_upgrade_offer(&c->upgrade, &job->attempts.v[0]->x);
	for (size_t i = 0; i < job->attempts.n; i++) {
		struct auth_session *s = job->attempts.v[i]->session;
		auth_attempt_worked(job->attempts.v[i], job->status);
		if (s)
			c->flush(s);
	}
	job_free(job);
}

static void start(struct auth_check *c, struct job *job)
{
	/* a queue of its own: checks run beside each other */
	struct net_queue *queue = net_queue_new(c->loop, NET_LANE_HASH);

	c->pending++;
	if (job->shared)
		pf_map_set(&c->running, job_key(job), job);
	net_queue_run(queue, job_work, job_done, job);
	net_queue_free(&queue);
}

void auth_check_run(struct auth_check *c, struct auth_attempt *a)
{
	struct job *job = calloc(1, sizeof *job), *other;
	struct pf_str service;

	if (!job)
		abort();
	job->check = c;
	/* what PAM says is PAM's to remember: it changes without our seeing */
	job->shared = a->x.slow && a->x.known && a->x.mech->plaintext &&
		      !auth_scheme_pam(a->x.stored.data, &service);
	if (job->shared)
		verified_key(c, &a->x, job->key);
	if (!a->x.slow) {
		auth_attempt_worked(a, auth_exchange_work(&a->x, NULL));
	} else if (job->shared && auth_ttl_get(&c->verified, job_key(job),
					       pf_clock_mono_ms())) {
		auth_attempt_worked(a, PF_OK);
	} else if (job->shared &&
		   (other = pf_map_get(&c->running, job_key(job)))) {
		pf_vec_push(&other->attempts, a);
	} else if (c->pending >= c->pending_max) {
		auth_attempt_worked(a, PF_UNAVAILABLE);
	} else {
		pf_vec_push(&job->attempts, a);
		start(c, job);
		return;
	}
	job_free(job);
}

/* ---- delays ------------------------------------------------------------ */

/* IPv6 guesses come from a whole /64. */
static struct pf_str guess_key(const char *ip, unsigned char address[16])
{
	if (inet_pton(AF_INET6, ip, address) == 1)
		return pf_str_mem(address, 8);
	/* what is no address would only fill the table with long texts */
	return pf_str_c(inet_pton(AF_INET, ip, address) == 1 ? ip : "");
}

uint64_t auth_check_delay(struct auth_check *c, const struct auth_attempt *a)
{
	unsigned char address[16];
	int64_t now = pf_clock_mono_ms();
	struct auth_ttl_entry *guess =
	    auth_ttl_put(&c->guessing, guess_key(a->remote_ip, address), now);
	int64_t grid =
	    AUTH_DELAY_FIRST + (int64_t)guess->count * AUTH_DELAY_STEP;

	if (grid > AUTH_DELAY_MAX)
		grid = AUTH_DELAY_MAX;
	else
		guess->count++;
	int64_t late = now - a->asked_ms;
	return (uint64_t)(grid - late % grid);
}

struct later {
	struct pf_link link;
	struct auth_check *check;
	struct auth_attempt *attempt;
	struct net_timer *timer;
};

static void on_later(void *arg)
{
	struct later *later = arg;
	struct auth_check *c = later->check;
	struct auth_session *s = later->attempt->session;

	pf_list_remove(&later->link);
	net_timer_free(&later->timer);
	auth_attempt_answer(later->attempt);
	free(later);
	if (s)
		c->flush(s);
}

void auth_check_answer_later(struct auth_check *c, struct auth_attempt *a,
			     uint64_t ms)
{
	struct later *later = calloc(1, sizeof *later);

	if (!later)
		abort();
	*later = (struct later){
	    .check = c,
	    .attempt = a,
	    .timer = net_timer_new(c->loop, on_later, later),
	};
	pf_list_append(&c->waiting, &later->link);
	net_timer_start(later->timer, ms, 0);
}

void auth_check_release(struct auth_check *c)
{
	while (!pf_list_empty(&c->waiting))
		on_later(pf_container_of(c->waiting.next, struct later, link));
	auth_ttl_release(&c->verified);
	auth_ttl_release(&c->guessing);
	pf_map_release(&c->running);
	OPENSSL_cleanse(c->key, sizeof c->key);
}
