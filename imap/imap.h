/*
 * imap: the grammar of IMAP (RFC 3501, 9051), without I/O.  Bytes in, events
 * and trees out; values in, bytes out.  Tested byte by byte.
 */
#ifndef IMAP_IMAP_H
#define IMAP_IMAP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"
#include "mime/mime.h"

/* ---- commands: incremental lexer ------------------------------------- */

/*
 * Feeds on a connection's input until one command is complete:
 *
 *	imap_reader_feed(r, p, n, &used, &err) ->
 *	  PF_MORE     go on: with more bytes, or as the event says
 *	  PF_OK       tag, name and args are complete
 *	  PF_INVALID  syntax error; the command has been skipped to its end; the
 *		      tag is there if it could be read (answer BAD); err tells.
 *		      err->status is PF_LIMIT where a literal that is kept in
 *		      memory was too big (answer NO [TOOBIG])
 *	  PF_LIMIT    a line over line_max, a NUL byte, or a literal that cannot
 *		      even be counted: say BYE and close.  From then on every
 *		      call gives PF_LIMIT.
 *	  other	      what imap_reader_refuse() asked for
 * and after PF_MORE: event tells
 *	  IMAP_READ_CONTINUE  a synchronising literal was announced: send "+"
 *	  IMAP_READ_LITERAL   a literal for which the command wants a stream
 *			      (APPEND) begins: the caller takes the bytes
 * After PF_OK and every failure but PF_LIMIT: imap_reader_next().
 *
 * Limits: line_max for everything outside literals; literal_max for all the
 * literals of one command that are kept in memory, refused before they are
 * read (RFC 7888 4: one that comes without being asked for is read and thrown
 * away); depth_max open parentheses.
 *
 * More liberal than the RFCs: LF alone ends a line; runs of blanks count as
 * one, also at a line's end and inside parentheses; quoted strings may hold
 * 8-bit bytes (the command decides what they mean).  A CR without LF is an
 * error, NUL is only allowed inside literal8 and streams.
 *
 * In FETCH and NOTIFY the text between the brackets of BODY[...] and
 * BINARY[...] belongs to one atom, blanks and all; a literal in it (a field
 * name, RFC 3501 allows that) appears there as a quoted string.
 */
enum imap_arg_kind {
	IMAP_ATOM,   /* also numbers, flags, sequence sets: anything bare */
	IMAP_STRING, /* quoted or literal */
	IMAP_LIST,   /* (...) */
	IMAP_NIL,    /* the atom NIL (text: as written) */
	IMAP_STREAM, /* a literal that is streamed (size known) */
	IMAP_END,
};

struct imap_arg {
	enum imap_arg_kind kind;
	struct pf_str text; /* ATOM, STRING, NIL; a NUL follows it */
	bool literal, literal8;
	bool not_utf8; /* a quoted string that is no UTF-8, or a list with
			  one in it */
	uint64_t size; /* STREAM */
	struct imap_arg *list; /* LIST: array ended by IMAP_END */
	size_t count;
};

enum imap_read_event {
	IMAP_READ_NONE,
	IMAP_READ_CONTINUE,
	IMAP_READ_LITERAL
};

struct imap_reader;
struct imap_reader_conf {
	size_t line_max, literal_max;
	int depth_max;	 /* parentheses; 0 before login */
	size_t args_max; /* arguments of a command; 0: as line_max allows */
	/* Should this literal of the command `name` be streamed (APPEND)?
	 * Lists that are still open end args_so_far, with what they have. */
	bool (*wants_stream)(void *arg, struct pf_str name,
			     const struct imap_arg *args_so_far);
	void *arg;
};
struct imap_reader *imap_reader_new(const struct imap_reader_conf *conf);
void imap_reader_free(struct imap_reader **reader);
void imap_reader_reconfigure(struct imap_reader *reader,
			     const struct imap_reader_conf *conf);

PF_CHECKED pf_status imap_reader_feed(struct imap_reader *reader, const char *p,
				      size_t n, size_t *used,
				      struct pf_error *err);
enum imap_read_event imap_reader_event(const struct imap_reader *reader);
/* A command has begun and is not complete. */
bool imap_reader_busy(const struct imap_reader *reader);

/* Of the complete (or, after INVALID, broken) command. */
struct pf_str imap_reader_tag(const struct imap_reader *reader);
struct pf_str imap_reader_name(const struct imap_reader *reader); /* upper
		case, with "UID " in front where that was said */
