/*
 * The scripts of a user in their order: sieve_before, his own (or
 * sieve_default), sieve_after.
 *
 * A script of the site that does not compile is left out, and the mail goes
 * on; `penfold check` and the log tell.  What the user's own does when it is
 * broken is the caller's to say.
 */
#include "filter/filter.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- the files of a setting ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static pf_status add_folder(const char *path, struct filter_paths *paths,
			    struct pf_error *err)
{
	DIR *dir = opendir(path);
	size_t from = paths->n;

	if (!dir)
		return pf_error_sys(err, errno, "open %s", path);
	for (const struct dirent *e; (e = readdir(dir));) {
		struct pf_buf file = PF_BUF_INIT(8192);

		if (e->d_name[0] == '.' ||
		    !pf_str_ends(pf_str_c(e->d_name), PF_STR(".sieve")))
			continue;
		pf_buf_addf(&file, "%s/%s", path, e->d_name);
		pf_vec_push(paths, pf_str_dup(pf_buf_str(&file)));
		pf_buf_release(&file);
	}
	closedir(dir);
	if (paths->n > from)
		qsort(paths->v + from, paths->n - from, sizeof *paths->v,
		      by_name);
	return PF_OK;
}

pf_status filter_paths_find(const char *list, const struct auth_identity *id,
			    struct filter_paths *paths, struct pf_error *err)
{
	struct pf_str rest = pf_str_c(list), word;
	pf_status first = PF_OK;

	while (pf_conf_word(&rest, &word)) {
		struct pf_buf path = PF_BUF_INIT(4096);
		char *named = pf_str_dup(word);
		struct stat st;
		pf_status status =
		    pf_conf_expand(&path, named, pf_str_c(id->user), id->home,
				   first == PF_OK ? err : NULL);

		if (status == PF_OK && stat(path.data, &st) == 0 &&
		    S_ISDIR(st.st_mode))
			status = add_folder(path.data, paths,
					    first == PF_OK ? err : NULL);
		else if (status == PF_OK)
			pf_vec_push(paths, pf_str_dup(pf_buf_str(&path)));
		if (first == PF_OK)
			first = status;
		free(named);
		pf_buf_release(&path);
	}
	return first;
}

void filter_paths_release(struct filter_paths *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		free(paths->v[i]);
	pf_vec_release(paths);
}

/* ---- the chain ---- */

struct loader {
	struct filter_rules *rules;
	const struct auth_identity *id;
	struct filter_chain *chain;
	pf_status status; /* the first that was not OK */
	struct pf_error *err;
};

static void failed(struct loader *l, pf_status status,
		   const struct pf_error *why)
{
	if (l->status != PF_OK)
		return;
	l->status = status;
	if (l->err)
		*l->err = *why;
}

/* False: there is no such file. */
static bool add(struct loader *l, enum filter_role role, const char *path)
{
	struct filter_script *script = NULL;
	struct pf_error why = {0};
	pf_status status;

	if (l->chain->n == FILTER_CHAIN_MAX) {
		failed(l,
		       pf_error_set(&why, PF_LIMIT, NULL,
				    "more than %d Sieve scripts for one user",
				    FILTER_CHAIN_MAX),
		       &why);
		return true;
	}
	status = filter_rules_load(l->rules, path, l->id,
				   role != FILTER_PERSONAL, &script, &why);
	if (status == PF_OK)
		l->chain->links[l->chain->n++] =
		    (struct filter_link){role, script};
	else if (status != PF_NOTFOUND)
		failed(l, status, &why);
	return status != PF_NOTFOUND;
}

static void add_all(struct loader *l, enum filter_role role, const char *list)
{
	struct filter_paths paths = {0};
	struct pf_error why = {0};
	pf_status status = filter_paths_find(list, l->id, &paths, &why);

	if (status != PF_OK)
		failed(l, status, &why);
	for (size_t i = 0; i < paths.n; i++)
		if (!add(l, role, paths.v[i]))
			failed(l,
			       pf_error_set(&why, PF_NOTFOUND, NULL,
					    "%s: there is no such script",
					    paths.v[i]),
			       &why);
	filter_paths_release(&paths);
}

