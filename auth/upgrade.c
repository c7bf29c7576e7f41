/* Weak hashes, replaced (upgrade.h). */
#include "auth/upgrade.h"

#include <stdlib.h>

#include "base/log.h"
#include "net/net.h"

struct job {
	struct auth_upgrade *upgrade;
	char *user;
	struct pf_buf old;    /* the password field that is to be replaced */
	struct pf_buf secret; /* wiped */
	pf_status status;
	struct pf_error err;
};

static void work(void *arg)
{
	struct job *job = arg;
	const struct pf_conf *conf = job->upgrade->conf;
	struct pf_buf credentials = PF_BUF_INIT(AUTH_LINE_MAX);

	job->status = auth_password_hash_all(conf, pf_buf_str(&job->secret),
					     &credentials, &job->err);
	if (job->status == PF_OK)
		job->status = auth_users_rehash(
		    conf->user_file, pf_str_c(job->user), pf_buf_str(&job->old),
		    credentials.data, &job->err);
	pf_buf_wipe(&credentials);
}

static void done(void *arg)
{
	struct job *job = arg;
	struct auth_upgrade *u = job->upgrade;

	if (job->status == PF_OK)
		pf_log(PF_LOG_INFO, "password-upgraded",
		       PF_LOGC("user", job->user),
		       PF_LOGC("scheme", u->conf->password_scheme));
	else if (job->status != PF_NOTFOUND && !u->refused)
		pf_log_error(PF_LOG_WARN, "password-upgrade", &job->err);
	/* somebody else was faster (NOTFOUND) is no reason to complain */
	u->refused = job->status != PF_OK && job->status != PF_NOTFOUND;
	u->running = false;
	free(job->user);
	pf_buf_wipe(&job->old);
	pf_buf_wipe(&job->secret);
	free(job);
}

void auth_upgrade_offer(struct auth_upgrade *u, const struct auth_exchange *x)
{
	if (u->running || !x->user || !auth_password_is_weak(x->stored.data))
		return;
	struct job *job = calloc(1, sizeof *job);
	if (!job)
		abort();
	job->upgrade = u;
	job->user = pf_str_dup(pf_str_c(x->user));
	pf_buf_init(&job->old, AUTH_LINE_MAX);
	pf_buf_init(&job->secret, 1024);
	pf_buf_add_str(&job->old, pf_buf_str(&x->stored));
	pf_buf_add_str(&job->secret, pf_buf_str(&x->secret));
	u->running = true;
	struct net_queue *queue = net_queue_new(u->loop, NET_LANE_HASH);
	net_queue_run(queue, work, done, job);
	net_queue_free(&queue);
}