const struct imap_arg *imap_reader_args(const struct imap_reader *reader);

/* While event is LITERAL: feed has used the bytes up to the literal and not
 * more; tag, name and args (so far, the STREAM last, then END) may be read and
 * stay as they are until the next feed.  How many bytes are to come, and that
 * the caller has taken n of them itself. After the last byte feeding goes on
 * (to the line end, or to a further stream: MULTIAPPEND).  A caller that
 * refuses a synchronising literal never sends "+" and says reader_next, or
 * uses imap_reader_refuse, which knows what to skip in every case. */
uint64_t imap_reader_stream_left(const struct imap_reader *reader);
bool imap_reader_stream_sync(const struct imap_reader *reader); /* wants "+" */
void imap_reader_stream_took(struct imap_reader *reader, uint64_t n);
/* While event is LITERAL: the command has failed already (why->status is
 * neither PF_OK nor PF_MORE).  Feeding goes on; it throws away what the client
 * sends of the command and then returns why->status.  `continued`: "+" was
 * sent; if it was not, a client that waits for it will send nothing, and the
 * next feed (of 0 bytes, too) ends the command. */
void imap_reader_refuse(struct imap_reader *reader, bool continued,
			const struct pf_error *why);

/* Instead of a command: one raw line (AUTHENTICATE's answers, IDLE's DONE), at
 * most line_max bytes.  MORE, OK or LIMIT (close).  `line` is without its end
 * and lives until the next call of this or imap_reader_next(); the command
 * that is being answered stays readable. */
PF_CHECKED pf_status imap_reader_line(struct imap_reader *reader, const char *p,
				      size_t n, size_t *used,
				      struct pf_str *line,
				      struct pf_error *err);

/* Forget the command, ready for the next one: overwrites (passwords!) and
 * frees its memory. */
void imap_reader_next(struct imap_reader *reader);
/* Hands the memory of a complete command over: tag, name and args stay valid
 * until `arena`, which must be empty, is released (or wiped). */
void imap_reader_detach(struct imap_reader *reader, struct pf_arena *arena);

/* ---- argument accessors (each checks the kind) ------------------------ */

bool imap_arg_is_atom(const struct imap_arg *arg, const char *upper);
/* atom or string: "astring"; the atom NIL is the text "NIL" here.  Atoms may
 * hold "*", "%" and "\" (LIST patterns, and what people type). */
bool imap_arg_astring(const struct imap_arg *arg, struct pf_str *text);
bool imap_arg_nstring(const struct imap_arg *arg, struct pf_str *text);
bool imap_arg_number(const struct imap_arg *arg, uint64_t max, uint64_t *n);
bool imap_arg_list(const struct imap_arg *arg, const struct imap_arg **list);
/* a mailbox argument -> UTF-8 name (mUTF-7 or, if utf8, UTF-8) in `arena` */
PF_CHECKED pf_status imap_arg_mailbox(const struct imap_arg *arg, bool utf8,
				      struct pf_arena *arena,
				      struct pf_str *name,
				      struct pf_error *err);

/* ---- sequence sets ------------------------------------------------------ */

struct imap_range {
	uint32_t from, to; /* from <= to after resolving "*" */
};
struct imap_set {
	struct imap_range *v; /* sorted, merged */
	size_t n;
	bool saved; /* "$" (RFC 5182): n is 0 */
	bool star;  /* "*" was said */
};
/* "1:3,7,*"; `star` is what "*" means (0 in an empty mailbox: then a range can
 * begin with 0, or be 0:0).  INVALID. Memory: arena. */
PF_CHECKED pf_status imap_set_parse(struct pf_str text, uint32_t star,
				    struct pf_arena *arena,
				    struct imap_set *set, struct pf_error *err);
bool imap_set_has(const struct imap_set *set, uint32_t n);
/* sorted numbers -> "1:3,7" */
void imap_set_write(struct pf_buf *to, const uint32_t *numbers, size_t n);

/* ---- names and flags ----------------------------------------------------- */

/* modified UTF-7 (RFC 3501 5.1.3) <-> UTF-8.  Decoding is strict: every name
 * has one spelling; on false nothing was added. */
bool imap_utf7_decode(struct pf_buf *to, struct pf_str mutf7);
void imap_utf7_encode(struct pf_buf *to, struct pf_str utf8);

/* LIST patterns: linear, "%" stops at `separator`, "*" does not. INBOX in
 * any case is the caller's business. */
