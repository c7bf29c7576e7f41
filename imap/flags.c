/* STORE's arguments, and flags (RFC 3501 6.4.6 and 2.3.2, RFC 7162 3.1.3). */
#include "imap/imap.h"

#include "imap/private.h"

static pf_status bad(struct pf_error *err, const char *text)
{
	return pf_error_set(err, PF_INVALID, text, "imap flags: %s", text);
}

static bool is_keyword(struct pf_str s)
{
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] == 0x7f ||
		    memchr("(){%*\"\\]", s.p[i], 8))
			return false;
	return true;
}

bool imap_flag_parse(struct pf_str text, struct pf_arena *arena,
		     struct pf_str *flag)
{
	static const char *const system[] = {
	    "\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"};

	for (size_t i = 0; i < sizeof system / sizeof *system; i++)
		if (pf_str_ieq(text, pf_str_c(system[i]))) {
			*flag = pf_str_c(system[i]);
			return true;
		}
	if (!is_keyword(text))
		return false;
	struct pf_str copy = pf_arena_str(arena, text);
	if (!copy.p)
		return false;
	*flag = copy;
	return true;
}

pf_status imap_flags_parse(const struct imap_arg *list, struct pf_arena *arena,
			   struct pf_str **flags, size_t *count,
			   struct pf_error *err)
{
	size_t n = 0;

	while (list[n].kind != IMAP_END)
		n++;
	struct pf_str *out = pf_arena_array(arena, n + 1, sizeof *out);
	if (!out)
		return pf_error_set(err, PF_LIMIT, "Too many flags",
				    "imap flags: over the arena's limit");
	for (size_t i = 0; i < n; i++) {
		struct pf_str text;
		char what[80];

		if (list[i].kind == IMAP_STRING ||
		    !imap_arg_astring(&list[i], &text))
			return bad(err, "Flag expected");
		if (!imap_flag_parse(text, arena, &out[i])) {
			imap_error_word(what, sizeof what, "Invalid flag",
					text);
			return bad(err, what);
		}
	}
	*flags = out;
	*count = n;
	return PF_OK;
}

/* (UNCHANGEDSINCE n) */
static pf_status parse_modifiers(const struct imap_arg *list,
				 struct imap_store *store, struct pf_error *err)
{
	for (; list->kind != IMAP_END; list++) {
		if (!imap_arg_is_atom(list, "UNCHANGEDSINCE"))
			return bad(err, "Unknown STORE modifier");
		list++;
		if (!imap_arg_number(list, INT64_MAX, &store->unchanged_since))
			return bad(err, "Invalid UNCHANGEDSINCE value");
		store->unchanged_since_given = true;
	}
	return PF_OK;
}

/* "+FLAGS.SILENT" */
static bool parse_item(const struct imap_arg *arg, struct imap_store *store)
{
	struct pf_str s = arg->text;

	if (arg->kind != IMAP_ATOM)
		return false;
	if (s.n > 0 && (*s.p == '+' || *s.p == '-')) {
		store->mode = *s.p == '+' ? 1 : -1;
		s = pf_str_from(s, 1);
	}
	store->silent = pf_str_ieq(s, PF_STR("FLAGS.SILENT"));
	return store->silent || pf_str_ieq(s, PF_STR("FLAGS"));
}

pf_status imap_store_parse(const struct imap_arg *args, struct pf_arena *arena,
			   struct imap_store *store, struct pf_error *err)
{
	struct imap_store out = {0};
	const struct imap_arg *list;

	if (imap_arg_list(args, &list)) {
		pf_status status = parse_modifiers(list, &out, err);
		if (status != PF_OK)
			return status;
		args++;
	}
	if (!parse_item(args, &out))
		return bad(err, "FLAGS, +FLAGS or -FLAGS expected");
	args++;
	if (args->kind == IMAP_END)
		return bad(err, "Missing flags");
	if (!imap_arg_list(args, &list))
		list = args; /* flags without parentheses, up to the end */
	else if (args[1].kind != IMAP_END)
		return bad(err, "Too many arguments behind flags");
	pf_status status =
	    imap_flags_parse(list, arena, &out.flags, &out.flag_count, err);
	if (status == PF_OK)
		*store = out;
	return status;
}
