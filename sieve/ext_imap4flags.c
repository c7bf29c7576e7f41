/*
 * imap4flags (RFC 5232)
 *
 *	setflag	   [<variablename: string>] <list-of-flags: string-list>; 3.1
 *	addflag	   [<variablename: string>] <list-of-flags: string-list>; 3.2
 *	removeflag [<variablename: string>] <list-of-flags: string-list>; 3.3
 *	hasflag [match-type] [comparator] [<variable-list: string-list>]
 *		<list-of-flags: string-list>				  4
 *	keep :flags <list-of-flags: string-list>;  fileinto :flags ...	  5
 *
 * A variable holds flags parted by blanks.  Without a name the internal
 * variable is meant, which is what keep and fileinto give the message
 * (section 2).  Words that are no flag a user may set are passed over.
 */
#include "sieve/run.h"

extern const struct sieve_extension sieve_ext_imap4flags, sieve_ext_variables;

enum {
	FLAGS_MAX = 128,
	FLAG_BYTES_MAX = 100
};

struct state {
	struct pf_str flags; /* the internal variable, once it is used */
	bool used;
};

struct flags {
	struct pf_str v[FLAGS_MAX];
	size_t n;
};

/* The flag in its usual case; p == NULL: none that can be set */
static struct pf_str usable(struct pf_str flag)
{
	static const struct pf_str system[] = {
	    {"\\Answered", 9}, {"\\Flagged", 8}, {"\\Deleted", 8},
	    {"\\Seen", 5},     {"\\Draft", 6},
	};

	for (size_t i = 0; i < sizeof system / sizeof system[0]; i++) {
		if (pf_str_ieq(flag, system[i]))
			return system[i];
	}
	if (flag.n == 0 || flag.n > FLAG_BYTES_MAX)
		return (struct pf_str){0};
	for (size_t i = 0; i < flag.n; i++) {
		unsigned char c = (unsigned char)flag.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("(){%*\"\\]", c))
			return (struct pf_str){0};
	}
	return flag;
}

static ptrdiff_t find_flag(const struct flags *flags, struct pf_str flag)
{
	for (size_t i = 0; i < flags->n; i++) {
		if (pf_str_ieq(flags->v[i], flag))
			return (ptrdiff_t)i;
	}
	return -1;
}

static bool next_word(struct pf_str *rest, struct pf_str *word)
{
	while (rest->n > 0 && strchr(" \t\r\n", rest->p[0]))
		*rest = pf_str_from(*rest, 1);
	for (size_t n = 0; n < rest->n; n++) {
		if (!strchr(" \t\r\n", rest->p[n]))
			continue;
		*word = pf_str_head(*rest, n);
		*rest = pf_str_from(*rest, n);
		return true;
	}
	*word = *rest;
	*rest = (struct pf_str){0};
	return word->n > 0;
}

static void add_words(struct sieve_run *run, struct flags *flags,
		      struct pf_str words)
{
	struct pf_str word;

	while (next_word(&words, &word)) {
		struct pf_str flag = usable(word);

		if (!sieve_run_step(run, flags->n + word.n))
			return;
		if (flag.p && flags->n < FLAGS_MAX &&
		    find_flag(flags, flag) < 0)
			flags->v[flags->n++] = flag;
	}
}

static void add_list(struct sieve_run *run, struct flags *flags,
		     const struct sieve_arg *list)
{
	for (size_t i = 0; i < list->count; i++)
		add_words(run, flags, sieve_run_string(run, &list->strings[i]));
}

static struct pf_str join(struct sieve_run *run, const struct flags *flags)
{
	struct pf_buf text = PF_BUF_INIT(FLAGS_MAX * (FLAG_BYTES_MAX + 1));

	for (size_t i = 0; i < flags->n; i++) {
		if (i > 0)
			pf_buf_add_byte(&text, ' ');
		pf_buf_add_str(&text, flags->v[i]);
	}
	struct pf_str kept = sieve_run_keep(run, pf_buf_str(&text));
	pf_buf_release(&text);
	return kept;
}