bool imap_glob(struct pf_str pattern, struct pf_str name, char separator);

/* ---- writing ---------------------------------------------------------------
 */

void imap_write_quoted(struct pf_buf *to, struct pf_str s); /* or literal */
/* the same; where `utf8` was enabled, UTF-8 may be quoted (RFC 9755 3) */
void imap_write_string(struct pf_buf *to, struct pf_str s, bool utf8);
/* `made` is what imap_write_envelope or _body made: the same with UTF-8 between
 * quotes, where that was a literal. */
void imap_write_utf8(struct pf_buf *to, struct pf_str made);
void imap_write_nstring(struct pf_buf *to, struct pf_str s); /* p NULL: NIL */
void imap_write_astring(struct pf_buf *to, struct pf_str s);
void imap_write_mailbox(struct pf_buf *to, struct pf_str name, bool utf8);
/* "21-Nov-2026 14:40:00 +0000" in quotes */
void imap_write_date_time(struct pf_buf *to, int64_t when);
bool imap_parse_date_time(struct pf_str s, int64_t *when);

/* ENVELOPE of a header block; BODY / BODYSTRUCTURE (extended) of a tree.
 * header_of gives the raw header (or what is left of it) of the message inside
 * a message/rfc822 part, for its ENVELOPE; it is asked with that inner
 * message's own part, whose `header` says where it is, and the bytes must live
 * until the next call. */
void imap_write_envelope(struct pf_buf *to, struct pf_str header);
typedef struct pf_str (*imap_header_fn)(void *arg, const struct mime_part *);
void imap_write_body(struct pf_buf *to, const struct mime_part *root,
		     bool extended, imap_header_fn header_of, void *arg);

/* ---- URLs (RFC 5092) ---------------------------------------------------- */

/* A message, or a part of it. */
struct imap_url {
	struct pf_str user, host; /* host.n 0: relative */
	bool has_mailbox;	  /* else: in the selected one */
	struct pf_str mailbox;	  /* UTF-8 */
	uint32_t uidvalidity;	  /* 0: not said */
	uint32_t uid;
	bool has_section;
	struct pf_str section; /* "1.2.MIME", "HEADER.FIELDS (DATE)" */
	bool partial;
	uint64_t offset, length; /* length UINT64_MAX: to the end */
};
/* Decoded; memory: arena.  INVALID. */
PF_CHECKED pf_status imap_url_parse(struct pf_str text, struct pf_arena *arena,
				    struct imap_url *url, struct pf_error *err);

/* ---- FETCH ------------------------------------------------------------------
 */

enum imap_fetch_kind {
	IMAP_FETCH_UID,
	IMAP_FETCH_FLAGS,
	IMAP_FETCH_INTERNALDATE,
	IMAP_FETCH_SIZE,
	IMAP_FETCH_ENVELOPE,
	IMAP_FETCH_BODY,
	IMAP_FETCH_BODYSTRUCTURE,
	IMAP_FETCH_MODSEQ,
	IMAP_FETCH_SECTION, /* BODY[...], BODY.PEEK[...], RFC822* */
	IMAP_FETCH_SAVEDATE,
	IMAP_FETCH_BINARY, /* BINARY[...] */
	IMAP_FETCH_BINARY_SIZE,
	IMAP_FETCH_PREVIEW,
	IMAP_FETCH_EMAILID,
	IMAP_FETCH_THREADID,
};
enum imap_section {
	IMAP_SECTION_ALL,
	IMAP_SECTION_HEADER,
	IMAP_SECTION_FIELDS, /* HEADER.FIELDS (...) */
	IMAP_SECTION_FIELDS_NOT,
	IMAP_SECTION_TEXT,
	IMAP_SECTION_MIME,
};
struct imap_fetch_item {
	enum imap_fetch_kind kind;
	/* SECTION */
	bool peek;
	bool partial;
	uint64_t offset, length;
	unsigned *numbers; /* "1.2" */
	size_t number_count;
	enum imap_section section;
	struct pf_str *fields;
	size_t field_count;
	struct pf_str label; /* what the answer is called: "BODY[1.2]<0>",
				"RFC822.HEADER", as RFC 3501 7.4.2 wants it */
};
struct imap_fetch {
	struct imap_fetch_item *items;
	size_t count;
	bool sets_seen; /* some item is not PEEK */
	/* modifiers (RFC 7162): (CHANGEDSINCE n [VANISHED]) */
	bool changed_since_given, vanished;
	uint64_t changed_since;
	/* (PARTIAL 1:100), RFC 9394 3.3; from 0: not given */
	int64_t partial_from, partial_to;
};
/* `arg` is the item, macro or list, `modifiers` what stands behind it in the
 * command's arguments (up to their IMAP_END).  CHANGEDSINCE adds MODSEQ to the
 * items; an item without parameters is there once however often it was said.
 * INVALID (answer BAD), LIMIT (the arena's). */
