/*
 * Words to a tree (RFC 5228 8.2).  The grammar knows no names: any word may
 * be a command or a test, and the checker says what it is.
 *
 * After a fault the parser goes on behind the next ";" or block, so that all
 * faults are found at once.  Nesting is bounded by limits->depth_max, hence
 * the recursion is, too.
 */
#include "sieve/lang.h"

#include <stdio.h>

struct parser {
	struct sieve_compiler *compiler;
	struct sieve_lexer lexer;
	struct sieve_token token; /* the one to look at */
	struct sieve_place last;  /* where the one before it ended */
	int depth;
	bool full; /* too many nodes: reported once */
};

static void next(struct parser *parser)
{
	parser->last = parser->token.end;
	sieve_lexer_next(&parser->lexer, &parser->token);
}

static bool is_mark(const struct parser *parser, char mark)
{
	return parser->token.kind == SIEVE_TOKEN_MARK &&
	       parser->token.mark == mark;
}

static bool take_mark(struct parser *parser, char mark)
{
	if (!is_mark(parser, mark))
		return false;
	next(parser);
	return true;
}

/* The present word, for a message */
static const char *describe(const struct parser *parser, char *to, size_t size)
{
	const struct sieve_token *token = &parser->token;
	int n = token->text.n > 40 ? 40 : (int)token->text.n;

	switch (token->kind) {
	case SIEVE_TOKEN_END:
		return "the end of the script";
	case SIEVE_TOKEN_NUMBER:
		return "a number";
	case SIEVE_TOKEN_STRING:
		return "a string";
	case SIEVE_TOKEN_NAME:
		snprintf(to, size, "\"%.*s\"", n, token->text.p);
		return to;
	case SIEVE_TOKEN_TAG:
		snprintf(to, size, "\":%.*s\"", n, token->text.p);
		return to;
	case SIEVE_TOKEN_MARK:
		snprintf(to, size, "\"%c\"", token->mark);
		return to;
	}
	return "something";
}

/* One more node or argument; false when the script has too many. */
static bool count(struct parser *parser)
{
	if (parser->compiler->nodes++ < SIEVE_NODES_MAX)
		return true;
	if (!parser->full)
		sieve_error(parser->compiler, parser->token.at, NULL,
			    "the script has more than %d commands and tests",
			    SIEVE_NODES_MAX);
	parser->full = true;
	return false;
}

/* Skips to behind the next ";", or to the "}" or end of this block. */
static void recover(struct parser *parser)
{
	for (int depth = 0; parser->token.kind != SIEVE_TOKEN_END;) {
		if (is_mark(parser, '{')) {
			depth++;
		} else if (is_mark(parser, '}')) {
			if (depth == 0)
				return;
			if (--depth == 0) {
				next(parser);
				return;
			}
		} else if (is_mark(parser, ';') && depth == 0) {
			next(parser);
			return;
		}
		next(parser);
	}
}

struct strings pf_vec(struct sieve_string);

/* string-list = "[" string *("," string) "]" / string */
static void parse_strings(struct parser *parser, struct strings *strings)
{
	char word[64];
	bool list = take_mark(parser, '[');

	for (;;) {
		if (parser->token.kind != SIEVE_TOKEN_STRING) {
			sieve_error(parser->compiler, parser->token.at,
				    "lists look like [\"a\", \"b\"]",
				    "a string is missing before %s",
				    describe(parser, word, sizeof word));
			break;
		}
		pf_vec_push(strings, ((struct sieve_string){
					 .at = parser->token.at,
					 .value.text = parser->token.text}));
		next(parser);
		if (!list)
			return;
		if (take_mark(parser, ']'))
			return;
		if (take_mark(parser, ','))
			continue;
		if (parser->token.kind == SIEVE_TOKEN_STRING) {
			sieve_error(parser->compiler, parser->token.at, NULL,
				    "a comma is missing before this string");
			continue;
		}
		sieve_error(parser->compiler, parser->last,
			    "lists look like [\"a\", \"b\"]",
			    "\"]\" is missing before %s",
			    describe(parser, word, sizeof word));
		return;
	}
	while (list && (parser->token.kind == SIEVE_TOKEN_STRING ||
			is_mark(parser, ',')))
		next(parser);
	if (list)
		take_mark(parser, ']');
}

