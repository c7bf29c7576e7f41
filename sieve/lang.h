/*
 * The Sieve language inside penfold: the tree of a script, and what an
 * extension is made of.  Private to sieve/ and tests/sieve/.
 *
 *	text --parse--> nodes --check--> bound nodes --lower--> core program
 *
 * An extension is one file ext_NAME.c that exports one const struct
 * sieve_extension, and one row in registry.c.  It brings commands and tests
 * (struct sieve_def), tags for its own and for other people's commands
 * (struct sieve_tag), match types, comparators and address parts; nobody else
 * knows about it.
 */
#ifndef SIEVE_LANG_H
#define SIEVE_LANG_H

#include "sieve/sieve.h"

#define SIEVE_EXTENSIONS_MAX 96
#define SIEVE_PARAMS_MAX     3
#define SIEVE_NODES_MAX	     50000 /* commands, tests and arguments */
#define SIEVE_PROBLEMS_MAX   100
#define SIEVE_INCLUDES_MAX   64

struct sieve_run;
struct sieve_compiler;
struct sieve_matcher;
struct sieve_regex;

struct sieve_place {
	int line, column;
	int script; /* the number of an included one; 0: the main one */
};

/* ---- the tree ---- */

/* A text that is compared: `upper` is it in ASCII upper case, made when it
 * is first needed (p == NULL: not yet).  A passing value is looked at once:
 * its `upper` lasts until the next one. */
struct sieve_value {
	struct pf_str text, upper;
	struct pf_str folded; /* likewise, for i;unicode-casemap */
	bool passing;
	const struct sieve_regex *regex; /* of a key of :regex, or NULL */
};

/* A string constant, or (variables) literals and references in a row. */
struct sieve_piece {
	enum {
		SIEVE_LITERAL,
		SIEVE_VARIABLE,
		SIEVE_CAPTURE,
		SIEVE_FOREIGN /* of another extension's namespace */
	} kind;
	struct pf_str literal; /* FOREIGN: the name in the namespace */
	const struct sieve_extension *space;
	size_t index; /* of the variable, of the match variable */
};
struct sieve_string {
	struct sieve_place at;
	struct sieve_value value;
	struct sieve_piece *pieces; /* NULL: constant */
	size_t piece_count;
};

struct sieve_arg {
	enum {
		SIEVE_TAG,
		SIEVE_NUMBER,
		SIEVE_STRINGS
	} kind;
	struct sieve_place at;
	struct pf_str tag; /* without the colon */
	uint64_t number;
	struct sieve_string *strings;
	size_t count;
	bool list; /* was written in [ ] */
};

struct sieve_bound { /* a tag and its value */
	const struct sieve_tag *tag;
	const struct sieve_arg *value; /* NULL: the tag takes none */
};

struct sieve_match {
	const struct sieve_match_type *type;
	const struct sieve_comparator *comparator;
	const struct sieve_arg *relation; /* :value and :count: "gt", ... */
};

/* What is known of a test before any run (ihave). */
enum sieve_truth {
	SIEVE_OPEN,
	SIEVE_YES,
	SIEVE_NO
};

/* A script that others include */
struct sieve_included {
	struct pf_str name;
	bool global;
	bool open;  /* is being checked */
	int number; /* from 1; the main script has 0 */
	struct sieve_node *commands;
	bool loops; /* there is a loop in it */
};

/* A command or a test. */
struct sieve_node {
	struct sieve_node *next;
	struct sieve_place at;
	struct pf_str name;
	struct sieve_arg *args; /* as written */
	size_t arg_count;
	struct sieve_node *tests;
	bool test_list; /* was written in ( ) */
	struct sieve_node *block;
	bool has_block;
	const struct sieve_node *above; /* in whose block it stands, or NULL */

