/*
 * environment (RFC 5183 4), vnd.dovecot.environment
 *
 *	environment [comparator] [match-type]
 *		    <name: string> <key-list: string-list>
 *
 * vnd.dovecot.environment adds the names vnd.dovecot.default-mailbox and
 * vnd.dovecot.username, and the namespace ${env.name} to variables.
 */
#include "config.h"
#include "sieve/run.h"

bool sieve_environment_get(struct sieve_run *run, struct pf_str name,
			   struct pf_str *value)
{
	const struct sieve_message *message = run->message;
	static const struct {
		const char *name, *value;
	} known[] = {
	    {"name", "penfold"}, {"version", PACKAGE_VERSION},
	    {"location", "MDA"}, {"phase", "during"},
	    {"imap.user", ""}, /* RFC 6785 4.2: nobody's doing */
	    {"imap.email", ""},	 {"vnd.dovecot.default-mailbox", "INBOX"},
	};

	if (message->environment &&
	    message->environment(message->arg, name, value))
		return true;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (pf_str_ieq(name, pf_str_c(known[i].name))) {
			*value = pf_str_c(known[i].value);
			return true;
		}
	}
	return false;
}

/* An unknown name matches nothing (RFC 5183 4). */
static bool decide(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_matcher matcher;
	struct sieve_value value = {.passing = true};

	sieve_matcher_begin(&matcher, run, node, node->params[1]);
	if (sieve_environment_get(
		run, sieve_run_string(run, &node->params[0]->strings[0]),
		&value.text))
		sieve_matcher_add(&matcher, &value);
	return sieve_matcher_end(&matcher);
}

/* Names of variables hold no "-": ${env.remote_ip} */
static struct pf_str space_value(struct sieve_run *run, struct pf_str name)
{
	char dashed[100];
	struct pf_str value = {0};

	if (name.n > sizeof dashed)
		return PF_STR("");
	for (size_t i = 0; i < name.n; i++)
		dashed[i] = name.p[i] == '_' ? '-' : name.p[i];
	if (sieve_environment_get(run, name, &value) ||
	    sieve_environment_get(run, pf_str_mem(dashed, name.n), &value))
		return value;
	return PF_STR("");
}

static const struct sieve_def defs[] = {
    {.name = "environment",
     .test = true,
     .params = "sl",
     .flags = SIEVE_DEF_MATCH,
     .usage = "environment [:is | :contains | :matches] \"name\" "
	      "[\"key\", ...]",
     .decide = decide},
    {0},
};

const struct sieve_extension sieve_ext_environment = {.name = "environment",
						      .defs = defs};
const struct sieve_extension sieve_ext_dovecot_environment = {
    .name = "vnd.dovecot.environment",
    .implies = "environment",
    .space = "env",
    .space_value = space_value};
