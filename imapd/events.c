/*
 * Scripts on IMAP events (RFC 6785; the site's rules as Dovecot's
 * imapsieve_mailbox*).
 *
 * The command has succeeded and was answered; whatever a script does or fails
 * to do is only logged.  The job has a store of its own and a lane of its own:
 * programs that a script starts keep neither this user's sessions waiting nor
 * anybody else's.  Jobs of one user run one after the other, in the order of
 * his commands.  What scripts do is no event (RFC 6785 6): events are noted by
 * commands only, so there are no loops.
 */
#include "imapd/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "filter/filter.h"

#define SLICE_MS     500    /* of one job, then others' */
#define MESSAGES_MAX 100000 /* of one command */
#define CHANGED_MAX  8192   /* bytes of changed flags */

struct event {
	uint32_t uid;
	char *changed;
};

struct events {
	struct user *user; /* stays while user->event_jobs is not 0 */
	enum event_cause cause;
	char *mailbox, *from;
	struct pf_vec(struct event) all;
	size_t at;
	/* the job's */
	struct store *store;
	struct store_box *box;
	struct filter_chain chain;
	bool loaded;
};

static const char *const cause_names[] = {
    [EVENT_APPEND] = "APPEND", [EVENT_COPY] = "COPY", [EVENT_FLAG] = "FLAG"};

/* ---- the site's rules ---- */

struct rule {
	struct pf_str to, from, causes, script;
	bool after;
};

/* "TO FROM CAUSES SCRIPT [after]" */
static bool parse_rule(struct pf_str text, struct rule *rule)
{
	struct pf_str *const words[] = {&rule->to, &rule->from, &rule->causes,
					&rule->script};
	struct pf_str last;
	size_t n = 0;

	*rule = (struct rule){0};
	while (n < 4 && pf_conf_word(&text, words[n]))
		n++;
	rule->after =
	    pf_conf_word(&text, &last) && pf_str_ieq(last, PF_STR("after"));
	return n == 4;
}

static bool has_cause(struct pf_str causes, enum event_cause cause)
{
	struct pf_str one;

	while (pf_str_split(&causes, ',', &one))
		if (pf_str_ieq(one, pf_str_c(cause_names[cause])) ||
		    pf_str_eq(one, PF_STR("*")))
			return true;
	return false;
}

static bool rule_fits(const struct rule *rule, const struct events *e,
		      char separator)
{
	struct pf_str from = pf_str_c(e->from);

	if (!has_cause(rule->causes, e->cause) ||
	    !imap_glob(rule->to, pf_str_c(e->mailbox), separator))
		return false;
	return from.n > 0 ? imap_glob(rule->from, from, separator)
			  : pf_str_eq(rule->from, PF_STR("*"));
}

/* ---- noting ---- */

bool events_wanted(const struct client *client, enum event_cause cause,
		   const struct store *store)
{
	const struct user *user = client->user;
	const struct pf_conf *conf = user->server->conf;
	struct pf_str rest = pf_str_c(conf->imapsieve_rules), word;
	struct rule rule;

	if (store != user->store || !user->home)
		return false; /* others' mail is not the user's to filter */
	if (*conf->imapsieve_url)
		return true;
	while (pf_conf_word(&rest, &word))
		if (parse_rule(word, &rule) && has_cause(rule.causes, cause))
			return true;
	return false;
}

void events_add(struct cmd *cmd, enum event_cause cause, struct pf_str mailbox,
		struct pf_str from, uint32_t uid, struct pf_str changed)
{
	struct user *user = cmd->client->user;
	struct event event = {.uid = uid, .changed = pf_str_dup(changed)};

	if (!cmd->events) {
		cmd->events = calloc(1, sizeof *cmd->events);
		if (!cmd->events)
			abort();
		*cmd->events = (struct events){.user = user,
					       .cause = cause,
					       .mailbox = pf_str_dup(mailbox),
					       .from = pf_str_dup(from)};
	}
	if (cmd->events->all.n < MESSAGES_MAX)
		pf_vec_push(&cmd->events->all, event);
	else
		free(event.changed);
}

void events_before(struct cmd *cmd, const struct store_uids *uids,
		   struct event_flags *before)
{
	struct client *client = cmd->client;

	*before = (struct event_flags){0};
	if (uids->n == 0 ||
	    !events_wanted(client, EVENT_FLAG, store_box_store(client->box)))
		return;
	before->flags = calloc(uids->n, sizeof *before->flags);
	before->keywords = calloc(uids->n, sizeof *before->keywords);
	if (!before->flags || !before->keywords)
		abort();
	for (size_t i = 0; i < uids->n; i++) {
		const struct store_msg *msg =
		    store_box_find(client->box, uids->v[i]);

		if (!msg)
			continue;
		before->flags[i] = msg->flags;
		before->keywords[i] = msg->keywords;
	}
}