PF_CHECKED pf_status imap_fetch_parse(const struct imap_arg *arg,
				      const struct imap_arg *modifiers,
				      struct pf_arena *arena,
				      struct imap_fetch *fetch,
				      struct pf_error *err);
/* Adds copies of the items that *to does not have.  False: no memory. */
bool imap_fetch_join(struct imap_fetch *to, const struct imap_fetch *from,
		     struct pf_arena *arena);

/* ---- SEARCH
 * -------------------------------------------------------------------- */

enum imap_key_kind {
	IMAP_KEY_ALL,
	IMAP_KEY_AND, /* children */
	IMAP_KEY_OR,
	IMAP_KEY_NOT,
	IMAP_KEY_SEQ, /* set of sequence numbers */
	IMAP_KEY_UID,
	IMAP_KEY_FLAG, /* flag name; NOT for UN- */
	IMAP_KEY_RECENT,
	IMAP_KEY_BEFORE, /* INTERNALDATE; date = first second of that day UTC */
	IMAP_KEY_ON,
	IMAP_KEY_SINCE,
	IMAP_KEY_SENTBEFORE, /* Date: header, zone ignored (RFC 3501 6.4.4) */
	IMAP_KEY_SENTON,
	IMAP_KEY_SENTSINCE,
	IMAP_KEY_SAVEDBEFORE,
	IMAP_KEY_SAVEDON,
	IMAP_KEY_SAVEDSINCE,
	IMAP_KEY_LARGER,
	IMAP_KEY_SMALLER,
	IMAP_KEY_OLDER, /* seconds (RFC 5032) */
	IMAP_KEY_YOUNGER,
	IMAP_KEY_MODSEQ,
	IMAP_KEY_HEADER, /* field name + text; FROM, TO, ... too */
	IMAP_KEY_BODY,
	IMAP_KEY_TEXT,
	IMAP_KEY_EMAILID,
	IMAP_KEY_THREADID,
	IMAP_KEY_SAVED, /* "$" */
	IMAP_KEY_FUZZY, /* one child, without another FUZZY in it */
	/* not in the grammar of IMAP, but of `penfold search` */
	IMAP_KEY_HAS,	     /* a part of that kind (text) */
	IMAP_KEY_ATTACHMENT, /* text of attachments that are no text parts */
};
struct imap_key {
	enum imap_key_kind kind;
	struct imap_key *child, *next; /* AND, OR: two children or more, chained
					  by next; NOT: one */
	struct imap_set set;
	struct pf_str name; /* HEADER: field; FLAG: "\Seen" or keyword */
	struct pf_str text; /* UTF-8 as given (charset converted) */
	uint64_t number;
	int64_t date;
};
enum imap_search_return {
	IMAP_RETURN_MIN = 1,
	IMAP_RETURN_MAX = 2,
	IMAP_RETURN_ALL = 4,
	IMAP_RETURN_COUNT = 8,
	IMAP_RETURN_SAVE = 16,
	IMAP_RETURN_PARTIAL = 32, /* RFC 9394 */
	IMAP_RETURN_CONTEXT = 64, /* RFC 5267 4.2 */
	IMAP_RETURN_UPDATE = 128,
	IMAP_RETURN_RELEVANCY = 256, /* RFC 6203 4 */
};
struct imap_search {
	bool esearch; /* RETURN was given */
	unsigned returns;
	struct imap_key *root;
	bool has_modseq;
	bool has_fuzzy;
	bool has_seqs;	       /* a key is a set of sequence numbers */
	bool has_recent;       /* RECENT, NEW, OLD */
	struct pf_str charset; /* as it was said */
	bool charset_optional; /* SEARCH: it need not have been said */
	int64_t partial_from, partial_to; /* PARTIAL: < 0 from the end */
	struct pf_str partial;		  /* as it was said */
	struct imap_fetch update; /* UPDATE (...), RFC 5465 7; count 0: none */
};
/* [RETURN (...)] [CHARSET x] keys.  star: what "*" means for UIDs and for
 * sequence numbers.  PF_UNSUPPORTED: [BADCHARSET].  The tree is at most about
 * 120 keys deep, so it may be walked recursively; chains of OR are one key.
 *
 * Dates of INTERNALDATE and SAVEDATE keys are the first second of the day in
 * UTC: BEFORE is when < date, ON is date <= when < date + 86400, SINCE is
 * date <= when.  (RFC 3501 leaves the zone open; Dovecot takes the server's.)
 */
