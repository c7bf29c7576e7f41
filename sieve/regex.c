/*
 * Regular expressions: compiled to a program (Thompson), run over the text
 * with all its threads at once (Pike).
 *
 * The program is at most SIEVE_REGEX_MAX instructions, and at each character
 * an instruction is visited at most once, so a match costs at most their
 * product, whatever pattern and text are.  Nothing here recurses: the compiler
 * keeps open groups on a stack, the matcher what is still to visit.
 *
 * Code of an atom lies in one piece and jumps are relative, so that an
 * instruction can be put before it (*, ?, |) and it can be repeated ({n,m}) by
 * copying.
 *
 * Which match: the one that starts first, of those the longest, as POSIX says.
 * Inside of it, groups prefer the first alternative and the longest
 * repetition (docs/decisions/055-sieve-regex.md).
 */
#include "sieve/regex.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <wctype.h>

#include "base/utf8.h"
#include "base/vec.h"

enum {
	GROUP_DEPTH_MAX = 64,
	REPEAT_MAX = 255,
	RANGES_MAX = 256,  /* of one bracket expression */
	ALIEN = 0x110000,  /* + byte: no part of a character */
	NONE = 0x7fffffff, /* before the first, behind the last */
};

enum op {
	OP_CHAR, /* x: the character */
	OP_ANY,
	OP_CLASS, /* x: first range, y: count; z: negated */
	OP_SPLIT, /* try +x first, then +y */
	OP_JUMP,  /* +x */
	OP_SAVE,  /* x: slot */
	OP_START,
	OP_END,
	OP_WORD_EDGE,	/* \b; z: negated */
	OP_WORD_BEGIN,	/* \< */
	OP_WORD_FINISH, /* \> */
	OP_MATCH,
};

struct instruction {
	enum op op;
	int x, y;
	bool z;
};
struct range {
	uint32_t from, to;
};

struct sieve_regex {
	struct instruction *code;
	size_t size;
	struct range *ranges;
	size_t groups; /* with the whole */
	enum sieve_regex_fold fold;
	bool anchored; /* begins with ^ in every way: try the start only */
};

/* ---- characters ---- */

static uint32_t next_char(struct pf_str s, size_t *len)
{
	uint32_t c = pf_utf8_next(s, len);

	return c == PF_UTF8_BAD ? (uint32_t)ALIEN + (unsigned char)s.p[0] : c;
}

/* Letter for letter: decomposing, as the comparator does, would leave "."
 * with half a letter. */
static locale_t letters;

static void find_letters(void)
{
	letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static uint32_t fold_char(uint32_t c, enum sieve_regex_fold fold)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (fold == SIEVE_REGEX_EXACT || c >= ALIEN)
		return c;
	if (c < 0x80)
		return (unsigned char)pf_ascii_upper((char)c);
	if (fold == SIEVE_REGEX_ASCII)
		return c;
	pthread_once(&once, find_letters);
	return letters ? (uint32_t)towupper_l((wint_t)c, letters) : c;
}

static bool is_word(uint32_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || (c >= 0x80 && c < ALIEN);
}

/* ---- compiling ---- */

struct group {
	int number;
	size_t start;  /* of its code, with the OP_SAVE */
	size_t branch; /* of the present alternative */
	int jumps;     /* last OP_JUMP to the end, -1: none; linked by x */
};

struct compiler {
	struct pf_str rest;
	struct pf_vec(struct instruction) code;
	struct pf_vec(struct range) ranges;
	struct group groups[GROUP_DEPTH_MAX];
	int depth;
	int group_count;
	enum sieve_regex_fold fold;
	const char *problem;
};

static bool fail(struct compiler *c, const char *problem)
{
	if (!c->problem)
		c->problem = problem;
	return false;
}

static bool emit(struct compiler *c, struct instruction in)
{
	if (c->code.n >= SIEVE_REGEX_MAX)
		return fail(c, "the pattern is too large");
	pf_vec_push(&c->code, in);
	return true;
}

