/*
 * msieve: ManageSieve (RFC 5804) without I/O towards the network, and the
 * scripts on disk that it manages.
 *
 * The reader takes bytes and gives commands; the writers append what a server
 * says.  The scripts are laid out as Dovecot does: one file NAME.sieve each
 * in one folder, and a symbolic link to the active one.
 */
#ifndef MSIEVE_MSIEVE_H
#define MSIEVE_MSIEVE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"

/* ---- reading commands -------------------------------------------------- */

#define MSIEVE_ARGS_MAX 4

enum msieve_kind {
	MSIEVE_STRING,
	MSIEVE_NUMBER
};

struct msieve_arg {
	enum msieve_kind kind;
	struct pf_str text; /* STRING: decoded */
	uint32_t number;    /* NUMBER */
};

struct msieve_reader_conf {
	size_t line_max;    /* bytes of a command outside its literals */
	size_t literal_max; /* bytes of all its literals */
};

struct msieve_reader;
struct msieve_reader *msieve_reader_new(const struct msieve_reader_conf *conf);
/* Wipes what was read. */
void msieve_reader_free(struct msieve_reader **reader);

/*
 * Takes bytes up to the end of a command:
 *	MORE	all used, the command goes on
 *	OK	a command; its parts are valid until msieve_reader_next()
 *	INVALID	this was no command (answer NO; all of it was skipped)
 *	LIMIT	its literals were over literal_max (likewise)
 *	CORRUPT	it is not clear where the next command begins: say BYE
 */
PF_CHECKED pf_status msieve_reader_feed(struct msieve_reader *reader,
					const char *p, size_t n, size_t *used,
					struct pf_error *err);
struct pf_str msieve_reader_name(const struct msieve_reader *reader);
size_t msieve_reader_count(const struct msieve_reader *reader);
struct msieve_arg msieve_reader_arg(const struct msieve_reader *reader,
				    size_t i);
/* "s" string, "n" number, one letter an argument: are they just these? */
bool msieve_reader_args_are(const struct msieve_reader *reader,
			    const char *kinds);
/* Wipes the command. */
void msieve_reader_next(struct msieve_reader *reader);
/* What comes next is one string on a line: a client's part in a SASL
 * exchange (RFC 5804 2.1).  Until msieve_reader_next(). */
void msieve_reader_expect_string(struct msieve_reader *reader);

/* ---- writing answers --------------------------------------------------- */

/* Quoted where RFC 5804 4 allows that, else a literal. */
void msieve_add_string(struct pf_buf *to, struct pf_str text);
/* result (code) "text"; code and text may be empty */
void msieve_add_result(struct pf_buf *to, const char *result, const char *code,
		       struct pf_str text);

/* ---- scripts on disk --------------------------------------------------- */

/* Paths are absolute.  Functions block; any thread, any process. */
struct msieve_scripts {
	const char *dir;    /* ~/sieve */
	const char *active; /* ~/.dovecot.sieve */
	size_t size_max;
	size_t count_max;
};

#define MSIEVE_NAME_MAX 249 /* bytes: a file name without ".sieve" */

struct msieve_script {
	char name[MSIEVE_NAME_MAX + 1];
	bool active;
};
struct msieve_list pf_vec(struct msieve_script);

/* RFC 5804 1.6, and what a file name cannot be: INVALID. */
PF_CHECKED pf_status msieve_name_check(struct pf_str name,
				       struct pf_error *err);

/*
 * Statuses: INVALID (name), NOTFOUND, EXISTS, NOPERM (it is the active one),
 * LIMIT (too large), OVERQUOTA (too many), BUSY (another editor's lock), and
 * what a disk can say.  What was changed is durable when they return.
 */
/* Sorted by name. */
PF_CHECKED pf_status msieve_scripts_list(const struct msieve_scripts *scripts,
					 struct msieve_list *list,
					 struct pf_error *err);
PF_CHECKED pf_status msieve_scripts_get(const struct msieve_scripts *scripts,
					struct pf_str name, struct pf_buf *text,
					struct pf_error *err);
/* Would put() take it? */
PF_CHECKED pf_status msieve_scripts_room(const struct msieve_scripts *scripts,
					 struct pf_str name, uint64_t size,
					 struct pf_error *err);
PF_CHECKED pf_status msieve_scripts_put(const struct msieve_scripts *scripts,
					struct pf_str name, struct pf_str text,
					struct pf_error *err);
/* An empty name: no script is active. */
PF_CHECKED pf_status
msieve_scripts_activate(const struct msieve_scripts *scripts,
			struct pf_str name, struct pf_error *err);
PF_CHECKED pf_status msieve_scripts_rename(const struct msieve_scripts *scripts,
					   struct pf_str from, struct pf_str to,
					   struct pf_error *err);
PF_CHECKED pf_status msieve_scripts_remove(const struct msieve_scripts *scripts,
					   struct pf_str name,
					   struct pf_error *err);

#endif