PF_CHECKED pf_status imap_search_parse(const struct imap_arg *args,
				       uint32_t star_seq, uint32_t star_uid,
				       struct pf_arena *arena,
				       struct imap_search *search,
				       struct pf_error *err);

/* RETURN (...), if it is there: *args is moved behind it, the rest of *search
 * is cleared. */
PF_CHECKED pf_status imap_return_parse(const struct imap_arg **args,
				       struct pf_arena *arena,
				       struct imap_search *search,
				       struct pf_error *err);
/* "1:100", "-1:-100" (RFC 9394 4) as RFC 9394 orders them: |from| <= |to| */
bool imap_partial_parse(const struct imap_arg *arg, int64_t *from, int64_t *to);

/* Only the keys, added to what imap_return_parse() began: SORT and THREAD
 * give the charset (which may be empty) in their own way. */
PF_CHECKED pf_status imap_search_parse_keys(
    const struct imap_arg *keys, struct pf_str charset, uint32_t star_seq,
    uint32_t star_uid, struct pf_arena *arena, struct imap_search *search,
    struct pf_error *err);

/* ---- STORE
 * --------------------------------------------------------------------- */

struct imap_store {
	int mode; /* 0 replace, 1 add, -1 remove */
	bool silent;
	struct pf_str *flags;
	size_t flag_count;
	bool unchanged_since_given;
	uint64_t unchanged_since;
};
/* args behind the sequence set */
PF_CHECKED pf_status imap_store_parse(const struct imap_arg *args,
				      struct pf_arena *arena,
				      struct imap_store *store,
				      struct pf_error *err);
/* "\Seen" -> canonical case, keyword atoms checked; false: not a flag that a
 * client may set (\Recent, unknown ones with a backslash), or no memory. */
bool imap_flag_parse(struct pf_str text, struct pf_arena *arena,
		     struct pf_str *flag);
/* All flags up to IMAP_END, as in APPEND's list.  INVALID, LIMIT. */
PF_CHECKED pf_status imap_flags_parse(const struct imap_arg *list,
				      struct pf_arena *arena,
				      struct pf_str **flags, size_t *count,
				      struct pf_error *err);

/* ---- NOTIFY --------------------------------------------------------------
 */

/* Which mailboxes are meant (RFC 5465 6, RFC 7377 2.2). */
enum imap_filter_kind {
	IMAP_FILTER_SELECTED,
	IMAP_FILTER_DELAYED, /* SELECTED-DELAYED */
	IMAP_FILTER_INBOXES,
	IMAP_FILTER_PERSONAL,
	IMAP_FILTER_SUBSCRIBED,
	IMAP_FILTER_SUBTREE, /* from here on with names */
	IMAP_FILTER_SUBTREE_ONE,
	IMAP_FILTER_MAILBOXES,
};
struct imap_filter {
	enum imap_filter_kind kind;
	struct pf_str *names; /* UTF-8 */
	size_t count;
};
/* *args is moved behind it.  INVALID, LIMIT. */
PF_CHECKED pf_status imap_filter_parse(const struct imap_arg **args, bool utf8,
				       struct pf_arena *arena,
				       struct imap_filter *filter,
				       struct pf_error *err);
/* Is this mailbox of one's own meant?  SELECTED is the caller's business. */
bool imap_filter_match(const struct imap_filter *filter, struct pf_str name,
		       char separator, bool subscribed);

/* [IN (source-mbox ...)] of ESEARCH: *args is moved behind it.  No filters: it
 * was not said.  INVALID, LIMIT. */
struct imap_source {
	struct imap_filter *filters;
	size_t count;
};
PF_CHECKED pf_status imap_source_parse(const struct imap_arg **args, bool utf8,
				       struct pf_arena *arena,
				       struct imap_source *source,
				       struct pf_error *err);