/* Puts an instruction before the code at `at`. */
static bool insert(struct compiler *c, size_t at, struct instruction in)
{
	if (!emit(c, in))
		return false;
	memmove(c->code.v + at + 1, c->code.v + at,
		(c->code.n - 1 - at) * sizeof *c->code.v);
	c->code.v[at] = in;
	return true;
}

static bool append_copy(struct compiler *c, const struct instruction *atom,
			size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!emit(c, atom[i]))
			return false;
	}
	return true;
}

static bool star(struct compiler *c, size_t at)
{
	int n = (int)(c->code.n - at);

	return insert(
		   c, at,
		   (struct instruction){.op = OP_SPLIT, .x = 1, .y = n + 2}) &&
	       emit(c, (struct instruction){.op = OP_JUMP, .x = -(n + 1)});
}

static bool plus(struct compiler *c, size_t at)
{
	int n = (int)(c->code.n - at);

	return emit(c, (struct instruction){.op = OP_SPLIT, .x = -n, .y = 1});
}

static bool optional(struct compiler *c, size_t at)
{
	int n = (int)(c->code.n - at);

	return insert(c, at,
		      (struct instruction){.op = OP_SPLIT, .x = 1, .y = n + 1});
}

/* x{min,max}: x...x, then x(x(x)?)? or x*; max < 0: without end */
static bool repeat(struct compiler *c, size_t at, int min, int max)
{
	struct instruction atom[SIEVE_REGEX_MAX];
	size_t n = c->code.n - at;
	bool good = true;

	memcpy(atom, c->code.v + at, n * sizeof *atom);
	c->code.n = at;
	for (int i = 0; good && i < min; i++)
		good = append_copy(c, atom, n);
	if (good && max < 0) {
		size_t last = c->code.n;

		return append_copy(c, atom, n) && star(c, last);
	}
	for (int i = min; good && i < max; i++) {
		/* what is left of it may be skipped as a whole */
		int skip = (max - i) * (int)(n + 1);

		good = emit(c, (struct instruction){.op = OP_SPLIT,
						    .x = 1,
						    .y = skip}) &&
		       append_copy(c, atom, n);
	}
	return good;
}

static bool take(struct compiler *c, char mark)
{
	if (c->rest.n == 0 || c->rest.p[0] != mark)
		return false;
	c->rest = pf_str_from(c->rest, 1);
	return true;
}

static bool take_number(struct compiler *c, int *n)
{
	size_t digits = 0;

	*n = 0;
	while (c->rest.n > 0 && c->rest.p[0] >= '0' && c->rest.p[0] <= '9') {
		*n = *n * 10 + c->rest.p[0] - '0';
		c->rest = pf_str_from(c->rest, 1);
		if (++digits > 4)
			*n = REPEAT_MAX + 1;
	}
	return digits > 0;
}

static bool bounds(struct compiler *c, size_t at)
{
	int min, max;

	if (!take_number(c, &min))
		return fail(c, "a number is missing after \"{\"");
	max = min;
	if (take(c, ',') && !take_number(c, &max))
		max = -1;
	if (!take(c, '}'))
		return fail(c, "\"}\" is missing");
	if (min > REPEAT_MAX || max > REPEAT_MAX)
		return fail(c, "more than 255 repetitions");
	if (max >= 0 && max < min)
		return fail(c, "the numbers in { } are the wrong way round");
	return repeat(c, at, min, max);
}

/* All repetitions behind the atom whose code begins at `at` */
static bool repetitions(struct compiler *c, size_t at)
{
	while (c->rest.n > 0) {
		bool good = true;

		if (take(c, '*'))
			good = star(c, at);
		else if (take(c, '+'))
			good = plus(c, at);
		else if (take(c, '?'))
			good = optional(c, at);
		else if (take(c, '{'))
			good = bounds(c, at);
		else
			return true;
		if (!good)
			return false;
	}
	return true;
}

/* ---- classes ---- */

