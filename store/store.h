/*
 * store: one user's mail in a Maildir++ (design.md 3; docs/ARCHITECTURE.md).
 *
 * Message files are written once and never changed.  UIDs, modseqs, flags and
 * keywords live in a log of our own per mailbox and, for everybody else, in
 * the files that Dovecot documents.  Any number of processes, and foreign
 * programs, may use the same Maildir at the same time.
 *
 * Thread rule: a `struct store` and all that hangs on it is used by one
 * thread at a time (imapd: one job queue per user).  Everything blocks.
 * Text rule: mailbox names are UTF-8 with the configured separator, INBOX in
 * any case; the caller converts from and to mUTF-7.
 * Durability rule: PF_OK means that the change survives a power cut.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <sys/types.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"

/* ---- a user's mail --------------------------------------------------- */

struct store;

struct store_conf {
	const char *root;	 /* the Maildir; created if missing */
	char separator;		 /* '.' or '/' */
	const char *special_use; /* "Drafts:Drafts Sent:Sent ..." */
	uint64_t size_max;	 /* of one message; 0 = no limit */
	bool read_only;		 /* never write, not even caches */
	size_t rest;	   /* bytes of mailboxes to keep for a while when nobody
			      uses them any more; then call store_flush */
	bool inherit_root; /* a public store: the root is no INBOX, its
			      rights are those to begin with */
	/* quota: rules as in penfold.conf(5), a user's behind the site's
	 * (NULL, or `quota_guess`: not or not all known, maildirsize goes
	 * first); and a file (or NULL) that is there while nothing fits in */
	const char *quota, *quota_full;
	bool quota_guess;
	/* how long expunged messages are kept, in seconds (0: not at all), and
	 * bytes of them at most (0: any number) */
	int64_t past_keep;
	uint64_t past_size;
};

PF_CHECKED pf_status store_open(const struct store_conf *conf,
				struct store **store, struct pf_error *err);
/* Closes all boxes, brings the documented files up to date. */
void store_close(struct store **store);
const char *store_root(const struct store *store);
/* Is a mailbox open? */
bool store_busy(const struct store *store);
/* Brings dovecot-uidlist etc. up to date where a change is older than
 * `older_ms`; call it about once a second from a timer's job. */
void store_flush(struct store *store, int older_ms);
/* Do mailboxes rest in memory?  Then store_flush() has to come again. */
bool store_rests(const struct store *store);

/* ---- mailbox names ---------------------------------------------------- */

enum store_name_flags {
	STORE_NAME_EXISTS = 1 << 0, /* can be selected */
	STORE_NAME_SUBSCRIBED = 1 << 1,
	STORE_NAME_CHILDREN = 1 << 2,	  /* has existing children */
	STORE_NAME_SUB_CHILDREN = 1 << 3, /* has subscribed children */
};

struct store_name {
	struct pf_str name;	   /* UTF-8, NUL behind it */
	unsigned flags;		   /* 0: only a level above others */
	struct pf_str special_use; /* "Sent", ... or empty */
};
struct store_names pf_vec(struct store_name);

/* All names, sorted (INBOX first), also levels without a folder of their own
 * and subscribed names without a folder.  Memory: arena; `names->v` is the
 * caller's (pf_vec_release). */
PF_CHECKED pf_status store_list(struct store *store, struct pf_arena *arena,
				struct store_names *names,
				struct pf_error *err);
/* The same with `more` names that stand in this list but live elsewhere. */
PF_CHECKED pf_status store_list_with(struct store *store,
				     const struct pf_str *more, size_t count,
				     struct pf_arena *arena,
				     struct store_names *names,
				     struct pf_error *err);
/* NOTFOUND, INVALID (a name no Maildir++ can hold; text says why). */
PF_CHECKED pf_status store_name_check(struct store *store, struct pf_str name,
				      bool *exists, struct pf_error *err);
PF_CHECKED pf_status store_create(struct store *store, struct pf_str name,
				  const char *special_use,
				  struct pf_error *err);
PF_CHECKED pf_status store_delete(struct store *store, struct pf_str name,
				  struct pf_error *err);
/* With children.  INBOX: its messages move into the new folder (RFC 3501
 * 6.3.5). */
