/*
 * extracttext (RFC 5703 7)
 *
 *	extracttext [MODIFIER] [":first" number] <varname: string>;
 *
 * The text of the part that the loop is at, decoded to UTF-8, HTML without its
 * tags; parts that are no text give none.  The modifiers are those of set.
 */
#include "sieve/run.h"

#include "base/utf8.h"
#include "mime/mime.h"

extern const struct sieve_extension sieve_ext_variables;

static void check(struct sieve_compiler *compiler, struct sieve_node *node)
{
	const struct sieve_node *loop = node->above;
	size_t index;

	while (loop && !(loop->def && loop->def->control == SIEVE_LOOP))
		loop = loop->above;
	if (!loop)
		sieve_error(compiler, node->at, NULL,
			    "extracttext stands in no foreverypart");
	if (!compiler->script
		 ->required[sieve_extension_index(&sieve_ext_variables)]) {
		sieve_error(compiler, node->at,
			    "put require \"variables\"; at the top",
			    "extracttext needs the extension \"variables\"");
		return;
	}
	if (!sieve_variable_name(compiler, &node->params[0]->strings[0],
				 &index))
		return;
	node->slots = pf_arena_alloc(compiler->arena, sizeof *node->slots);
	node->slots[0] = index;
}

/* At most n characters */
static struct pf_str first(struct pf_str text, uint64_t n)
{
	struct pf_str rest = text;
	size_t step;

	for (; n > 0 && rest.n > 0; n--) {
		pf_utf8_next(rest, &step);
		rest = pf_str_from(rest, step);
	}
	return pf_str_head(text, text.n - rest.n);
}

static void execute(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_bound *limit = sieve_node_tag(node, "first");
	const struct mime_part *part = run->part;
	const struct sieve_edit *edit =
	    part ? sieve_content_edit(run, part) : NULL;
	struct pf_buf text = PF_BUF_INIT(2 * SIEVE_VARIABLE_MAX);

	if (!sieve_run_step(run, 4 * SIEVE_VARIABLE_MAX))
		return;
	if (edit)
		pf_buf_add_str(&text,
			       pf_str_head(edit->body, SIEVE_VARIABLE_MAX));
	else if (part &&
		 mime_part_read_text(sieve_content_file(run), part,
				     SIEVE_VARIABLE_MAX, &text, NULL) != PF_OK)
		pf_buf_clear(&text);
	struct pf_str value = pf_buf_str(&text);
	if (limit)
		value = first(value, limit->value->number);
	sieve_variable_modified_set(run, node, node->slots[0],
				    sieve_run_keep(run, value));
	sieve_run_trace(run, "extracttext: %zu bytes", value.n);
	pf_buf_release(&text);
}

static const struct sieve_def defs[] = {
    {.name = "extracttext",
     .params = "s",
     .usage = "extracttext [:lower | ...] [:first 100] \"name\";",
     .check = check,
     .execute = execute},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "first", .on = "extracttext", .value = 'n'},
    {0},
};

const struct sieve_extension sieve_ext_extracttext = {
    .name = "extracttext", .defs = defs, .tags = tags};
