/*
 * All extensions.  To add one: write ext_NAME.c, and add its two lines here.
 */
#include "sieve/lang.h"

#include <pthread.h>
#include <stdio.h>

/* clang-format off */
#define SIEVE_EXTENSION_MAP(X) \
	X(base)                /* RFC 5228 */ \
	X(encoded_character)   /* RFC 5228 2.4.2.4; before variables */ \
	X(fileinto)            /* RFC 5228 4.1 */ \
	X(envelope)            /* RFC 5228 5.4 */ \
	X(envelope_dsn)        /* RFC 6009 4 */ \
	X(redirect_dsn)        /* RFC 6009 5 */ \
	X(envelope_deliverby)  /* RFC 6009 6 */ \
	X(redirect_deliverby)  /* RFC 6009 7 */ \
	X(octet)               /* RFC 5228 2.7.3 */ \
	X(casemap)             /* RFC 5228 2.7.3 */ \
	X(numeric)             /* RFC 4790 9.1 */ \
	X(unicode)             /* RFC 5051 */ \
	X(variables)           /* RFC 5229 */ \
	X(relational)          /* RFC 5231 */ \
	X(subaddress)          /* RFC 5233 */ \
	X(copy)                /* RFC 3894 */ \
	X(imap4flags)          /* RFC 5232 */ \
	X(imapflags)           /* its draft */ \
	X(mailbox)             /* RFC 5490 */ \
	X(mailboxid)           /* RFC 9042 */ \
	X(mboxmetadata)        /* RFC 5490 3.3 */ \
	X(servermetadata)      /* RFC 5490 4 */ \
	X(extlists)            /* RFC 6134 */ \
	X(reject)              /* RFC 5429 */ \
	X(ereject)             /* RFC 5429 */ \
	X(enotify)             /* RFC 5435 */ \
	X(notify)              /* its draft */ \
	X(vacation)            /* RFC 5230 */ \
	X(vacation_seconds)    /* RFC 6131 */ \
	X(date)                /* RFC 5260 4 */ \
	X(index)               /* RFC 5260 6 */ \
	X(regex)               /* draft-ietf-sieve-regex */ \
	X(body)                /* RFC 5173 */ \
	X(duplicate)           /* RFC 7352 */ \
	X(editheader)          /* RFC 5293 */ \
	X(environment)         /* RFC 5183 */ \
	X(fcc)                 /* RFC 8580 */ \
	X(mime)                /* RFC 5703 4 */ \
	X(foreverypart)        /* RFC 5703 3 */ \
	X(extracttext)         /* RFC 5703 7 */ \
	X(replace)             /* RFC 5703 5 */ \
	X(enclose)             /* RFC 5703 6 */ \
	X(imapsieve)           /* RFC 6785 */ \
	X(dovecot_imapsieve)   /* vnd.dovecot.imapsieve */ \
	X(ihave)               /* RFC 5463 */ \
	X(include)             /* RFC 6609 */ \
	X(special_use)         /* RFC 8579 */ \
	X(spamtest)            /* RFC 5235 3.2 */ \
	X(spamtestplus)        /* RFC 5235 3.2.2 */ \
	X(virustest)           /* RFC 5235 3.3 */ \
	X(dovecot_pipe)        /* vnd.dovecot.pipe */ \
	X(dovecot_filter)      /* vnd.dovecot.filter */ \
	X(dovecot_execute)     /* vnd.dovecot.execute */ \
	X(dovecot_report)      /* vnd.dovecot.report */ \
	X(dovecot_environment) /* vnd.dovecot.environment */ \
	X(dovecot_debug)       /* vnd.dovecot.debug */
/* clang-format on */

#define DECLARE(name) extern const struct sieve_extension sieve_ext_##name;
SIEVE_EXTENSION_MAP(DECLARE)

#define ROW(name) &sieve_ext_##name,
const struct sieve_extension *const sieve_registry[] = {
    SIEVE_EXTENSION_MAP(ROW)};
const size_t sieve_registry_count =
    sizeof sieve_registry / sizeof sieve_registry[0];
_Static_assert(sizeof sieve_registry / sizeof sieve_registry[0] <=
		   SIEVE_EXTENSIONS_MAX,
	       "raise SIEVE_EXTENSIONS_MAX");

size_t sieve_extension_index(const struct sieve_extension *extension)
{
	size_t i = 0;

	while (sieve_registry[i] != extension)
		i++;
	return i;
}

static bool is_offered(const struct sieve_extension *x, unsigned offers)
{
	return (x->offer & ~offers) == 0 &&
	       !(x->delivery && (offers & SIEVE_ONLY_IMAP));
}

bool sieve_extension_find(const struct sieve_compiler *compiler,
			  struct pf_str name, size_t *index)
{
	for (size_t i = 0; i < sieve_registry_count; i++) {
		const char *known = sieve_registry[i]->name;

		if (known && pf_str_eq(name, pf_str_c(known)) &&
		    (!compiler ||
		     is_offered(sieve_registry[i], compiler->limits->offers))) {
			*index = i;
			return true;
		}
	}
	return false;
}

void sieve_extension_require(struct sieve_compiler *compiler, size_t index)
{
	const char *implies = sieve_registry[index]->implies;
	size_t implied;

	compiler->script->required[index] = true;
	if (implies && sieve_extension_find(NULL, pf_str_c(implies), &implied))
		compiler->script->required[implied] = true;
}

