/* A test as one line of script, for explain and `penfold sieve test`. */
#include "sieve/run.h"

#include <stdio.h>

#include "base/utf8.h"

void sieve_text_clean(char *text)
{
	struct pf_str rest = pf_str_c(text);
	size_t step;

	for (char *p = text; rest.n > 0; p += step) {
		if (pf_utf8_next(rest, &step) == PF_UTF8_BAD)
			*p = '?';
		else if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
		rest = pf_str_from(rest, step);
	}
}

struct line {
	char *to;
	size_t size, n;
};

static void put(struct line *line, struct pf_str s)
{
	for (size_t i = 0; i < s.n && line->n + 1 < line->size; i++)
		line->to[line->n++] = s.p[i] ? s.p[i] : ' ';
	line->to[line->n] = '\0';
}

static void put_strings(struct line *line, const struct sieve_arg *arg)
{
	if (arg->list)
		put(line, PF_STR("["));
	for (size_t i = 0; i < arg->count; i++) {
		if (i > 0)
			put(line, PF_STR(", "));
		put(line, PF_STR("\""));
		put(line, arg->strings[i].value.text);
		put(line, PF_STR("\""));
	}
	if (arg->list)
		put(line, PF_STR("]"));
}

void sieve_node_describe(const struct sieve_node *node, char *to, size_t size)
{
	struct line line = {.to = to, .size = size};
	char digits[24];

	put(&line, pf_str_c(node->def->name));
	for (size_t i = 0; i < node->arg_count; i++) {
		const struct sieve_arg *arg = &node->args[i];

		put(&line, PF_STR(" "));
		switch (arg->kind) {
		case SIEVE_TAG:
			put(&line, PF_STR(":"));
			put(&line, arg->tag);
			break;
		case SIEVE_NUMBER:
			snprintf(digits, sizeof digits, "%llu",
				 (unsigned long long)arg->number);
			put(&line, pf_str_c(digits));
			break;
		case SIEVE_STRINGS:
			put_strings(&line, arg);
			break;
		}
	}
	if (line.n + 1 >= size && size > 4)
		memcpy(to + size - 4, "...", 4);
	sieve_text_clean(to);
}
