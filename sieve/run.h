/*
 * A run: one script over one message.  Private to sieve/ and tests/sieve/.
 */
#ifndef SIEVE_RUN_H
#define SIEVE_RUN_H

#include "sieve/lang.h"

struct mime_part;
struct sieve_matcher;
struct sieve_field;

#define SIEVE_FIELDS_MAX    10000 /* header fields that are looked at */
#define SIEVE_ADDRESSES_MAX 10000 /* likewise, of all fields together */
#define SIEVE_VARIABLE_MAX  8192  /* bytes of a variable's value */
#define SIEVE_EDITS_MAX	    100	  /* fields that a script adds */
#define SIEVE_CAPTURES_MAX  32	  /* ${0}..${31} */
#define SIEVE_VARIABLES_MAX 1000

struct sieve_field {
	struct pf_str name, raw;
	bool decoded;
	struct sieve_value value;
	bool parsed;
	struct sieve_address *addresses;
	size_t address_count;
};

/* What is still to do: a program, or a loop with its turns (loop.c) */
struct sieve_frame {
	size_t program;
	const struct sieve_node *loop; /* NULL: the program, once */
	const struct mime_part *scope; /* whose parts it visits */
	const struct mime_part *part;  /* NULL: none yet */
};

struct sieve_frames pf_vec(struct sieve_frame);
struct sieve_answers pf_vec(bool);

/* A part that was replaced: header without the empty line, body */
struct sieve_edit {
	const struct mime_part *part;
	struct pf_str header, body;
};

/* What stands before and behind the message in one that encloses it */
struct sieve_wrap {
	struct pf_str before, behind;
};

/*
 * The message as it is now (content.c): its header as text and, when somebody
 * asks, as fields; its body in the file or, after changes, in pieces.
 */
struct sieve_content {
	struct pf_str header; /* p NULL: the fields are newer */
	bool edited;	      /* some of the header is not the message's own */
	bool replaced;	      /* Original-Subject, Original-From are ours */
	int fd;		      /* -1: the message's own file */
	unsigned version;     /* of what the file holds */
	struct mime_part *root;
	bool parsed;
	struct sieve_edit *edits;
	size_t edit_count;
	struct sieve_wrap *wraps;
	size_t wrap_count;
	const struct sieve_span *spans; /* as of the last change, or NULL */
	size_t span_count;
	/* what a redirect sends: without what encloses it */
	bool has_bare;
	struct pf_str bare_header;
	const struct sieve_span *bare;
	size_t bare_count;
};

struct sieve_run {
	const struct sieve_script *script;
	const struct sieve_message *message;
	struct sieve_limits limits;
	sieve_trace_fn trace;
	void *trace_arg;
	struct sieve_result *result;
	struct pf_arena *arena;	 /* the result's */
	struct pf_arena scratch; /* for passing values */
	struct sieve_field *fields;
	size_t field_count;
	size_t field_room;
	bool fields_read, fields_cut;
	size_t address_count;
	uint64_t steps;
	int redirects;
	bool keeps;			 /* the implicit keep still stands */
	bool kept;			 /* there was a keep */
	unsigned step;			 /* of a sequence */
	size_t first_action, first_seen; /* what is before is not its own */
	bool returning;			 /* to the end of the included script */
	const struct sieve_node *node;
	void *state[SIEVE_EXTENSIONS_MAX];
	bool active[SIEVE_EXTENSIONS_MAX]; /* required by it, or lasting */

	struct sieve_content content;

	/* loop.c */
	struct sieve_frames frames;
	const struct mime_part *part; /* of the loop we are in, or NULL */
	bool skipping;		      /* to the end of this program */
	bool stopped;
	/* What the program said so far, to be said again (SIEVE_DEF_SLOW) */
	struct sieve_answers said;
	size_t said_again;
	const struct sieve_node *waiting; /* for what takes long */
};

/* run.c */
pf_status sieve_run_begin(struct sieve_run *run,
			  const struct sieve_script *script,
			  const struct sieve_message *message,
			  const struct sieve_limits *limits,
			  sieve_trace_fn trace, void *trace_arg,
			  struct sieve_result *result, struct pf_error *err);
/* The same in a result that was begun, after the run `before` of another
 * script (NULL: it is the first). */
pf_status sieve_result_begin(struct sieve_result *result,
			     const struct sieve_limits *limits,
			     struct pf_error *err);