PF_CHECKED pf_status store_rename(struct store *store, struct pf_str from,
				  struct pf_str to, struct pf_error *err);
PF_CHECKED pf_status store_subscribe(struct store *store, struct pf_str name,
				     bool on, struct pf_error *err);

/* Is it a role that a mailbox can be given ("Sent"; without backslash)? */
bool store_use_known(struct pf_str role);

/* ---- metadata (RFC 5464) ---------------------------------------------- */

/*
 * Named values of a mailbox, or (`mailbox` empty) of the account.  Names are
 * "/shared/..." or "/private/...", in any case.  Private ones belong to a
 * user: `who` NULL is the owner of the store, else the name of one who was
 * let in.  The caller decides who may do what.
 */
#define STORE_METADATA_NAME_MAX	   1024
#define STORE_METADATA_VALUE_MAX   65536
#define STORE_METADATA_ENTRIES_MAX 1000 /* of one mailbox, all users */

struct store_metadata {
	struct pf_str entry; /* from the store: lower case */
	struct pf_str value; /* any bytes; p NULL: to be removed */
};
struct store_metadatas pf_vec(struct store_metadata);

bool store_metadata_name_valid(struct pf_str entry);
/* Appends the value.  NOTFOUND: no such mailbox or entry. */
PF_CHECKED pf_status store_metadata_get(struct store *store,
					struct pf_str mailbox, const char *who,
					struct pf_str entry,
					struct pf_buf *value,
					struct pf_error *err);
/* All that `who` may have, sorted.  Texts: arena; `list->v` is the caller's
 * (pf_vec_release). */
PF_CHECKED pf_status store_metadata_list(struct store *store,
					 struct pf_str mailbox, const char *who,
					 struct pf_arena *arena,
					 struct store_metadatas *list,
					 struct pf_error *err);
/* All of them or none.  INVALID (name, or a value that its entry cannot
 * have), LIMIT (too many, or a value over STORE_METADATA_VALUE_MAX). */
PF_CHECKED pf_status store_metadata_set(struct store *store,
					struct pf_str mailbox, const char *who,
					const struct store_metadata *changes,
					size_t count, struct pf_error *err);
/* ---- rights (RFC 4314), in Dovecot's dovecot-acl ----------------------- */

enum store_right {
	STORE_LOOKUP = 1 << 0,	    /* l */
	STORE_READ = 1 << 1,	    /* r */
	STORE_WRITE = 1 << 2,	    /* w: flags but \Seen and \Deleted */
	STORE_KEEP_SEEN = 1 << 3,   /* s */
	STORE_SET_DELETED = 1 << 4, /* t */
	STORE_INSERT = 1 << 5,	    /* i */
	STORE_POST = 1 << 6,	    /* p */
	STORE_EXPUNGE = 1 << 7,	    /* e */
	STORE_CREATE = 1 << 8,	    /* k: mailboxes below */
	STORE_REMOVE = 1 << 9,	    /* x */
	STORE_ADMIN = 1 << 10,	    /* a */
	STORE_RIGHTS_ALL = (1 << 11) - 1,
	STORE_OWNER_KEEPS = STORE_LOOKUP | STORE_ADMIN,
};
/* The letter's bit; 0: no such right. */
unsigned store_right_of(char letter);
/* Appends the letters in Dovecot's order, "lrwstipekxa". */
void store_rights_write(struct pf_buf *to, unsigned rights);

/* Whose rights are asked for.  A user's own: owner is the same. */
struct store_who {
	const char *user;
	const char *owner; /* of the store; NULL: nobody (public) */
	const struct pf_str *groups;
	size_t group_count;
};

enum store_acl_kind { /* the later, the stronger */
	STORE_ACL_ANYONE,
	STORE_ACL_AUTHENTICATED,
	STORE_ACL_GROUP,
	STORE_ACL_OWNER,
	STORE_ACL_USER,
	STORE_ACL_GROUP_OVERRIDE,
};
struct store_acl_entry {
	enum store_acl_kind kind;
	bool negative;
	struct pf_str name; /* of user and group */
	unsigned rights;
	struct pf_str others; /* rights of others' making, kept as they are */
};
struct store_acl pf_vec(struct store_acl_entry);
#define STORE_ACL_MAX 1024 /* entries */

