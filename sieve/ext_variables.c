/*
 * variables (RFC 5229)
 *
 *	set [modifier] <name: string> <value: string>;			4
 *	modifier = ":lower" / ":upper" / ":lowerfirst" / ":upperfirst" /
 *		   ":quotewildcard" / ":length"				4.1
 *	string [match-type] [comparator]
 *	       <source: string-list> <key-list: string-list>		5
 *
 *	variable-ref = "${" [namespace] variable-name "}"		3
 *
 * Names become indices when a script is compiled.  Namespaces belong to other
 * extensions.  Values are cut at
 * SIEVE_VARIABLE_MAX bytes.
 */
#include "sieve/run.h"

#include "base/map.h"
#include "base/utf8.h"

extern const struct sieve_extension sieve_ext_variables;

enum {
	NAME_MAX_BYTES = 64,
	PRECEDENCE_MAX = 40
};

struct state {
	struct pf_str *values; /* by index; NULL until the first set */
	struct pf_str captures[SIEVE_CAPTURES_MAX];
};

/* ---- names ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	c = pf_ascii_lower(c);
	return (c >= 'a' && c <= 'z') || c == '_';
}

/* Bytes of the identifier or number at the start of s, or 0 */
static size_t word_length(struct pf_str s)
{
	size_t n = 0;

	if (s.n == 0 || !(is_letter(s.p[0]) || is_digit(s.p[0])))
		return 0;
	bool number = is_digit(s.p[0]);
	while (n < s.n && (is_digit(s.p[n]) || (!number && is_letter(s.p[n]))))
		n++;
	return n;
}

/* Bytes of `[namespace] variable-name` at the start of s, or 0 */
static size_t name_length(struct pf_str s)
{
	size_t n = word_length(s);

	if (n > 0 && is_digit(s.p[0]))
		return n;
	while (n > 0 && n < s.n && s.p[n] == '.') {
		size_t more = word_length(pf_str_from(s, n + 1));

		if (more == 0)
			return 0;
		n += 1 + more;
	}
	return n;
}

/* The key of a variable: each script has its own, "global" are shared. */
static bool make_key(struct sieve_compiler *compiler, struct sieve_place at,
		     bool global, struct pf_str name, struct pf_buf *key)
{
	if (name.n > NAME_MAX_BYTES) {
		sieve_error(compiler, at, NULL,
			    "a variable's name is longer than %d bytes",
			    NAME_MAX_BYTES);
		return false;
	}
	pf_buf_addf(key, "%d:", global ? -1 : compiler->script_number);
	for (size_t i = 0; i < name.n; i++)
		pf_buf_add_byte(key, pf_ascii_lower(name.p[i]));
	return true;
}

static size_t intern(struct sieve_compiler *compiler, struct sieve_place at,
		     bool global, struct pf_str name)
{
	struct pf_buf key = PF_BUF_INIT(NAME_MAX_BYTES + 16);
	uintptr_t index = 1;

	if (make_key(compiler, at, global, name, &key)) {
		index = (uintptr_t)pf_map_get(compiler->variables,
					      pf_buf_str(&key));
		if (index == 0 &&
		    compiler->variable_count >= SIEVE_VARIABLES_MAX) {
			sieve_error(compiler, at, NULL,
				    "more than %d variables",
				    SIEVE_VARIABLES_MAX);
			index = 1;
		} else if (index == 0) {
			index = ++compiler->variable_count;
			pf_map_set(compiler->variables, pf_buf_str(&key),
				   (void *)index);
		}
	}
	pf_buf_release(&key);
	return index - 1;
}

void sieve_variable_share(struct sieve_compiler *compiler,
			  const struct sieve_string *string)
{
	struct pf_str name = string->value.text;
	struct pf_buf key = PF_BUF_INIT(NAME_MAX_BYTES + 16);

	if (!sieve_string_constant(compiler, string, "the name of a variable"))
		return;
	if (name.n == 0 || is_digit(name.p[0]) || word_length(name) != name.n) {
		sieve_error(compiler, string->at,
			    "letters, digits and _, not a digit first",
			    "this is no name of a variable");
		return;
	}
	uintptr_t index = intern(compiler, string->at, true, name) + 1;
	if (make_key(compiler, string->at, false, name, &key)) {
		uintptr_t had = (uintptr_t)pf_map_get(compiler->variables,
						      pf_buf_str(&key));

		if (had > 0 && had != index)
			sieve_error(compiler, string->at,
				    "declare it before it is used",
				    "there is a variable of this name already");
		pf_map_set(compiler->variables, pf_buf_str(&key),
			   (void *)index);
	}
	pf_buf_release(&key);
}