/* ---- setflag, addflag, removeflag ---- */

/* Variables are named by constants, and need their own extension. */
static void check_names(struct sieve_compiler *compiler,
			struct sieve_node *node)
{
	const struct sieve_arg *names = node->params[0];

	if (!names)
		return;
	if (!compiler->script
		 ->required[sieve_extension_index(&sieve_ext_variables)]) {
		sieve_error(compiler, names->at,
			    "put require \"variables\"; at the top",
			    "%s with a variable needs the extension "
			    "\"variables\"",
			    node->def->name);
		return;
	}
	node->slots = pf_arena_array(compiler->arena, names->count + 1,
				     sizeof *node->slots);
	for (size_t i = 0; i < names->count; i++) {
		if (!sieve_variable_name(compiler, &names->strings[i],
					 &node->slots[i]))
			return;
	}
}

static struct pf_str get(struct sieve_run *run, const struct sieve_node *node,
			 size_t i)
{
	struct state *state = sieve_run_state(run, &sieve_ext_imap4flags);

	if (node->slots)
		return sieve_variable_get(run, node->slots[i]);
	/* a stored message has some (RFC 6785 3.8) */
	return state->used ? state->flags : run->message->flags;
}

static void put(struct sieve_run *run, const struct sieve_node *node,
		const struct flags *flags)
{
	struct state *state = sieve_run_state(run, &sieve_ext_imap4flags);
	struct pf_str text = join(run, flags);

	if (node->slots) {
		sieve_variable_set(run, node->slots[0], text);
	} else {
		state->flags = text;
		state->used = true;
	}
	sieve_run_trace(run, "%s: now \"%.*s\"", node->def->name, (int)text.n,
			text.p);
}

static void execute_set(struct sieve_run *run, const struct sieve_node *node)
{
	struct flags flags = {.n = 0};

	add_list(run, &flags, node->params[1]);
	put(run, node, &flags);
}

static void execute_add(struct sieve_run *run, const struct sieve_node *node)
{
	struct flags flags = {.n = 0};

	add_words(run, &flags, get(run, node, 0));
	add_list(run, &flags, node->params[1]);
	put(run, node, &flags);
}

static void execute_remove(struct sieve_run *run, const struct sieve_node *node)
{
	struct flags flags = {.n = 0}, gone = {.n = 0}, left = {.n = 0};

	add_words(run, &flags, get(run, node, 0));
	add_list(run, &gone, node->params[1]);
	for (size_t i = 0; i < flags.n; i++) {
		if (find_flag(&gone, flags.v[i]) < 0)
			left.v[left.n++] = flags.v[i];
	}
	put(run, node, &left);
}

/* ---- hasflag ---- */

/* A key is a list of flags, too; but "" stays one (:contains ""). */
static void split_keys(struct sieve_matcher *matcher,
		       struct sieve_value keys[FLAGS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < matcher->key_count; i++) {
		struct pf_str rest = matcher->keys[i].text, word;

		if (rest.n == 0 && n < FLAGS_MAX)
			keys[n++] = (struct sieve_value){.text = rest};
		while (n < FLAGS_MAX && next_word(&rest, &word))
			keys[n++] = (struct sieve_value){.text = word};
	}
	matcher->keys = keys;
	matcher->key_count = n;
}

static bool decide_has(struct sieve_run *run, const struct sieve_node *node)
{
	size_t variables = node->params[0] ? node->params[0]->count : 1;
	struct sieve_value keys[FLAGS_MAX];
	struct sieve_matcher matcher;

	sieve_matcher_begin(&matcher, run, node, node->params[1]);
	split_keys(&matcher, keys);
	for (size_t i = 0; i < variables && !matcher.found; i++) {
		struct flags flags = {.n = 0};

		add_words(run, &flags, get(run, node, i));
		for (size_t k = 0; k < flags.n; k++) {
			struct sieve_value value = {.text = flags.v[k],
						    .passing = true};

			if (sieve_matcher_add(&matcher, &value))
				break;
		}
	}
	return sieve_matcher_end(&matcher);
}

