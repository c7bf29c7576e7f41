/*
 * mime (RFC 5703 4)
 *
 *	header  [":mime"] [":anychild"] [MIMEOPTS] ...		4.1
 *	address [":mime"] [":anychild"] ...			4.2
 *	exists  [":mime"] [":anychild"] ...			4.3
 *	MIMEOPTS = ":type" / ":subtype" / ":contenttype" /
 *		   ":param" <param-list: string-list>
 *
 * ":mime" looks at the header of the part that the loop is at, or of the
 * message; ":anychild" at those of all parts in it as well.
 */
#include "sieve/run.h"

#include "mime/mime.h"

enum {
	PARSE_MAX = 1 << 20 /* memory for one structured field */
};

/* ---- fields of parts ---- */

struct walk {
	struct sieve_run *run;
	const struct sieve_node *node;
	const struct mime_part *top, *part;
	struct pf_str header;
	size_t pos;
	uint64_t seen, wanted; /* with :index */
};

static const struct mime_part *top_of(struct sieve_run *run)
{
	return run->part ? run->part : sieve_content_root(run);
}

/* To the next part that the test looks at; false: there is none. */
static bool next_part(struct walk *walk)
{
	struct sieve_run *run = walk->run;

	if (!walk->part)
		walk->part = walk->top;
	else if (!sieve_node_tag(walk->node, "anychild"))
		return false;
	else
		walk->part = sieve_content_next(run, walk->top, walk->part);
	if (!walk->part || !sieve_run_step(run, 100))
		return false;
	walk->header = sieve_content_part_header(run, walk->part);
	walk->pos = 0;
	return true;
}

static bool is_named(struct sieve_run *run, const struct sieve_arg *names,
		     struct pf_str name)
{
	for (size_t i = 0; i < names->count && sieve_run_step(run, 4); i++) {
		if (pf_str_ieq(name, sieve_run_string(run, &names->strings[i])))
			return true;
	}
	return false;
}

/* The next field that has one of the names, whatever its number */
static bool any_field(struct walk *walk, struct mime_field *field)
{
	for (;;) {
		while (walk->part &&
		       mime_field_next(walk->header, &walk->pos, field)) {
			if (is_named(walk->run, walk->node->params[0],
				     field->name))
				return true;
			if (walk->run->result->failed)
				return false;
		}
		if (!next_part(walk))
			return false;
	}
}

static bool next_field(struct walk *walk, struct mime_field *field)
{
	while (any_field(walk, field)) {
		walk->seen++;
		if (walk->wanted == 0 || walk->seen == walk->wanted)
			return true;
	}
	return false;
}

/* :index counts the fields of all the parts (RFC 5260 6) */
static void begin(struct walk *walk, struct sieve_run *run,
		  const struct sieve_node *node)
{
	const struct sieve_bound *index = sieve_node_tag(node, "index");
	const struct walk start = {
	    .run = run, .node = node, .top = top_of(run)};
	struct mime_field field;

	*walk = start;
	if (!index)
		return;
	if (sieve_node_tag(node, "last")) {
		uint64_t all = 0;

		while (any_field(walk, &field))
			all++;
		*walk = start;
		walk->wanted = index->value->number > all
				   ? UINT64_MAX
				   : all + 1 - index->value->number;
	} else {
		walk->wanted = index->value->number;
	}
}

/* ---- header ---- */

static bool match_text(struct sieve_matcher *matcher, struct pf_str text)
{
	struct sieve_value value = {.text = sieve_run_keep(matcher->run, text),
				    .passing = true};

	return sieve_matcher_add(matcher, &value);
}

static bool match_params(struct sieve_matcher *matcher,
			 const struct sieve_arg *names,
			 const struct mime_params *params)
{
	for (size_t i = 0; i < params->n; i++) {
		if (is_named(matcher->run, names, params->v[i].name) &&
		    match_text(matcher, params->v[i].value))
			return true;
	}
	return false;
}

struct structured {
	struct pf_str type, subtype;
	struct mime_params params;
	bool content_type, known; /* known: it could be read */
};

static void parse(struct pf_arena *arena, const struct mime_field *field,
		  struct structured *to)
{
	*to = (struct structured){.type = PF_STR(""), .subtype = PF_STR("")};
	if (pf_str_ieq(field->name, PF_STR("Content-Type"))) {
		to->content_type = true;
		to->known = mime_content_type(arena, field->raw, &to->type,
					      &to->subtype, &to->params);
	} else {
		to->known = mime_token_params(arena, field->raw, &to->type,
					      &to->params);
	}
}