static bool add_range(struct compiler *c, uint32_t from, uint32_t to)
{
	/* together as many as there can be instructions with some each */
	if (c->ranges.n >= 16 * RANGES_MAX)
		return fail(c, "the pattern is too large");
	pf_vec_push(&c->ranges, ((struct range){from, to}));
	return true;
}

static const struct class
{
	const char *name;
	struct range ranges[4];
} classes[] = {
    {"alpha", {{'a', 'z'}, {'A', 'Z'}, {0x80, ALIEN - 1}}},
    {"alnum", {{'a', 'z'}, {'A', 'Z'}, {'0', '9'}, {0x80, ALIEN - 1}}},
    {"digit", {{'0', '9'}}},
    {"xdigit", {{'0', '9'}, {'a', 'f'}, {'A', 'F'}}},
    {"upper", {{'A', 'Z'}}},
    {"lower", {{'a', 'z'}}},
    {"space", {{' ', ' '}, {'\t', '\r'}}},
    {"blank", {{' ', ' '}, {'\t', '\t'}}},
    {"cntrl", {{1, 0x1f}, {0x7f, 0x7f}}},
    {"print", {{' ', '~'}, {0x80, ALIEN - 1}}},
    {"graph", {{'!', '~'}, {0x80, ALIEN - 1}}},
    {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
};

static bool add_class(struct compiler *c, struct pf_str name)
{
	if (pf_str_eq(name, PF_STR("word")))
		return add_class(c, PF_STR("alnum")) && add_range(c, '_', '_');
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		if (!pf_str_eq(name, pf_str_c(classes[i].name)))
			continue;
		for (size_t k = 0; k < 4 && classes[i].ranges[k].to; k++) {
			if (!add_range(c, classes[i].ranges[k].from,
				       classes[i].ranges[k].to))
				return false;
		}
		return true;
	}
	return fail(c, "there is no such class in [: :]");
}

/* "[:name:]" at the rest; *taken: there was one */
static bool named_class(struct compiler *c, bool *taken)
{
	static const struct pf_str open = {"[:", 2};

	*taken = pf_str_starts(c->rest, open);
	if (!*taken) {
		if (pf_str_starts(c->rest, PF_STR("[.")) ||
		    pf_str_starts(c->rest, PF_STR("[=")))
			return fail(c, "[. .] and [= =] are not known here");
		return true;
	}
	for (size_t i = 2; i + 1 < c->rest.n && i < 12; i++) {
		if (c->rest.p[i] != ':' || c->rest.p[i + 1] != ']')
			continue;
		struct pf_str name = pf_str_mem(c->rest.p + 2, i - 2);
		c->rest = pf_str_from(c->rest, i + 2);
		return add_class(c, name);
	}
	return fail(c, "\":]\" is missing");
}

static uint32_t take_char(struct compiler *c)
{
	size_t len;
	uint32_t character = next_char(c->rest, &len);

	c->rest = pf_str_from(c->rest, len);
	return character;
}

/* One member of a bracket expression: a class, a character or a range */
static bool member(struct compiler *c)
{
	bool taken;

	if (!named_class(c, &taken))
		return false;
	if (taken)
		return true;
	uint32_t from = take_char(c), to = from;
	if (c->rest.n > 1 && c->rest.p[0] == '-' && c->rest.p[1] != ']') {
		take(c, '-');
		to = take_char(c);
		if (to < from)
			return fail(c, "a range is the wrong way round");
	}
	if (from == to && c->fold != SIEVE_REGEX_EXACT) {
		uint32_t folded = fold_char(from, c->fold);

		return add_range(c, from, from) && add_range(c, folded, folded);
	}
	return add_range(c, from, to);
}

