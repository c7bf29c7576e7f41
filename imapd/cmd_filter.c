/*
 * FILTER and UID FILTER (FILTER=SIEVE: draft-bosch-imap-filter-sieve; what
 * Pigeonhole offers): runs Sieve scripts over messages of the selected mailbox
 * that match search keys.
 *
 *	FILTER SIEVE DELIVERY | PERSONAL name | GLOBAL name | SCRIPT text
 *	       [CHARSET charset] key ...
 *
 * One message a turn, so that other sessions of the user are served between
 * them.
 */
#include <stdlib.h>

#include "filter/filter.h"
#include "imapd/find.h"
#include "imapd/place.h"

#define PROBLEMS_MAX (64 * 1024)

struct filtering {
	struct find find;
	struct filter_chain chain;
	size_t at;
};

static void release(struct cmd *cmd)
{
	struct filtering *f = cmd->state;

	find_release(&f->find);
	filter_chain_release(cmd->client->user->server->filter, &f->chain);
}

static struct auth_identity identity_of(const struct user *user)
{
	return (struct auth_identity){
	    .user = user->name, .home = user->home, .mail = user->mail};
}

/* ---- the scripts ---- */

/* `ERRORS text`: a literal, for it has several lines. */
static void add_problem(struct pf_buf *to, struct pf_str text)
{
	pf_buf_addf(to, " ERRORS {%zu}\r\n", text.n);
	pf_buf_add_str(to, text);
	pf_buf_add_c(to, "\r\n");
}

static enum run refuse(struct cmd *cmd, struct pf_str problems)
{
	struct pf_buf *out = &cmd->client->out;

	pf_buf_addf(out, "* FILTER (TAG \"%.*s\")", (int)cmd->tag.n,
		    cmd->tag.p);
	add_problem(out, problems);
	return reply_no(cmd, "Sieve filter failed to compile");
}

static void add_link(struct filtering *f, enum filter_role role,
		     struct filter_script *script)
{
	f->chain.links[f->chain.n++] = (struct filter_link){role, script};
}

/* All scripts must compile, or nothing is done. */
static enum run check_scripts(struct cmd *cmd, struct filtering *f)
{
	struct pf_buf problems = PF_BUF_INIT(PROBLEMS_MAX);
	enum run result = RUN_MORE;

	for (size_t i = 0; i < f->chain.n; i++) {
		const struct filter_script *script = f->chain.links[i].script;

		if (!script->script)
			pf_buf_addf(&problems, "%s\r\n", script->problem);
	}
	if (problems.len > 0)
		result = refuse(cmd, pf_buf_str(&problems));
	pf_buf_release(&problems);
	return result;
}

static bool is_script_name(struct pf_str name)
{
	return name.n > 0 && name.n < 200 && name.p[0] != '.' &&
	       !memchr(name.p, '/', name.n) && !memchr(name.p, 0, name.n);
}

static enum run load_named(struct cmd *cmd, struct filtering *f, bool global,
			   struct pf_str name)
{
	const struct user *user = cmd->client->user;
	const struct pf_conf *conf = user->server->conf;
	struct auth_identity id = identity_of(user);
	const char *dir = global ? conf->sieve_global : conf->sieve_dir;
	struct pf_buf path = PF_BUF_INIT(4096);
	struct filter_script *script = NULL;
	struct pf_error err = {0};
	pf_status status = PF_NOTFOUND;

	if (*dir && is_script_name(name))
		status = pf_conf_expand(&path, dir, pf_str_c(user->name),
					user->home, &err);
	pf_buf_addf(&path, "/%.*s.sieve", (int)name.n, name.p);
	if (status == PF_OK)
		status =
		    filter_rules_load(user->server->filter->rules, path.data,
				      &id, global, &script, &err);
	pf_buf_release(&path);
	if (status == PF_NOTFOUND)
		return reply_no(cmd, "[NONEXISTENT] There is no such script");
	if (status != PF_OK)
		return reply_error(cmd, &err);
	add_link(f, global ? FILTER_DEFAULT : FILTER_PERSONAL, script);
	return check_scripts(cmd, f);
}

static enum run load_text(struct cmd *cmd, struct filtering *f,
			  struct pf_str text)
{
	const struct user *user = cmd->client->user;
	struct auth_identity id = identity_of(user);
	struct sieve_problems problems = {0};
	struct sieve_script *compiled = NULL;
	struct pf_error err = {0};
	enum run result = RUN_MORE;
	pf_status status = filter_compile(user->server->conf, &id, text,
					  &compiled, &problems, &err);

	if (status == PF_OK) {
		struct filter_script *script = calloc(1, sizeof *script);

		if (!script)
			abort();
		script->refs = 1;
		script->script = compiled;
		script->path = pf_str_dup(PF_STR("FILTER"));
		add_link(f, FILTER_PERSONAL, script);
	} else {
		struct pf_buf lines = PF_BUF_INIT(PROBLEMS_MAX);

		for (size_t i = 0; i < problems.n; i++)
			if (!problems.v[i].warning)
				pf_buf_addf(&lines, "line %d: %s\r\n",
					    problems.v[i].line,
					    problems.v[i].text);
		result = lines.len > 0 ? refuse(cmd, pf_buf_str(&lines))
				       : reply_error(cmd, &err);
		pf_buf_release(&lines);
	}
	pf_vec_release(&problems);
	return result;
}

