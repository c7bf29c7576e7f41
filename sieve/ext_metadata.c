/*
 * mboxmetadata and servermetadata (RFC 5490 3.3, 3.4, 4)
 *
 *	metadata [match-type] [comparator] <mailbox: string>
 *		 <annotation-name: string> <key-list: string-list>
 *	metadataexists <mailbox: string> <annotation-names: string-list>
 *	servermetadata [match-type] [comparator]
 *		 <annotation-name: string> <key-list: string-list>
 *	servermetadataexists <annotation-names: string-list>
 *
 * Annotations are those of IMAP's METADATA (RFC 5464), as the user sees them.
 */
#include "sieve/run.h"

enum {
	LOOK_STEPS = 100000 /* at a file */
};

/* mailbox empty: of the server */
static bool find(struct sieve_run *run, struct pf_str mailbox,
		 const struct sieve_string *name, struct pf_str *value)
{
	const struct sieve_message *message = run->message;
	struct pf_str found;

	if (!message->metadata || !sieve_run_step(run, LOOK_STEPS) ||
	    !message->metadata(message->arg, mailbox,
			       sieve_run_string(run, name), &found))
		return false;
	*value = sieve_run_keep(run, found);
	return true;
}

/* The named mailbox; false: there is no name */
static bool mailbox_of(struct sieve_run *run, const struct sieve_node *node,
		       struct pf_str *mailbox)
{
	*mailbox = sieve_run_string(run, &node->params[0]->strings[0]);
	return mailbox->n > 0;
}

static bool match_value(struct sieve_run *run, const struct sieve_node *node,
			struct pf_str mailbox, const struct sieve_arg *name,
			const struct sieve_arg *keys)
{
	struct sieve_value value = {.passing = true};
	struct sieve_matcher matcher;

	sieve_matcher_begin(&matcher, run, node, keys);
	if (find(run, mailbox, &name->strings[0], &value.text))
		sieve_matcher_add(&matcher, &value);
	return sieve_matcher_end(&matcher);
}

static bool all_exist(struct sieve_run *run, struct pf_str mailbox,
		      const struct sieve_arg *names)
{
	struct pf_str value;

	for (size_t i = 0; i < names->count; i++) {
		if (!find(run, mailbox, &names->strings[i], &value))
			return false;
	}
	return true;
}

static bool decide_mailbox(struct sieve_run *run, const struct sieve_node *node)
{
	struct pf_str mailbox;

	return mailbox_of(run, node, &mailbox) &&
	       match_value(run, node, mailbox, node->params[1],
			   node->params[2]);
}

static bool decide_mailbox_exists(struct sieve_run *run,
				  const struct sieve_node *node)
{
	struct pf_str mailbox;

	return mailbox_of(run, node, &mailbox) &&
	       all_exist(run, mailbox, node->params[1]);
}

static bool decide_server(struct sieve_run *run, const struct sieve_node *node)
{
	return match_value(run, node, PF_STR(""), node->params[0],
			   node->params[1]);
}

static bool decide_server_exists(struct sieve_run *run,
				 const struct sieve_node *node)
{
	return all_exist(run, PF_STR(""), node->params[0]);
}

/* RFC 5464 3.1: names begin with /shared/ or /private/. */
static void check_names(struct sieve_compiler *compiler,
			const struct sieve_arg *names)
{
	for (size_t i = 0; i < names->count; i++) {
		const struct sieve_string *s = &names->strings[i];

		if (!s->pieces &&
		    !pf_str_istarts(s->value.text, PF_STR("/private/")) &&
		    !pf_str_istarts(s->value.text, PF_STR("/shared/")))
			sieve_warning(compiler, s->at,
				      "such as \"/private/comment\"",
				      "there is no annotation of that name");
	}
}

static void check_second(struct sieve_compiler *compiler,
			 struct sieve_node *node)
{
	check_names(compiler, node->params[1]);
}

static void check_first(struct sieve_compiler *compiler,
			struct sieve_node *node)
{
	check_names(compiler, node->params[0]);
}

static const struct sieve_def mailbox_defs[] = {
    {.name = "metadata",
     .test = true,
     .params = "ssl",
     .flags = SIEVE_DEF_MATCH,
     .usage = "metadata [:is | :contains] \"mailbox\" \"/private/comment\" "
	      "[\"key\", ...]",
     .check = check_second,
     .decide = decide_mailbox},
    {.name = "metadataexists",
     .test = true,
     .params = "sl",
     .usage = "metadataexists \"mailbox\" [\"/private/comment\", ...]",
     .check = check_second,
     .decide = decide_mailbox_exists},
    {0},
};

static const struct sieve_def server_defs[] = {
    {.name = "servermetadata",
     .test = true,
     .params = "sl",
     .flags = SIEVE_DEF_MATCH,
     .usage = "servermetadata [:is | :contains] \"/private/comment\" "
	      "[\"key\", ...]",
     .check = check_first,
     .decide = decide_server},
    {.name = "servermetadataexists",
     .test = true,
     .params = "l",
     .usage = "servermetadataexists [\"/private/comment\", ...]",
     .check = check_first,
     .decide = decide_server_exists},
    {0},
};

const struct sieve_extension sieve_ext_mboxmetadata = {.name = "mboxmetadata",
						       .defs = mailbox_defs};
const struct sieve_extension sieve_ext_servermetadata = {
    .name = "servermetadata", .defs = server_defs};
