/*
 * SEARCH keys as a tree (RFC 3501 6.4.4, RFC 9051 6.4.4; RFC 4731 and 5182
 * RETURN, RFC 5032 OLDER and YOUNGER, RFC 7162 MODSEQ, RFC 8514 SAVED*, RFC
 * 8474 EMAILID and THREADID).
 *
 * Programs write long chains ("OR HEADER Message-ID a OR HEADER ... OR ...")
 * and attackers longer ones, and whoever walks the tree does so recursively.
 * So chains of OR become one key with many children and NOT NOT vanishes:
 * what is left can nest at most NESTING_MAX deep.
 */
#include "imap/imap.h"

#include "base/utf8.h"
#include "imap/private.h"

#define NESTING_MAX 60

enum key_args {
	NO_ARG,
	FLAG,	/* of its own: `text` */
	UNFLAG, /* its opposite */
	KEYWORD,
	UNKEYWORD,
	DATE,
	SIZE,
	INTERVAL,
	TEXT,
	FIELD, /* TEXT in the header field `text` */
	HEADER,
	OBJECT_ID,
	UIDS,
	UID_AFTER,
	UID_BEFORE,
	MODSEQ,
	NEW,
	OLD
};

struct key_name {
	const char *name;
	enum imap_key_kind kind;
	enum key_args args;
	const char *text;
};

static const struct key_name key_names[] = {
    {"ALL", IMAP_KEY_ALL, NO_ARG, NULL},
    {"ANSWERED", IMAP_KEY_FLAG, FLAG, "\\Answered"},
    {"BCC", IMAP_KEY_HEADER, FIELD, "Bcc"},
    {"BEFORE", IMAP_KEY_BEFORE, DATE, NULL},
    {"BODY", IMAP_KEY_BODY, TEXT, NULL},
    {"CC", IMAP_KEY_HEADER, FIELD, "Cc"},
    {"DELETED", IMAP_KEY_FLAG, FLAG, "\\Deleted"},
    {"DRAFT", IMAP_KEY_FLAG, FLAG, "\\Draft"},
    {"EMAILID", IMAP_KEY_EMAILID, OBJECT_ID, NULL},
    {"FLAGGED", IMAP_KEY_FLAG, FLAG, "\\Flagged"},
    {"FROM", IMAP_KEY_HEADER, FIELD, "From"},
    {"HEADER", IMAP_KEY_HEADER, HEADER, NULL},
    {"KEYWORD", IMAP_KEY_FLAG, KEYWORD, NULL},
    {"LARGER", IMAP_KEY_LARGER, SIZE, NULL},
    {"MODSEQ", IMAP_KEY_MODSEQ, MODSEQ, NULL},
    {"NEW", IMAP_KEY_RECENT, NEW, NULL},
    {"OLD", IMAP_KEY_RECENT, OLD, NULL},
    {"OLDER", IMAP_KEY_OLDER, INTERVAL, NULL},
    {"ON", IMAP_KEY_ON, DATE, NULL},
    {"RECENT", IMAP_KEY_RECENT, NO_ARG, NULL},
    {"SAVEDATESUPPORTED", IMAP_KEY_ALL, NO_ARG, NULL},
    {"SAVEDBEFORE", IMAP_KEY_SAVEDBEFORE, DATE, NULL},
    {"SAVEDON", IMAP_KEY_SAVEDON, DATE, NULL},
    {"SAVEDSINCE", IMAP_KEY_SAVEDSINCE, DATE, NULL},
    {"SEEN", IMAP_KEY_FLAG, FLAG, "\\Seen"},
    {"SENTBEFORE", IMAP_KEY_SENTBEFORE, DATE, NULL},
    {"SENTON", IMAP_KEY_SENTON, DATE, NULL},
    {"SENTSINCE", IMAP_KEY_SENTSINCE, DATE, NULL},
    {"SINCE", IMAP_KEY_SINCE, DATE, NULL},
    {"SMALLER", IMAP_KEY_SMALLER, SIZE, NULL},
    {"SUBJECT", IMAP_KEY_HEADER, FIELD, "Subject"},
    {"TEXT", IMAP_KEY_TEXT, TEXT, NULL},
    {"THREADID", IMAP_KEY_THREADID, OBJECT_ID, NULL},
    {"TO", IMAP_KEY_HEADER, FIELD, "To"},
    {"UID", IMAP_KEY_UID, UIDS, NULL},
    {"UIDAFTER", IMAP_KEY_UID, UID_AFTER, NULL},
    {"UIDBEFORE", IMAP_KEY_UID, UID_BEFORE, NULL},
    {"UNANSWERED", IMAP_KEY_FLAG, UNFLAG, "\\Answered"},
    {"UNDELETED", IMAP_KEY_FLAG, UNFLAG, "\\Deleted"},
    {"UNDRAFT", IMAP_KEY_FLAG, UNFLAG, "\\Draft"},
    {"UNFLAGGED", IMAP_KEY_FLAG, UNFLAG, "\\Flagged"},
    {"UNKEYWORD", IMAP_KEY_FLAG, UNKEYWORD, NULL},
    {"UNSEEN", IMAP_KEY_FLAG, UNFLAG, "\\Seen"},
    {"YOUNGER", IMAP_KEY_YOUNGER, INTERVAL, NULL},
};