enum imap_event {
	IMAP_EVENT_NEW = 1 << 0,
	IMAP_EVENT_EXPUNGE = 1 << 1,
	IMAP_EVENT_FLAGS = 1 << 2,
	IMAP_EVENT_ANNOTATION = 1 << 3,
	IMAP_EVENT_MESSAGES = (1 << 4) - 1, /* all of these */
	IMAP_EVENT_NAME = 1 << 4,
	IMAP_EVENT_SUBSCRIPTION = 1 << 5,
	IMAP_EVENT_METADATA = 1 << 6,
	IMAP_EVENT_SERVER_METADATA = 1 << 7,
	IMAP_EVENT_UNKNOWN = 1 << 8,
};
/* "MessageNew MessageExpunge" */
void imap_events_write(struct pf_buf *to, unsigned events);

struct imap_notify_group {
	struct imap_filter filter;
	unsigned events;	 /* 0: NONE */
	struct imap_fetch fetch; /* for new messages; count 0: nothing */
};
struct imap_notify {
	bool status;
	struct imap_notify_group *groups; /* NOTIFY NONE: none */
	size_t count;
	unsigned events; /* of all groups */
};
/* INVALID (answer BAD), LIMIT.  An event that nobody knows is no error but
 * IMAP_EVENT_UNKNOWN. */
PF_CHECKED pf_status imap_notify_parse(const struct imap_arg *args, bool utf8,
				       struct pf_arena *arena,
				       struct imap_notify *notify,
				       struct pf_error *err);

/* ---- SORT and THREAD
 * ---------------------------------------------------------
 */

enum imap_sort_kind {
	IMAP_SORT_ARRIVAL,
	IMAP_SORT_CC,
	IMAP_SORT_DATE,
	IMAP_SORT_FROM,
	IMAP_SORT_SIZE,
	IMAP_SORT_SUBJECT,
	IMAP_SORT_TO,
	IMAP_SORT_DISPLAYFROM, /* RFC 5957 */
	IMAP_SORT_DISPLAYTO,
	IMAP_SORT_RELEVANCY, /* RFC 6203 6 */
	IMAP_SORT_KINDS
};
struct imap_sort_key {
	enum imap_sort_kind kind;
	bool reverse;
};
struct imap_sort {
	struct imap_sort_key keys[IMAP_SORT_KINDS];
	size_t count; /* a key that was said before decides nothing: left out */
};
/* "(REVERSE DATE SUBJECT)".  INVALID. */
PF_CHECKED pf_status imap_sort_parse(const struct imap_arg *arg,
				     struct imap_sort *sort,
				     struct pf_error *err);

/*
 * Threads (RFC 5256): give messages in the order of their numbers, then
 * finish, then write.  n log n in messages and references.
 */
enum imap_thread_kind {
	IMAP_THREAD_ORDEREDSUBJECT,
	IMAP_THREAD_REFERENCES,
	IMAP_THREAD_REFS, /* without a look at subjects; the threads by their
			     latest message */
};
bool imap_thread_kind(struct pf_str name, enum imap_thread_kind *kind);

struct imap_thread_message {
	int64_t date;	       /* sent */
	struct pf_str subject; /* base subject, folded */
	bool reply;	       /* it said so */
	/* raw values of the header fields; empty: not there */
	struct pf_str message_id, in_reply_to, references;
};
struct imap_threads;
struct imap_threads *imap_threads_new(enum imap_thread_kind kind);
void imap_threads_free(struct imap_threads **threads);
/* LIMIT: more than anybody can want. */
PF_CHECKED pf_status imap_threads_add(struct imap_threads *threads,
				      const struct imap_thread_message *message,
				      struct pf_error *err);
void imap_threads_finish(struct imap_threads *threads);
/* Appends "(1 2)(3 (4)(5))" until `to` has `full` bytes (then true: call
 * again) or nothing is left.  number() names the n-th message, from 0. */
bool imap_threads_write(struct imap_threads *threads, struct pf_buf *to,
			size_t full, uint32_t (*number)(void *arg, uint32_t n),
			void *arg);

/* ---- the header summary (summary.c) --------------------------------------
 */

/* Is the answer to this item in what is kept of every header?  The fields are
 * those that mail programs ask for in their lists. */
bool imap_summary_covers(const struct imap_fetch_item *item);
/* What is to be kept of a header, ... */
void imap_summary_headers(struct pf_buf *to, struct pf_str header);
/* ... and the fields in it; false: kept by another version, make it anew. */
bool imap_summary_fields(struct pf_str kept, struct pf_str *fields);

#endif
