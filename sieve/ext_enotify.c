/*
 * enotify (RFC 5435), with the method mailto (RFC 5436)
 *
 *	notify [":from" string] [":importance" <"1" / "2" / "3">]
 *	       [":options" string-list] [":message" string] <method: string>;
 *	valid_notify_method <notification-uris: string-list>
 *	notify_method_capability [comparator] [match-type]
 *	       <notification-uri: string> <notification-capability: string>
 *	       <key-list: string-list>
 *	set ":encodeurl" ...
 */
#include "sieve/run.h"

#include <stdio.h>

/* ---- notify ---- */

static bool is_mailto(struct pf_str uri)
{
	return pf_str_istarts(uri, PF_STR("mailto:"));
}

/* Other methods are for other servers: a script may ask before it uses one,
 * so that they are wrong only where they are executed (RFC 5435 3.2). */
static void check_method(struct sieve_compiler *compiler,
			 struct sieve_node *node)
{
	const struct sieve_string *s = &node->params[0]->strings[0];
	struct sieve_mailto mailto;
	const char *problem;

	if (s->pieces)
		return;
	if (!is_mailto(s->value.text))
		sieve_warning(compiler, s->at,
			      "such as \"mailto:user@example.org\"",
			      "only mailto: is supported here; this will fail");
	else if (!sieve_mailto_parse(compiler->arena, s->value.text, &mailto,
				     &problem))
		sieve_error(compiler, s->at, "write other characters as %xx",
			    "%s", problem);
	else if (mailto.to_count == 0)
		sieve_warning(compiler, s->at, NULL, "this names no recipient");
}

static struct pf_str tag_string(struct sieve_run *run,
				const struct sieve_node *node, const char *name)
{
	const struct sieve_bound *bound = sieve_node_tag(node, name);

	return bound ? sieve_run_string(run, &bound->value->strings[0])
		     : PF_STR("");
}

static bool notified(const struct sieve_run *run, struct pf_str address)
{
	const struct sieve_result *result = run->result;

	for (size_t i = 0; i < result->count; i++) {
		const struct sieve_action *a = &result->actions[i];

		for (size_t k = 0;
		     a->kind == SIEVE_NOTIFY && k < a->mailto->to_count; k++) {
			if (pf_str_ieq(a->mailto->to[k], address))
				return true;
		}
	}
	return false;
}

/* Nobody is told twice by one run (RFC 5436 2.7). */
static void drop_notified(const struct sieve_run *run,
			  struct sieve_mailto *mailto)
{
	size_t n = 0, to = 0;

	for (size_t i = 0; i < mailto->to_count; i++) {
		if (notified(run, mailto->to[i]))
			continue;
		to += i < mailto->cc_from;
		mailto->to[n++] = mailto->to[i];
	}
	mailto->to_count = n;
	mailto->cc_from = to;
}

static void execute(struct sieve_run *run, const struct sieve_node *node)
{
	struct pf_str uri = sieve_run_string(run, &node->params[0]->strings[0]);
	struct pf_str importance = tag_string(run, node, "importance");
	struct pf_str from = tag_string(run, node, "from");
	struct sieve_mailto *mailto = sieve_run_alloc(run, 1, sizeof *mailto);
	struct sieve_address address = {0};
	const char *problem;

	if (!mailto || !sieve_run_step(run, 1000 + uri.n))
		return;
	if (!sieve_mailto_parse(run->arena, uri, mailto, &problem)) {
		sieve_run_fail(run, "notify: %s", problem);
		return;
	}
	if (sieve_node_tag(node, "importance") &&
	    !sieve_word_in(importance, "1 2 3")) {
		sieve_run_fail(run, "notify: bad value of :importance");
		return;
	}
	if (sieve_node_tag(node, "from") &&
	    !sieve_address_parse(run->arena, from, &address)) {
		sieve_run_fail(run, "notify: :from is not an address");
		return;
	}
	drop_notified(run, mailto);
	if (sieve_run_automatic(run)) {
		sieve_run_trace(run, "notify: not for automatic mail");
		return;
	}
	if (mailto->to_count == 0) {
		sieve_run_trace(run, "notify: there is nobody to tell");
		return;
	}
	sieve_run_action(
	    run, node,
	    (struct sieve_action){
		.kind = SIEVE_NOTIFY,
		.mailto = mailto,
		.address = address.all,
		.subject = sieve_node_tag(node, "message")
			       ? tag_string(run, node, "message")
			       : (struct pf_str){0},
		.importance = importance.n > 0 ? importance.p[0] - '0' : 2});
}

/* ---- tags ---- */

