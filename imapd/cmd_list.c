/*
 * LIST, LSUB, NAMESPACE (RFC 3501 6.3.8, 6.3.9; RFC 2342; RFC 3348; extended:
 * RFC 5258; SPECIAL-USE: RFC 6154; STATUS: RFC 5819; METADATA: RFC 9590).
 *
 * One walk over the sorted names decides for each: is it chosen, and is it
 * shown only because something below it is (RECURSIVEMATCH, and LSUB with
 * "%": RFC 3501 6.3.9)?
 */
#include "base/clock.h"
#include "imapd/metadata.h"
#include "imapd/place.h"
#include "imapd/status.h"

enum list_option {
	SELECT_SUBSCRIBED = 1 << 0,
	SELECT_RECURSIVE = 1 << 1,
	SELECT_SPECIAL = 1 << 2,
	RETURN_SUBSCRIBED = 1 << 3,
	RETURN_CHILDREN = 1 << 4,
	RETURN_SPECIAL = 1 << 5,
	LIST_EXTENDED = 1 << 6,
	LIST_LSUB = 1 << 7,
	RETURN_MYRIGHTS = 1 << 8,
};

struct list {
	unsigned options;
	unsigned status_items; /* 0: none */
	struct metadata_entries metadata;
	struct pf_str *patterns;
	size_t pattern_count;
	bool asks_root; /* "" as the only pattern */
	struct store_names names;
	size_t at;
};

#define PATTERNS_MAX (2 * 64) /* each in two spellings */

static char separator_of(const struct cmd *cmd)
{
	return cmd->client->user->server->conf->hierarchy_separator[0];
}

/* ---- arguments ---------------------------------------------------------- */

static bool read_selection(struct cmd *cmd, const struct imap_arg *list,
			   struct list *l)
{
	l->options |= LIST_EXTENDED;
	for (; list->kind != IMAP_END; list++) {
		if (imap_arg_is_atom(list, "SUBSCRIBED"))
			l->options |= SELECT_SUBSCRIBED | RETURN_SUBSCRIBED;
		else if (imap_arg_is_atom(list, "RECURSIVEMATCH"))
			l->options |= SELECT_RECURSIVE;
		else if (imap_arg_is_atom(list, "SPECIAL-USE"))
			l->options |= SELECT_SPECIAL | RETURN_SPECIAL;
		else if (!imap_arg_is_atom(list, "REMOTE")) {
			reply_bad(cmd, "Unknown selection option");
			return false;
		}
	}
	if ((l->options & SELECT_RECURSIVE) &&
	    !(l->options & (SELECT_SUBSCRIBED | SELECT_SPECIAL))) {
		reply_bad(cmd, "RECURSIVEMATCH needs another option");
		return false;
	}
	return true;
}

static bool read_return(struct cmd *cmd, const struct imap_arg *args,
			struct list *l)
{
	const struct imap_arg *list;

	if (args[0].kind == IMAP_END)
		return true;
	l->options |= LIST_EXTENDED;
	if (!imap_arg_is_atom(&args[0], "RETURN") ||
	    !imap_arg_list(&args[1], &list) || args[2].kind != IMAP_END) {
		reply_bad(cmd, "LIST: RETURN (...) was expected");
		return false;
	}
	for (; list->kind != IMAP_END; list++) {
		if (imap_arg_is_atom(list, "SUBSCRIBED"))
			l->options |= RETURN_SUBSCRIBED;
		else if (imap_arg_is_atom(list, "CHILDREN"))
			l->options |= RETURN_CHILDREN;
		else if (imap_arg_is_atom(list, "SPECIAL-USE"))
			l->options |= RETURN_SPECIAL;
		else if (imap_arg_is_atom(list, "MYRIGHTS"))
			l->options |= RETURN_MYRIGHTS;
		else if (imap_arg_is_atom(list, "STATUS")) {
			if (!status_parse(cmd, ++list, &l->status_items))
				return false;
		} else if (imap_arg_is_atom(list, "METADATA")) {
			if (!metadata_entries_parse(cmd, ++list, &l->metadata))
				return false;
		} else {
			reply_bad(cmd, "Unknown return option");
			return false;
		}
	}
	return true;
}