void events_after(struct cmd *cmd, const struct store_uids *uids,
		  struct event_flags *before)
{
	const struct store_box *box = cmd->client->box;
	struct pf_buf changed = PF_BUF_INIT(CHANGED_MAX);

	for (size_t i = 0; before->flags && i < uids->n; i++) {
		const struct store_msg *msg = store_box_find(box, uids->v[i]);

		if (!msg || (msg->flags == before->flags[i] &&
			     msg->keywords == before->keywords[i]))
			continue;
		pf_buf_clear(&changed);
		filter_flag_names(box, msg->flags ^ before->flags[i],
				  msg->keywords ^ before->keywords[i],
				  &changed);
		events_add(cmd, EVENT_FLAG, store_box_name(box), PF_STR(""),
			   uids->v[i], pf_buf_str(&changed));
	}
	pf_buf_release(&changed);
	free(before->flags);
	free(before->keywords);
	*before = (struct event_flags){0};
}

/* ---- the job ---- */

static void problem(const struct events *e, const struct pf_error *err)
{
	pf_log_error(PF_LOG_WARN, "imapsieve", err,
		     PF_LOGC("user", e->user->name),
		     PF_LOGC("mailbox", e->mailbox),
		     PF_LOGC("cause", cause_names[e->cause]));
}

static void add_link(struct events *e, enum filter_role role, const char *path,
		     const struct auth_identity *id)
{
	struct filter_script *script = NULL;
	struct filter *filter = e->user->server->event_filter;
	struct pf_error err = {0};

	if (e->chain.n == FILTER_CHAIN_MAX)
		return;
	pf_status status = filter_rules_load(
	    filter->rules, path, id, role != FILTER_PERSONAL, &script, &err);
	/* a script that does not exist is none (RFC 6785 2.3.1); the site's
	 * are a mistake then */
	if (status != PF_OK &&
	    !(status == PF_NOTFOUND && role == FILTER_PERSONAL))
		problem(e, &err);
	if (status != PF_OK)
		return;
	if (!script->script) {
		pf_error_set(&err, PF_INVALID, NULL, "%s: %s", script->path,
			     script->problem);
		problem(e, &err);
		filter_script_unref(filter->rules, &script);
		return;
	}
	e->chain.links[e->chain.n++] = (struct filter_link){role, script};
}

static void add_rules(struct events *e, bool after,
		      const struct auth_identity *id)
{
	const struct pf_conf *conf = e->user->server->conf;
	struct pf_str rest = pf_str_c(conf->imapsieve_rules), word;
	struct rule rule;

	while (pf_conf_word(&rest, &word)) {
		struct pf_buf path = PF_BUF_INIT(4096);
		char *script;

		if (!parse_rule(word, &rule) || rule.after != after ||
		    !rule_fits(&rule, e, conf->hierarchy_separator[0]))
			continue;
		script = pf_str_dup(rule.script);
		if (pf_conf_expand(&path, script, pf_str_c(e->user->name),
				   e->user->home, NULL) == PF_OK)
			add_link(e, after ? FILTER_AFTER : FILTER_BEFORE,
				 path.data, id);
		free(script);
		pf_buf_release(&path);
	}
}

/* The script that the mailbox, else the account, names (RFC 6785 2.3.1) */
static void add_personal(struct events *e, const struct auth_identity *id)
{
	const struct pf_conf *conf = e->user->server->conf;
	const struct pf_str entry = PF_STR("/shared/imapsieve/script");
	struct pf_buf name = PF_BUF_INIT(1024), path = PF_BUF_INIT(4096);

	if (!*conf->imapsieve_url)
		return;
	pf_status status = store_metadata_get(e->store, pf_str_c(e->mailbox),
					      NULL, entry, &name, NULL);
	if (status == PF_NOTFOUND)
		status = store_metadata_get(e->store, PF_STR(""), NULL, entry,
					    &name, NULL);
	if (status == PF_OK && name.len > 0 && name.data[0] != '.' &&
	    !memchr(name.data, '/', name.len) &&
	    !memchr(name.data, 0, name.len) &&
	    pf_conf_expand(&path, conf->sieve_dir, pf_str_c(e->user->name),
			   e->user->home, NULL) == PF_OK) {
		pf_buf_addf(&path, "/%s.sieve", name.data);
		add_link(e, FILTER_PERSONAL, path.data, id);
	}
	pf_buf_release(&name);
	pf_buf_release(&path);
}