/* dovecot-acl as text; texts stay in `arena`.  INVALID when a line is not
 * understood: then nobody but the owner has any rights. */
PF_CHECKED pf_status store_acl_parse(struct pf_str text, struct pf_arena *arena,
				     struct store_acl *acl,
				     struct pf_error *err);
void store_acl_write(struct pf_buf *to, const struct store_acl *acl);
/* "user=bob", "anyone", ...: as in the file.  False: that is none. */
bool store_acl_id_parse(struct pf_str text, struct store_acl_entry *entry);
void store_acl_id_write(struct pf_buf *to, const struct store_acl_entry *entry);
/* What it gives; the owner of the store always keeps STORE_OWNER_KEEPS. */
unsigned store_acl_rights(const struct store_acl *acl,
			  const struct store_who *who);

/* A mailbox' ACL; empty without a file.  NOTFOUND: no such mailbox. */
PF_CHECKED pf_status store_acl_read(struct store *store, struct pf_str name,
				    struct pf_arena *arena,
				    struct store_acl *acl,
				    struct pf_error *err);
/* Just what somebody may do there.  *exists false: 0. */
PF_CHECKED pf_status store_rights(struct store *store, struct pf_str name,
				  const struct store_who *who, bool *exists,
				  unsigned *rights, struct pf_error *err);
enum store_acl_change {
	STORE_ACL_SET,
	STORE_ACL_ADD,
	STORE_ACL_REMOVE,
	STORE_ACL_DELETE, /* the entry */
};
/* entry: whom and which; durable.  INVALID: the file is not understood. */
PF_CHECKED pf_status store_acl_change(struct store *store, struct pf_str name,
				      enum store_acl_change change,
				      const struct store_acl_entry *entry,
				      struct pf_error *err);

/* ---- quota (RFC 9208) ------------------------------------------------- */

/*
 * Delivery, APPEND, COPY and CREATE fail with OVERQUOTA by themselves; quota.c
 * tells how it is counted.  A mailbox has a root if it is limited: the
 * account's, and perhaps one of its own.
 */
struct store_quota {
	struct pf_str root;
	uint64_t storage, messages, mailboxes;		   /* used; bytes */
	uint64_t storage_max, messages_max, mailboxes_max; /* 0: no limit */
};
struct store_quotas pf_vec(struct store_quota);

/* The roots of a mailbox (which need not be there), the account's first.
 * Texts: arena; `list->v` is the caller's. */
PF_CHECKED pf_status store_quota_list(struct store *store,
				      struct pf_str mailbox,
				      struct pf_arena *arena,
				      struct store_quotas *list,
				      struct pf_error *err);
/* NOTFOUND */
PF_CHECKED pf_status store_quota_get(struct store *store, struct pf_str root,
				     struct pf_arena *arena,
				     struct store_quota *quota,
				     struct pf_error *err);
/* Is there room for that much?  OVERQUOTA.  (Before it is uploaded.) */
PF_CHECKED pf_status store_quota_room(struct store *store,
				      struct pf_str mailbox, uint64_t storage,
				      uint64_t messages, struct pf_error *err);
/* Looks into every mailbox. */
PF_CHECKED pf_status store_quota_recount(struct store *store,
					 struct pf_error *err);
/* How much of the account is used, as of the last delivery, COPY, ... of this
 * `store`; -1: there is no limit, or nothing was put in. */
int store_quota_percent(const struct store *store);
/* INVALID: these rules are not understood. */
PF_CHECKED pf_status store_quota_check(struct pf_str rules,
				       struct pf_error *err);

/* ---- a mailbox -------------------------------------------------------- */

enum store_flag {
	STORE_SEEN = 1 << 0,
	STORE_ANSWERED = 1 << 1,
	STORE_FLAGGED = 1 << 2,
	STORE_DELETED = 1 << 3,
	STORE_DRAFT = 1 << 4,
	STORE_PASSED = 1 << 5, /* Maildir P; IMAP keyword $Forwarded */
	STORE_FLAGS_ALL = (1 << 6) - 1,
};

/* Keywords are bits by number; names via store_box_keyword(). */
#define STORE_KEYWORDS_MAX 64