static bool add_one(struct loader *l, enum filter_role role,
		    const char *setting)
{
	struct pf_buf path = PF_BUF_INIT(4096);
	struct pf_error why = {0};
	bool there = false;

	if (!*setting)
		return false;
	pf_status status = pf_conf_expand(&path, setting, pf_str_c(l->id->user),
					  l->id->home, &why);
	if (status == PF_OK)
		there = add(l, role, path.data);
	else
		failed(l, status, &why);
	pf_buf_release(&path);
	return there;
}

pf_status filter_chain_load(const struct filter *filter,
			    const struct auth_identity *id,
			    struct filter_chain *chain, struct pf_error *err)
{
	const struct pf_conf *conf = filter->conf;
	struct loader l = {filter->rules, id, chain, PF_OK, err};

	chain->n = 0;
	add_all(&l, FILTER_BEFORE, conf->sieve_before);
	if (!add_one(&l, FILTER_PERSONAL, conf->sieve_script))
		add_one(&l, FILTER_DEFAULT, conf->sieve_default);
	add_all(&l, FILTER_AFTER, conf->sieve_after);
	return l.status;
}

void filter_chain_release(const struct filter *filter,
			  struct filter_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++)
		filter_script_unref(filter->rules, &chain->links[i].script);
	chain->n = 0;
}

/* ---- running ---- */

static const char *const role_names[] = {
    [FILTER_BEFORE] = "sieve_before",
    [FILTER_PERSONAL] = "sieve",
    [FILTER_DEFAULT] = "sieve_default",
    [FILTER_AFTER] = "sieve_after",
};

pf_status filter_chain_run(const struct filter_chain *chain,
			   const struct sieve_message *message,
			   const struct sieve_limits *limits,
			   sieve_trace_fn trace, void *trace_arg,
			   struct sieve_result *result, struct pf_error *err)
{
	struct sieve_step steps[FILTER_CHAIN_MAX] = {0};
	unsigned link_of[FILTER_CHAIN_MAX];
	size_t n = 0;
	pf_status status;

	for (size_t i = 0; i < chain->n; i++) {
		const struct filter_link *link = &chain->links[i];

		if (!link->script->script)
			continue;
		link_of[n] = (unsigned)i;
		steps[n++] = (struct sieve_step){
		    .script = link->script->script,
		    .name = link->script->path,
		    .site = link->role != FILTER_PERSONAL,
		};
	}
	status = sieve_run_sequence(steps, n, message, limits, trace, trace_arg,
				    result, err);
	if (status != PF_OK || n == 0)
		return status;
	for (size_t i = 0; i < result->count; i++)
		result->actions[i].step = link_of[result->actions[i].step];
	result->problem_step = link_of[result->problem_step];
	return PF_OK;
}

static struct pf_str base_name(const char *path)
{
	struct pf_str s = pf_str_c(path);

	return pf_str_from(s, (size_t)(pf_str_rchr(s, '/') + 1));
}

void filter_chain_rule(const struct filter_chain *chain,
		       const struct sieve_action *action, struct pf_buf *to)
{
	const struct filter_link *link = &chain->links[action->step];
	struct pf_str name = base_name(link->script->path);

	pf_buf_add_c(to, role_names[link->role]);
	if (link->role == FILTER_BEFORE || link->role == FILTER_AFTER)
		pf_buf_addf(to, " %.*s", name.n > 40 ? 40 : (int)name.n,
			    name.p);
	if (action->included.n)
		pf_buf_addf(to, " > %.*s",
			    action->included.n > 40 ? 40
						    : (int)action->included.n,
			    action->included.p);
	pf_buf_addf(to, " line %d", action->line);
	if (action->rule_line)
		pf_buf_addf(to, " (if line %d)", action->rule_line);
	if (!action->included.n)
		pf_buf_addf(to, " #%08x", link->script->mark);
}