/* ---- what it does to actions ---- */

static void give(struct sieve_run *run, struct sieve_action *action,
		 const struct flags *flags)
{
	struct pf_str *copy = sieve_run_alloc(run, flags->n + 1, sizeof *copy);

	if (!copy)
		return;
	memcpy(copy, flags->v, flags->n * sizeof *copy);
	action->flags = copy;
	action->flag_count = flags->n;
	action->flags_set = true;
}

static void on_action(struct sieve_run *run, struct sieve_action *action)
{
	struct state *state = sieve_run_state(run, &sieve_ext_imap4flags);
	struct flags flags = {.n = 0};

	if (!state->used ||
	    (action->kind != SIEVE_KEEP && action->kind != SIEVE_FILEINTO))
		return;
	add_words(run, &flags, state->flags);
	give(run, action, &flags);
}

static void apply_flags(struct sieve_run *run, const struct sieve_arg *value,
			struct sieve_action *action)
{
	struct flags flags = {.n = 0};

	add_list(run, &flags, value);
	give(run, action, &flags);
}

static const struct sieve_def defs[] = {
    {.name = "setflag",
     .params = "?sl",
     .usage = "setflag [\"variable\"] [\"\\\\Seen\", \"keyword\", ...];",
     .check = check_names,
     .execute = execute_set},
    {.name = "addflag",
     .params = "?sl",
     .usage = "addflag [\"variable\"] [\"\\\\Seen\", \"keyword\", ...];",
     .check = check_names,
     .execute = execute_add},
    {.name = "removeflag",
     .params = "?sl",
     .usage = "removeflag [\"variable\"] [\"\\\\Seen\", \"keyword\", ...];",
     .check = check_names,
     .execute = execute_remove},
    {.name = "hasflag",
     .test = true,
     .params = "?ll",
     .flags = SIEVE_DEF_MATCH,
     .usage = "hasflag [:is | :contains | :matches] [\"variable\", ...] "
	      "[\"\\\\Seen\", ...]",
     .check = check_names,
     .decide = decide_has},
    {0},
};

static void check_flags(struct sieve_compiler *compiler,
			struct sieve_node *node, const struct sieve_arg *value)
{
	(void)value;
	sieve_fcc_check(compiler, node, ":flags");
}

static const struct sieve_tag tags[] = {
    {.name = "flags",
     .on = "keep fileinto vacation notify",
     .value = 'l',
     .check = check_flags,
     .apply = apply_flags},
    {0},
};

const struct sieve_extension sieve_ext_imap4flags = {
    .name = "imap4flags",
    .defs = defs,
    .tags = tags,
    .action = on_action,
    .lasting = true,
    .state_size = sizeof(struct state),
};

/* ---- imapflags, the draft before it: also mark; and unmark; ---- */

static void execute_mark(struct sieve_run *run, const struct sieve_node *node)
{
	struct flags flags = {.n = 0};

	add_words(run, &flags, get(run, node, 0));
	add_words(run, &flags, PF_STR("\\Flagged"));
	put(run, node, &flags);
}

static void execute_unmark(struct sieve_run *run, const struct sieve_node *node)
{
	struct flags flags = {.n = 0}, left = {.n = 0};

	add_words(run, &flags, get(run, node, 0));
	for (size_t i = 0; i < flags.n; i++) {
		if (!pf_str_ieq(flags.v[i], PF_STR("\\Flagged")))
			left.v[left.n++] = flags.v[i];
	}
	put(run, node, &left);
}

static const struct sieve_def old_defs[] = {
    {.name = "mark", .params = "", .usage = "mark;", .execute = execute_mark},
    {.name = "unmark",
     .params = "",
     .usage = "unmark;",
     .execute = execute_unmark},
    {0},
};

const struct sieve_extension sieve_ext_imapflags = {
    .name = "imapflags",
    .implies = "imap4flags",
    .unlisted = true,
    .instead = "write imap4flags, and addflag \"\\\\Flagged\" for mark",
    .defs = old_defs};
