/*
 * The base language (RFC 5228): everything that needs no require.
 *
 *	if test block *(elsif test block) [else block]		3.1
 *	require string-list;					3.2
 *	stop;							3.3
 *	redirect address;					4.2
 *	keep;							4.3
 *	discard;						4.4
 *	address [part] [comparator] [match] headers keys	5.1
 *	allof (test, ...)  anyof (test, ...)			5.2 5.3
 *	exists headers						5.5
 *	false							5.6
 *	header [comparator] [match] headers keys		5.7
 *	not test						5.8
 *	size :over/:under number				5.9
 *	true							5.10
 */
#include "sieve/run.h"

/* ---- actions ---- */

static void execute_keep(struct sieve_run *run, const struct sieve_node *node)
{
	sieve_run_action(run, node, (struct sieve_action){.kind = SIEVE_KEEP});
}

static void execute_discard(struct sieve_run *run,
			    const struct sieve_node *node)
{
	sieve_run_action(run, node,
			 (struct sieve_action){.kind = SIEVE_DISCARD});
}

static void check_redirect(struct sieve_compiler *compiler,
			   struct sieve_node *node)
{
	const struct sieve_string *to = &node->params[0]->strings[0];
	struct sieve_address address;

	if (sieve_node_tag(node, "list"))
		return;
	if (!to->pieces &&
	    !sieve_address_parse(compiler->arena, to->value.text, &address))
		sieve_error(compiler, to->at,
			    "one address, such as \"user@example.org\"",
			    "this is not an address");
}

static void execute_redirect(struct sieve_run *run,
			     const struct sieve_node *node)
{
	struct pf_str text =
	    sieve_run_string(run, &node->params[0]->strings[0]);
	struct sieve_address address;

	if (sieve_node_tag(node, "list")) {
		sieve_list_redirect(run, node);
		return;
	}
	if (!sieve_address_parse(run->arena, text, &address)) {
		sieve_run_fail(run, "redirect: not an address");
		return;
	}
	sieve_run_action(run, node,
			 (struct sieve_action){.kind = SIEVE_REDIRECT,
					       .address = address.all});
}

/* ---- tests of the header ---- */

/* Names of fields are written without the colon.  Only a warning: Dovecot's
 * users have scripts with such a name, and the rest of them works. */
static void check_names(struct sieve_compiler *compiler,
			const struct sieve_arg *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct pf_str name = names->strings[i].value.text;
		bool good = name.n > 0;

		for (size_t k = 0; k < name.n; k++)
			good &= name.p[k] > ' ' && name.p[k] < 0x7f &&
				name.p[k] != ':';
		if (!good && !names->strings[i].pieces)
			sieve_warning(compiler, names->strings[i].at,
				      pf_str_chr(name, ':') >= 0
					  ? "write it without the colon"
					  : NULL,
				      "this is no name of a header field");
	}
}

static void check_header(struct sieve_compiler *compiler,
			 struct sieve_node *node)
{
	check_names(compiler, node->params[0]);
}

static bool decide_header(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_matcher matcher;
	struct sieve_fields fields;
	struct sieve_field *field;

	sieve_matcher_begin(&matcher, run, node, node->params[1]);
	sieve_fields_begin(&fields, run, node, node->params[0]);
	while ((field = sieve_fields_next(&fields)) &&
	       !sieve_matcher_add(&matcher, sieve_field_value(run, field)))
		;
	return sieve_matcher_end(&matcher);
}

static bool decide_exists(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_arg *names = node->params[0];

	for (size_t i = 0; i < names->count; i++) {
		size_t pos = 0;

		if (!sieve_run_field(
			run, sieve_run_string(run, &names->strings[i]), &pos))
			return false;
	}
	return true;
}

/* ---- address ---- */

/* Fields that hold addresses: RFC 5228 5.1 asks for a fixed choice. */
static bool holds_addresses(struct pf_str name)
{
	static const char names[] =
	    "from to cc bcc sender reply-to resent-from resent-to resent-cc "
	    "resent-bcc resent-sender resent-reply-to return-path "
	    "delivered-to x-delivered-to x-original-to original-to "
	    "envelope-to envelope-from x-envelope-to x-envelope-from "
	    "x-original-from apparently-to errors-to mail-followup-to "
	    "mail-reply-to disposition-notification-to return-receipt-to "
	    "x-forwarded-to x-forwarded-for x-beenthere x-mailing-list "
	    "x-loop x-sender x-original-sender list-owner "
	    "original-recipient final-recipient approved "
	    "abuse-reports-to x-report-abuse-to";

	return sieve_word_in(name, names);
}

static void check_address(struct sieve_compiler *compiler,
			  struct sieve_node *node)
{
	const struct sieve_arg *names = node->params[0];

	check_names(compiler, names);
	if (sieve_node_tag(node, "mime"))
		return; /* any field may be looked at (RFC 5703 4.2) */
	for (size_t i = 0; i < names->count; i++) {
		struct pf_str name = names->strings[i].value.text;

		if (!names->strings[i].pieces && !holds_addresses(name))
			sieve_error(compiler, names->strings[i].at,
				    "use the test header",
				    "the field \"%.*s\" holds no addresses",
				    name.n > 60 ? 60 : (int)name.n, name.p);
	}
}

void sieve_match_addresses(struct sieve_matcher *matcher,
			   struct sieve_field *field)
{
	const struct sieve_address_part *part = matcher->node->part;

	sieve_field_addresses(matcher->run, field);
	for (size_t i = 0; i < field->address_count; i++) {
		struct sieve_value value = {.text = field->addresses[i].all,
					    .passing = true};

		if (part &&
		    !part->get(matcher->run, &field->addresses[i], &value.text))
			continue;
		if (sieve_matcher_add(matcher, &value))
			return;
	}
}