struct store_msg {
	uint32_t uid;
	uint32_t flags;	   /* enum store_flag */
	uint64_t keywords; /* bit n = keyword number n */
	uint64_t modseq;
	uint64_t size;	   /* RFC822.SIZE: with CRLF line ends */
	int64_t date;	   /* INTERNALDATE, seconds */
	int64_t save_date; /* when it came into this mailbox, seconds */
};

struct store_box; /* shared by all views in this process, counted */
struct store_view;

struct store_box_info {
	uint32_t uidvalidity, uidnext;
	uint64_t highest_modseq;
	uint32_t messages, unseen, deleted;
	uint64_t size;	       /* sum of RFC822.SIZE */
	uint64_t deleted_size; /* of those with \Deleted */
	char guid[33];	       /* stable across rename */
};

/* Opens (or finds open) a mailbox and synchronises it.  NOTFOUND. */
PF_CHECKED pf_status store_box_open(struct store *store, struct pf_str name,
				    struct store_box **box,
				    struct pf_error *err);
void store_box_close(struct store_box **box);
struct pf_str store_box_name(const struct store_box *box);
struct store *store_box_store(struct store_box *box);
/* False once it was deleted or renamed away behind our back, or is_reset. */
bool store_box_exists(const struct store_box *box);
/* What sessions know of it is not true any more, and they cannot be told so
 * by IMAP: a new UIDVALIDITY, or a message before others they know. */
bool store_box_is_reset(const struct store_box *box);

/* Notices what other processes did since the last time: a few stats when
 * nothing changed, a scan where needed.  `take_new`: move files from new/ to
 * cur/ (what a read-write SELECT does; their UIDs go to the caller's
 * \Recent).  */
PF_CHECKED pf_status store_box_sync(struct store_box *box, bool take_new,
				    struct pf_error *err);
/* Only what other processes have committed: a stat when that is nothing.  So
 * that a command which begins after another process said OK sees its work. */
PF_CHECKED pf_status store_box_catch_up(struct store_box *box,
					struct pf_error *err);
void store_box_info(const struct store_box *box, struct store_box_info *info);

/* Another number when the mailbox' rights have changed. */
unsigned store_box_acl_version(struct store_box *box);

/* STATUS without keeping the box open (uses the snapshot if it is current). */
PF_CHECKED pf_status store_status(struct store *store, struct pf_str name,
				  struct store_box_info *info, uint32_t *recent,
				  struct pf_error *err);

/* Message by UID (NULL: expunged), and by position 0..messages-1 in UID
 * order.  Pointers hold until the next call that may change the box. */
const struct store_msg *store_box_find(const struct store_box *box,
				       uint32_t uid);
const struct store_msg *store_box_at(const struct store_box *box, uint32_t at);
/* UID of the first message without \Seen; 0: none */
uint32_t store_box_first_unseen(struct store_box *box);
/* position of the first message with uid >= `uid` (== messages: none) */
uint32_t store_box_lower_bound(const struct store_box *box, uint32_t uid);

/* Keyword names: number -> name (NULL: unused), name -> number or -1. `create`
 * makes it (LIMIT when all 64 are used, INVALID for a bad atom). */
const char *store_box_keyword(const struct store_box *box, unsigned number);
PF_CHECKED pf_status store_box_keyword_number(struct store_box *box,
					      struct pf_str name, bool create,
					      unsigned *number,
					      struct pf_error *err);

/* UIDs expunged after `modseq`, sorted (RFC 7162 VANISHED EARLIER).  With
 * history gone, `complete` is false: report every UID that is not there. */
struct store_uids pf_vec(uint32_t);
PF_CHECKED pf_status store_box_expunged_since(struct store_box *box,
					      uint64_t modseq,
					      struct store_uids *uids,
					      bool *complete,
					      struct pf_error *err);

/* ---- changing a mailbox (each durable and atomic) -------------------- */

enum store_flag_mode {
	STORE_FLAGS_SET,
	STORE_FLAGS_ADD,
	STORE_FLAGS_REMOVE
};

struct store_flag_change {
	enum store_flag_mode mode;
	uint32_t flags;
	uint64_t keywords;
	uint32_t keep_flags; /* STORE_FLAGS_SET leaves these alone */
	bool keep_keywords;
	uint64_t unchanged_since; /* UINT64_MAX: no condition */
	/* Both or neither: those of the messages whose flags somebody else
	 * changed, and this session was not told, go to `behind`. */
	const struct store_view *view;
	struct store_uids *behind;
};
/* uids sorted.  Those that were changed by another after unchanged_since go
 * to `modified` (may be NULL).  Missing ones are skipped. */