static void check_importance(struct sieve_compiler *compiler,
			     struct sieve_node *node,
			     const struct sieve_arg *value)
{
	const struct sieve_string *s = &value->strings[0];

	(void)node;
	if (!s->pieces && !sieve_word_in(s->value.text, "1 2 3"))
		sieve_error(compiler, s->at, "\"1\" is the highest",
			    ":importance takes \"1\", \"2\" or \"3\"");
}

static void check_from(struct sieve_compiler *compiler, struct sieve_node *node,
		       const struct sieve_arg *value)
{
	const struct sieve_string *s = &value->strings[0];
	struct sieve_address address;

	(void)node;
	if (!s->pieces &&
	    !sieve_address_parse(compiler->arena, s->value.text, &address))
		sieve_error(compiler, s->at, "such as \"user@example.org\"",
			    "this is not an address");
}

/* l-d *l-d-p "=" value (RFC 5435 3.5) */
static bool is_option(struct pf_str s)
{
	size_t i = 0;

	for (; i < s.n && s.p[i] != '='; i++) {
		char c = pf_ascii_lower(s.p[i]);
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!letter && (i == 0 || !strchr(".-_", c)))
			return false;
	}
	return i > 0 && i < s.n && !memchr(s.p, '\n', s.n) &&
	       !memchr(s.p, '\r', s.n) && !memchr(s.p, '\0', s.n);
}

static void check_options(struct sieve_compiler *compiler,
			  struct sieve_node *node,
			  const struct sieve_arg *value)
{
	(void)node;
	for (size_t i = 0; i < value->count; i++) {
		const struct sieve_string *s = &value->strings[i];

		if (!s->pieces && !is_option(s->value.text))
			sieve_error(compiler, s->at, "such as \"name=value\"",
				    "this is no option");
	}
}

static void encode_url(struct pf_buf *to, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], lower = pf_ascii_lower(c);

		if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '.' || c == '_' || c == '~')
			pf_buf_add_byte(to, c);
		else
			pf_buf_addf(to, "%%%02X", (unsigned)(unsigned char)c);
	}
}

/* ---- tests ---- */

static bool is_valid(struct sieve_run *run, struct pf_str uri)
{
	struct sieve_mailto mailto;
	const char *problem;

	return sieve_run_step(run, 1000 + uri.n) &&
	       sieve_mailto_parse(run->arena, uri, &mailto, &problem);
}

static bool decide_valid(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_arg *uris = node->params[0];

	for (size_t i = 0; i < uris->count; i++) {
		if (!is_valid(run, sieve_run_string(run, &uris->strings[i])))
			return false;
	}
	return true;
}

/* "online" (RFC 5435 5, RFC 5436 2.2); "fcc" (RFC 8580 4) */
static bool decide_capability(struct sieve_run *run,
			      const struct sieve_node *node)
{
	struct pf_str uri = sieve_run_string(run, &node->params[0]->strings[0]);
	struct pf_str item =
	    sieve_run_string(run, &node->params[1]->strings[0]);
	struct sieve_value value = {.passing = true};
	struct sieve_matcher matcher;

	if (!is_valid(run, uri))
		return false;
	if (pf_str_ieq(item, PF_STR("online")))
		value.text = PF_STR("maybe");
	else if (pf_str_ieq(item, PF_STR("fcc")))
		value.text = PF_STR("yes");
	else
		return false;
	sieve_matcher_begin(&matcher, run, node, node->params[2]);
	sieve_matcher_add(&matcher, &value);
	return sieve_matcher_end(&matcher);
}

static const struct sieve_def defs[] = {
    {.name = "notify",
     .params = "s",
     .usage = "notify [:message \"text\"] [:importance \"1\"] "
	      "\"mailto:user@example.org\";",
     .check = check_method,
     .execute = execute},
    {.name = "valid_notify_method",
     .test = true,
     .params = "l",
     .usage = "valid_notify_method [\"mailto:user@example.org\", ...]",
     .decide = decide_valid},
    {.name = "notify_method_capability",
     .test = true,
     .params = "ssl",
     .flags = SIEVE_DEF_MATCH,
     .usage = "notify_method_capability \"mailto:user@example.org\" "
	      "\"online\" [\"yes\", ...]",
     .decide = decide_capability},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "from", .on = "notify", .value = 's', .check = check_from},
    {.name = "importance",
     .on = "notify",
     .value = 's',
     .check = check_importance},
    {.name = "options", .on = "notify", .value = 'l', .check = check_options},
    {.name = "message", .on = "notify", .value = 's'},
    {.name = "encodeurl", .on = "set", .precedence = 15, .modify = encode_url},
    {0},
};

const struct sieve_extension sieve_ext_enotify = {
    .name = "enotify", .defs = defs, .tags = tags};