/* :contenttype is "type/subtype", of a disposition the same as :type. */
static bool match_element(struct sieve_matcher *matcher,
			  const struct mime_field *field,
			  const struct structured *s)
{
	const struct sieve_node *node = matcher->node;
	bool disposition =
	    pf_str_ieq(field->name, PF_STR("Content-Disposition"));
	struct pf_buf whole = PF_BUF_INIT(8192);
	struct pf_str text = PF_STR("");

	if (node->match.type->counts && !s->known)
		return false;
	if (sieve_node_tag(node, "subtype")) {
		text = s->subtype;
	} else if (s->content_type && sieve_node_tag(node, "contenttype")) {
		pf_buf_addf(&whole, "%.*s/%.*s", (int)s->type.n, s->type.p,
			    (int)s->subtype.n, s->subtype.p);
		text = pf_buf_str(&whole);
	} else if (s->content_type || disposition) {
		text = s->type;
	}
	bool enough = match_text(matcher, text);
	pf_buf_release(&whole);
	return enough;
}

static bool match_field(struct sieve_matcher *matcher,
			const struct mime_field *field)
{
	const struct sieve_node *node = matcher->node;
	const struct sieve_bound *names = sieve_node_tag(node, "param");
	bool element = sieve_node_tag(node, "type") ||
		       sieve_node_tag(node, "subtype") ||
		       sieve_node_tag(node, "contenttype");
	bool enough;

	if (!sieve_run_step(matcher->run, 2 * field->raw.n))
		return true;
	if (!names && !element) {
		struct pf_buf text = PF_BUF_INIT(4 * field->raw.n + 16);

		mime_decode_text(&text, field->raw);
		enough = match_text(matcher, pf_str_trim(pf_buf_str(&text)));
		pf_buf_release(&text);
		return enough;
	}
	struct pf_arena arena;
	struct structured s;
	pf_arena_init(&arena, PARSE_MAX);
	parse(&arena, field, &s);
	enough = names ? match_params(matcher, names->value, &s.params)
		       : match_element(matcher, field, &s);
	pf_arena_release(&arena);
	return enough;
}

static bool decide_header(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_matcher matcher;
	struct mime_field field;
	struct walk walk;

	sieve_matcher_begin(&matcher, run, node, node->params[1]);
	begin(&walk, run, node);
	while (next_field(&walk, &field) && !match_field(&matcher, &field))
		;
	return sieve_matcher_end(&matcher);
}

/* ---- address, exists ---- */

static bool decide_address(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_matcher matcher;
	struct mime_field found;
	struct walk walk;

	sieve_matcher_begin(&matcher, run, node, node->params[1]);
	begin(&walk, run, node);
	while (!matcher.found && next_field(&walk, &found)) {
		struct sieve_field field = {.name = found.name,
					    .raw = found.raw};

		sieve_match_addresses(&matcher, &field);
		if (run->result->failed)
			break;
	}
	return sieve_matcher_end(&matcher);
}

/* All of the fields, in one part */
static bool decide_exists(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_arg *names = node->params[0];
	struct walk walk = {.run = run, .node = node, .top = top_of(run)};

	while (next_part(&walk)) {
		size_t found = 0;

		for (size_t i = 0; i < names->count; i++) {
			struct pf_str name =
			    sieve_run_string(run, &names->strings[i]);
			struct mime_field field;
			bool here = false;

			if (!sieve_run_step(run, walk.header.n))
				return false;
			for (size_t pos = 0;
			     !here &&
			     mime_field_next(walk.header, &pos, &field);)
				here = pf_str_ieq(field.name, name);
			found += here;
		}
		if (found == names->count)
			return true;
	}
	return false;
}

/* ---- checks ---- */

static void check_needs_mime(struct sieve_compiler *compiler,
			     struct sieve_node *node,
			     const struct sieve_arg *value)
{
	(void)value;
	if (!sieve_node_tag(node, "mime"))
		sieve_error(compiler, node->at, "write :mime in front of it",
			    "this needs :mime");
}

static const struct sieve_tag tags[] = {
    {.name = "mime", .on = "header", .decide = decide_header},
    {.name = "mime", .on = "address", .decide = decide_address},
    {.name = "mime", .on = "exists", .decide = decide_exists},
    {.name = "anychild",
     .on = "header address exists",
     .check = check_needs_mime},
    {.name = "type",
     .on = "header",
     .group = "element of a field",
     .check = check_needs_mime},
    {.name = "subtype",
     .on = "header",
     .group = "element of a field",
     .check = check_needs_mime},
    {.name = "contenttype",
     .on = "header",
     .group = "element of a field",
     .check = check_needs_mime},
    {.name = "param",
     .on = "header",
     .group = "element of a field",
     .value = 'l',
     .check = check_needs_mime},
    {0},
};

const struct sieve_extension sieve_ext_mime = {.name = "mime", .tags = tags};