static pf_status begin(struct events *e, const struct auth_identity *id,
		       struct pf_error *err)
{
	const struct pf_conf *conf = e->user->server->conf;
	struct store_conf store_conf = {
	    .root = e->user->mail,
	    .separator = conf->hierarchy_separator[0],
	    .special_use = conf->special_use,
	    .size_max = (uint64_t)conf->message_size_max,
	    .quota = e->user->quota,
	    .past_keep = conf->expunged_keep,
	    .past_size = (uint64_t)conf->expunged_size,
	    .quota_guess = e->user->server->single,
	};

	e->loaded = true;
	pf_status status = store_open(&store_conf, &e->store, err);
	if (status != PF_OK)
		return status;
	add_rules(e, false, id);
	add_personal(e, id);
	add_rules(e, true, id);
	if (e->chain.n == 0)
		return PF_OK;
	return store_box_open(e->store, pf_str_c(e->mailbox), &e->box, err);
}

/* "ann@example.org": the name, or with the first domain behind it */
static void make_email(const struct events *e, struct pf_buf *to)
{
	const struct pf_conf *conf = e->user->server->conf;
	struct pf_str rest = pf_str_c(conf->domains), domain;

	pf_buf_add_c(to, e->user->name);
	if (strchr(e->user->name, '@'))
		return;
	if (!pf_conf_word(&rest, &domain) || pf_str_eq(domain, PF_STR("*")))
		domain = pf_str_c(e->user->server->event_filter->hostname);
	pf_buf_addf(to, "@%.*s", (int)domain.n, domain.p);
}

static void apply_one(struct events *e, const struct auth_identity *id,
		      const struct event *event)
{
	struct pf_buf email = PF_BUF_INIT(1024);
	struct filter_applied done;
	struct pf_error err = {0};

	make_email(e, &email);
	const struct filter_event what = {
	    .cause = pf_str_c(cause_names[e->cause]),
	    .user = pf_str_c(e->user->name),
	    .email = pf_buf_str(&email),
	    .mailbox = pf_str_c(e->mailbox),
	    .from = pf_str_c(e->from),
	    .to = pf_str_c(e->mailbox),
	    .changed = pf_str_c(event->changed),
	    .transient = true,
	};
	pf_status status =
	    filter_apply(e->user->server->event_filter, id, &e->chain, e->box,
			 event->uid, &what, &done, &err);
	if (status == PF_OK && done.failed)
		status =
		    pf_error_set(&err, PF_INVALID, NULL, "%s", done.problem);
	if (status != PF_OK && status != PF_EXPUNGED)
		problem(e, &err);
	pf_buf_release(&email);
}

static void work(void *arg)
{
	struct events *e = arg;
	struct auth_identity id = {.user = e->user->name,
				   .home = e->user->home,
				   .mail = e->user->mail};
	int64_t until = pf_clock_mono_ms() + SLICE_MS;
	struct pf_error err = {0};

	if (!e->loaded && begin(e, &id, &err) != PF_OK) {
		problem(e, &err);
		e->at = e->all.n;
	}
	if (e->chain.n == 0)
		e->at = e->all.n;
	while (e->at < e->all.n && pf_clock_mono_ms() < until)
		apply_one(e, &id, &e->all.v[e->at++]);
	if (e->at < e->all.n)
		return;
	filter_chain_release(e->user->server->event_filter, &e->chain);
	store_box_close(&e->box);
	store_close(&e->store);
}

static void release(struct events *e)
{
	for (size_t i = 0; i < e->all.n; i++)
		free(e->all.v[i].changed);
	pf_vec_release(&e->all);
	free(e->mailbox);
	free(e->from);
	free(e);
}

static void done(void *arg)
{
	struct events *e = arg;
	struct user *user = e->user;

	if (e->at < e->all.n) {
		net_queue_run(user->event_queue, work, done, e);
		return;
	}
	release(e);
	user_events_done(user);
}

void events_start(struct cmd *cmd)
{
	struct events *e = cmd->events;

	cmd->events = NULL;
	if (!e)
		return;
	if (!e->user->event_queue)
		e->user->event_queue =
		    net_queue_new(e->user->server->loop, NET_LANE_SLOW);
	e->user->event_jobs++;
	net_queue_run(e->user->event_queue, work, done, e);
}

void events_free(struct cmd *cmd)
{
	if (cmd->events)
		release(cmd->events);
	cmd->events = NULL;
}