PF_CHECKED pf_status
store_box_change_flags(struct store_box *box, const uint32_t *uids,
		       size_t count, const struct store_flag_change *change,
		       struct store_uids *modified, struct pf_error *err);

/* Removes messages for good: those of `uids` (sorted; NULL = all) that have
 * \Deleted, or with `any` regardless of flags. */
PF_CHECKED pf_status store_box_expunge(struct store_box *box,
				       const uint32_t *uids, size_t count,
				       bool any, struct pf_error *err);

/* Pairs of source and destination UIDs of what was copied. */
struct store_uid_pair {
	uint32_t from, to;
};
struct store_uid_pairs pf_vec(struct store_uid_pair);

/* All or nothing.  Hard links; flags, keywords, dates kept.  With `move` the
 * source is expunged, and of two racing movers exactly one gets each message
 * (missing ones are skipped).  NOTFOUND with client text and status NOTFOUND
 * when `to` does not exist: answer [TRYCREATE]. */
PF_CHECKED pf_status store_box_copy(struct store_box *from,
				    const uint32_t *uids, size_t count,
				    struct pf_str to, bool move,
				    uint32_t *to_uidvalidity,
				    struct store_uid_pairs *pairs,
				    struct pf_error *err);
/* The same into any store; files are copied where no link can be made. */
struct store_copy {
	struct store *store; /* NULL: the one of the source */
	struct pf_str name;
	bool move;
	uint32_t drop_flags; /* that are not kept */
	bool drop_keywords;
};
PF_CHECKED pf_status store_box_copy_to(struct store_box *from,
				       const uint32_t *uids, size_t count,
				       const struct store_copy *to,
				       uint32_t *to_uidvalidity,
				       struct store_uid_pairs *pairs,
				       struct pf_error *err);

/* ---- the past: what was expunged (past.c) ------------------------------ */

/* The store of expunged messages: mailboxes are called as those that they
 * were in.  For looking and copying out; nothing else may be written to it.
 * NOTFOUND: nothing was expunged yet. */
PF_CHECKED pf_status store_past_open(struct store *store, struct store **past,
				     struct pf_error *err);

struct store_past_message {
	uint32_t uid;	  /* in the past's mailbox */
	uint32_t old_uid; /* that it had; 0: unknown */
	int64_t us;	  /* when it was expunged; 0: unknown */
	int64_t since;	  /* when it had come into the mailbox, seconds */
};
struct store_past_messages pf_vec(struct store_past_message);
/* What is in a mailbox of the past, by `uid`. */
PF_CHECKED pf_status store_past_list(struct store_box *past,
				     struct store_past_messages *list,
				     struct pf_error *err);
/* Moves messages (sorted UIDs of the past) back into a mailbox, which is made
 * if it is missing, under new UIDs, with the flags and keywords they had when
 * they were expunged or (`at_us` not 0) at that time.  They are not \Deleted
 * in any case. */
PF_CHECKED pf_status store_past_undelete(struct store_box *past,
					 const uint32_t *uids, size_t count,
					 struct store *store,
					 struct pf_str mailbox, int64_t at_us,
					 size_t *restored,
					 struct pf_error *err);
/* Flags and keywords of what was in a mailbox then and still is, as they were
 * (nothing gets \Deleted).  dry: only counts. */
PF_CHECKED pf_status store_past_flags(struct store_box *box, int64_t at_us,
				      bool dry, size_t *changed,
				      struct pf_error *err);
/* Removes what is too old or too much; unless `now`, once an hour. */
PF_CHECKED pf_status store_past_tidy(struct store *store, bool now,
				     size_t *dropped, struct pf_error *err);

/* ---- views: what one IMAP session believes ---------------------------- */

/*
 * A view is a session's picture of a box: sequence numbers that change only
 * when the session is told.  It costs memory only for expunges that were not
 * yet told, not per message.
 */
/* claims: \Recent of what it sees is nobody else's (SELECT, not EXAMINE). */
PF_CHECKED pf_status store_view_new(struct store_box *box, bool claims,
				    struct store_view **view,
				    struct pf_error *err);