/* Behind "[".  "]" first is a member, and backslashes are (POSIX). */
static bool bracket(struct compiler *c)
{
	size_t first = c->ranges.n;
	bool negated = take(c, '^');

	do {
		if (c->rest.n == 0)
			return fail(c, "\"]\" is missing");
		if (!member(c))
			return false;
		if (c->ranges.n - first > RANGES_MAX)
			return fail(c, "too much between [ and ]");
	} while (!take(c, ']'));
	return emit(c, (struct instruction){.op = OP_CLASS,
					    .x = (int)first,
					    .y = (int)(c->ranges.n - first),
					    .z = negated});
}

static bool escaped_class(struct compiler *c, const char *name, bool negated)
{
	size_t first = c->ranges.n;

	return add_class(c, pf_str_c(name)) &&
	       emit(c, (struct instruction){.op = OP_CLASS,
					    .x = (int)first,
					    .y = (int)(c->ranges.n - first),
					    .z = negated});
}

static bool literal(struct compiler *c, uint32_t character)
{
	return emit(
	    c, (struct instruction){.op = OP_CHAR,
				    .x = (int)fold_char(character, c->fold)});
}

/* Behind a backslash */
static bool escape(struct compiler *c)
{
	if (c->rest.n == 0)
		return fail(c, "nothing follows the last \"\\\"");
	uint32_t x = take_char(c);
	switch (x) {
	case 'w':
	case 'W':
		return escaped_class(c, "word", x == 'W');
	case 's':
	case 'S':
		return escaped_class(c, "space", x == 'S');
	case 'd':
	case 'D':
		return escaped_class(c, "digit", x == 'D');
	case 'b':
	case 'B':
		return emit(
		    c, (struct instruction){.op = OP_WORD_EDGE, .z = x == 'B'});
	case '<':
		return emit(c, (struct instruction){.op = OP_WORD_BEGIN});
	case '>':
		return emit(c, (struct instruction){.op = OP_WORD_FINISH});
	default:
		break;
	}
	if (x >= '1' && x <= '9')
		return fail(c, "back-references like \\1 are not possible");
	return literal(c, x);
}

/* ---- groups ---- */

static bool open_group(struct compiler *c)
{
	if (c->depth >= GROUP_DEPTH_MAX)
		return fail(c, "too many ( in each other");
	struct group *g = &c->groups[c->depth++];
	*g = (struct group){
	    .number = c->group_count++, .start = c->code.n, .jumps = -1};
	if (g->number < SIEVE_REGEX_GROUPS_MAX &&
	    !emit(c, (struct instruction){.op = OP_SAVE, .x = 2 * g->number}))
		return false;
	g->branch = c->code.n;
	return true;
}

/* The end of an alternative that another one follows */
static bool next_branch(struct compiler *c)
{
	struct group *g = &c->groups[c->depth - 1];
	int n = (int)(c->code.n - g->branch);

	if (!insert(c, g->branch,
		    (struct instruction){.op = OP_SPLIT, .x = 1, .y = n + 2}) ||
	    !emit(c, (struct instruction){.op = OP_JUMP, .x = g->jumps}))
		return false;
	g->jumps = (int)c->code.n - 1;
	g->branch = c->code.n;
	return true;
}

/* *at: where its code begins */
static bool close_group(struct compiler *c, size_t *at)
{
	struct group *g = &c->groups[--c->depth];

	while (g->jumps >= 0) {
		struct instruction *jump = &c->code.v[g->jumps];
		int before = jump->x;

		jump->x = (int)c->code.n - g->jumps;
		g->jumps = before;
	}
	*at = g->start;
	return g->number >= SIEVE_REGEX_GROUPS_MAX ||
	       emit(c, (struct instruction){.op = OP_SAVE,
					    .x = 2 * g->number + 1});
}