/* INBOX is so called in any case, also as a parent. */
static void fold_inbox(struct pf_buf *pattern, char separator)
{
	if (pf_str_istarts(pf_buf_str(pattern), PF_STR("INBOX")) &&
	    pattern->len > 5 && pattern->data[5] == separator)
		memcpy(pattern->data, "INBOX", 5);
}

/* Names made here are in NFC (names.c), others may not be. */
static void keep_pattern(struct cmd *cmd, struct list *l, struct pf_str utf8)
{
	struct pf_buf nfc = PF_BUF_INIT(128 * 1024);

	l->patterns[l->pattern_count++] = pf_arena_str(&cmd->arena, utf8);
	mime_nfc(&nfc, utf8);
	if (!nfc.failed && !pf_str_eq(pf_buf_str(&nfc), utf8))
		l->patterns[l->pattern_count++] =
		    pf_arena_str(&cmd->arena, pf_buf_str(&nfc));
	pf_buf_release(&nfc);
}

/* reference + pattern, as UTF-8 */
static bool add_pattern(struct cmd *cmd, struct list *l, struct pf_str ref,
			const struct imap_arg *arg)
{
	struct pf_buf whole = PF_BUF_INIT(64 * 1024);
	struct pf_buf utf8 = PF_BUF_INIT(128 * 1024);
	struct pf_str text;
	bool good = imap_arg_astring(arg, &text) &&
		    l->pattern_count + 2 <= PATTERNS_MAX;

	if (good) {
		pf_buf_add_str(&whole, ref);
		pf_buf_add_str(&whole, text);
		if (client_utf8(cmd->client) ||
		    !imap_utf7_decode(&utf8, pf_buf_str(&whole))) {
			pf_buf_clear(&utf8);
			pf_buf_add_str(&utf8, pf_buf_str(&whole));
		}
		fold_inbox(&utf8, separator_of(cmd));
		keep_pattern(cmd, l, pf_buf_str(&utf8));
	} else {
		reply_bad(cmd, "%s needs a pattern", cmd->def->name);
	}
	pf_buf_release(&whole);
	pf_buf_release(&utf8);
	return good;
}

static bool read_patterns(struct cmd *cmd, struct list *l, struct pf_str ref,
			  const struct imap_arg *arg)
{
	const struct imap_arg *list;

	l->patterns =
	    pf_arena_array(&cmd->arena, PATTERNS_MAX, sizeof *l->patterns);
	l->asks_root = arg->kind != IMAP_LIST && arg->text.n == 0;
	if (!imap_arg_list(arg, &list))
		return add_pattern(cmd, l, ref, arg);
	l->options |= LIST_EXTENDED;
	for (; list->kind != IMAP_END; list++)
		if (!add_pattern(cmd, l, ref, list))
			return false;
	return true;
}

static bool read_args(struct cmd *cmd, struct list *l)
{
	const struct imap_arg *args = cmd->args, *list;
	struct pf_str ref;

	if (!(l->options & LIST_LSUB) && imap_arg_list(&args[0], &list)) {
		if (!read_selection(cmd, list, l))
			return false;
		args++;
	}
	if (args[0].kind == IMAP_END || args[1].kind == IMAP_END ||
	    !imap_arg_astring(&args[0], &ref)) {
		reply_bad(cmd, "%s needs a reference and a pattern",
			  cmd->def->name);
		return false;
	}
	if (!read_patterns(cmd, l, ref, &args[1]))
		return false;
	if (l->options & LIST_LSUB) {
		if (args[2].kind == IMAP_END)
			return true;
		reply_bad(cmd, "LSUB takes two arguments");
		return false;
	}
	if (!read_return(cmd, &args[2], l))
		return false;
	if (!(l->options & LIST_EXTENDED))
		l->options |= RETURN_CHILDREN | RETURN_SPECIAL;
	return true;
}