	/* set by the checker */
	const struct sieve_def *def;
	const struct sieve_arg *params[SIEVE_PARAMS_MAX]; /* NULL: left out */
	struct sieve_bound *tags;
	size_t tag_count;
	struct sieve_match match;	       /* SIEVE_DEF_MATCH */
	const struct sieve_address_part *part; /* SIEVE_DEF_ADDRESS */
	size_t *slots;			       /* variables it works on */
	enum sieve_truth truth;		       /* of a test */
	struct sieve_included *included;       /* NULL: there is no script */
	bool loops; /* it is a loop, or one is in it */
};

/* ---- what an extension is made of ---- */

enum sieve_control { /* what libsieve executes itself */
	SIEVE_LEAF,  /* nothing: a test or command of ours */
	SIEVE_REQUIRE,
	SIEVE_IF,
	SIEVE_ELSIF,
	SIEVE_ELSE,
	SIEVE_STOP,
	SIEVE_INCLUDE,
	SIEVE_RETURN,
	SIEVE_LOOP,
	SIEVE_NOT,
	SIEVE_ANYOF,
	SIEVE_ALLOF,
	SIEVE_TRUE,
	SIEVE_FALSE,
};

enum sieve_def_flags {
	SIEVE_DEF_MATCH = 1,   /* match type, comparator; last param: keys */
	SIEVE_DEF_ADDRESS = 2, /* address part */
	SIEVE_DEF_NO_CAPTURES = 4, /* matches set no match variables */
	SIEVE_DEF_SLOW = 8,	   /* takes long: libsieve must not wait */
};

/*
 * A command or test.  `params` has one letter for each positional argument:
 * s string, l string list (one string will do), n number; "?" in front of
 * one of them: that one may be left out.
 */
struct sieve_def {
	const char *name;
	bool test;
	enum sieve_control control;
	const char *params;
	unsigned flags;
	const char *usage; /* shown when a call is wrong */
	void (*check)(struct sieve_compiler *compiler, struct sieve_node *node);
	bool (*decide)(struct sieve_run *run, const struct sieve_node *node);
	void (*execute)(struct sieve_run *run, const struct sieve_node *node);
};

/*
 * A tagged argument.  `on`: blank-separated names of commands and tests;
 * "@match" and "@address" mean all that have the flag.  At most one tag of a
 * group may be given.  `value`: s, l, n, or 0 for none.
 */
struct sieve_tag {
	const char *name;
	const char *on;
	const char *group; /* NULL: a group of its own */
	char value;
	const struct sieve_match_type *match;
	const struct sieve_address_part *part;
	void (*check)(struct sieve_compiler *compiler, struct sieve_node *node,
		      const struct sieve_arg *value);
	/* A modifier of the command set; the highest precedence comes first. */
	int precedence;
	void (*modify)(struct pf_buf *to, struct pf_str value);
	/* Decides the test instead of the test itself. */
	bool (*decide)(struct sieve_run *run, const struct sieve_node *node);
	/* Changes the action that the command is about to give. */
	void (*apply)(struct sieve_run *run, const struct sieve_arg *value,
		      struct sieve_action *action);
};

/* Which of its params are the keys of a match: the last one */
size_t sieve_def_keys(const struct sieve_def *def);

struct sieve_match_type {
	const char *name;
	bool substring; /* needs a comparator with substrings */
	bool counts;	/* looks at the number of values, not at them */
	bool (*match)(struct sieve_run *run, const struct sieve_node *node,
		      struct sieve_value *value, struct sieve_value *key);
};

struct sieve_comparator {
	const char *name;
	bool substring;
	bool fold;    /* compare in ASCII upper case */
	bool unicode; /* compare as mime_fold() has it */
	int (*compare)(struct pf_str a, struct pf_str b);
};

struct sieve_address {
	struct pf_str all;    /* local@domain, or what was there instead */
	struct pf_str local;  /* p == NULL: not an address */
	struct pf_str domain; /* likewise */
	bool null_sender;     /* the envelope sender <> */
	bool recipient;	      /* the envelope recipient: already split */
};
struct sieve_address_part {
	const char *name;
	/* False: this address has no such part, and matches nothing. */
	bool (*get)(struct sieve_run *run, const struct sieve_address *address,
		    struct pf_str *part);
};