pf_status sieve_run_continue(struct sieve_run *run,
			     const struct sieve_run *before,
			     const struct sieve_script *script,
			     const struct sieve_message *message,
			     const struct sieve_limits *limits,
			     sieve_trace_fn trace, void *trace_arg,
			     struct sieve_result *result, struct pf_error *err);
/* Walks the core programs (loop.c). */
PF_CHECKED pf_status sieve_run_walk(struct sieve_run *run,
				    struct pf_error *err);
/* When libsieve could not: a result without any memory of its own. */
void sieve_run_abandon(struct sieve_run *run);
/* After the last command: adds the implicit keep, or undoes all after a
 * failure. */
void sieve_run_end(struct sieve_run *run);
/* What a test says, and what a command does: once per decision. */
bool sieve_run_decide(struct sieve_run *run, const struct sieve_node *node);
void sieve_run_execute(struct sieve_run *run, const struct sieve_node *node);

/* Ends the loop: the nearest one of this node. */
void sieve_run_break(struct sieve_run *run, const struct sieve_node *loop);
/* stop, where libsieve asks */
bool sieve_decide_stop(struct sieve_run *run, const struct sieve_node *node);

/* Ends the run with an error; the first one counts. */
__attribute__((format(printf, 2, 3))) void
sieve_run_fail(struct sieve_run *run, const char *format, ...);
__attribute__((format(printf, 2, 3))) void
sieve_run_trace(struct sieve_run *run, const char *format, ...);
/* Counts work; false once the budget is spent (and the run failed). */
bool sieve_run_step(struct sieve_run *run, uint64_t steps);
/* Zeroed; NULL (and the run failed) when its memory is used up. */
void *sieve_run_alloc(struct sieve_run *run, size_t count, size_t size);
struct pf_str sieve_run_keep(struct sieve_run *run, struct pf_str s);
void *sieve_run_state(struct sieve_run *run,
		      const struct sieve_extension *extension);

/* The value of a string now. */
struct sieve_value sieve_run_value(struct sieve_run *run,
				   const struct sieve_string *string);
struct pf_str sieve_run_string(struct sieve_run *run,
			       const struct sieve_string *string);

/* Gives an action: tags are applied, conflicts and limits seen to. */
/* Lets the extensions add to an action what they have gathered. */
void sieve_run_complete(struct sieve_run *run, struct sieve_action *action);
void sieve_run_action(struct sieve_run *run, const struct sieve_node *node,
		      struct sieve_action action);

/* message.c: the fields named `name` in order; *pos starts with 0 */
struct sieve_field *sieve_run_field(struct sieve_run *run, struct pf_str name,
				    size_t *pos);
/* Reads the fields now, with room for more; false: not all of them are known,
 * so they must not be written back. */
bool sieve_run_fields(struct sieve_run *run);
struct sieve_value *sieve_field_value(struct sieve_run *run,
				      struct sieve_field *field);
void sieve_field_addresses(struct sieve_run *run, struct sieve_field *field);
/* local@domain of a text that holds exactly one address, and one that can be
 * written in a mail command as it is; false: it does not */
bool sieve_address_parse(struct pf_arena *arena, struct pf_str text,
			 struct sieve_address *address);

/* One field as it will stand in the message; false: it cannot be made. */
bool sieve_field_make(struct sieve_run *run, struct pf_str name,
		      struct pf_str value, struct sieve_field *field);
/* Its whole line(s), with the line end */
struct pf_str sieve_field_line(const struct sieve_field *field);

/* ext_base.c: each address of a field, until it is enough */
void sieve_match_addresses(struct sieve_matcher *matcher,
			   struct sieve_field *field);

/* content.c */
/* The message as it came, or as the run before this one has left it */
void sieve_content_begin(struct sieve_run *run, const struct sieve_run *before);
/* To be called before another run begins with it */
void sieve_content_pass(struct sieve_run *run);
/* The header as text, as it is now */
struct pf_str sieve_content_header(struct sieve_run *run);
/* The fields were changed. */
void sieve_content_edited(struct sieve_run *run);
/* A file that holds the message as it is now (in a loop: as it was before the
 * loop), whatever its header is; -1: there is none. */
int sieve_content_file(struct sieve_run *run);
/* The tree of that file, NULL: there is none */
struct mime_part *sieve_content_root(struct sieve_run *run);
/* The part behind `part` (NULL: the first one) among all parts, the message
 * itself first, or among those in `scope` if that is not NULL */
