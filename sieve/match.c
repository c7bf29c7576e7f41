/*
 * Match types and comparators (RFC 5228 2.7).
 *
 * All matching is linear in the value: :contains and the literal stretches of
 * :matches are searched for with Knuth, Morris and Pratt (glibc's memmem is
 * not linear for short needles: 20 ns a byte for a row of "a"), and only a
 * stretch with "?" in it is tried place by place.  Everything is paid from
 * the step budget; a step is about a nanosecond or two.
 */
#include "sieve/run.h"

#include <stdio.h>

#include "base/utf8.h"
#include "mime/mime.h"

enum {
	VALUE_STEPS = 64,
	FOLDED_MAX = 18, /* one character may become so many times itself */
	KEY_STEPS = 16,
	BORDERS_MAX = 256
};

static void no_memory(struct sieve_run *run)
{
	sieve_run_fail(run,
		       "the script needs too much memory for this message");
}

static struct pf_arena *arena_of(struct sieve_run *run,
				 const struct sieve_value *value)
{
	return value->passing ? &run->scratch : run->arena;
}

static struct pf_str value_upper(struct sieve_run *run,
				 struct sieve_value *value)
{
	if (value->upper.p || value->text.n == 0 ||
	    !sieve_run_step(run, value->text.n))
		return value->upper;
	char *upper = pf_arena_alloc(arena_of(run, value), value->text.n);
	if (!upper) {
		no_memory(run);
		return (struct pf_str){0};
	}
	for (size_t i = 0; i < value->text.n; i++)
		upper[i] = pf_ascii_upper(value->text.p[i]);
	value->upper = pf_str_mem(upper, value->text.n);
	return value->upper;
}

static struct pf_str value_folded(struct sieve_run *run,
				  struct sieve_value *value)
{
	if (value->folded.p || value->text.n == 0 ||
	    !sieve_run_step(run, 10 * value->text.n))
		return value->folded;
	struct pf_buf folded = PF_BUF_INIT(FOLDED_MAX * value->text.n + 64);
	mime_fold(&folded, value->text);
	value->folded = pf_arena_str(arena_of(run, value), pf_buf_str(&folded));
	if (!value->folded.p || folded.failed)
		no_memory(run);
	pf_buf_release(&folded);
	return value->folded;
}

struct pf_str sieve_value_normal(struct sieve_run *run,
				 const struct sieve_node *node,
				 struct sieve_value *value)
{
	if (node->match.comparator->unicode)
		return value_folded(run, value);
	if (node->match.comparator->fold)
		return value_upper(run, value);
	return value->text;
}

/* borders[i]: the longest proper prefix of needle[0..i] that is its suffix */
static void find_borders(struct pf_str needle, uint32_t *borders)
{
	uint32_t k = 0;

	borders[0] = 0;
	for (size_t i = 1; i < needle.n; i++) {
		while (k > 0 && needle.p[i] != needle.p[k])
			k = borders[k - 1];
		k += needle.p[i] == needle.p[k];
		borders[i] = k;
	}
}

/* Where the needle (not empty) begins in the text, or NULL */
static const char *search(struct sieve_run *run, struct pf_str text,
			  struct pf_str needle)
{
	uint32_t room[BORDERS_MAX], *borders = room;
	const char *first =
	    needle.n <= text.n ? memchr(text.p, needle.p[0], text.n) : NULL;

	if (!first || !sieve_run_step(run, needle.n))
		return NULL;
	if (needle.n > BORDERS_MAX)
		borders = sieve_run_alloc(run, needle.n, sizeof *borders);
	if (!borders)
		return NULL;
	find_borders(needle, borders);
	size_t i = (size_t)(first - text.p);
	uint32_t k = 0;
	while (i < text.n && k < needle.n) {
		while (k > 0 && text.p[i] != needle.p[k])
			k = borders[k - 1];
		k += text.p[i] == needle.p[k];
		i++;
	}
	if (!sieve_run_step(run, i) || k < needle.n)
		return NULL;
	return text.p + i - k;
}

static bool match_is(struct sieve_run *run, const struct sieve_node *node,
		     struct sieve_value *value, struct sieve_value *key)
{
	struct pf_str v = sieve_value_normal(run, node, value),
		      k = sieve_value_normal(run, node, key);

	return sieve_run_step(run, KEY_STEPS + k.n) &&
	       node->match.comparator->compare(v, k) == 0;
}

static bool match_contains(struct sieve_run *run, const struct sieve_node *node,
			   struct sieve_value *value, struct sieve_value *key)
{
	struct pf_str v = sieve_value_normal(run, node, value),
		      k = sieve_value_normal(run, node, key);