/* ---- choosing -------------------------------------------------------------
 */

static bool matches_inbox(struct pf_str pattern, char separator)
{
	char upper[64];

	if (pattern.n > sizeof upper)
		return imap_glob(pattern, PF_STR("INBOX"), separator);
	for (size_t i = 0; i < pattern.n; i++)
		upper[i] = pf_ascii_upper(pattern.p[i]);
	return imap_glob(pf_str_mem(upper, pattern.n), PF_STR("INBOX"),
			 separator);
}

static bool matches(const struct cmd *cmd, const struct list *l,
		    struct pf_str name)
{
	char separator = separator_of(cmd);

	for (size_t i = 0; i < l->pattern_count; i++)
		if (pf_str_eq(name, PF_STR("INBOX"))
			? matches_inbox(l->patterns[i], separator)
			: imap_glob(l->patterns[i], name, separator))
			return true;
	return false;
}

/* Has it what the selection options ask for (RFC 5258 3.1, RFC 6154 5.2)? */
static bool selected(const struct list *l, const struct store_name *n)
{
	if ((l->options & (SELECT_SUBSCRIBED | LIST_LSUB)) &&
	    !(n->flags & STORE_NAME_SUBSCRIBED))
		return false;
	return !(l->options & SELECT_SPECIAL) || n->special_use.n > 0;
}

/* Is there a selected name below this one?  `hidden`: which is not shown
 * itself. */
static bool selected_below(const struct cmd *cmd, const struct list *l,
			   size_t at, bool hidden)
{
	struct pf_str name = l->names.v[at].name;

	if (!(l->names.v[at].flags &
	      (STORE_NAME_CHILDREN | STORE_NAME_SUB_CHILDREN)))
		return false;
	for (size_t i = at + 1; i < l->names.n; i++) {
		struct pf_str below = l->names.v[i].name;
		if (!pf_str_starts(below, name))
			break;
		if (below.n > name.n && below.p[name.n] == separator_of(cmd) &&
		    selected(l, &l->names.v[i]) &&
		    !(hidden && matches(cmd, l, below)))
			return true;
	}
	return false;
}

/* Shown?  `parent`: only for what is below it. */
static bool chosen(const struct cmd *cmd, const struct list *l, size_t at,
		   bool *parent)
{
	const struct store_name *n = &l->names.v[at];
	bool exists = n->flags & (STORE_NAME_EXISTS | STORE_NAME_CHILDREN);

	*parent = false;
	if (!matches(cmd, l, n->name))
		return false;
	if (selected(l, n))
		return exists || (l->options & (SELECT_SUBSCRIBED | LIST_LSUB));
	*parent = (l->options & (SELECT_RECURSIVE | LIST_LSUB)) &&
		  selected_below(cmd, l, at, true);
	return *parent;
}

/* May a pattern match something below "shared."?  What it says in front of
 * its first wildcard tells. */
static bool wanted(void *arg, struct pf_str prefix, bool hidden)
{
	/* "Expunged" and all below it, but not "*" and "Exp*" */
	size_t least = hidden ? prefix.n - (prefix.n > 0) : 0;

	const struct list *l = arg;

	for (size_t i = 0; i < l->pattern_count; i++) {
		struct pf_str head = l->patterns[i];
		size_t n = 0;

		while (n < head.n && n < prefix.n && head.p[n] != '%' &&
		       head.p[n] != '*')
			n++;
		if (n >= least && pf_str_starts(prefix, pf_str_head(head, n)))
			return true;
	}
	return false;
}

/* ---- answering ------------------------------------------------------------
 */