static const struct sieve_extension *find_space(struct sieve_compiler *compiler,
						struct pf_str name)
{
	for (size_t i = 0; i < sieve_registry_count; i++) {
		const struct sieve_extension *x = sieve_registry[i];

		if (x->space && compiler->script->required[i] &&
		    pf_str_ieq(name, pf_str_c(x->space)))
			return x;
	}
	return NULL;
}

bool sieve_variable_name(struct sieve_compiler *compiler,
			 const struct sieve_string *string, size_t *index)
{
	struct pf_str name = string->value.text;

	if (!sieve_string_constant(compiler, string, "the name of a variable"))
		return false;
	if (name.n == 0 || is_digit(name.p[0]) || name_length(name) != name.n) {
		sieve_error(compiler, string->at,
			    "letters, digits and _, not a digit first",
			    "this is no name of a variable");
		return false;
	}
	ptrdiff_t dot = pf_str_chr(name, '.');
	if (dot >= 0) {
		const struct sieve_extension *space =
		    find_space(compiler, pf_str_head(name, (size_t)dot));

		if (!space || space->space_value) {
			sieve_error(compiler, string->at,
				    "write it without dots",
				    space ? "these cannot be changed"
					  : "there is no such namespace");
			return false;
		}
		name = pf_str_from(name, (size_t)dot + 1);
	}
	*index = intern(compiler, string->at, dot >= 0, name);
	return true;
}

/* ---- strings with references ---- */

struct pieces pf_vec(struct sieve_piece);

/* "space.name" */
static struct sieve_piece refer_space(struct sieve_compiler *compiler,
				      struct sieve_place at, struct pf_str name,
				      size_t dot)
{
	struct pf_str inner = pf_str_from(name, dot + 1);
	const struct sieve_extension *space =
	    find_space(compiler, pf_str_head(name, dot));

	if (!space) {
		sieve_error(compiler, at, NULL,
			    "${%.*s}: there is no such namespace",
			    name.n > 60 ? 60 : (int)name.n, name.p);
		return (struct sieve_piece){.kind = SIEVE_LITERAL};
	}
	if (space->space_value)
		return (struct sieve_piece){
		    .kind = SIEVE_FOREIGN, .space = space, .literal = inner};
	return (struct sieve_piece){.kind = SIEVE_VARIABLE,
				    .index = intern(compiler, at, true, inner)};
}

/* What a reference stands for: name is all between the braces. */
static struct sieve_piece refer(struct sieve_compiler *compiler,
				struct sieve_place at, struct pf_str name)
{
	uint64_t number;

	if (is_digit(name.p[0])) {
		if (!pf_str_u64(name, SIEVE_CAPTURES_MAX - 1, &number)) {
			sieve_error(compiler, at, NULL,
				    "match variables go up to ${%d}",
				    SIEVE_CAPTURES_MAX - 1);
			number = 0;
		}
		return (struct sieve_piece){.kind = SIEVE_CAPTURE,
					    .index = (size_t)number};
	}
	ptrdiff_t dot = pf_str_chr(name, '.');
	if (dot >= 0)
		return refer_space(compiler, at, name, (size_t)dot);
	return (struct sieve_piece){.kind = SIEVE_VARIABLE,
				    .index = intern(compiler, at, false, name)};
}

/* Length of the name of a reference "${name}" at `i`, or 0 */
static size_t reference_at(struct pf_str s, size_t i)
{
	if (s.p[i] != '$' || i + 1 >= s.n || s.p[i + 1] != '{')
		return 0;
	size_t n = name_length(pf_str_from(s, i + 2));
	return n > 0 && i + 2 + n < s.n && s.p[i + 2 + n] == '}' ? n : 0;
}

static void add_literal(struct pieces *pieces, struct pf_str s, size_t start,
			size_t end)
{
	if (start < end)
		pf_vec_push(pieces, ((struct sieve_piece){
					.kind = SIEVE_LITERAL,
					.literal = pf_str_mem(s.p + start,
							      end - start)}));
}