/* One thing at the rest; an atom may be repeated. */
static bool item(struct compiler *c)
{
	size_t at = c->code.n;
	uint32_t x = take_char(c);
	bool good;

	switch (x) {
	case '(':
		return open_group(c);
	case '|':
		return next_branch(c);
	case ')':
		if (c->depth < 2)
			return fail(c, "\")\" without \"(\"");
		good = close_group(c, &at);
		break;
	case '*':
	case '+':
	case '?':
	case '{':
		return fail(c, "nothing stands before *, +, ? or {");
	case '^':
		good = emit(c, (struct instruction){.op = OP_START});
		break;
	case '$':
		good = emit(c, (struct instruction){.op = OP_END});
		break;
	case '.':
		good = emit(c, (struct instruction){.op = OP_ANY});
		break;
	case '[':
		good = bracket(c);
		break;
	case '\\':
		good = escape(c);
		break;
	default:
		good = literal(c, x);
	}
	return good && repetitions(c, at);
}

static struct sieve_regex *finish(struct compiler *c, struct pf_arena *arena)
{
	struct sieve_regex *regex = PF_ARENA_NEW(arena, struct sieve_regex);
	struct instruction *code =
	    pf_arena_array(arena, c->code.n, sizeof *code);
	struct range *ranges =
	    pf_arena_array(arena, c->ranges.n + 1, sizeof *ranges);

	if (!regex || !code || !ranges) {
		fail(c, "the pattern is too large");
		return NULL;
	}
	memcpy(code, c->code.v, c->code.n * sizeof *code);
	if (c->ranges.n > 0)
		memcpy(ranges, c->ranges.v, c->ranges.n * sizeof *ranges);
	int groups = c->group_count < SIEVE_REGEX_GROUPS_MAX
			 ? c->group_count
			 : SIEVE_REGEX_GROUPS_MAX;
	*regex = (struct sieve_regex){
	    .code = code,
	    .size = c->code.n,
	    .ranges = ranges,
	    .groups = (size_t)groups,
	    .fold = c->fold,
	    .anchored = code[1].op == OP_START,
	};
	return regex;
}

const struct sieve_regex *sieve_regex_compile(struct pf_arena *arena,
					      struct pf_str pattern,
					      enum sieve_regex_fold fold,
					      const char **problem)
{
	struct compiler c = {.rest = pattern, .fold = fold};
	struct sieve_regex *regex = NULL;
	size_t at;

	/* the whole is group 0 */
	bool good = open_group(&c);
	while (good && c.rest.n > 0)
		good = item(&c);
	if (good && c.depth > 1)
		good = fail(&c, "\")\" is missing");
	if (good && close_group(&c, &at) &&
	    emit(&c, (struct instruction){.op = OP_MATCH}))
		regex = finish(&c, arena);
	*problem = c.problem;
	pf_vec_release(&c.code);
	pf_vec_release(&c.ranges);
	return regex;
}

size_t sieve_regex_groups(const struct sieve_regex *regex)
{
	return regex->groups;
}

/* ---- matching ---- */

/* Threads by priority; each has `slots` places of the text. */
struct threads {
	int *list;
	size_t n;
	size_t *slots; /* by instruction */
};

struct visit { /* an instruction, or (pc < 0) a slot to put back */
	int pc;
	int slot;
	size_t old;
};

struct matcher {
	const struct sieve_regex *regex;
	struct pf_str text;
	size_t slot_count;
	struct threads now, next;
	unsigned *seen; /* by instruction: in which round */
	unsigned round;
	struct visit *stack;
	uint32_t before, after; /* characters around this place */
	size_t *best;
	bool found;
	uint64_t work;
};

static bool holds(const struct matcher *m, const struct instruction *in)
{
	bool left = is_word(m->before), right = is_word(m->after);

	switch (in->op) {
	case OP_START:
		return m->before == NONE;
	case OP_END:
		return m->after == NONE;
	case OP_WORD_EDGE:
		return (left != right) != in->z;
	case OP_WORD_BEGIN:
		return !left && right;
	case OP_WORD_FINISH:
		return left && !right;
	case OP_CHAR:
	case OP_ANY:
	case OP_CLASS:
	case OP_SPLIT:
	case OP_JUMP:
	case OP_SAVE:
	case OP_MATCH:
		break;
	}
	return false;
}

/* Puts on the list what can be reached from `pc` without a character, the
 * first choice first.  `slots` is changed and put back. */