void store_view_free(struct store_view **view);
struct store_box *store_view_box(struct store_view *view);

/* Number of messages the session knows of. */
uint32_t store_view_count(const struct store_view *view);
/* seq 1..count -> UID (also of an expunged message not yet told). */
uint32_t store_view_uid(const struct store_view *view, uint32_t seq);
/* UID -> seq, 0 = not in the view */
uint32_t store_view_seq(const struct store_view *view, uint32_t uid);
/* seq of the first message with UID >= uid; count+1 = none */
uint32_t store_view_seq_from(const struct store_view *view, uint32_t uid);

/* What to tell: in this order expunged, exists, changed flags. */
struct store_view_changes {
	struct store_uids expunged_seqs; /* as EXPUNGE wants them: each number
					    counts after the ones before it */
	struct store_uids expunged_uids; /* the same messages, sorted */
	bool exists_changed;
	uint32_t exists;
	struct store_uids changed; /* UIDs with new flags or modseq, sorted;
				      without those that are new to the view */
	uint64_t highest_modseq;
};
/* Moves the view to the box's present state.  may_expunge false: expunges
 * stay pending (RFC 3501 7.4.1), everything else is told.  Release with
 * store_view_changes_release. */
void store_view_update(struct store_view *view, bool may_expunge,
		       struct store_view_changes *changes);
void store_view_changes_release(struct store_view_changes *changes);
/* What the next update is about: expunged messages (sorted UIDs, until then),
 * and all that are new or have another modseq, told already or not. */
const struct store_uids *store_view_expunged(const struct store_view *view);
void store_view_touched(const struct store_view *view, struct store_uids *uids);
/* True when store_view_update would have something to say. */
bool store_view_pending(const struct store_view *view);
/* Says that the session already knows the flags of these messages at their
 * present modseq (STORE's own answer, .SILENT). */
void store_view_told(struct store_view *view, const uint32_t *uids,
		     size_t count);
/* \Recent: was this message first seen by this view? */
bool store_view_recent(const struct store_view *view, uint32_t uid);
uint32_t store_view_recent_count(const struct store_view *view);

/* ---- reading ---------------------------------------------------------- */

/* Opens the message file (read-only; the caller closes).  EXPUNGED when it
 * is gone for good; renames by others are followed. */
PF_CHECKED pf_status store_msg_open(struct store_box *box, uint32_t uid,
				    int *fd, uint64_t *file_size,
				    struct pf_error *err);
/* Stable name of the content: the same for a copy (Dovecot's GUID: base file
 * name, or G of dovecot-uidlist).  Valid until the box changes. */
struct pf_str store_msg_guid(const struct store_box *box, uint32_t uid);
/* Path below store_root() right now ("cur/..." or ".Sent/cur/..."). */
PF_CHECKED pf_status store_msg_path(struct store_box *box, uint32_t uid,
				    struct pf_buf *path, struct pf_error *err);

/* The summary: small texts kept per message (ENVELOPE, BODYSTRUCTURE, ...),
 * disposable.  get: NOTFOUND when not there.  put: failures are silent. */
enum store_summary_kind {
	STORE_SUMMARY_ENVELOPE = 1,
	STORE_SUMMARY_BODY = 2,
	STORE_SUMMARY_BODYSTRUCTURE = 3,
	STORE_SUMMARY_HEADERS = 4, /* the fields clients list with */
	STORE_SUMMARY_PREVIEW = 5,
	STORE_SUMMARY_THREAD = 6, /* THREADID */
};
PF_CHECKED pf_status store_summary_get(struct store_box *box, uint32_t uid,
				       enum store_summary_kind kind,
				       struct pf_buf *to);
void store_summary_put(struct store_box *box, uint32_t uid,
		       enum store_summary_kind kind, struct pf_str text);

/* ---- writing a message: delivery and APPEND --------------------------- */

/*
 * One message file on its way into the store.  Bytes go to tmp/ of `store`
 * (LF line ends on disk: CRLF becomes LF; lone CR and LF stay), then it is
 * linked into one or more mailboxes, also of other stores on the same file
 * system and owner, then freed (which removes the tmp file).
 */