	return sieve_run_step(run, KEY_STEPS) &&
	       (k.n == 0 || (v.n > 0 && search(run, v, k)));
}

/* ---- :matches ---- */

enum glob_kind {
	GLOB_LITERAL,
	GLOB_ONE, /* ? */
	GLOB_ANY  /* * */
};

struct glob {
	struct sieve_run *run;
	char *bytes;	/* of the pattern, without its backslashes */
	char *kinds;	/* enum glob_kind */
	char room[512]; /* for both of a pattern of usual size */
	size_t n;
	struct pf_str value;
	size_t any; /* number of "*" */
	struct pf_str *captures;
	size_t capture_count;
};

/* A backslash takes away the meaning of the next byte (RFC 5228 2.7.1). */
static bool glob_read(struct glob *glob, struct pf_str pattern)
{
	glob->bytes = pattern.n <= sizeof glob->room / 2
			  ? glob->room
			  : sieve_run_alloc(glob->run, 2, pattern.n);
	if (!glob->bytes)
		return false;
	glob->kinds = glob->bytes + pattern.n;
	for (size_t i = 0; i < pattern.n; i++) {
		char c = pattern.p[i];
		enum glob_kind kind = c == '*'	 ? GLOB_ANY
				      : c == '?' ? GLOB_ONE
						 : GLOB_LITERAL;

		if (c == '\\' && i + 1 < pattern.n)
			c = pattern.p[++i];
		glob->any += kind == GLOB_ANY;
		glob->bytes[glob->n] = c;
		glob->kinds[glob->n++] = (char)kind;
	}
	return true;
}

/* Does pattern[from..to) match the value at `at`? */
static bool fits(const struct glob *glob, size_t from, size_t to, size_t at)
{
	size_t i = from;

	if (glob->value.n - at < to - from)
		return false;
	while (i < to && (glob->kinds[i] == GLOB_ONE ||
			  glob->bytes[i] == glob->value.p[at + i - from]))
		i++;
	sieve_run_step(glob->run, i - from + 1);
	return i == to;
}

static bool has_one(const struct glob *glob, size_t from, size_t to)
{
	return memchr(glob->kinds + from, GLOB_ONE, to - from) != NULL;
}

/* The first place from *at on where pattern[from..to) fits */
static bool find(const struct glob *glob, size_t from, size_t to, size_t *at)
{
	const char *start = glob->value.p + *at;

	if (from == to)
		return true;
	if (!has_one(glob, from, to)) {
		const char *hit =
		    search(glob->run, pf_str_from(glob->value, *at),
			   pf_str_mem(glob->bytes + from, to - from));

		if (!hit)
			return false;
		*at += (size_t)(hit - start);
		return true;
	}
	for (; glob->value.n - *at >= to - from; ++*at) {
		if (fits(glob, from, to, *at))
			return true;
		if (glob->run->result->failed)
			return false;
	}
	return false;
}

static void capture(struct glob *glob, size_t from, size_t to)
{
	if (glob->capture_count < SIEVE_CAPTURES_MAX)
		glob->captures[glob->capture_count++] =
		    pf_str_mem(glob->value.p + from, to - from);
}

/* pattern[from..to) was found at `at`: its "?" are captured. */
static void capture_ones(struct glob *glob, size_t from, size_t to, size_t at)
{
	for (size_t i = from; i < to; i++) {
		if (glob->kinds[i] == GLOB_ONE)
			capture(glob, at + i - from, at + i - from + 1);
	}
}

static size_t stretch_end(const struct glob *glob, size_t from)
{
	const char *any = memchr(glob->kinds + from, GLOB_ANY, glob->n - from);

	return any ? (size_t)(any - glob->kinds) : glob->n;
}

/*
 * The pattern is stretches between "*".  The first sticks to the start, the
 * last to the end, and each one between goes to the first place where it
 * fits: so every "*" is as short as it can be, the left ones first
 * (RFC 5229 3.2), and none has to be tried again.
 */
static bool glob_match(struct glob *glob)
{
	size_t from = 0, to = stretch_end(glob, 0), at = 0;

	if (glob->any == 0 && glob->n != glob->value.n)
		return false;
	if (!fits(glob, 0, to, 0))
		return false;
	capture_ones(glob, 0, to, 0);
	at = to;
	while (to < glob->n) {
		from = to + 1;
		to = stretch_end(glob, from);
		size_t place = at;
		if (to == glob->n) {
			if (glob->value.n - at < to - from)
				return false;
			place = glob->value.n - (to - from);
			if (!fits(glob, from, to, place))
				return false;
		} else if (!find(glob, from, to, &place)) {
			return false;
		}
		capture(glob, at, place);
		capture_ones(glob, from, to, place);
		at = place + (to - from);
	}
	return true;
}