/* A part of the envelope that is no address: gives its values, none where the
 * envelope does not have it. */
struct sieve_envelope_part {
	const char *name;
	void (*give)(struct sieve_matcher *matcher);
};

struct sieve_extension {
	const char *name;	      /* for require; NULL: the base language */
	const char *implies;	      /* another extension that comes with it */
	unsigned offer;		      /* only if the site offers this */
	bool delivery;		      /* not without a delivery */
	bool unlisted;		      /* may be required, is not announced */
	const char *instead;	      /* it is old: what to write now */
	const struct sieve_def *defs; /* end: name NULL */
	const struct sieve_tag *tags; /* end: name NULL */
	const struct sieve_comparator *comparator;
	const struct sieve_envelope_part *parts; /* end: name NULL */
	/* Each string of a script that requires it. */
	void (*string)(struct sieve_compiler *compiler,
		       struct sieve_string *string);
	/* The namespace ${space.name} of strings with variables; without a
	 * function: of variables that all scripts share. */
	const char *space;
	struct pf_str (*space_value)(struct sieve_run *run, struct pf_str name);
	/* Each action of a run, before its tags are applied. */
	void (*action)(struct sieve_run *run, struct sieve_action *action);
	/* Bytes of zeroed state in each run: sieve_run_state(). */
	size_t state_size;
	bool lasting; /* the next script of a sequence goes on with the state */
};

/* match.c, ext_comparators.c */
extern const struct sieve_match_type sieve_match_is, sieve_match_contains,
    sieve_match_matches;
extern const struct sieve_comparator sieve_comparator_octet,
    sieve_comparator_casemap;

/* registry.c */
extern const struct sieve_extension *const sieve_registry[];
extern const size_t sieve_registry_count;
size_t sieve_extension_index(const struct sieve_extension *extension);
/* NULL: whatever is offered */
bool sieve_extension_find(const struct sieve_compiler *compiler,
			  struct pf_str name, size_t *index);
/* With what comes with it */
void sieve_extension_require(struct sieve_compiler *compiler, size_t index);
/* Where several extensions have the name, the first that is `required` (NULL:
 * the first). */
const struct sieve_def *sieve_def_find(struct pf_str name, bool test,
				       const bool *required, size_t *extension);
const struct sieve_tag *sieve_tag_find(struct pf_str name,
				       const struct sieve_def *def,
				       const bool *required, size_t *extension);
const struct sieve_comparator *sieve_comparator_find(struct pf_str name,
						     size_t *extension);
const struct sieve_envelope_part *sieve_envelope_part_find(struct pf_str name,
							   size_t *extension);
/* Is `name` a word of the blank-separated list? */
bool sieve_word_in(struct pf_str name, const char *list);
/* The registered name nearest to a mistyped one, or NULL. */
enum sieve_name_kind {
	SIEVE_NAME_COMMAND,
	SIEVE_NAME_TEST,
	SIEVE_NAME_TAG, /* of `def` */
	SIEVE_NAME_EXTENSION,
};
const char *sieve_name_near(struct pf_str name, enum sieve_name_kind kind,
			    const struct sieve_def *def);

/* ---- compiling ---- */

/* What an operation of a core program does: its node is executed, or a loop
 * (node) begins whose body is a program, or (node NULL) a program is to follow
 * when this one is over. */
struct sieve_operation {
	const struct sieve_node *node;
	size_t program;
};

struct sieve_script {
	struct pf_arena arena;
	struct sieve_node *commands;
	bool required[SIEVE_EXTENSIONS_MAX];
	const struct sieve_node **tests; /* t0.. */
	const struct sieve_operation *operations;
	size_t test_count, operation_count;
	const struct pf_str *programs; /* the first one is the script */
	size_t program_count;
	bool slow; /* has something SIEVE_DEF_SLOW */
	size_t variable_count;
	const struct sieve_included *includes; /* [number - 1] */
};