static void write_attributes(struct pf_buf *out, const struct list *l,
			     const struct store_name *n, bool parent)
{
	size_t start = out->len;
	const char *blank = "";
	bool exists = n->flags & STORE_NAME_EXISTS;

	if (l->options & LIST_LSUB) {
		pf_buf_add_c(out, parent ? "\\Noselect" : "");
		return;
	}
	if (!exists)
		pf_buf_add_c(out, l->options & LIST_EXTENDED ? "\\NonExistent"
							     : "\\Noselect");
	blank = out->len > start ? " " : "";
	if ((l->options & RETURN_SUBSCRIBED) &&
	    (n->flags & STORE_NAME_SUBSCRIBED)) {
		pf_buf_addf(out, "%s\\Subscribed", blank);
		blank = " ";
	}
	if (l->options & RETURN_CHILDREN) {
		pf_buf_addf(out, "%s%s", blank,
			    n->flags & STORE_NAME_CHILDREN ? "\\HasChildren"
							   : "\\HasNoChildren");
		blank = " ";
	}
	if ((l->options & RETURN_SPECIAL) && n->special_use.n) {
		pf_buf_addf(out, "%s\\", blank);
		pf_buf_add_str(out, n->special_use);
	}
}

/* RFC 5258 3.5: which of the options something below this name fulfils */
static void write_childinfo(struct cmd *cmd, const struct list *l, size_t at)
{
	struct pf_buf *out = &cmd->client->out;

	if (!(l->options & SELECT_RECURSIVE) ||
	    !selected_below(cmd, l, at, false))
		return;
	pf_buf_addf(out, " (\"CHILDINFO\" (%s%s%s))",
		    l->options & SELECT_SUBSCRIBED ? "\"SUBSCRIBED\"" : "",
		    (l->options & SELECT_SUBSCRIBED) &&
			    (l->options & SELECT_SPECIAL)
			? " "
			: "",
		    l->options & SELECT_SPECIAL ? "\"SPECIAL-USE\"" : "");
}

/* "* LIST (attributes) "." name" */
static void write_start(struct cmd *cmd, const char *word, const struct list *l,
			const struct store_name *n, bool parent)
{
	struct pf_buf *out = &cmd->client->out;

	pf_buf_addf(out, "* %s (", word);
	write_attributes(out, l, n, parent);
	pf_buf_addf(out, ") \"%c\" ", separator_of(cmd));
	write_mailbox(out, cmd->client, n->name);
}

static void write_name(struct cmd *cmd, const struct list *l, size_t at,
		       bool parent)
{
	const struct store_name *n = &l->names.v[at];
	struct share_place place;
	struct pf_error err = {0};

	write_start(cmd, cmd->def->name, l, n, parent);
	write_childinfo(cmd, l, at);
	pf_buf_add_c(&cmd->client->out, "\r\n");
	/* RFC 9590 3, RFC 5819 2: what fails is just not there */
	if (l->metadata.n && (n->flags & STORE_NAME_EXISTS))
		(void)!metadata_write(cmd, n->name, &l->metadata, &err);
	/* RFC 8440 3: not for what cannot be selected */
	if ((l->options & RETURN_MYRIGHTS) && (n->flags & STORE_NAME_EXISTS) &&
	    place_quietly(cmd->client, n->name, STORE_LOOKUP, &place, &err) ==
		PF_OK)
		write_myrights(cmd, n->name, place.rights);
	if (l->status_items && (n->flags & STORE_NAME_EXISTS))
		(void)!status_write(cmd, n->name, l->status_items, &err);
}

void list_one(struct cmd *cmd, const struct imap_arg *arg, struct pf_str name)
{
	struct pf_buf *out = &cmd->client->out;
	struct list l = {.options =
			     LIST_EXTENDED | RETURN_CHILDREN | RETURN_SPECIAL};
	struct store_name n = {.name = name};
	struct pf_error err = {0};
	struct pf_str text;

	if (share_list(cmd->client->user->share, NULL, NULL, &cmd->arena,
		       &l.names, &err) != PF_OK)
		return;
	for (size_t i = 0; i < l.names.n; i++)
		if (pf_str_eq(l.names.v[i].name, name))
			n = l.names.v[i];
	write_start(cmd, "LIST", &l, &n, false);
	if (imap_arg_astring(arg, &text) && !name_is_spelled(cmd, arg, name)) {
		pf_buf_add_c(out, " (\"OLDNAME\" (");
		write_mailbox(out, cmd->client, text);
		pf_buf_add_c(out, "))");
	}
	pf_buf_add_c(out, "\r\n");
	pf_vec_release(&l.names);
}