static enum run load_delivery(struct cmd *cmd, struct filtering *f)
{
	const struct user *user = cmd->client->user;
	struct auth_identity id = identity_of(user);
	struct pf_error err = {0};

	if (filter_chain_load(user->server->filter, &id, &f->chain, &err) !=
	    PF_OK)
		return reply_error(cmd, &err);
	return check_scripts(cmd, f);
}

/* ---- the arguments ---- */

/* *keys is behind the specification. */
static enum run load(struct cmd *cmd, struct filtering *f,
		     const struct imap_arg **keys)
{
	const struct imap_arg *arg = cmd->args;
	struct pf_str text;

	if (!imap_arg_is_atom(&arg[0], "SIEVE"))
		return reply_bad(cmd, "Only SIEVE filters are known");
	if (imap_arg_is_atom(&arg[1], "DELIVERY")) {
		*keys = &arg[2];
		return load_delivery(cmd, f);
	}
	if (arg[1].kind == IMAP_END || !imap_arg_astring(&arg[2], &text))
		return reply_bad(cmd, "DELIVERY, PERSONAL name, GLOBAL name or "
				      "SCRIPT text is needed");
	*keys = &arg[3];
	if (imap_arg_is_atom(&arg[1], "PERSONAL"))
		return load_named(cmd, f, false, text);
	if (imap_arg_is_atom(&arg[1], "GLOBAL"))
		return load_named(cmd, f, true, text);
	if (imap_arg_is_atom(&arg[1], "SCRIPT"))
		return load_text(cmd, f, text);
	return reply_bad(cmd, "There is no such kind of filter");
}

static enum run begin(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct filtering *f = PF_ARENA_NEW(&cmd->arena, struct filtering);
	const struct imap_arg *keys = cmd->args;
	struct pf_error err = {0};

	if (store_box_store(client->box) != client->user->store ||
	    !client->user->home)
		return reply_no(cmd, "[NOPERM] Scripts filter the user's own "
				     "mailboxes only");
	cmd->state = f;
	cmd->release = release;
	enum run result = load(cmd, f, &keys);
	if (result != RUN_MORE)
		return result;
	pf_status status = imap_search_parse(
	    keys, store_view_count(client->view), star_uid(client), &cmd->arena,
	    &f->find.what, &err);
	if (status != PF_OK)
		return find_syntax(cmd, status, &err);
	if (f->find.what.esearch)
		return reply_bad(cmd, "FILTER returns nothing");
	return find_begin(cmd, &f->find);
}

/* ---- the messages ---- */

static void answer(struct cmd *cmd, uint32_t uid,
		   const struct filter_applied *done)
{
	struct client *client = cmd->client;
	uint32_t seq = store_view_seq(client->view, uid);

	if (seq == 0 || (!done->changed && !done->failed))
		return;
	pf_buf_addf(&client->out, "* %u FILTERED (TAG \"%.*s\")", seq,
		    (int)cmd->tag.n, cmd->tag.p);
	if (cmd->uid)
		pf_buf_addf(&client->out, " UID %u", uid);
	if (done->failed)
		add_problem(&client->out, pf_str_c(done->problem));
	else
		pf_buf_add_c(&client->out, " OK\r\n");
}

static enum run apply_one(struct cmd *cmd, struct filtering *f, uint32_t uid)
{
	struct client *client = cmd->client;
	struct auth_identity id = identity_of(client->user);
	const struct filter_event event = {
	    .user = pf_str_c(id.user),
	    .email = pf_str_c(id.user),
	    .mailbox = store_box_name(client->box),
	};
	struct filter_applied done;
	struct pf_error err = {0};
	pf_status status =
	    filter_apply(client->user->server->filter, &id, &f->chain,
			 client->box, uid, &event, &done, &err);

	if (status == PF_EXPUNGED)
		return RUN_MORE; /* somebody was faster */
	if (status != PF_OK)
		return reply_error(cmd, &err);
	answer(cmd, uid, &done);
	return RUN_MORE;
}

enum run run_filter(struct cmd *cmd)
{
	enum run result = RUN_MORE;

	if (!cmd->state)
		result = begin(cmd);
	if (result != RUN_MORE)
		return result;
	struct filtering *f = cmd->state;
	if (!f->find.found) {
		result = find_step(cmd, &f->find);
		if (result != RUN_DONE || !f->find.found)
			return result;
	}
	if (f->at == f->find.found->n || f->chain.n == 0)
		return reply_completed(cmd);
	if (client_full(cmd->client))
		return RUN_OUTPUT;
	return apply_one(cmd, f, f->find.found->v[f->at++]);
}