static void add_thread(struct matcher *m, struct threads *to, int pc,
		       size_t *slots, size_t at)
{
	const struct instruction *code = m->regex->code;
	size_t n = 0;

	m->stack[n++] = (struct visit){.pc = pc};
	while (n > 0) {
		struct visit v = m->stack[--n];

		if (v.pc < 0) {
			slots[v.slot] = v.old;
			continue;
		}
		if (m->seen[v.pc] == m->round)
			continue;
		m->seen[v.pc] = m->round;
		m->work++;
		const struct instruction *in = &code[v.pc];
		switch (in->op) {
		case OP_JUMP:
			m->stack[n++] = (struct visit){.pc = v.pc + in->x};
			break;
		case OP_SPLIT:
			m->stack[n++] = (struct visit){.pc = v.pc + in->y};
			m->stack[n++] = (struct visit){.pc = v.pc + in->x};
			break;
		case OP_SAVE:
			if ((size_t)in->x < m->slot_count) {
				m->stack[n++] =
				    (struct visit){.pc = -1,
						   .slot = in->x,
						   .old = slots[in->x]};
				slots[in->x] = at;
			}
			m->stack[n++] = (struct visit){.pc = v.pc + 1};
			break;
		case OP_START:
		case OP_END:
		case OP_WORD_EDGE:
		case OP_WORD_BEGIN:
		case OP_WORD_FINISH:
			if (holds(m, in))
				m->stack[n++] = (struct visit){.pc = v.pc + 1};
			break;
		case OP_CHAR:
		case OP_ANY:
		case OP_CLASS:
		case OP_MATCH:
			to->list[to->n++] = v.pc;
			if (m->slot_count > 0)
				memcpy(to->slots + (size_t)v.pc * m->slot_count,
				       slots, m->slot_count * sizeof *slots);
			m->work += m->slot_count / 8;
			break;
		}
	}
}

static bool in_class(struct matcher *m, const struct instruction *in,
		     uint32_t c, uint32_t folded)
{
	const struct range *r = m->regex->ranges + in->x;
	uint32_t lower = folded >= 'A' && folded <= 'Z' &&
				 m->regex->fold != SIEVE_REGEX_EXACT
			     ? folded + 32
			     : c;
	bool found = false;

	m->work += (uint64_t)in->y / 4;
	for (int i = 0; i < in->y && !found; i++)
		found = (c >= r[i].from && c <= r[i].to) ||
			(folded >= r[i].from && folded <= r[i].to) ||
			(lower >= r[i].from && lower <= r[i].to);
	return found != in->z;
}

static bool consumes(struct matcher *m, const struct instruction *in,
		     uint32_t c, uint32_t folded)
{
	switch (in->op) {
	case OP_CHAR:
		return (uint32_t)in->x == folded;
	case OP_ANY:
		return true;
	case OP_CLASS:
		return in_class(m, in, c, folded);
	case OP_SPLIT:
	case OP_JUMP:
	case OP_SAVE:
	case OP_START:
	case OP_END:
	case OP_WORD_EDGE:
	case OP_WORD_BEGIN:
	case OP_WORD_FINISH:
	case OP_MATCH:
		break;
	}
	return false;
}

/* A thread has come to its end: is its match the best so far? */
static void arrive(struct matcher *m, const size_t *slots)
{
	bool better = !m->found;

	if (m->found && m->slot_count > 1)
		better = slots[0] < m->best[0] ||
			 (slots[0] == m->best[0] && slots[1] > m->best[1]);
	m->found = true;
	if (better && m->slot_count > 0)
		memcpy(m->best, slots, m->slot_count * sizeof *slots);
}