struct sieve_compiler {
	struct sieve_script *script;
	struct pf_arena *arena; /* the script's; never refuses */
	const struct sieve_limits *limits;
	struct sieve_problems *problems;
	size_t nodes;
	int reported; /* problems, at most SIEVE_PROBLEMS_MAX */
	bool failed;
	struct pf_map *variables; /* script:name -> index + 1 */
	size_t variable_count;

	const struct sieve_source *source; /* NULL: none */
	struct sieve_included *includes;   /* SIEVE_INCLUDES_MAX */
	int include_count, include_depth;
	bool used[SIEVE_EXTENSIONS_MAX]; /* by included scripts */
	int script_number;		 /* of the one that is checked */
	struct pf_str script_name;	 /* p == NULL: the main one */
	struct sieve_place script_at;	 /* where the main one includes it */
};

__attribute__((format(printf, 4, 5))) void
sieve_error(struct sieve_compiler *compiler, struct sieve_place at,
	    const char *hint, const char *format, ...);
__attribute__((format(printf, 4, 5))) void
sieve_warning(struct sieve_compiler *compiler, struct sieve_place at,
	      const char *hint, const char *format, ...);

/* trace.c: makes it one line of valid UTF-8 */
void sieve_text_clean(char *text);
/* parse.c */
struct sieve_node *sieve_parse(struct sieve_compiler *compiler,
			       struct pf_str text);
/* check.c */
void sieve_check(struct sieve_compiler *compiler, struct sieve_node *commands);
/* The value of a tag, NULL when it was not given. */
const struct sieve_bound *sieve_node_tag(const struct sieve_node *node,
					 const char *name);
/* False (and an error) when the string holds a variable. */
bool sieve_string_constant(struct sieve_compiler *compiler,
			   const struct sieve_string *string, const char *what);
/* lower.c: fills script->tests, operations, core */
void sieve_lower(struct sieve_compiler *compiler, struct sieve_node *commands);
/* ext_variables.c: the index of a variable, made when new; false (and an
 * error) when this is no name of a variable. */
bool sieve_variable_name(struct sieve_compiler *compiler,
			 const struct sieve_string *name, size_t *index);
/* Makes the name that of a variable which all scripts share. */
void sieve_variable_share(struct sieve_compiler *compiler,
			  const struct sieve_string *name);

/* ext_date.c: of a tag: is this "+hhmm"? */
void sieve_zone_check(struct sieve_compiler *compiler, struct sieve_node *node,
		      const struct sieve_arg *value);

/* check.c: false (and an error) when the extension is not required */
bool sieve_extension_allowed(struct sieve_compiler *compiler,
			     struct sieve_place at, size_t extension,
			     const char *mark, struct pf_str name);

/* ext_fcc.c: tags that say where a copy goes need :fcc on vacation, notify */
void sieve_fcc_check(struct sieve_compiler *compiler,
		     const struct sieve_node *node, const char *tag);

/* ext_fileinto.c: may this be a mailbox? */
bool sieve_mailbox_name(struct pf_str name);

/* lex.c */
enum sieve_token_kind {
	SIEVE_TOKEN_END,
	SIEVE_TOKEN_NAME,
	SIEVE_TOKEN_TAG,
	SIEVE_TOKEN_NUMBER,
	SIEVE_TOKEN_STRING,
	SIEVE_TOKEN_MARK, /* one of ( ) { } [ ] , ; */
};
struct sieve_token {
	enum sieve_token_kind kind;
	struct sieve_place at, end;
	struct pf_str text;
	uint64_t number;
	char mark;
};
struct sieve_lexer {
	struct sieve_compiler *compiler;
	struct pf_str text;
	size_t pos;
	struct sieve_place at;
};
void sieve_lexer_next(struct sieve_lexer *lexer, struct sieve_token *token);

#endif