struct store_draft;
PF_CHECKED pf_status store_draft_new(struct store *store,
				     struct store_draft **draft,
				     struct pf_error *err);
PF_CHECKED pf_status store_draft_write(struct store_draft *draft, const void *p,
				       size_t n, struct pf_error *err);
/* fsync; afterwards only linking.  Returns the descriptor to read it back
 * (owned by the draft). */
PF_CHECKED pf_status store_draft_finish(struct store_draft *draft, int *fd,
					struct pf_error *err);
void store_draft_free(struct store_draft **draft);

struct store_deliver {
	uint32_t flags;
	const struct pf_str *keywords; /* names */
	size_t keyword_count;
	int64_t date; /* INTERNALDATE; 0 = now */
	bool exempt;  /* from the quota: it is counted once it is there */
	/* a message that will go for it (REPLACE): where, UID; else NULL */
	struct store_box *replaces;
	uint32_t replaced;
	bool create; /* make and subscribe the mailbox if it is missing */
	bool last;   /* nothing else is to become of the draft: its file is
			moved instead of linked, which spares the disk work
			(delivery without keywords only) */
};
/* Puts the message into a mailbox: durable on return.  With `uid` (APPEND)
 * the UID is assigned at once and reported; with NULL (delivery) it goes to
 * new/ (or to cur/ if it has flags) and the next sync gives it one, which
 * costs no more syncs than the bare Maildir rite.  `name` (optional) receives
 * the base file name. */
PF_CHECKED pf_status store_deliver(struct store *store, struct pf_str mailbox,
				   struct store_draft *draft,
				   const struct store_deliver *how,
				   uint32_t *uidvalidity, uint32_t *uid,
				   struct pf_buf *name, struct pf_error *err);
/* Several drafts (MULTIAPPEND): all or none, one sync. */
PF_CHECKED pf_status store_deliver_many(struct store *store,
					struct pf_str mailbox,
					struct store_draft *const *drafts,
					const struct store_deliver *hows,
					size_t count, uint32_t *uidvalidity,
					struct store_uids *uids,
					struct pf_error *err);

/* ---- checking --------------------------------------------------------- */

/* What `penfold check --store` has to say about one thing. */
struct store_finding {
	char *mailbox;
	char text[512];
	const char *cure;
	bool problem;  /* or else it heals when the mailbox is opened */
	bool repaired; /* it was there, and is not any more */
};
struct store_findings pf_vec(struct store_finding);
/* Looks at all files of a store, which may be in use; writes only to repair.
 * Release with store_findings_release. */
PF_CHECKED pf_status store_check(const struct store_conf *conf, bool repair,
				 struct store_findings *list,
				 struct pf_error *err);
void store_findings_release(struct store_findings *list);

/* ---- watching --------------------------------------------------------- */

/*
 * One inotify descriptor for a process.  Thread-safe.  The program plugs
 * store_watch_fd() into its loop and calls store_watch_read() when it is
 * readable; changed(arg, token) is called from there, once, for each token
 * that something happened to (then: store_box_sync in that user's queue).
 */
struct store_watch;
PF_CHECKED pf_status store_watch_new(void (*changed)(void *arg, uint64_t token),
				     void *arg, struct store_watch **watch,
				     struct pf_error *err);
int store_watch_fd(const struct store_watch *watch);
void store_watch_read(struct store_watch *watch);
/* Watches a mailbox under a token of the caller's; several tokens may watch
 * one mailbox.  LIMIT when the kernel has no more watches: poll instead. */
PF_CHECKED pf_status store_watch_add(struct store_watch *watch,
				     struct store_box *box, uint64_t token,
				     struct pf_error *err);
/* The same without opening it; again costs nothing, and finds a mailbox that
 * was removed and made anew. */
PF_CHECKED pf_status store_watch_add_name(struct store_watch *watch,
					  struct store *store,
					  struct pf_str name, uint64_t token,
					  struct pf_error *err);
/* Which mailboxes there are, subscriptions and special uses. */
PF_CHECKED pf_status store_watch_add_list(struct store_watch *watch,
					  struct store *store, uint64_t token,
					  struct pf_error *err);
void store_watch_remove(struct store_watch *watch, uint64_t token);
void store_watch_free(struct store_watch **watch);

#endif
