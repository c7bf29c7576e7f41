/*
 * ctl, the verb sieve: what its parts share.  Private to ctl/.
 */
#ifndef CTL_SIEVE_H
#define CTL_SIEVE_H

#include "ctl/ctl.h"
#include "filter/filter.h"

/* One user's mail, scripts and settings. */
struct ctl_sieve {
	struct ctl *ctl;
	struct pf_conf conf;
	struct auth_identity id;
	struct filter filter; /* of our own: it writes no journal */
	struct sieve_limits limits;
	struct store *store; /* NULL: none is open */
};

/* Takes -u USER out of the arguments.  False: it was said why. */
bool ctl_sieve_begin(struct ctl_sieve *s, struct ctl *ctl);
void ctl_sieve_end(struct ctl_sieve *s);
/* Opens the user's mail as its owner. */
bool ctl_sieve_open_mail(struct ctl_sieve *s, bool read_only);
/* Reads and compiles; all problems go to `out`.  NULL: it has errors. */
struct sieve_script *ctl_sieve_compile(struct ctl_sieve *s, const char *path,
				       FILE *out);

/* ---- what a run comes to (sieve_mail.c) ---- */

/* A set of places: folders, "redirect to x", "discard", ... sorted. */
struct ctl_places pf_vec(char *);
void ctl_places_add(struct ctl_places *places, struct pf_str place);
bool ctl_places_equal(const struct ctl_places *a, const struct ctl_places *b);
void ctl_places_print(const struct ctl_places *places, struct pf_buf *to);
void ctl_places_json(const struct ctl_places *places);
void ctl_places_release(struct ctl_places *places);

/* Where the actions would put a message that came to `to`. */
void ctl_sieve_places(struct ctl_sieve *s, const struct sieve_message *message,
		      const struct sieve_result *result,
		      struct ctl_places *places);

/* The actions themselves, on standard output. */
void ctl_actions_json(const struct sieve_result *result);

/* One line each, for a list: sender and subject as text. */
void ctl_mail_fields(struct pf_str header, struct pf_buf *from,
		     struct pf_buf *subject);
/* A text in just so many columns. */
void ctl_print_column(struct pf_str text, int columns);
/* On a terminal: how far we are. */
void ctl_progress(const char *what, size_t done, size_t total);

/* ---- the verbs ---- */

int ctl_sieve_replay(struct ctl_sieve *s);
int ctl_sieve_apply(struct ctl_sieve *s);

#endif
