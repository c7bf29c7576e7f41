/*
 * sieve: scripts to actions (design.md 5; docs/ARCHITECTURE.md "Sieve").
 *
 * Our front end parses and checks a script (all errors, with line and
 * column) and lowers it to a tiny core language; libsieve executes that and
 * calls back for each test and action.  Scripts and messages never reach
 * libsieve's own parsers.  Nothing here writes mail: a run gives a list of
 * actions.
 *
 * Thread rule: sieve_run takes a process-wide lock around libsieve (one live
 * context per process); sieve_compile is free-threaded.
 */
#ifndef SIEVE_SIEVE_H
#define SIEVE_SIEVE_H

#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"

/* ---- compiling ---- */

struct sieve_script;

struct sieve_problem {
	int line, column; /* from 1 */
	bool warning;
	char text[200];
	char hint[160]; /* may be empty */
};
struct sieve_problems pf_vec(struct sieve_problem);

/* Extensions that are there only where the site offers them: bits of `offers`
 * below, and kinds of programs */
enum sieve_program_kind {
	SIEVE_PROGRAM_PIPE = 1,
	SIEVE_PROGRAM_FILTER = 2,
	SIEVE_PROGRAM_EXECUTE = 4,
};
#define SIEVE_OFFER_IMAP 8  /* imapsieve */
#define SIEVE_ONLY_IMAP	 16 /* nothing that is for deliveries only */

struct sieve_limits {
	unsigned offers;
	size_t script_max; /* bytes */
	int depth_max;	   /* nested blocks and tests */
	int actions_max, redirects_max;
	uint64_t steps_max; /* of one run: matching and tests */
	size_t memory_max;  /* of one run */
};
extern const struct sieve_limits sieve_default_limits;

/* INVALID when there is any error; all are in `problems`.  A script is
 * immutable afterwards and may be used by many runs. */
PF_CHECKED pf_status sieve_compile(struct pf_str text,
				   const struct sieve_limits *limits,
				   struct sieve_script **script,
				   struct sieve_problems *problems,
				   struct pf_error *err);
/* Where `include` finds scripts.  NOTFOUND: there is none of that name. */
struct sieve_source {
	void *arg;
	pf_status (*load)(void *arg, bool global, struct pf_str name,
			  struct pf_buf *text, struct pf_error *err);
};
/* The same; included scripts become a part of it.  Without a source (as
 * above) they are left out, with a warning. */
PF_CHECKED pf_status sieve_compile_from(struct pf_str text,
					const struct sieve_limits *limits,
					const struct sieve_source *source,
					struct sieve_script **script,
					struct sieve_problems *problems,
					struct pf_error *err);
void sieve_script_free(struct sieve_script **script);
/* Names of all extensions, blank-separated (ManageSieve SIEVE capability) */
const char *sieve_extensions(unsigned offers);
/* The core program that libsieve is given (tests, explain). */
struct pf_str sieve_script_core(const struct sieve_script *script);

/* Are these fit for spam_header and virus_header below? */
bool sieve_spam_header_valid(struct pf_str setting);
bool sieve_virus_header_valid(struct pf_str setting);

/* ---- running ---- */

/* What an envelope says of reports (RFC 3461) and of a deadline (RFC 2852);
 * empty texts: nothing. */
struct sieve_dsn {
	struct pf_str notify; /* "SUCCESS,DELAY": NOTIFY= */
	struct pf_str ret;    /* "FULL", "HDRS": RET= */
	struct pf_str envid;  /* ENVID=, decoded */
	struct pf_str orcpt;  /* "rfc822;u@d": ORCPT=, decoded */
	bool has_by;
	bool by_return, by_trace; /* "R" (else "N"), "T" */
	time_t by;
};

struct sieve_program;

/* What a run may ask about the message.  All slices stay valid during it. */
struct sieve_message {
	struct pf_str header;	    /* the raw header block */
	uint64_t size;		    /* octets with CRLF */
	struct pf_str from;	    /* envelope sender, "" = <> */
	struct pf_str to;	    /* envelope recipient, as sent */
	struct pf_str auth;	    /* or empty */
	struct sieve_dsn dsn;	    /* of the envelope */
	struct pf_str user, detail; /* of `to`, split at the delimiter */
	bool has_detail;
	const char *delimiters; /* how :user/:detail split other addresses */
	void *arg;
	/* Does this mailbox exist? (mailboxexists) */
	bool (*mailbox_exists)(void *arg, struct pf_str name);
	time_t now;
	struct pf_str flags; /* that it has already, parted by blanks */
	bool no_envelope;    /* who asks for one has made a mistake */