static void compile_string(struct sieve_compiler *compiler,
			   struct sieve_string *string)
{
	struct pf_str s = string->value.text;
	struct pieces pieces = {0};
	size_t done = 0;

	for (size_t i = 0; i < s.n;) {
		size_t n = reference_at(s, i);

		if (n == 0) {
			i++;
			continue;
		}
		add_literal(&pieces, s, done, i);
		pf_vec_push(&pieces, refer(compiler, string->at,
					   pf_str_mem(s.p + i + 2, n)));
		i = done = i + n + 3;
	}
	if (pieces.n > 0) {
		add_literal(&pieces, s, done, s.n);
		string->pieces = pf_arena_array(compiler->arena, pieces.n,
						sizeof *string->pieces);
		memcpy(string->pieces, pieces.v,
		       pieces.n * sizeof *string->pieces);
		string->piece_count = pieces.n;
	}
	pf_vec_release(&pieces);
}

static struct pf_str piece_value(struct sieve_run *run,
				 const struct state *state,
				 const struct sieve_piece *piece)
{
	switch (piece->kind) {
	case SIEVE_LITERAL:
		return piece->literal;
	case SIEVE_CAPTURE:
		return state->captures[piece->index];
	case SIEVE_FOREIGN:
		return piece->space->space_value(run, piece->literal);
	case SIEVE_VARIABLE:
		break;
	}
	return state->values ? state->values[piece->index] : PF_STR("");
}

struct pf_str sieve_variables_expand(struct sieve_run *run,
				     const struct sieve_string *string)
{
	const struct state *state = sieve_run_state(run, &sieve_ext_variables);
	size_t total = 0, n = 0;

	for (size_t i = 0; i < string->piece_count; i++)
		total += piece_value(run, state, &string->pieces[i]).n;
	if (!sieve_run_step(run, total + string->piece_count))
		return PF_STR("");
	char *to = sieve_run_alloc(run, total + 1, 1);
	if (!to)
		return PF_STR("");
	for (size_t i = 0; i < string->piece_count; i++) {
		struct pf_str s = piece_value(run, state, &string->pieces[i]);

		if (s.n > 0)
			memcpy(to + n, s.p, s.n);
		n += s.n;
	}
	return pf_str_mem(to, n);
}

/* ---- values ---- */

struct pf_str sieve_variable_get(struct sieve_run *run, size_t index)
{
	const struct state *state = sieve_run_state(run, &sieve_ext_variables);

	return state->values ? state->values[index] : PF_STR("");
}

void sieve_variable_set(struct sieve_run *run, size_t index,
			struct pf_str value)
{
	struct state *state = sieve_run_state(run, &sieve_ext_variables);

	if (!state->values)
		state->values = sieve_run_alloc(
		    run, run->script->variable_count, sizeof *state->values);
	if (!state->values)
		return;
	if (value.n > SIEVE_VARIABLE_MAX) {
		value.n = SIEVE_VARIABLE_MAX;
		/* whole characters only */
		while (value.n > 0 &&
		       ((unsigned char)value.p[value.n] & 0xc0) == 0x80)
			value.n--;
	}
	state->values[index] = value;
}

void sieve_captures_set(struct sieve_run *run, const struct pf_str *captures,
			size_t count)
{
	struct state *state = sieve_run_state(run, &sieve_ext_variables);

	if (!state || (run->node->def->flags & SIEVE_DEF_NO_CAPTURES))
		return; /* the script does not know them */
	for (size_t i = 0; i < SIEVE_CAPTURES_MAX; i++)
		state->captures[i] =
		    i < count ? captures[i] : (struct pf_str){0};
}

/* ---- set ---- */

static void lower(struct pf_buf *to, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++)
		pf_buf_add_byte(to, pf_ascii_lower(s.p[i]));
}

static void upper(struct pf_buf *to, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++)
		pf_buf_add_byte(to, pf_ascii_upper(s.p[i]));
}

static void lower_first(struct pf_buf *to, struct pf_str s)
{
	lower(to, pf_str_head(s, 1));
	pf_buf_add_str(to, pf_str_from(s, 1));
}

static void upper_first(struct pf_buf *to, struct pf_str s)
{
	upper(to, pf_str_head(s, 1));
	pf_buf_add_str(to, pf_str_from(s, 1));
}

