/*
 * notify and denotify, the draft before enotify (draft-martin-sieve-notify),
 * as Pigeonhole has it: by mail, to the addresses in :options.
 *
 *	notify [":method" string] [":id" string] [":options" string-list]
 *	       [":low" / ":normal" / ":high"] [":message" string];
 *	denotify [match-type] [<id: string>] [":low" / ":normal" / ":high"];
 *
 * The message may hold $from$, $env-from$ and $subject$.
 */
#include "sieve/run.h"

enum {
	RECIPIENTS_MAX = 8,
	MESSAGE_MAX = 16 * 1024
};

static const char standard[] = "$from$: $subject$";

/* 1 (high) to 3, or 0: not given */
static int importance(const struct sieve_node *node)
{
	return sieve_node_tag(node, "high")	? 1
	       : sieve_node_tag(node, "normal") ? 2
	       : sieve_node_tag(node, "low")	? 3
						: 0;
}

static struct pf_str tag_string(struct sieve_run *run,
				const struct sieve_node *node, const char *name)
{
	const struct sieve_bound *bound = sieve_node_tag(node, name);

	return bound ? sieve_run_string(run, &bound->value->strings[0])
		     : PF_STR("");
}

static struct pf_str field_text(struct sieve_run *run, struct pf_str name)
{
	size_t pos = 0;
	struct sieve_field *field = sieve_run_field(run, name, &pos);

	return field ? sieve_field_value(run, field)->text : PF_STR("");
}

/* The message with its words replaced */
static struct pf_str expand(struct sieve_run *run, struct pf_str message)
{
	const struct {
		struct pf_str word, text;
	} words[] = {
	    {PF_STR("$from$"), field_text(run, PF_STR("From"))},
	    {PF_STR("$env-from$"), run->message->from},
	    {PF_STR("$subject$"), field_text(run, PF_STR("Subject"))},
	};
	struct pf_buf to = PF_BUF_INIT(MESSAGE_MAX);

	while (message.n > 0 && sieve_run_step(run, 10)) {
		size_t i = 0;

		while (i < 3 && !pf_str_istarts(message, words[i].word))
			i++;
		if (i < 3)
			pf_buf_add_str(&to, words[i].text);
		else
			pf_buf_add_byte(&to, message.p[0]);
		message = pf_str_from(message, i < 3 ? words[i].word.n : 1);
	}
	struct pf_str text = sieve_run_keep(run, pf_buf_str(&to));
	pf_buf_release(&to);
	return text;
}

static void add_recipients(struct sieve_run *run, const struct sieve_node *node,
			   struct sieve_mailto *mailto)
{
	const struct sieve_bound *options = sieve_node_tag(node, "options");
	struct sieve_address address;

	for (size_t i = 0; options && i < options->value->count &&
			   mailto->to_count < RECIPIENTS_MAX;
	     i++) {
		struct pf_str text =
		    sieve_run_string(run, &options->value->strings[i]);

		if (sieve_run_step(run, 500 + text.n) &&
		    sieve_address_parse(run->arena, text, &address))
			mailto->to[mailto->to_count++] = address.all;
	}
	mailto->cc_from = mailto->to_count;
}

static void execute_notify(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_mailto *mailto = sieve_run_alloc(run, 1, sizeof *mailto);
	const struct sieve_bound *message = sieve_node_tag(node, "message");

	if (!mailto)
		return;
	mailto->to = sieve_run_alloc(run, RECIPIENTS_MAX, sizeof *mailto->to);
	if (!mailto->to)
		return;
	add_recipients(run, node, mailto);
	if (mailto->to_count == 0 || sieve_run_automatic(run)) {
		sieve_run_trace(run, "notify: nobody is told");
		return;
	}
	mailto->body = expand(run, message ? tag_string(run, node, "message")
					   : pf_str_c(standard));
	sieve_run_action(
	    run, node,
	    (struct sieve_action){.kind = SIEVE_NOTIFY,
				  .mailto = mailto,
				  .handle = tag_string(run, node, "id"),
				  .subject = PF_STR("New mail"),
				  .importance =
				      importance(node) ? importance(node) : 2});
}

/* Takes back what has that id, and that importance. */
static void execute_denotify(struct sieve_run *run,
			     const struct sieve_node *node)
{
	struct sieve_result *result = run->result;
	struct sieve_matcher matcher;
	size_t n = run->first_action;

	for (size_t i = n; i < result->count; i++) {
		const struct sieve_action *a = &result->actions[i];
		bool gone =
		    a->kind == SIEVE_NOTIFY &&
		    (!importance(node) || importance(node) == a->importance);

		if (gone && node->params[0]) {
			struct sieve_value value = {.text = a->handle,
						    .passing = true};

			sieve_matcher_begin(&matcher, run, node,
					    node->params[0]);
			sieve_matcher_add(&matcher, &value);
			gone = sieve_matcher_end(&matcher);
		}
		if (!gone)
			result->actions[n++] = *a;
	}
	sieve_run_trace(run, "denotify: %zu taken back", result->count - n);
	result->count = n;
}

static void check_method(struct sieve_compiler *compiler,
			 struct sieve_node *node, const struct sieve_arg *value)
{
	const struct sieve_string *s = &value->strings[0];

	(void)node;
	if (!s->pieces && !pf_str_ieq(s->value.text, PF_STR("mailto")))
		sieve_error(compiler, s->at, "write \"mailto\"",
			    "there is no such method here");
}

static void check_options(struct sieve_compiler *compiler,
			  struct sieve_node *node,
			  const struct sieve_arg *value)
{
	struct sieve_address address;

	(void)node;
	for (size_t i = 0; i < value->count; i++) {
		const struct sieve_string *s = &value->strings[i];

		if (!s->pieces && !sieve_address_parse(compiler->arena,
						       s->value.text, &address))
			sieve_error(compiler, s->at,
				    "such as \"user@example.org\"",
				    "this is not an address");
	}
}

static void check_notify(struct sieve_compiler *compiler,
			 struct sieve_node *node)
{
	if (!sieve_node_tag(node, "options"))
		sieve_warning(compiler, node->at,
			      "add :options \"user@example.org\"",
			      "this tells nobody");
}

static const struct sieve_def defs[] = {
    {.name = "notify",
     .params = "",
     .usage = "notify [:message \"text\"] :options \"user@example.org\";",
     .check = check_notify,
     .execute = execute_notify},
    {.name = "denotify",
     .params = "?s",
     .flags = SIEVE_DEF_MATCH | SIEVE_DEF_NO_CAPTURES,
     .usage = "denotify [:is | :contains | :matches \"id\"] [:low | :normal "
	      "| :high];",
     .execute = execute_denotify},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "method", .on = "notify", .value = 's', .check = check_method},
    {.name = "id", .on = "notify", .value = 's'},
    {.name = "options", .on = "notify", .value = 'l', .check = check_options},
    {.name = "message", .on = "notify", .value = 's'},
    {.name = "low", .on = "notify denotify", .group = "importance"},
    {.name = "normal", .on = "notify denotify", .group = "importance"},
    {.name = "high", .on = "notify denotify", .group = "importance"},
    {0},
};

const struct sieve_extension sieve_ext_notify = {
    .name = "notify",
    .unlisted = true,
    .instead = "write enotify, and notify \"mailto:user@example.org\"",
    .defs = defs,
    .tags = tags};