static bool decide_address(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_matcher matcher;
	struct sieve_fields fields;
	struct sieve_field *field;

	sieve_matcher_begin(&matcher, run, node, node->params[1]);
	sieve_fields_begin(&fields, run, node, node->params[0]);
	while (!matcher.found && (field = sieve_fields_next(&fields))) {
		if (holds_addresses(field->name))
			sieve_match_addresses(&matcher, field);
	}
	return sieve_matcher_end(&matcher);
}

/* address-part = ":localpart" / ":domain" / ":all" (RFC 5228 2.7.4) */

static bool get_all(struct sieve_run *run, const struct sieve_address *address,
		    struct pf_str *part)
{
	(void)run;
	*part = address->all;
	return true;
}

static bool get_local(struct sieve_run *run,
		      const struct sieve_address *address, struct pf_str *part)
{
	(void)run;
	*part = address->local;
	return address->local.p || address->null_sender;
}

static bool get_domain(struct sieve_run *run,
		       const struct sieve_address *address, struct pf_str *part)
{
	(void)run;
	*part = address->domain;
	return address->domain.p || address->null_sender;
}

static const struct sieve_address_part part_all = {"all", get_all};
static const struct sieve_address_part part_local = {"localpart", get_local};
static const struct sieve_address_part part_domain = {"domain", get_domain};

/* ---- size ---- */

static void check_size(struct sieve_compiler *compiler, struct sieve_node *node)
{
	if (!sieve_node_tag(node, "over") && !sieve_node_tag(node, "under"))
		sieve_error(compiler, node->at, node->def->usage,
			    "size takes :over or :under");
}

static bool decide_size(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_bound *over = sieve_node_tag(node, "over");
	const struct sieve_bound *under = sieve_node_tag(node, "under");

	return over ? run->message->size > over->value->number
		    : run->message->size < under->value->number;
}

/* In an included script, and where there are loops, libsieve asks before it
 * stops (lower.c). */
bool sieve_decide_stop(struct sieve_run *run, const struct sieve_node *node)
{
	(void)node;
	run->stopped = true;
	return true;
}

static const struct sieve_def defs[] = {
    {.name = "require",
     .control = SIEVE_REQUIRE,
     .params = "l",
     .usage = "require [\"extension\", ...];"},
    {.name = "if",
     .control = SIEVE_IF,
     .params = "",
     .usage = "if test { ... }"},
    {.name = "elsif",
     .control = SIEVE_ELSIF,
     .params = "",
     .usage = "elsif test { ... }"},
    {.name = "else",
     .control = SIEVE_ELSE,
     .params = "",
     .usage = "else { ... }"},
    {.name = "stop",
     .control = SIEVE_STOP,
     .params = "",
     .usage = "stop;",
     .decide = sieve_decide_stop},
    {.name = "keep", .params = "", .usage = "keep;", .execute = execute_keep},
    {.name = "discard",
     .params = "",
     .usage = "discard;",
     .execute = execute_discard},
    {.name = "redirect",
     .params = "s",
     .usage = "redirect \"user@example.org\";",
     .check = check_redirect,
     .execute = execute_redirect},
    {.name = "address",
     .test = true,
     .params = "ll",
     .flags = SIEVE_DEF_MATCH | SIEVE_DEF_ADDRESS,
     .usage = "address [:all | :localpart | :domain] [:is | :contains | "
	      ":matches] [\"field\", ...] [\"key\", ...]",
     .check = check_address,
     .decide = decide_address},
    {.name = "allof",
     .test = true,
     .control = SIEVE_ALLOF,
     .params = "",
     .usage = "allof (test, test, ...)"},
    {.name = "anyof",
     .test = true,
     .control = SIEVE_ANYOF,
     .params = "",
     .usage = "anyof (test, test, ...)"},
    {.name = "exists",
     .test = true,
     .params = "l",
     .usage = "exists [\"field\", ...]",
     .check = check_header,
     .decide = decide_exists},
    {.name = "false",
     .test = true,
     .control = SIEVE_FALSE,
     .params = "",
     .usage = "false"},
    {.name = "header",
     .test = true,
     .params = "ll",
     .flags = SIEVE_DEF_MATCH,
     .usage = "header [:is | :contains | :matches] [\"field\", ...] "
	      "[\"key\", ...]",
     .check = check_header,
     .decide = decide_header},
    {.name = "not",
     .test = true,
     .control = SIEVE_NOT,
     .params = "",
     .usage = "not test"},
    {.name = "size",
     .test = true,
     .params = "",
     .usage = "size :over 100K, or size :under 100K",
     .check = check_size,
     .decide = decide_size},
    {.name = "true",
     .test = true,
     .control = SIEVE_TRUE,
     .params = "",
     .usage = "true"},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "comparator", .on = "@match", .value = 's'},
    {.name = "is",
     .on = "@match",
     .group = "match type",
     .match = &sieve_match_is},
    {.name = "contains",
     .on = "@match",
     .group = "match type",
     .match = &sieve_match_contains},
    {.name = "matches",
     .on = "@match",
     .group = "match type",
     .match = &sieve_match_matches},
    {.name = "all",
     .on = "@address",
     .group = "address part",
     .part = &part_all},
    {.name = "localpart",
     .on = "@address",
     .group = "address part",
     .part = &part_local},
    {.name = "domain",
     .on = "@address",
     .group = "address part",
     .part = &part_domain},
    {.name = "over", .on = "size", .group = "limit", .value = 'n'},
    {.name = "under", .on = "size", .group = "limit", .value = 'n'},
    {0},
};

const struct sieve_extension sieve_ext_base = {.defs = defs, .tags = tags};