struct parser {
	struct pf_arena *arena;
	struct pf_str charset; /* empty: not given */
	uint32_t star_seq, star_uid;
	bool has_modseq, has_seqs, has_recent;
	bool has_fuzzy, in_fuzzy;
	struct pf_error *err;
};

static pf_status bad(struct parser *p, const char *text)
{
	return pf_error_set(p->err, PF_INVALID, text, "imap search: %s", text);
}

static pf_status too_long(struct parser *p)
{
	return pf_error_set(p->err, PF_LIMIT, "Search too long",
			    "imap search: over the arena's limit");
}

static pf_status new_key(struct parser *p, enum imap_key_kind kind,
			 struct imap_key **key)
{
	struct imap_key *k = PF_ARENA_NEW(p->arena, struct imap_key);

	if (!k)
		return too_long(p);
	k->kind = kind;
	*key = k;
	return PF_OK;
}

static pf_status negate(struct parser *p, struct imap_key **key)
{
	struct imap_key *not = NULL;
	pf_status status = new_key(p, IMAP_KEY_NOT, &not );

	if (status != PF_OK)
		return status;
	not ->child = *key;
	*key = not ;
	return PF_OK;
}

static pf_status wrap_fuzzy(struct parser *p, struct imap_key **key)
{
	struct imap_key *fuzzy = NULL;
	pf_status status = new_key(p, IMAP_KEY_FUZZY, &fuzzy);

	if (status != PF_OK)
		return status;
	fuzzy->child = *key;
	*key = fuzzy;
	return PF_OK;
}

/* ---- what follows a key's name ---------------------------------------------
 */

/* In the charset of the command -> UTF-8.  Without one it should be ASCII;
 * 8-bit text that is no UTF-8 is then read as header text is. */
static pf_status take_text(struct parser *p, const struct imap_arg **arg,
			   struct pf_str *text)
{
	struct pf_str raw;

	if (!imap_arg_astring(*arg, &raw))
		return bad(p, "Search text expected");
	(*arg)++;
	bool foreign =
	    p->charset.n > 0 && !pf_str_ieq(p->charset, PF_STR("UTF-8"));
	if (!foreign && pf_utf8_valid(raw)) {
		*text = pf_arena_str(p->arena, raw);
		return text->p ? PF_OK : too_long(p);
	}
	struct pf_buf utf8 = PF_BUF_INIT(raw.n * 4 + 16);
	mime_to_utf8(&utf8, foreign ? p->charset : PF_STR("windows-1252"), raw);
	*text = pf_arena_str(p->arena, pf_buf_str(&utf8));
	pf_buf_release(&utf8);
	return text->p ? PF_OK : too_long(p);
}

static pf_status take_word(struct parser *p, const struct imap_arg **arg,
			   const char *what, struct pf_str *word)
{
	struct pf_str raw;

	if (!imap_arg_astring(*arg, &raw) || raw.n == 0)
		return bad(p, what);
	(*arg)++;
	*word = pf_arena_str(p->arena, raw);
	return word->p ? PF_OK : too_long(p);
}

