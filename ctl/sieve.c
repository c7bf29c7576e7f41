/*
 * penfold sieve: scripts on the command line.
 *
 *	check SCRIPT...		every problem
 *	test SCRIPT MESSAGE	one message, step by step
 *	replay SCRIPT		what would have become of delivered mail
 *	apply SCRIPT		files mail that is there
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/priv.h"
#include "ctl/sieve.h"

bool ctl_sieve_begin(struct ctl_sieve *s, struct ctl *ctl)
{
	const char *user = ctl_option(ctl, "-u");
	struct pf_error err;

	*s = (struct ctl_sieve){.ctl = ctl};
	if (!ctl_conf(ctl, &s->conf))
		return false;
	if (ctl_account(&s->conf, user, &s->id, &err) != PF_OK) {
		ctl_fail(ctl, &err);
		pf_conf_release(&s->conf);
		return false;
	}
	s->filter = (struct filter){.conf = &s->conf,
				    .rules = filter_rules_new(&s->conf),
				    .index_socket = -1};
	if (*s->conf.hostname)
		snprintf(s->filter.hostname, sizeof s->filter.hostname, "%s",
			 s->conf.hostname);
	else
		(void)gethostname(s->filter.hostname,
				  sizeof s->filter.hostname - 1);
	filter_limits(&s->conf, &s->limits);
	return true;
}

void ctl_sieve_end(struct ctl_sieve *s)
{
	store_close(&s->store);
	filter_rules_free(&s->filter.rules);
	auth_identity_release(&s->id);
	pf_conf_release(&s->conf);
}

bool ctl_sieve_open_mail(struct ctl_sieve *s, bool read_only)
{
	const struct store_conf conf = {
	    .root = s->id.mail,
	    .separator = s->conf.hierarchy_separator[0],
	    .special_use = s->conf.special_use,
	    .read_only = read_only,
	    .past_keep = s->conf.expunged_keep,
	    .past_size = (uint64_t)s->conf.expunged_size,
	};
	struct pf_error err;

	if (pf_priv_become(s->conf.mail_user, &err) == PF_OK &&
	    store_open(&conf, &s->store, &err) == PF_OK)
		return true;
	ctl_fail(s->ctl, &err);
	return false;
}

/* ---- check ----------------------------------------------------------------
 */

static void show_problems(FILE *out, const char *path,
			  const struct sieve_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		const struct sieve_problem *p = &problems->v[i];

		fprintf(out, "%s:%d:%d: %s: %s\n", path, p->line, p->column,
			p->warning ? "warning" : "error", p->text);
		if (p->hint[0])
			fprintf(out, "\t%s\n", p->hint);
	}
}

struct sieve_script *ctl_sieve_compile(struct ctl_sieve *s, const char *path,
				       FILE *out)
{
	struct sieve_problems problems = {0};
	struct sieve_script *script = NULL;
	struct pf_error err = {0};
	struct pf_buf text;

	pf_buf_init(&text, s->limits.script_max + 1);
	pf_status status = pf_fs_read(AT_FDCWD, path, &text, &err);
	if (status == PF_OK) {
		status = filter_compile(&s->conf, &s->id, pf_buf_str(&text),
					&script, &problems, &err);
		show_problems(out, path, &problems);
	}
	if (status != PF_OK && problems.n == 0)
		fprintf(out, "%s: %s\n", path, err.log);
	pf_vec_release(&problems);
	pf_buf_release(&text);
	return script;
}

static int check(struct ctl_sieve *s)
{
	int code = 0;

	if (s->ctl->argc < 2)
		return ctl_usage(s->ctl, "which script?");
	for (int i = 1; i < s->ctl->argc; i++) {
		struct sieve_script *script =
		    ctl_sieve_compile(s, s->ctl->argv[i], stdout);

		if (script)
			printf("%s: good\n", s->ctl->argv[i]);
		else
			code = 1;
		sieve_script_free(&script);
	}
	return code;
}

/* ---- test ------------------------------------------------------------------
 */