static void release(struct cmd *cmd)
{
	struct list *l = cmd->state;

	pf_vec_release(&l->names);
}

static enum run begin(struct cmd *cmd, unsigned options)
{
	struct list *l = PF_ARENA_NEW(&cmd->arena, struct list);
	struct pf_error err = {0};

	l->options = options;
	if (!read_args(cmd, l))
		return RUN_DONE;
	/* RFC 3501 6.3.8: "" asks for the separator, and for the root of the
	 * reference; there is one root here */
	if (!(l->options & LIST_EXTENDED) && l->asks_root) {
		pf_buf_addf(&cmd->client->out,
			    "* %s (\\Noselect) \"%c\" \"\"\r\n", cmd->def->name,
			    separator_of(cmd));
		return reply_completed(cmd);
	}
	if (share_list(cmd->client->user->share, wanted, l, &cmd->arena,
		       &l->names, &err) != PF_OK)
		return reply_error(cmd, &err);
	cmd->state = l;
	cmd->release = release;
	return RUN_MORE;
}

static enum run run(struct cmd *cmd, unsigned options)
{
	bool parent;

	if (!cmd->state) {
		enum run result = begin(cmd, options);
		if (result != RUN_MORE)
			return result;
	}
	struct list *l = cmd->state;
	int64_t start = pf_clock_mono_ms();
	for (; l->at < l->names.n; l->at++) {
		if (client_full(cmd->client))
			return RUN_OUTPUT;
		if (slice_over(start))
			return RUN_MORE;
		if (chosen(cmd, l, l->at, &parent))
			write_name(cmd, l, l->at, parent);
	}
	return reply_completed(cmd);
}

enum run run_list(struct cmd *cmd)
{
	return run(cmd, 0);
}

enum run run_lsub(struct cmd *cmd)
{
	return run(cmd, LIST_LSUB);
}

struct spaces {
	const struct client *client;
	struct pf_buf *out;
	char separator;
	int kind; /* enum share_kind */
	bool any;
};

static void write_space(void *arg, enum share_kind kind, struct pf_str prefix)
{
	struct spaces *s = arg;
	struct pf_buf name = PF_BUF_INIT(8192);

	if ((int)kind != s->kind)
		return;
	pf_buf_add_c(s->out, s->any ? "(" : " ((");
	s->any = true;
	/* RFC 2342 6: a string, no atom */
	write_mailbox(&name, s->client, prefix);
	bool atom = name.len == 0 || name.data[0] != '"';
	if (atom)
		pf_buf_add_byte(s->out, '"');
	pf_buf_add_str(s->out, pf_buf_str(&name));
	if (atom)
		pf_buf_add_byte(s->out, '"');
	pf_buf_addf(s->out, " \"%c\")", s->separator);
	pf_buf_release(&name);
}

enum run run_namespace(struct cmd *cmd)
{
	struct spaces spaces = {.client = cmd->client,
				.out = &cmd->client->out,
				.separator = separator_of(cmd)};

	if (!args_are(cmd->args, 0))
		return reply_bad(cmd, "NAMESPACE takes no arguments");
	pf_buf_add_c(spaces.out, "* NAMESPACE");
	for (; spaces.kind <= SHARE_PUBLIC; spaces.kind++) {
		spaces.any = false;
		share_namespaces(cmd->client->user->share, write_space,
				 &spaces);
		pf_buf_add_c(spaces.out, spaces.any ? ")" : " NIL");
	}
	pf_buf_add_c(spaces.out, "\r\n");
	return reply_completed(cmd);
}