	/* Other addresses of the user, blank-separated.  (vacation) */
	struct pf_str own;
	/* "X-Spam-Score 15", "X-Virus-Status Clean ...": the settings; empty:
	 * nothing was tested.  (spamtest, virustest) */
	struct pf_str spam_header, virus_header;

	/* All callbacks may be NULL: then nothing is known. */

	/* The message as a file, its header first, whatever that header is; -1:
	 * none.  It stays open and the same during the run.  (body) */
	int (*file)(void *arg);
	/* Was this message seen, by handle and id, within so many seconds?
	 * The caller remembers result->seen, not what was asked for.
	 * (duplicate) */
	bool (*duplicate)(void *arg, struct pf_str handle, struct pf_str id,
			  int64_t seconds);
	/* Which mailbox has the role "Junk", ...?  (special-use) */
	bool (*special_use)(void *arg, struct pf_str role,
			    struct pf_str *mailbox);
	/* A new, empty file without a name, which the library closes; -1: none
	 * can be had.  (tests of a message that was changed) */
	int (*scratch)(void *arg);
	/* Which mailbox has that MAILBOXID?  (mailboxid) */
	bool (*mailbox_of_id)(void *arg, struct pf_str id,
			      struct pf_str *mailbox);
	/* An annotation of a mailbox, or (empty) of the server; false: it is
	 * NIL.  (mboxmetadata, servermetadata) */
	bool (*metadata)(void *arg, struct pf_str mailbox, struct pf_str name,
			 struct pf_str *value);
	/* The list "tag:...", ":addrbook:default", one member in each line;
	 * false: there is none.  (extlists) */
	bool (*list)(void *arg, struct pf_str name, struct pf_str *text);
	/* Runs a program: its exit code, or one of these.  (filter, execute) */
	int (*program)(void *arg, const struct sieve_program *program);
#define SIEVE_PROGRAM_FAILED  -1 /* also: took too long, gave too much */
#define SIEVE_PROGRAM_UNKNOWN -2
	/* Goes before what the library knows itself.  (environment) */
	bool (*environment)(void *arg, struct pf_str name,
			    struct pf_str *value);
};

/* A piece of a message: a text, or bytes of a file, which stays open as long
 * as the result. */
struct sieve_span {
	struct pf_str text; /* p NULL: */
	int fd;
	uint64_t start, size;
};

/* A program of the site, by its name */
struct sieve_program {
	enum sieve_program_kind kind;
	struct pf_str name;
	const struct pf_str *args;
	size_t arg_count;
	const struct sieve_span *input;
	size_t input_count;
	int output; /* a file to write into; -1: nobody wants it */
};

enum sieve_action_kind {
	SIEVE_KEEP, /* fileinto INBOX; implicit or explicit */
	SIEVE_FILEINTO,
	SIEVE_DISCARD,
	SIEVE_REDIRECT,
	SIEVE_REJECT, /* notice to the sender, message not kept */
	SIEVE_VACATION,
	SIEVE_PIPE,   /* to a program */
	SIEVE_REPORT, /* of abuse, to somebody */
	SIEVE_NOTIFY, /* a letter about this one */
};

/* A mailto: URI (RFC 6068), checked and decoded. */
struct sieve_mailto {
	struct pf_str *to; /* local@domain, each once */
	size_t to_count;
	size_t cc_from;	       /* those from here on belong into Cc */
	struct pf_str subject; /* p NULL: not given */
	struct pf_str body;    /* likewise */
	struct sieve_mailto_field {
		struct pf_str name, value;
	} * fields; /* others that may be set */
	size_t field_count;
};