struct args pf_vec(struct sieve_arg);

static bool parse_arg(struct parser *parser, struct sieve_arg *arg)
{
	struct pf_arena *arena = parser->compiler->arena;
	const struct sieve_token *token = &parser->token;

	*arg = (struct sieve_arg){.at = token->at};
	if (token->kind == SIEVE_TOKEN_TAG) {
		arg->kind = SIEVE_TAG;
		arg->tag = token->text;
		next(parser);
	} else if (token->kind == SIEVE_TOKEN_NUMBER) {
		arg->kind = SIEVE_NUMBER;
		arg->number = token->number;
		next(parser);
	} else if (token->kind == SIEVE_TOKEN_STRING || is_mark(parser, '[')) {
		struct strings strings = {0};

		arg->kind = SIEVE_STRINGS;
		arg->list = is_mark(parser, '[');
		parse_strings(parser, &strings);
		arg->count = strings.n;
		if (strings.n > 0) {
			arg->strings = pf_arena_array(arena, strings.n,
						      sizeof *arg->strings);
			memcpy(arg->strings, strings.v,
			       strings.n * sizeof *arg->strings);
		}
		pf_vec_release(&strings);
	} else {
		return false;
	}
	return true;
}

static void parse_args(struct parser *parser, struct sieve_node *node)
{
	struct args args = {0};
	struct sieve_arg arg;

	while (parse_arg(parser, &arg)) {
		if (count(parser))
			pf_vec_push(&args, arg);
	}
	node->arg_count = args.n;
	if (args.n > 0) {
		node->args = pf_arena_array(parser->compiler->arena, args.n,
					    sizeof *node->args);
		memcpy(node->args, args.v, args.n * sizeof *node->args);
	}
	pf_vec_release(&args);
}

static struct sieve_node *new_node(struct parser *parser)
{
	struct sieve_node *node =
	    PF_ARENA_NEW(parser->compiler->arena, struct sieve_node);

	node->at = parser->token.at;
	node->name = parser->token.text;
	next(parser);
	return node;
}

/* False (and an error) when it would nest too deeply. */
static bool enter(struct parser *parser)
{
	if (parser->depth < parser->compiler->limits->depth_max) {
		parser->depth++;
		return true;
	}
	sieve_error(parser->compiler, parser->token.at,
		    "split the rule, or put the tests side by side",
		    "more than %d levels of blocks and tests",
		    parser->compiler->limits->depth_max);
	return false;
}

/* A word that can only begin a command: the ";" before it was forgotten. */
static bool begins_command(const struct parser *parser)
{
	struct pf_str name = parser->token.text;
	size_t extension;

	return parser->token.kind == SIEVE_TOKEN_NAME &&
	       sieve_def_find(name, false, NULL, &extension) &&
	       !sieve_def_find(name, true, NULL, &extension);
}

/* if, not, anyof, ...: whatever follows is meant to be a test. */
static bool takes_tests(const struct sieve_node *node)
{
	size_t extension;
	const struct sieve_def *def =
	    sieve_def_find(node->name, false, NULL, &extension);

	if (!def)
		def = sieve_def_find(node->name, true, NULL, &extension);
	if (!def)
		return true;
	return def->control == SIEVE_IF || def->control == SIEVE_ELSIF ||
	       def->control == SIEVE_NOT || def->control == SIEVE_ANYOF ||
	       def->control == SIEVE_ALLOF;
}

static bool parse_tests(struct parser *parser, struct sieve_node *node);

/* test = identifier arguments */
static struct sieve_node *parse_test(struct parser *parser)
{
	char word[64];

	if (parser->token.kind != SIEVE_TOKEN_NAME) {
		sieve_error(parser->compiler, parser->token.at, NULL,
			    "a test is missing before %s",
			    describe(parser, word, sizeof word));
		return NULL;
	}
	if (!count(parser))
		return NULL;
	struct sieve_node *node = new_node(parser);
	parse_args(parser, node);
	return parse_tests(parser, node) ? node : NULL;
}