/* Where in the text the character is that begins at `at` of its fold */
static size_t unfold(struct sieve_run *run, struct pf_str text, size_t at)
{
	struct pf_buf one = PF_BUF_INIT(256);
	size_t i = 0, folded = 0, len;

	for (; i < text.n && folded < at && sieve_run_step(run, 10); i += len) {
		struct pf_str rest = pf_str_from(text, i);

		pf_utf8_next(rest, &len);
		pf_buf_clear(&one);
		mime_fold(&one, pf_str_head(rest, len));
		folded += one.len;
	}
	pf_buf_release(&one);
	return i;
}

static bool match_matches(struct sieve_run *run, const struct sieve_node *node,
			  struct sieve_value *value, struct sieve_value *key)
{
	struct pf_str v = sieve_value_normal(run, node, value),
		      k = sieve_value_normal(run, node, key);
	struct pf_str captures[SIEVE_CAPTURES_MAX];
	struct glob glob;

	/* not an initializer: it would clear the room, each time */
	glob.run = run;
	glob.value = v.p ? v : PF_STR("");
	glob.n = glob.any = 0;
	glob.captures = captures;
	glob.capture_count = 1;

	if (!sieve_run_step(run, KEY_STEPS + k.n) || !glob_read(&glob, k) ||
	    !glob_match(&glob) || run->result->failed)
		return false;
	/* what was matched, in its own case */
	captures[0] = value->text;
	for (size_t i = 1; i < glob.capture_count; i++) {
		size_t start = (size_t)(captures[i].p - glob.value.p);
		size_t end = start + captures[i].n;

		if (node->match.comparator->unicode) {
			start = unfold(run, value->text, start);
			end = unfold(run, value->text, end);
		}
		captures[i] = pf_str_mem(value->text.p + start, end - start);
	}
	sieve_captures_set(run, captures, glob.capture_count);
	return true;
}

const struct sieve_match_type sieve_match_is = {.name = "is",
						.match = match_is};
const struct sieve_match_type sieve_match_contains = {
    .name = "contains", .substring = true, .match = match_contains};
const struct sieve_match_type sieve_match_matches = {
    .name = "matches", .substring = true, .match = match_matches};

/* ---- values against keys ---- */

void sieve_matcher_begin(struct sieve_matcher *matcher, struct sieve_run *run,
			 const struct sieve_node *node,
			 const struct sieve_arg *keys)
{
	*matcher = (struct sieve_matcher){.run = run, .node = node};
	matcher->keys =
	    sieve_run_alloc(run, keys->count, sizeof(*matcher->keys));
	if (!matcher->keys)
		return;
	matcher->key_count = keys->count;
	for (size_t i = 0; i < keys->count; i++)
		matcher->keys[i] = sieve_run_value(run, &keys->strings[i]);
}

static bool match_keys(struct sieve_matcher *matcher, struct sieve_value *value)
{
	const struct sieve_match_type *type = matcher->node->match.type;
	struct pf_str text = value->text;

	sieve_run_trace(matcher->run, "    sees \"%.*s\"%s",
			text.n > 100 ? 100 : (int)text.n, text.p ? text.p : "",
			text.n > 100 ? "..." : "");
	for (size_t i = 0; i < matcher->key_count && !matcher->found; i++)
		matcher->found = type->match(matcher->run, matcher->node, value,
					     &matcher->keys[i]);
	return matcher->found;
}

bool sieve_matcher_add(struct sieve_matcher *matcher, struct sieve_value *value)
{
	matcher->seen++;
	if (!sieve_run_step(matcher->run, VALUE_STEPS))
		return true;
	if (matcher->node->match.type->counts)
		return false;
	bool matched = match_keys(matcher, value);
	if (value->passing && (value->upper.p || value->folded.p))
		pf_arena_release(&matcher->run->scratch);
	return matched;
}

bool sieve_matcher_end(struct sieve_matcher *matcher)
{
	char digits[24];

	if (matcher->node->match.type->counts) {
		struct sieve_value count = {
		    .text = {digits, (size_t)snprintf(
					 digits, sizeof digits, "%llu",
					 (unsigned long long)matcher->seen)}};

		match_keys(matcher, &count);
	}
	return matcher->found && !matcher->run->result->failed;
}