size_t sieve_def_keys(const struct sieve_def *def)
{
	return strlen(def->params) - (strchr(def->params, '?') ? 2 : 1);
}

bool sieve_word_in(struct pf_str name, const char *list)
{
	struct pf_str rest = pf_str_c(list), word;

	while (pf_str_split(&rest, ' ', &word)) {
		if (pf_str_ieq(word, name))
			return true;
	}
	return false;
}

const struct sieve_def *sieve_def_find(struct pf_str name, bool test,
				       const bool *required, size_t *extension)
{
	const struct sieve_def *found = NULL;

	for (size_t i = 0; i < sieve_registry_count; i++) {
		const struct sieve_def *def = sieve_registry[i]->defs;

		while (def && def->name &&
		       (def->test != test ||
			!pf_str_ieq(name, pf_str_c(def->name))))
			def++;
		if (!def || !def->name || (found && !required[i]))
			continue;
		found = def;
		*extension = i;
		if (!required || required[i])
			break;
	}
	return found;
}

static bool tag_fits(const struct sieve_tag *tag, const struct sieve_def *def)
{
	if (strcmp(tag->on, "@match") == 0)
		return def->flags & SIEVE_DEF_MATCH;
	if (strcmp(tag->on, "@address") == 0)
		return def->flags & SIEVE_DEF_ADDRESS;
	return sieve_word_in(pf_str_c(def->name), tag->on);
}

const struct sieve_tag *sieve_tag_find(struct pf_str name,
				       const struct sieve_def *def,
				       const bool *required, size_t *extension)
{
	const struct sieve_tag *found = NULL;

	for (size_t i = 0; i < sieve_registry_count; i++) {
		const struct sieve_tag *tag = sieve_registry[i]->tags;

		while (tag && tag->name &&
		       (!tag_fits(tag, def) ||
			!pf_str_ieq(name, pf_str_c(tag->name))))
			tag++;
		if (!tag || !tag->name || (found && !required[i]))
			continue;
		found = tag;
		*extension = i;
		if (!required || required[i])
			break;
	}
	return found;
}

const struct sieve_envelope_part *sieve_envelope_part_find(struct pf_str name,
							   size_t *extension)
{
	for (size_t i = 0; i < sieve_registry_count; i++) {
		const struct sieve_envelope_part *part =
		    sieve_registry[i]->parts;

		for (; part && part->name; part++) {
			if (pf_str_ieq(name, pf_str_c(part->name))) {
				*extension = i;
				return part;
			}
		}
	}
	return NULL;
}

const struct sieve_comparator *sieve_comparator_find(struct pf_str name,
						     size_t *extension)
{
	for (size_t i = 0; i < sieve_registry_count; i++) {
		const struct sieve_comparator *c =
		    sieve_registry[i]->comparator;

		if (c && pf_str_ieq(name, pf_str_c(c->name))) {
			*extension = i;
			return c;
		}
	}
	return NULL;
}

/* Levenshtein distance, ASCII case ignored; 99 when a name is long */
static int distance(struct pf_str a, const char *b)
{
	enum {
		MAX = 40
	};
	size_t n = strlen(b);
	int row[MAX + 1];

	if (a.n > MAX || n > MAX)
		return 99;
	for (size_t j = 0; j <= n; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= a.n; i++) {
		int diagonal = row[0];

		row[0] = (int)i;
		for (size_t j = 1; j <= n; j++) {
			int change = diagonal + (pf_ascii_lower(a.p[i - 1]) !=
						 pf_ascii_lower(b[j - 1]));

			diagonal = row[j];
			row[j] =
			    1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
			if (change < row[j])
				row[j] = change;
		}
	}
	return row[n];
}

static void nearer(struct pf_str name, const char *known, const char **best,
		   int *least)
{
	int d = distance(name, known);

	if (d < *least) {
		*least = d;
		*best = known;
	}
}

const char *sieve_name_near(struct pf_str name, enum sieve_name_kind kind,
			    const struct sieve_def *def)
{
	const char *best = NULL;
	int least = name.n < 4 ? 2 : 3;

	for (size_t i = 0; i < sieve_registry_count; i++) {
		const struct sieve_extension *x = sieve_registry[i];

		if (kind == SIEVE_NAME_EXTENSION && x->name)
			nearer(name, x->name, &best, &least);
		for (const struct sieve_def *d = x->defs; d && d->name; d++) {
			if (kind ==
			    (d->test ? SIEVE_NAME_TEST : SIEVE_NAME_COMMAND))
				nearer(name, d->name, &best, &least);
		}
		for (const struct sieve_tag *t = x->tags; t && t->name; t++) {
			if (kind == SIEVE_NAME_TAG && tag_fits(t, def))
				nearer(name, t->name, &best, &least);
		}
	}
	return best;
}

/* One list for each combination of offers */
#define OFFERS 16
static char names[OFFERS][2048];

static void make_names(void)
{
	for (unsigned offers = 0; offers < OFFERS; offers++) {
		size_t n = 0;

		for (size_t i = 0; i < sieve_registry_count; i++) {
			const struct sieve_extension *x = sieve_registry[i];

			if (x->name && !x->unlisted && is_offered(x, offers))
				n += (size_t)snprintf(
				    names[offers] + n, sizeof names[0] - n,
				    "%s%s", n ? " " : "", x->name);
		}
	}
}

const char *sieve_extensions(unsigned offers)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_names);
	return names[offers % OFFERS];
}