static pf_status take_date(struct parser *p, const struct imap_arg **arg,
			   struct imap_key *key)
{
	struct pf_str text;

	if (!imap_arg_astring(*arg, &text) ||
	    !imap_date_parse(text, &key->date))
		return bad(p, "Invalid date in search (want 1-Feb-2026)");
	(*arg)++;
	return PF_OK;
}

static pf_status take_number(struct parser *p, const struct imap_arg **arg,
			     uint64_t min, struct imap_key *key)
{
	if (!imap_arg_number(*arg, INT64_MAX, &key->number) ||
	    key->number < min)
		return bad(p, "Invalid number in search");
	(*arg)++;
	return PF_OK;
}

static pf_status take_keyword(struct parser *p, const struct imap_arg **arg,
			      struct imap_key *key)
{
	if ((*arg)->kind == IMAP_STRING || (*arg)->kind == IMAP_LIST ||
	    (*arg)->kind == IMAP_END ||
	    !imap_flag_parse((*arg)->text, p->arena, &key->name))
		return bad(p, "Keyword expected");
	(*arg)++;
	return PF_OK;
}

/* MODSEQ ["/flags/\\Seen" all] n: we keep one modseq a message, so the entry
 * does not matter (RFC 7162 3.1.5). */
static pf_status take_modseq(struct parser *p, const struct imap_arg **arg,
			     struct imap_key *key)
{
	p->has_modseq = true;
	if ((*arg)->kind == IMAP_STRING) {
		(*arg)++;
		if (!imap_arg_is_atom(*arg, "all") &&
		    !imap_arg_is_atom(*arg, "priv") &&
		    !imap_arg_is_atom(*arg, "shared"))
			return bad(p, "Invalid entry type behind MODSEQ");
		(*arg)++;
	}
	return take_number(p, arg, 0, key);
}

static pf_status take_set(struct parser *p, const struct imap_arg **arg,
			  uint32_t star, struct imap_key *key)
{
	if ((*arg)->kind != IMAP_ATOM)
		return bad(p, "Message set expected");
	pf_status status =
	    imap_set_parse((*arg)->text, star, p->arena, &key->set, p->err);
	if (status != PF_OK)
		return status;
	(*arg)++;
	if (key->set.saved)
		key->kind = IMAP_KEY_SAVED;
	return PF_OK;
}

/* UIDAFTER, UIDBEFORE (RFC 9738 3.2): perhaps no UID at all */
static pf_status take_uid_bound(struct parser *p, bool after,
				const struct imap_arg **arg,
				struct imap_key *key)
{
	struct imap_range *range = PF_ARENA_NEW(p->arena, struct imap_range);
	uint64_t uid;

	if (!range)
		return too_long(p);
	if (!imap_arg_number(*arg, UINT32_MAX, &uid) || uid == 0)
		return bad(p, "UID expected");
	(*arg)++;
	range->from = after ? (uint32_t)uid + 1 : 1;
	range->to = after ? UINT32_MAX : (uint32_t)uid - 1;
	key->set.v = range;
	key->set.n = after ? uid < UINT32_MAX : uid > 1;
	return PF_OK;
}

/* NEW is RECENT UNSEEN. */
static pf_status make_new(struct parser *p, struct imap_key **key)
{
	struct imap_key *and = NULL, *unseen = NULL;
	pf_status status = new_key(p, IMAP_KEY_FLAG, &unseen);

	if (status == PF_OK) {
		unseen->name = PF_STR("\\Seen");
		status = negate(p, &unseen);
	}
	if (status == PF_OK)
		status = new_key(p, IMAP_KEY_AND, &and);
	if (status != PF_OK)
		return status;
	and->child = *key;
	(*key)->next = unseen;
	*key = and;
	return PF_OK;
}