/* [ test / "(" test *("," test) ")" ] */
static bool parse_tests(struct parser *parser, struct sieve_node *node)
{
	char word[64];
	struct sieve_node **end = &node->tests;

	if (!is_mark(parser, '(') &&
	    (parser->token.kind != SIEVE_TOKEN_NAME ||
	     (begins_command(parser) && !takes_tests(node))))
		return true;
	if (!enter(parser))
		return false;
	node->test_list = take_mark(parser, '(');
	bool good = false;
	for (;;) {
		struct sieve_node *test = parse_test(parser);

		if (!test)
			break;
		*end = test;
		end = &test->next;
		good = !node->test_list || take_mark(parser, ')');
		if (good)
			break;
		if (take_mark(parser, ','))
			continue;
		sieve_error(parser->compiler, parser->last, NULL,
			    "\",\" or \")\" is missing before %s",
			    describe(parser, word, sizeof word));
		break;
	}
	parser->depth--;
	return good;
}

static struct sieve_node *parse_commands(struct parser *parser);

static void parse_block(struct parser *parser, struct sieve_node *node)
{
	struct sieve_place at = parser->token.at;

	node->has_block = true;
	if (!enter(parser)) {
		recover(parser);
		return;
	}
	next(parser);
	node->block = parse_commands(parser);
	for (struct sieve_node *c = node->block; c; c = c->next)
		c->above = node;
	parser->depth--;
	if (!take_mark(parser, '}'))
		sieve_error(parser->compiler, at, NULL,
			    "this block has no closing \"}\"");
}

/* command = identifier arguments (";" / block) */
static struct sieve_node *parse_command(struct parser *parser)
{
	char word[64];

	if (!count(parser)) {
		recover(parser);
		return NULL;
	}
	struct sieve_node *node = new_node(parser);
	parse_args(parser, node);
	if (!parse_tests(parser, node)) {
		recover(parser);
		return NULL;
	}
	if (take_mark(parser, ';'))
		return node;
	if (is_mark(parser, '{')) {
		parse_block(parser, node);
		return node;
	}
	sieve_error(parser->compiler, parser->last, "commands end with \";\"",
		    "\";\" is missing before %s",
		    describe(parser, word, sizeof word));
	if (!begins_command(parser))
		recover(parser);
	return node;
}

/* Until the "}" that is not ours, or the end */
static struct sieve_node *parse_commands(struct parser *parser)
{
	struct sieve_node *first = NULL, **end = &first;
	char word[64];

	while (parser->token.kind != SIEVE_TOKEN_END && !is_mark(parser, '}')) {
		if (parser->token.kind != SIEVE_TOKEN_NAME) {
			sieve_error(parser->compiler, parser->token.at, NULL,
				    "a command is expected, not %s",
				    describe(parser, word, sizeof word));
			next(parser);
			recover(parser);
			continue;
		}
		struct sieve_node *node = parse_command(parser);
		if (!node)
			continue;
		*end = node;
		end = &node->next;
	}
	return first;
}

struct sieve_node *sieve_parse(struct sieve_compiler *compiler,
			       struct pf_str text)
{
	struct parser parser = {
	    .compiler = compiler,
	    .lexer = {.compiler = compiler,
		      .text = text,
		      .at = {1, 1, compiler->script_number}},
	};
	struct sieve_node *first = NULL, **end = &first;

	if (pf_str_starts(text, PF_STR("\xef\xbb\xbf")))
		parser.lexer.pos = 3; /* a byte order mark */
	next(&parser);
	while (parser.token.kind != SIEVE_TOKEN_END) {
		*end = parse_commands(&parser);
		while (*end)
			end = &(*end)->next;
		if (is_mark(&parser, '}')) {
			sieve_error(compiler, parser.token.at, NULL,
				    "this \"}\" closes nothing");
			next(&parser);
		}
	}
	/* half a script would have faults that the whole one has not */
	return parser.full ? NULL : first;
}