/* All threads over one character (NONE: the end) */
static void advance(struct matcher *m, uint32_t c, size_t behind)
{
	const struct instruction *code = m->regex->code;
	uint32_t folded = c == NONE ? NONE : fold_char(c, m->regex->fold);

	m->next.n = 0;
	for (size_t i = 0; i < m->now.n; i++) {
		int pc = m->now.list[i];
		size_t *slots = m->now.slots + (size_t)pc * m->slot_count;

		m->work++;
		/* began later than the match that we have */
		if (m->found && m->slot_count > 0 && slots[0] > m->best[0])
			continue;
		if (code[pc].op == OP_MATCH)
			arrive(m, slots);
		else if (c != NONE && consumes(m, &code[pc], c, folded))
			add_thread(m, &m->next, pc + 1, slots, behind);
	}
	struct threads t = m->now;
	m->now = m->next;
	m->next = t;
}

static void search(struct matcher *m, bool (*step)(void *, uint64_t), void *arg)
{
	size_t at = 0, len = 0, start[2 * SIEVE_REGEX_GROUPS_MAX];
	size_t first_len;

	m->before = NONE;
	m->after = m->text.n > 0 ? next_char(m->text, &first_len) : NONE;
	m->round = 1;
	for (;;) {
		struct pf_str rest = pf_str_from(m->text, at);
		uint32_t c = NONE;

		if (rest.n > 0)
			c = next_char(rest, &len);
		m->after = c;
		/* a later start has the lowest priority */
		if (!m->found && (at == 0 || !m->regex->anchored)) {
			for (size_t i = 0; i < m->slot_count; i++)
				start[i] = SIZE_MAX;
			add_thread(m, &m->now, 0, start, at);
		}
		if (m->now.n == 0 && (m->found || m->regex->anchored))
			return;
		/* what comes next stands between c and its follower */
		m->round++;
		m->before = c;
		struct pf_str behind = pf_str_from(rest, len);
		m->after = c != NONE && behind.n > 0
			       ? next_char(behind, &first_len)
			       : NONE;
		advance(m, c, at + len);
		m->work += 4;
		if (!step(arg, m->work) || c == NONE ||
		    (m->found && m->slot_count == 0)) {
			m->work = 0;
			return;
		}
		m->work = 0;
		at += len;
	}
}

/* Room for the threads; slots only where groups are wanted */
static bool make_room(struct matcher *m, struct pf_arena *arena)
{
	size_t n = m->regex->size;

	m->now.list = pf_arena_array(arena, n, sizeof *m->now.list);
	m->next.list = pf_arena_array(arena, n, sizeof *m->next.list);
	m->seen = pf_arena_array(arena, n, sizeof *m->seen);
	/* each instruction is visited once, leaving at most two behind */
	m->stack = pf_arena_array(arena, 2 * n + 2, sizeof *m->stack);
	m->now.slots =
	    pf_arena_array(arena, n * m->slot_count + 1, sizeof(size_t));
	m->next.slots =
	    pf_arena_array(arena, n * m->slot_count + 1, sizeof(size_t));
	m->best = pf_arena_array(arena, m->slot_count + 1, sizeof(size_t));
	return m->now.list && m->next.list && m->seen && m->stack &&
	       m->now.slots && m->next.slots && m->best;
}

bool sieve_regex_match(const struct sieve_regex *regex, struct pf_str text,
		       struct pf_str *groups, size_t group_max,
		       bool (*step)(void *arg, uint64_t steps), void *arg)
{
	struct matcher m = {.regex = regex, .text = text};
	struct pf_arena arena;

	if (group_max > regex->groups)
		group_max = regex->groups;
	m.slot_count = 2 * group_max;
	pf_arena_init(&arena, SIZE_MAX); /* bounded by the program's size */
	if (make_room(&m, &arena) &&
	    step(arg, regex->size * (4 + m.slot_count)))
		search(&m, step, arg);
	for (size_t i = 0; m.found && i < group_max; i++) {
		size_t from = m.best[2 * i], to = m.best[2 * i + 1];

		groups[i] = from == SIZE_MAX || to == SIZE_MAX || to < from
				? (struct pf_str){0}
				: pf_str_mem(text.p + from, to - from);
	}
	pf_arena_release(&arena);
	return m.found;
}