static pf_status take_args(struct parser *p, const struct key_name *name,
			   const struct imap_arg **arg, struct imap_key **out)
{
	struct imap_key *key = *out;
	pf_status status = PF_OK;

	switch (name->args) {
	case NO_ARG:
		return PF_OK;
	case FLAG:
	case UNFLAG:
		key->name = pf_str_c(name->text);
		return name->args == FLAG ? PF_OK : negate(p, out);
	case KEYWORD:
	case UNKEYWORD:
		status = take_keyword(p, arg, key);
		if (status == PF_OK && name->args == UNKEYWORD)
			status = negate(p, out);
		return status;
	case DATE:
		return take_date(p, arg, key);
	case SIZE:
		return take_number(p, arg, 0, key);
	case INTERVAL:
		return take_number(p, arg, 1, key);
	case HEADER:
		status = take_word(p, arg, "Field name expected", &key->name);
		return status == PF_OK ? take_text(p, arg, &key->text) : status;
	case FIELD:
		key->name = pf_str_c(name->text);
		return take_text(p, arg, &key->text);
	case TEXT:
		return take_text(p, arg, &key->text);
	case OBJECT_ID:
		return take_word(p, arg, "Object id expected", &key->text);
	case UID_AFTER:
	case UID_BEFORE:
		return take_uid_bound(p, name->args == UID_AFTER, arg, key);
	case UIDS:
		return take_set(p, arg, p->star_uid, key);
	case MODSEQ:
		return take_modseq(p, arg, key);
	case NEW:
		return make_new(p, out);
	case OLD:
		return negate(p, out);
	}
	return status;
}

/* ---- keys
 * ---------------------------------------------------------------------
 */