struct sieve_action {
	enum sieve_action_kind kind;
	unsigned step;		/* which script of a sequence, from 0 */
	struct pf_str included; /* `line` is of this one, which that script
				   includes; empty: of the script itself */
	int line;		/* of the script; 0 = implicit */
	int rule_line;		/* of the "if" around it, or 0 */
	bool implicit;		/* SIEVE_KEEP that nobody wrote: the address
				   rule decides the folder */
	struct pf_str mailbox;	/* FILEINTO: UTF-8; VACATION, NOTIFY: where a
				   copy of the letter goes (with create, flags),
				   or empty */
	bool create;
	bool copy;
	const struct pf_str *flags; /* IMAP flags and keywords, expanded */
	size_t flag_count;
	bool flags_set; /* imap4flags was used (flags may be empty) */
	/* KEEP, FILEINTO, REDIRECT, PIPE, REPORT: the header to store or send
	 * instead of the message's own, without the empty line; p NULL:
	 * unchanged */
	struct pf_str header;
	/* and, behind the empty line, this instead of its body; NULL:
	 * unchanged */
	const struct sieve_span *body;
	size_t body_count;
	struct pf_str address; /* REDIRECT, REPORT: to; VACATION, NOTIFY: :from
				  or empty */
	struct sieve_dsn dsn;  /* REDIRECT: what the script asks for */
	struct pf_str text;    /* REJECT, VACATION, REPORT: UTF-8 */
	struct pf_str subject; /* VACATION, NOTIFY: or empty */
	struct pf_str handle;  /* VACATION: what to remember; NOTIFY: by what
				  denotify finds it */
	const struct sieve_mailto *mailto; /* NOTIFY */
	int importance;			   /* NOTIFY: 1 (high) to 3 */
	struct pf_str reply_to;		   /* VACATION: whom to answer */
	bool refuse; /* REJECT: by ereject, which would rather have
			LMTP say 550 (RFC 5429 2.1) */
	const struct sieve_program *program; /* PIPE, without its input */
	bool attempt;			     /* PIPE :try */
	bool headers_only;		     /* REPORT; its type is `handle` */
	bool mime;			     /* VACATION :mime */
	int seconds;			     /* VACATION: not again within */
};

/* To be remembered once the actions are done (RFC 7352 3). */
struct sieve_seen {
	struct pf_str handle, id;
};

#define SIEVE_SCRATCH_MAX 32

struct sieve_result {
	struct pf_arena arena;		/* owns the texts */
	int scratch[SIEVE_SCRATCH_MAX]; /* files that spans lie in */
	size_t scratch_count;
	struct sieve_action *actions;
	size_t count;
	struct sieve_seen *seen;
	size_t seen_count;
	/* A run-time error: the actions are then just an implicit keep. */
	bool failed;
	char problem[200]; /* for the notice to the user and the log */
	int problem_line;
	unsigned problem_step;
};

/* False: it is no mailto: URI, or one that must not be used; `problem` says
 * why.  Texts are in the arena. */
bool sieve_mailto_parse(struct pf_arena *arena, struct pf_str uri,
			struct sieve_mailto *mailto, const char **problem);

/* Trace: one call per decision, for explain and `sieve test`. */
typedef void (*sieve_trace_fn)(void *arg, int line, const char *text);

/* Always gives a usable result (failure = implicit keep).  A status other
 * than PF_OK means out of memory or an internal error: keep, too. */
PF_CHECKED pf_status sieve_run(const struct sieve_script *script,
			       const struct sieve_message *message,
			       const struct sieve_limits *limits,
			       sieve_trace_fn trace, void *trace_arg,
			       struct sieve_result *result,
			       struct pf_error *err);
void sieve_result_release(struct sieve_result *result);

/* One script of several. */
struct sieve_step {
	const struct sieve_script *script;
	const char *name; /* for the trace */
	bool site;	  /* the admin's: the mail goes on when it fails */
};

/*
 * Scripts in a row, as Pigeonhole has them: one is followed by the next as
 * long as the message is still to be kept, by an implicit or an explicit keep;
 * only the keep that is left at the end is given.  `stop` ends just its
 * script.  Flag variables (imap4flags) and edited headers go on to the next
 * script; limits are for all together.  A script of the site that fails has
 * done nothing: `problem` tells, `failed` does not.
 */
PF_CHECKED pf_status sieve_run_sequence(const struct sieve_step *steps,
					size_t count,
					const struct sieve_message *message,
					const struct sieve_limits *limits,
					sieve_trace_fn trace, void *trace_arg,
					struct sieve_result *result,
					struct pf_error *err);

/* ---- address rules ---- */

/*
 * ~/.mlists: `tag folder address...`; "..." quotes, # comments, key=value
 * options behind.  Broken lines are reported and skipped.
 */
struct sieve_list {
	struct pf_str tag, folder;
	struct pf_str *addresses;
	size_t address_count;
	struct pf_str *options; /* key=value, as written */
	size_t option_count;
	int line;
};
struct sieve_lists {
	struct pf_arena arena;
	struct sieve_list *v;
	size_t n;
};
void sieve_lists_parse(struct pf_str text, struct sieve_lists *lists,
		       struct sieve_problems *problems);
const struct sieve_list *sieve_lists_find(const struct sieve_lists *lists,
					  struct pf_str detail);
void sieve_lists_release(struct sieve_lists *lists);
/* The Sieve script the rules are equal to. */
void sieve_lists_to_script(const struct sieve_lists *lists, struct pf_buf *to);

#endif