const struct mime_part *sieve_content_next(struct sieve_run *run,
					   const struct mime_part *scope,
					   const struct mime_part *part);
/* The replacement of a part, or NULL */
const struct sieve_edit *sieve_content_edit(const struct sieve_run *run,
					    const struct mime_part *part);
/* The header of a part of the tree */
struct pf_str sieve_content_part_header(struct sieve_run *run,
					const struct mime_part *part);
/* Replaces a part (NULL: the message) or encloses the message; false: the run
 * failed.  `header` has no empty line; of the message's own header only what
 * speaks of its structure goes. */
bool sieve_content_replace(struct sieve_run *run, const struct mime_part *part,
			   struct pf_str header, struct pf_str body);
bool sieve_content_enclose(struct sieve_run *run, struct pf_str header,
			   struct pf_str before, struct pf_str behind);
void sieve_content_set_header(struct sieve_run *run, struct pf_str header);
/* The message is this file from now on. */
bool sieve_content_take(struct sieve_run *run, int fd);
/* A new file that is closed with the result; -1: none (and the run failed) */
int sieve_content_scratch(struct sieve_run *run);
/* The pieces of the body as it is now */
const struct sieve_span *sieve_content_body(struct sieve_run *run,
					    size_t *count);
/* What an action carries of it */
void sieve_content_apply(struct sieve_run *run, struct sieve_action *action);

/* ext_index.c: the fields a test looks at: all that have one of the names, in
 * the order of the names, or the one that :index chooses */
struct sieve_fields {
	struct sieve_run *run;
	const struct sieve_arg *names;
	size_t name, pos;
	uint64_t seen, wanted; /* 0: all */
};
void sieve_fields_begin(struct sieve_fields *fields, struct sieve_run *run,
			const struct sieve_node *node,
			const struct sieve_arg *names);
struct sieve_field *sieve_fields_next(struct sieve_fields *fields);

/* match.c: feed values until one matches, then ask sieve_matcher_end. */
struct sieve_matcher {
	struct sieve_run *run;
	const struct sieve_node *node;
	struct sieve_value *keys;
	size_t key_count;
	uint64_t seen;
	bool found;
};
void sieve_matcher_begin(struct sieve_matcher *matcher, struct sieve_run *run,
			 const struct sieve_node *node,
			 const struct sieve_arg *keys);
/* True: no further value is needed. */
bool sieve_matcher_add(struct sieve_matcher *matcher,
		       struct sieve_value *value);
bool sieve_matcher_end(struct sieve_matcher *matcher);
/* The form in which the node's comparator looks at a value */
struct pf_str sieve_value_normal(struct sieve_run *run,
				 const struct sieve_node *node,
				 struct sieve_value *value);

/* trace.c: a node as a line of script, cut at `size` */
void sieve_node_describe(const struct sieve_node *node, char *to, size_t size);

/* ext_variables.c */
struct pf_str sieve_variables_expand(struct sieve_run *run,
				     const struct sieve_string *string);
struct pf_str sieve_variable_get(struct sieve_run *run, size_t index);
void sieve_variable_set(struct sieve_run *run, size_t index,
			struct pf_str value);
/* After the modifiers among the node's tags */
void sieve_variable_modified_set(struct sieve_run *run,
				 const struct sieve_node *node, size_t index,
				 struct pf_str value);
void sieve_captures_set(struct sieve_run *run, const struct pf_str *captures,
			size_t count);

/* ext_date.c: `when` as RFC 3339 has it, in the zone that the node's :zone asks
 * for; false: it cannot be shown */
bool sieve_date_text(struct sieve_run *run, const struct sieve_node *node,
		     time_t when, struct pf_str *text);

/* message.c: was the message written by a program (RFC 3834 5)? */
bool sieve_run_automatic(struct sieve_run *run);

/* ext_extlists.c: redirects to each member of the named list */
void sieve_list_redirect(struct sieve_run *run, const struct sieve_node *node);

/* ext_environment.c: false: there is no such thing */
bool sieve_environment_get(struct sieve_run *run, struct pf_str name,
			   struct pf_str *value);

/* engine.c: executes a core program with libsieve */
struct sieve_engine_calls {
	bool (*decide)(void *arg, size_t test);
	void (*execute)(void *arg, size_t operation);
};
PF_CHECKED pf_status sieve_engine_run(struct pf_str core,
				      const struct sieve_engine_calls *calls,
				      void *arg, struct pf_error *err);

#endif
