/*
 * origin: mail that was, or is to be, another program's.  What other servers
 * leave beside their Maildirs (Dovecot, Courier, mbsync), and taking such a
 * store over in place, or giving it back.
 *
 * The parsers take any bytes: they say what they understood and never fail
 * half-way with something half-true.  Everything else is blocking and belongs
 * into an admin tool, not into a server.
 */
#ifndef ORIGIN_ORIGIN_H
#define ORIGIN_ORIGIN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"
#include "store/store.h"

/* ---- UIDs: dovecot-uidlist, courierimapuiddb --------------------------- */

struct origin_uid {
	uint32_t uid;
	struct pf_str base; /* file name up to ":" */
};
struct origin_uids {
	uint32_t uidvalidity, uidnext;
	struct pf_vec(struct origin_uid) list; /* by UID */
};

/* Version 1 (also Courier's) and 3; slices of `text`.  False: no such file.
 * Records behind a damaged one are left out, as every reader does. */
bool origin_uids_parse(struct pf_str text, struct origin_uids *uids);
/* Adds what mbsync left: `,U=n` of file names.  Call with each, then sort. */
bool origin_uids_mbsync_name(struct pf_str file, uint32_t *uid);
/* mbsync's .uidvalidity: UIDVALIDITY and the last UID, a line each. */
bool origin_uids_mbsync_parse(struct pf_str text, struct origin_uids *uids);
/* By UID, none twice, UIDNEXT behind the last. */
void origin_uids_sort(struct origin_uids *uids);
void origin_uids_write(const struct origin_uids *uids, int version,
		       struct pf_buf *to);
void origin_uids_release(struct origin_uids *uids);

/* ---- keywords: dovecot.index and courierimapkeywords ------------------- */

/* Who has which keyword, for the messages of a sorted list of UIDs. */
#define ORIGIN_KEYWORDS_MAX 256
struct origin_keyword {
	struct pf_str name;  /* arena */
	unsigned char *bits; /* bit n: the n-th UID has it; arena */
	uint32_t count;	     /* how many have it; origin_keywords_count */
};
struct origin_keywords {
	struct pf_arena arena;
	const uint32_t *uids; /* the caller's */
	uint32_t uid_count;
	struct pf_vec(struct origin_keyword) list;
	bool lost; /* more than there is room for, or damaged */
};
void origin_keywords_init(struct origin_keywords *keywords,
			  const uint32_t *uids, uint32_t count);
void origin_keywords_release(struct origin_keywords *keywords);
/* Adds or takes the keyword for the UIDs first..last. */
void origin_keywords_mark(struct origin_keywords *keywords, struct pf_str name,
			  uint32_t first, uint32_t last, bool on);
void origin_keywords_clear(struct origin_keywords *keywords, uint32_t first,
			   uint32_t last);
bool origin_keywords_has(const struct origin_keyword *keyword, uint32_t at);
void origin_keywords_count(struct origin_keywords *keywords);

/*
 * Dovecot's dovecot.index and the transaction logs behind it (any of them may
 * be empty).  False, and no keywords: they are none, of another UIDVALIDITY
 * (0: of any), or of a machine with another byte order.
 */
bool origin_index_parse(struct pf_str index, struct pf_str log2,
			struct pf_str log, uint32_t uidvalidity,
			struct origin_keywords *keywords);

/* Courier's courierimapkeywords/:list: fn(base name, keyword) for each. */
typedef void origin_courier_fn(void *arg, struct pf_str base,
			       struct pf_str keyword);
void origin_courier_parse(struct pf_str list, origin_courier_fn *fn, void *arg);

/* A name of courierimapsubscribed as one with `separator` and without the
 * prefix "INBOX."; mUTF-7 or UTF-8.  False: no name. */
bool origin_courier_name(struct pf_str line, char separator,
			 struct pf_buf *name);
/* ... and the line for a name. */
bool origin_courier_line(struct pf_str name, char separator, bool utf8,
			 struct pf_buf *line);

/* ---- mbox --------------------------------------------------------------- */

struct origin_message {
	uint32_t flags;		/* enum store_flag */
	struct pf_str keywords; /* parted by blanks */
	int64_t date;		/* 0: not known */
};

/* The date of a "From " line (UTC). */
bool origin_mbox_date(struct pf_str line, int64_t *date);
/* The next message of mboxrd, mboxo or mboxcl2, without what is mbox' own;
 * *at goes on.  False: there is none (at the end), or what stands there is no
 * mbox (*at before the end). */
bool origin_mbox_next(struct pf_str text, size_t *at,
		      struct origin_message *message, struct pf_buf *body);
/* Appends it, as mboxrd. */
void origin_mbox_write(const struct origin_message *message, struct pf_str text,
		       struct pf_buf *to);

/* ---- import and export -------------------------------------------------- */

struct origin_transfer {
	struct store *store;
	struct pf_str mailbox; /* into, or from; empty: all (not mbox in) */
	char separator;
	bool dry;
	/* so many messages are done, and of the source so many of `total` */
	void (*progress)(void *arg, uint64_t messages, uint64_t done,
			 uint64_t total);
	void *arg;
	uint64_t messages, skipped; /* out: done; there already */
};

/* Goes on where it was killed: `state` (a file; NULL: none) says how far it
 * came.  Mailboxes are made and subscribed. */
PF_CHECKED pf_status origin_import_mbox(struct origin_transfer *transfer,
					const char *file, const char *state,
					struct pf_error *err);
/* A Maildir with all that is below it, into mailboxes below `mailbox`.  What
 * is there already, by name of the file, is not done again. */
PF_CHECKED pf_status origin_import_maildir(struct origin_transfer *transfer,
					   const char *root,
					   struct pf_error *err);
/* One mailbox to a file (new, or replaced); all to NAME.mbox in a directory. */
PF_CHECKED pf_status origin_export_mbox(struct origin_transfer *transfer,
					const char *path, struct pf_error *err);
/* To a Maildir++, made if it is missing; what is there is not done again. */
PF_CHECKED pf_status origin_export_maildir(struct origin_transfer *transfer,
					   const char *root,
					   struct pf_error *err);

/* ---- taking over ------------------------------------------------------- */

enum origin_kind {
	ORIGIN_BARE,	/* procmail, mutt: files and nothing else */
	ORIGIN_DOVECOT, /* has dovecot-uidlist */
	ORIGIN_COURIER,
	ORIGIN_MBSYNC,
	ORIGIN_PENFOLD, /* ours already */
};

struct origin_conf {
	const char *root;
	const char *control, *index; /* Dovecot's CONTROL=, INDEX=; NULL */
	const char *directory;	     /* Dovecot's DIRNAME=; NULL */
	char dots;		     /* for "." in names of LAYOUT=fs; 0 */
	char separator;		     /* of the store */
	const char *special_use;
	bool act; /* else only say what would be done */
	/* A line of the report; `level`: 0 a heading, 1 below it. */
	void (*say)(void *arg, int level, const char *line);
	void *arg;
};

/* Looks at everything, says it, and (`act`) does what is to be done.  May be
 * called again at any time, also after it was killed.  *kept false: something
 * cannot be kept, and nothing was done about it. */
PF_CHECKED pf_status origin_take_over(const struct origin_conf *conf,
				      bool *kept, struct pf_error *err);
/* Makes it what it was, with the mail as it is now. */
PF_CHECKED pf_status origin_give_back(const struct origin_conf *conf,
				      bool *kept, struct pf_error *err);

#endif