static void show_step(void *arg, int line, const char *text)
{
	(void)arg;
	if (line)
		printf("%5d  %s\n", line, text);
	else
		printf("       %s\n", text);
}

static void report(struct ctl_sieve *s, const struct sieve_message *message,
		   const struct sieve_result *result, bool json)
{
	struct ctl_places places = {0};
	struct pf_buf text = PF_BUF_INIT(65536);

	if (json) {
		printf("{\"actions\": ");
		ctl_actions_json(result);
		if (result->problem[0])
			ctl_json_member("problem", pf_str_c(result->problem));
		puts("}");
	} else {
		ctl_sieve_places(s, message, result, &places);
		ctl_places_print(&places, &text);
		printf("result: %s\n", text.data);
	}
	ctl_places_release(&places);
	pf_buf_release(&text);
}

static int test_message(struct ctl_sieve *s, const struct sieve_script *script,
			int fd, const struct filter_envelope *envelope,
			bool json)
{
	struct filter_stored stored;
	struct sieve_result result;
	struct pf_error err;
	int code = 0;

	if (filter_stored_init(&stored, &s->filter, &s->id, s->store, fd,
			       envelope, &err) != PF_OK)
		return ctl_fail(s->ctl, &err);
	if (!stored.message.to.n)
		stored.message.to = stored.message.user = pf_str_c(s->id.user);
	if (!json)
		printf("from <%.*s> to <%.*s>\n", (int)stored.message.from.n,
		       stored.message.from.p, (int)stored.message.to.n,
		       stored.message.to.p);
	if (sieve_run(script, &stored.message, &s->limits,
		      json ? NULL : show_step, NULL, &result, &err) != PF_OK)
		code = ctl_fail(s->ctl, &err);
	report(s, &stored.message, &result, json);
	if (result.failed)
		code = 1;
	sieve_result_release(&result);
	filter_stored_release(&stored);
	return code;
}

static int test(struct ctl_sieve *s)
{
	const char *from = ctl_option(s->ctl, "--from");
	const char *to = ctl_option(s->ctl, "--to");
	bool json = ctl_switch(s->ctl, "--json");
	struct sieve_script *script;
	struct pf_error err;
	int code = 1, fd;

	if (s->ctl->argc != 3)
		return ctl_usage(s->ctl, "a script and a message file");
	script = ctl_sieve_compile(s, s->ctl->argv[1], stderr);
	if (!script)
		return 1;
	if (pf_fs_open(AT_FDCWD, s->ctl->argv[2], O_RDONLY, 0, &fd, &err) !=
	    PF_OK) {
		code = ctl_fail(s->ctl, &err);
	} else {
		struct filter_envelope envelope = {pf_str_c(from),
						   pf_str_c(to)};

		/* without any mail: then no mailbox exists, and we say so */
		if (access(s->id.mail, R_OK | X_OK) == 0 &&
		    !ctl_sieve_open_mail(s, true))
			fprintf(stderr, "(the user's mail is not readable)\n");
		code = test_message(s, script, fd,
				    from || to ? &envelope : NULL, json);
		close(fd);
	}
	sieve_script_free(&script);
	return code;
}

int ctl_sieve(struct ctl *ctl)
{
	static const struct {
		const char *name;
		int (*run)(struct ctl_sieve *s);
	} verbs[] = {
	    {"check", check},
	    {"test", test},
	    {"replay", ctl_sieve_replay},
	    {"apply", ctl_sieve_apply},
	};
	struct ctl_sieve s;

	for (size_t i = 0; ctl->argc > 1 && i < sizeof verbs / sizeof *verbs;
	     i++) {
		if (strcmp(ctl->argv[1], verbs[i].name) != 0)
			continue;
		if (!ctl_sieve_begin(&s, ctl))
			return 1;
		ctl->argv[1] = ctl->argv[0];
		ctl->argv++;
		ctl->argc--;
		int code = verbs[i].run(&s);
		ctl_sieve_end(&s);
		return code;
	}
	return ctl_usage(ctl, "check, test, replay or apply?");
}