static void quote_wildcard(struct pf_buf *to, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '*' || s.p[i] == '?' || s.p[i] == '\\')
			pf_buf_add_byte(to, '\\');
		pf_buf_add_byte(to, s.p[i]);
	}
}

/* In characters */
static void length(struct pf_buf *to, struct pf_str s)
{
	uint64_t n = 0;
	size_t step;

	for (; s.n > 0; s = pf_str_from(s, step), n++)
		pf_utf8_next(s, &step);
	pf_buf_add_u64(to, n);
}

static void check_set(struct sieve_compiler *compiler, struct sieve_node *node)
{
	size_t index;

	if (!sieve_variable_name(compiler, &node->params[0]->strings[0],
				 &index))
		return;
	node->slots = pf_arena_alloc(compiler->arena, sizeof *node->slots);
	node->slots[0] = index;
}

/* Modifiers are applied by falling precedence (RFC 5229 4.1). */
static struct pf_str modify(struct sieve_run *run, const struct sieve_tag *tag,
			    struct pf_str value)
{
	struct pf_buf to = PF_BUF_INIT(3 * value.n + 24);

	if (!sieve_run_step(run, value.n))
		return value;
	tag->modify(&to, value);
	value = sieve_run_keep(run, pf_buf_str(&to));
	pf_buf_release(&to);
	return value;
}

void sieve_variable_modified_set(struct sieve_run *run,
				 const struct sieve_node *node, size_t index,
				 struct pf_str value)
{
	for (int p = PRECEDENCE_MAX; p > 0; p--) {
		for (size_t i = 0; i < node->tag_count; i++) {
			if (node->tags[i].tag->precedence == p)
				value = modify(run, node->tags[i].tag, value);
		}
	}
	sieve_variable_set(run, index, value);
}

static void execute_set(struct sieve_run *run, const struct sieve_node *node)
{
	struct pf_str value =
	    sieve_run_string(run, &node->params[1]->strings[0]);

	sieve_variable_modified_set(run, node, node->slots[0], value);
	sieve_run_trace(run, "set \"%.*s\"",
			(int)node->params[0]->strings[0].value.text.n,
			node->params[0]->strings[0].value.text.p);
}

/* Empty sources are not counted (RFC 5229 5). */
static bool decide_string(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_arg *sources = node->params[0];
	struct sieve_matcher matcher;

	sieve_matcher_begin(&matcher, run, node, node->params[1]);
	for (size_t i = 0; i < sources->count; i++) {
		struct sieve_value value =
		    sieve_run_value(run, &sources->strings[i]);

		if (node->match.type->counts && value.text.n == 0)
			continue;
		if (sieve_matcher_add(&matcher, &value))
			break;
	}
	return sieve_matcher_end(&matcher);
}

static const struct sieve_def defs[] = {
    {.name = "set",
     .params = "ss",
     .usage = "set [:lower | :upper | ...] \"name\" \"value\";",
     .check = check_set,
     .execute = execute_set},
    {.name = "string",
     .test = true,
     .params = "ll",
     .flags = SIEVE_DEF_MATCH,
     .usage = "string [:is | :contains | :matches] [\"text\", ...] "
	      "[\"key\", ...]",
     .decide = decide_string},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "lower",
     .on = "set extracttext",
     .group = "change of case",
     .precedence = 40,
     .modify = lower},
    {.name = "upper",
     .on = "set extracttext",
     .group = "change of case",
     .precedence = 40,
     .modify = upper},
    {.name = "lowerfirst",
     .on = "set extracttext",
     .group = "first letter",
     .precedence = 30,
     .modify = lower_first},
    {.name = "upperfirst",
     .on = "set extracttext",
     .group = "first letter",
     .precedence = 30,
     .modify = upper_first},
    {.name = "quotewildcard",
     .on = "set extracttext",
     .group = "kind of quoting",
     .precedence = 20,
     .modify = quote_wildcard},
    {.name = "length",
     .on = "set extracttext",
     .precedence = 10,
     .modify = length},
    {0},
};

const struct sieve_extension sieve_ext_variables = {
    .name = "variables",
    .defs = defs,
    .tags = tags,
    .string = compile_string,
    .state_size = sizeof(struct state),
};