/* The list is sorted: halve it. */
static const struct key_name *find_name(struct pf_str word)
{
	size_t low = 0, high = sizeof key_names / sizeof *key_names;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct pf_str name = pf_str_c(key_names[mid].name);
		size_t i = 0;

		while (i < word.n && i < name.n &&
		       pf_ascii_upper(word.p[i]) == name.p[i])
			i++;
		if (i == word.n && i == name.n)
			return &key_names[mid];
		if (i == name.n ||
		    (i < word.n && pf_ascii_upper(word.p[i]) > name.p[i]))
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static bool is_set(const struct imap_arg *arg)
{
	return arg->kind == IMAP_ATOM && arg->text.n > 0 &&
	       ((*arg->text.p >= '0' && *arg->text.p <= '9') ||
		*arg->text.p == '*' || pf_str_eq(arg->text, PF_STR("$")));
}

static pf_status parse_word(struct parser *p, const struct imap_arg **arg,
			    struct imap_key **out)
{
	const struct key_name *name;
	struct imap_key *key = NULL;
	char text[80];
	pf_status status;

	if (is_set(*arg)) {
		status = new_key(p, IMAP_KEY_SEQ, &key);
		if (status == PF_OK)
			status = take_set(p, arg, p->star_seq, key);
		p->has_seqs |= status == PF_OK && key->kind == IMAP_KEY_SEQ;
		*out = key;
		return status;
	}
	if ((*arg)->kind == IMAP_END)
		return bad(p, "Search key expected at the end");
	if ((*arg)->kind != IMAP_ATOM)
		return bad(p, "Search key expected");
	name = find_name((*arg)->text);
	if (!name) {
		imap_error_word(text, sizeof text, "Unknown search key",
				(*arg)->text);
		return bad(p, text);
	}
	(*arg)++;
	p->has_recent |= name->kind == IMAP_KEY_RECENT;
	status = new_key(p, name->kind, &key);
	if (status == PF_OK)
		status = take_args(p, name, arg, &key);
	*out = key;
	return status;
}

static pf_status parse_key(struct parser *p, const struct imap_arg **arg,
			   int depth, struct imap_key **out);

/* All keys up to the end: one key, or an AND of them. */
static pf_status parse_keys(struct parser *p, const struct imap_arg *arg,
			    int depth, struct imap_key **out)
{
	struct imap_key *first = NULL, **end = &first, *key = NULL;

	if (arg->kind == IMAP_END)
		return bad(p, "Search key expected");
	while (arg->kind != IMAP_END) {
		pf_status status = parse_key(p, &arg, depth, &key);
		if (status != PF_OK)
			return status;
		*end = key;
		end = &key->next;
	}
	if (first->next) {
		pf_status status = new_key(p, IMAP_KEY_AND, &key);
		if (status != PF_OK)
			return status;
		key->child = first;
		first = key;
	}
	*out = first;
	return PF_OK;
}

/* Behind OR: two keys, each of which may begin with OR again. */
static pf_status parse_or(struct parser *p, const struct imap_arg **arg,
			  int depth, struct imap_key **out)
{
	struct imap_key * or = NULL, **end, *key = NULL;
	pf_status status = new_key(p, IMAP_KEY_OR, & or);

	if (status != PF_OK)
		return status;
	end = & or->child;
	for (size_t wanted = 2; wanted > 0;) {
		if (imap_arg_is_atom(*arg, "OR")) {
			(*arg)++;
			wanted++;
			continue;
		}
		status = parse_key(p, arg, depth, &key);
		if (status != PF_OK)
			return status;
		*end = key;
		end = &key->next;
		wanted--;
	}
	*out = or ;
	return PF_OK;
}

static pf_status parse_key(struct parser *p, const struct imap_arg **arg,
			   int depth, struct imap_key **out)
{
	const struct imap_arg *list;
	bool not = false, fuzzy = false;
	pf_status status;

	if (depth >= NESTING_MAX)
		return bad(p, "Search keys are nested too deeply");
	for (;; (*arg)++) {
		if (imap_arg_is_atom(*arg, "NOT"))
			not = !not ;
		else if (imap_arg_is_atom(*arg, "FUZZY"))
			fuzzy = true;
		else
			break;
	}
	/* once is enough (RFC 6203 3) */
	fuzzy = fuzzy && !p->in_fuzzy;
	p->in_fuzzy |= fuzzy;
	if (imap_arg_list(*arg, &list)) {
		(*arg)++;
		status = parse_keys(p, list, depth + 1, out);
	} else if (imap_arg_is_atom(*arg, "OR")) {
		(*arg)++;
		status = parse_or(p, arg, depth + 1, out);
	} else {
		status = parse_word(p, arg, out);
	}
	if (fuzzy) {
		p->in_fuzzy = false;
		p->has_fuzzy = true;
		if (status == PF_OK)
			status = wrap_fuzzy(p, out);
	}
	return status == PF_OK && not ? negate(p, out) : status;
}

/* ---- the command
 * --------------------------------------------------------------
 */

bool imap_partial_parse(const struct imap_arg *arg, int64_t *from, int64_t *to)
{
	struct pf_str first, last = arg->text;
	uint64_t a, b;

	if (arg->kind != IMAP_ATOM || !pf_str_split(&last, ':', &first))
		return false;
	bool back = pf_str_starts(first, PF_STR("-"));
	if (back != pf_str_starts(last, PF_STR("-")))
		return false;
	if (!pf_str_u64(pf_str_from(first, back), UINT32_MAX, &a) ||
	    !pf_str_u64(pf_str_from(last, back), UINT32_MAX, &b) || a == 0 ||
	    b == 0)
		return false;
	int64_t near = (int64_t)(a < b ? a : b), far = (int64_t)(a < b ? b : a);
	*from = back ? -near : near;
	*to = back ? -far : far;
	return true;
}

/* RFC 4731 3.1, RFC 5182 2.1, RFC 5267 4, RFC 9394 3.1; nothing in it means
 * ALL. */
static pf_status parse_return(const struct imap_arg *list,
			      struct pf_arena *arena,
			      struct imap_search *search, struct pf_error *err)
{
	static const struct {
		const char *name;
		unsigned bit;
	} options[] = {{"MIN", IMAP_RETURN_MIN},
		       {"MAX", IMAP_RETURN_MAX},
		       {"ALL", IMAP_RETURN_ALL},
		       {"COUNT", IMAP_RETURN_COUNT},
		       {"SAVE", IMAP_RETURN_SAVE},
		       {"PARTIAL", IMAP_RETURN_PARTIAL},
		       {"CONTEXT", IMAP_RETURN_CONTEXT},
		       {"UPDATE", IMAP_RETURN_UPDATE},
		       {"RELEVANCY", IMAP_RETURN_RELEVANCY}};
	static const struct imap_arg no_modifiers = {.kind = IMAP_END};
	struct parser p = {.err = err};

	search->esearch = true;
	for (; list->kind != IMAP_END; list++) {
		unsigned bit = 0;

		for (size_t i = 0; i < sizeof options / sizeof *options; i++)
			if (imap_arg_is_atom(list, options[i].name))
				bit = options[i].bit;
		if (!bit)
			return bad(&p, "Unknown RETURN option");
		if (bit == IMAP_RETURN_PARTIAL) {
			if (search->returns & bit)
				return bad(&p, "PARTIAL can be said once");
			list++;
			if (!imap_partial_parse(list, &search->partial_from,
						&search->partial_to))
				return bad(&p, "Invalid PARTIAL range");
			search->partial = list->text;
		}
		if (bit == IMAP_RETURN_UPDATE && list[1].kind == IMAP_LIST) {
			pf_status status = imap_fetch_parse(
			    ++list, &no_modifiers, arena, &search->update, err);
			if (status != PF_OK)
				return status;
		}
		search->returns |= bit;
	}
	if ((search->returns & IMAP_RETURN_PARTIAL) &&
	    (search->returns & IMAP_RETURN_ALL))
		return bad(&p, "Either ALL or PARTIAL");
	if (search->returns == 0)
		search->returns = IMAP_RETURN_ALL;
	return PF_OK;
}

pf_status imap_return_parse(const struct imap_arg **args,
			    struct pf_arena *arena, struct imap_search *search,
			    struct pf_error *err)
{
	struct imap_search out = {0};
	const struct imap_arg *list;

	if (imap_arg_is_atom(*args, "RETURN") &&
	    imap_arg_list(*args + 1, &list)) {
		pf_status status = parse_return(list, arena, &out, err);
		if (status != PF_OK)
			return status;
		*args += 2;
	}
	*search = out;
	return PF_OK;
}

static pf_status check_charset(struct parser *p)
{
	char text[80];

	if (pf_str_ieq(p->charset, PF_STR("US-ASCII")) ||
	    pf_str_ieq(p->charset, PF_STR("ASCII"))) {
		p->charset = (struct pf_str){0};
		return PF_OK;
	}
	if (p->charset.n == 0 || pf_str_ieq(p->charset, PF_STR("UTF-8")) ||
	    mime_charset_known(p->charset))
		return PF_OK;
	imap_error_word(text, sizeof text, "Unknown charset", p->charset);
	return pf_error_set(p->err, PF_UNSUPPORTED, text, "imap search: %s",
			    text);
}

static pf_status parse_root(struct parser *p, const struct imap_arg *keys,
			    struct imap_search *search)
{
	struct imap_key *root = NULL;
	struct pf_str charset = p->charset;
	pf_status status = check_charset(p);

	if (status == PF_OK)
		status = parse_keys(p, keys, 0, &root);
	if (status != PF_OK)
		return status;
	/* RFC 6203 4 */
	if ((search->returns & IMAP_RETURN_RELEVANCY) && !p->has_fuzzy)
		return bad(p, "RELEVANCY needs FUZZY");
	search->root = root;
	search->has_modseq = p->has_modseq;
	search->has_seqs = p->has_seqs;
	search->has_fuzzy = p->has_fuzzy;
	search->has_recent = p->has_recent;
	search->charset = charset;
	return PF_OK;
}

pf_status imap_search_parse(const struct imap_arg *args, uint32_t star_seq,
			    uint32_t star_uid, struct pf_arena *arena,
			    struct imap_search *search, struct pf_error *err)
{
	struct parser p = {.arena = arena,
			   .star_seq = star_seq,
			   .star_uid = star_uid,
			   .err = err};
	struct imap_search out;
	pf_status status = imap_return_parse(&args, arena, &out, err);

	if (status != PF_OK)
		return status;
	if (imap_arg_is_atom(args, "CHARSET")) {
		if (!imap_arg_astring(args + 1, &p.charset) || p.charset.n == 0)
			return bad(&p, "Charset expected");
		args += 2;
	}
	status = parse_root(&p, args, &out);
	out.charset_optional = true;
	if (status == PF_OK)
		*search = out;
	return status;
}

pf_status imap_search_parse_keys(const struct imap_arg *keys,
				 struct pf_str charset, uint32_t star_seq,
				 uint32_t star_uid, struct pf_arena *arena,
				 struct imap_search *search,
				 struct pf_error *err)
{
	struct parser p = {.arena = arena,
			   .charset = charset,
			   .star_seq = star_seq,
			   .star_uid = star_uid,
			   .err = err};
	return parse_root(&p, keys, search);
}
