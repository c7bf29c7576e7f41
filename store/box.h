/*
 * What the files of store/ share: a store, a mailbox and its parts.
 *
 * One mailbox is a directory with cur/, new/, tmp/ and our own files beside
 * them.  In memory it is an array of fixed-size records in UID order, a heap
 * of file names, and what is needed to know whether the array is still true.
 *
 *	store.c    a user's Maildir       names.c     names <-> directories
 *	folder.c   create, delete, rename list.c      LIST, subscriptions
 *	box.c      opening, locking       log.c       records on disk
 *	apply.c    records into memory    snapshot.c  the array on disk
 *	area.c     the array mapped       index.c     names -> messages
 *	own.c      our changes among those of others
 *	scan.c     what the directory says, and the essay on its races
 *	uidlist.c keywords.c              the files that Dovecot documents
 *	letters.c  file names             change.c expunge.c copy.c move.c
 *	deliver.c draft.c msg.c view.c summary.c watch.c metadata.c
 *	acl.c      rights
 *	quota.c quota_rules.c maildirsize.c
 *	check.c    fsck		   verify.c    the watch-dog of test builds
 *	past.c past_journal.c past_restore.c
 */
#ifndef STORE_BOX_H
#define STORE_BOX_H

#include "base/buf.h"
#include "base/fsio.h"
#include "base/map.h"
#include "store/store.h"

#define STORE_FOLDER_MODE 0700
#define STORE_FILE_MODE	  0600
#define STORE_LOCK_MS	  30000
/* dovecot-uidlist, names heap: no mailbox comes near it */
#define STORE_FILE_MAX ((size_t)1 << 31)
/* Below this, a scan is cheaper than the watch.  Off for now: with it,
 * tests/soak/chaos.py sees expunges that nobody made (decision 166). */
#define STORE_OWN_LEAST SIZE_MAX
#ifndef STORE_MAP_LEAST /* tests map small ones, too */
#define STORE_MAP_LEAST ((size_t)256 << 10)
#endif

/* ---- stamps: has a file or directory changed? ------------------------- */

struct store_stamp {
	int64_t mtime, ctime; /* nanoseconds; 0: no such file */
	uint64_t ino, size;   /* size 0 for directories */
};
/* name "": of the descriptor itself */
struct store_stamp store_stamp_of(int dir, const char *name);
bool store_stamp_eq(const struct store_stamp *a, const struct store_stamp *b);

/* ---- records ---------------------------------------------------------- */

/* The letters behind ":2," as bits: 0-5 are the flags of store.h, bit 6+n is
 * the keyword letter 'a'+n. */
#define STORE_LETTERS_KEYWORD 6
#define STORE_KEYWORD_LETTERS 26

enum store_rec_state {
	REC_NEW = 1 << 0,   /* the file is in new/ */
	REC_INFO = 1 << 1,  /* its name has ":2," */
	REC_ODD = 1 << 2,   /* ... or something else: see store_rec_info */
	REC_DIRTY = 1 << 5, /* the file's letters are to be changed */
	REC_FRESH = 1 << 6, /* made here, and no session was told of it */
	REC_ON_DISK = REC_NEW | REC_INFO | REC_ODD, /* what the file shows */
	REC_KEPT = REC_ON_DISK | REC_FRESH,	    /* in log and snapshot */
};

/* The layout is that of the snapshot file too. */
struct store_rec {
	struct store_msg m; /* what clients see */
	uint32_t name;	    /* base name in the heap; behind its NUL the
			       suffix if REC_ODD */
	uint32_t guid;	    /* in the heap; 0: the base name is the GUID */
	uint32_t letters;   /* what the file's name says as far as we know */
	uint32_t state;	    /* enum store_rec_state */
};
struct store_recs pf_vec(struct store_rec);

/* Expunged UIDs lo..hi, at modseq */
struct store_gone {
	uint32_t lo, hi;
	uint64_t modseq;
};
struct store_gones pf_vec(struct store_gone);
#define STORE_GONE_MAX 8192

struct store_range {
	uint32_t lo, hi;
};
struct store_ranges pf_vec(struct store_range);

/* What a file's letters were at some time since the last checkpoint */
struct store_past {
	uint32_t uid, letters;
};

/* A file name that has a UID or GUID in somebody's list but no record yet */
struct store_claim {
	uint32_t uid, name, guid; /* name, guid: in box->heap; 0: none */
};
struct store_claims pf_vec(struct store_claim);

/* How the lists of others stood when we last agreed with them. */
struct store_noted {
	struct store_stamp uidlist, keywords;
	uint32_t listed;   /* highest UID that is in dovecot-uidlist */
	uint32_t lines;	   /* records in it, dead ones too */
	uint32_t reserved; /* its N */
	uint32_t in_place; /* N can be changed where it stands */
};

/* A MOVE out of this mailbox that the log has not seen end: see move.c. */
struct store_move {
	uint32_t uid;	       /* here */
	uint32_t to_uid;       /* there, if it came so far */
	uint64_t to_modseq;    /* of the mailbox there, before */
	uint64_t to_ino;       /* its directory, which may be renamed */
	uint32_t base, folder; /* in box->heap: file and directory there */
	uint32_t root;	       /* the Maildir they are in; empty: this one */
	char to_guid[33];
	bool back; /* it was given up: what is there must go */
};
struct store_moves pf_vec(struct store_move);

enum {
	STORE_NEW,
	STORE_CUR
};
enum {
	RESCAN_NEW = 1 << STORE_NEW,
	RESCAN_CUR = 1 << STORE_CUR,
	RESCAN_BOTH = RESCAN_NEW | RESCAN_CUR
};

/* Where an array's memory is from: mapped, or (size 0) of malloc. */
struct store_area {
	size_t size, mapped; /* bytes in all, and those of the file */
};

/* Changes of ours to new/ and cur/, and those that the kernel tells of. */
struct store_own {
	int fd; /* 0: we do not listen */
	int wd[2];
	unsigned did[2], heard[2];
	bool lost;
};

struct store_box {
	struct pf_link link; /* store->boxes */
	struct store *store;
	unsigned refs;
	char *name;   /* UTF-8 */
	char *folder; /* directory below the root, "." for INBOX */
	int dir, lock_fd, log_fd;
	uint64_t ino;	    /* of the directory */
	bool loaded;	    /* the memory holds the mailbox */
	bool deleted;	    /* while we had it open */
	int64_t rest_since; /* mono ms, while nobody uses it (rest.c) */
	size_t rest_bytes;
	bool reset;	    /* see store_box_is_reset */
	bool provisional;   /* read-only: UIDs that nobody wrote down */
	bool unapplied;	    /* renames are owed to the log's last records */
	bool lists_read;    /* others' lists: to be noted with the next scan */
	bool changed_docs;  /* dovecot-uidlist lags behind */
	int64_t docs_since; /* mono ms */
	unsigned locked;
	struct store_stamp acl; /* of dovecot-acl */
	unsigned acl_version;

	/* the mailbox */
	struct store_recs recs;
	struct store_area recs_area, heap_area, index_area;
	uint32_t *near;	   /* where in recs the last search ended */
	uint32_t seen_end; /* all UIDs below have \Seen */
	char *heap;	   /* offset 0 holds an empty string */
	size_t heap_len, heap_cap;
	size_t heap_waste; /* bytes of it that nobody needs, about */
	char *keywords[STORE_KEYWORDS_MAX];
	uint32_t uidvalidity, uidnext;
	uint64_t modseq; /* HIGHESTMODSEQ */
	char guid[33];
	struct store_gones gone; /* by modseq */
	uint64_t gone_floor;	 /* history is complete from here on */

	/* the log */
	uint64_t seq;	  /* of the last record in memory; 0: none */
	uint64_t log_ino; /* the file the offset belongs to */
	off_t log_end;	  /* behind its last good record */
	size_t snapshot_size;
	struct pf_buf txn; /* records not yet written */
	bool rebooted;	   /* the log is from before a reboot */
	struct pf_vec(struct store_past) past;
	struct pf_vec(uint32_t) dirty;	 /* UIDs with REC_DIRTY */
	struct pf_vec(uint32_t) doomed;	 /* heap: bases of expunged files */
	struct pf_vec(uint32_t) intents; /* heap: files of a copy under way */
	struct store_moves moves;	 /* out of here, under way */

	/* the directories */
	struct store_stamp seen[2]; /* STORE_NEW, STORE_CUR */
	unsigned rescan;	    /* RESCAN_*: do not trust `seen` */
	bool missing;		    /* absence still to be proved */
	int64_t rescan_at;	    /* clock us: look at both; 0: no need */
	struct store_own own;	    /* ... unless it was only us */
	bool unclean;		    /* the disk says that one of these is set */
	uint32_t in_new;	    /* records with REC_NEW */
	uint32_t fresh;		    /* with REC_FRESH */
	struct store_noted noted;
	struct store_claims claims;

	/* base name -> UID, of those up to index_last (index.c) */
	uint32_t *index;
	size_t index_cap, index_count;
	uint32_t index_last;

	/* sessions */
	struct pf_link views;
	struct pf_vec(
	    uint32_t) recent; /* taken, and no view has claimed it yet */
	struct store_summary *summary;
	/* counts, kept by apply.c */
	uint32_t unseen, deleted_count;
	uint64_t size, deleted_size;
	/* quota.c */
	bool disk_known, published;
	uint64_t disk;		/* what the files take, if that is known */
	uint64_t published_seq; /* of the log, when it was */
	/* verify.c: how it stood the last time */
	struct {
		uint32_t uidvalidity, uidnext;
		uint64_t modseq;
	} verified;
	size_t verify_debt;
	/* past.c */
	int past_dir;		 /* while files go there; -1 */
	struct pf_buf past_text; /* lines not yet written */
	bool past_unsynced;
};

struct store_special {
	char *role, *name;
};

struct store {
	char *root;
	int dir;
	char separator;
	bool read_only;
	bool inherit_root;
	uint64_t size_max;
	size_t map_least; /* a snapshot of this size is mapped */
	size_t own_least; /* a mailbox of so many messages: see own.c */
	struct pf_vec(struct store_special) specials;
	struct pf_link boxes;
	unsigned resting; /* of them, and what they hold (rest.c) */
	size_t rest_bytes, rest_max;
	struct store_quota_state *quota; /* NULL: there is no limit */
	int64_t past_keep;		 /* seconds; 0: there is no past */
	uint64_t past_size;
	unsigned held; /* mailboxes locked, or not to be waited for */
	int root_lock_fd;
};

/* ---- names.c ---------------------------------------------------------- */

/* UTF-8 name -> directory below the root ("." for INBOX, ".Sent.2024");
 * INVALID.  Where a folder in Courier's UTF-8 spelling is there, that one. */
PF_CHECKED pf_status store_folder_of(struct store *store, struct pf_str name,
				     struct pf_buf *folder,
				     struct pf_error *err);
/* Directory -> UTF-8 name; false when it is no mailbox's. */
bool store_folder_name(const struct store *store, const char *folder,
		       struct pf_buf *name);
bool store_is_inbox(struct pf_str name);
bool store_folder_exists(struct store *store, const char *folder);
/* cur, new, tmp (and maildirfolder) below dir */
PF_CHECKED pf_status store_folder_make(int dir, bool marker,
				       struct pf_error *err);
PF_CHECKED pf_status store_root_lock(struct store *store, struct pf_error *err);
void store_root_unlock(struct store *store);
PF_CHECKED pf_status store_writable(const struct store *store,
				    struct pf_error *err);

/* what a mailbox is called while it is removed */
#define STORE_GONE_PREFIX "penfold-gone."

/* folder.c: finishes what a killed process left; list.c */
void store_folder_heal(struct store *store);
void store_special_parse(struct store *store, const char *list);

/* acl.c: a new folder, whose directory is `dir` as yet, gets the ACL of the
 * nearest one above it. */
PF_CHECKED pf_status store_acl_inherit(struct store *store, const char *folder,
				       int dir, struct pf_error *err);

/* uidvalidity.c: greater than any before it, and than `floor` */
PF_CHECKED pf_status store_uidvalidity_next(struct store *store, uint32_t floor,
					    uint32_t *value,
					    struct pf_error *err);
void store_guid_make(char guid[33]);

/* ---- letters.c: file names -------------------------------------------- */

/* "base:2,info": base up to ':' */
struct pf_str store_base_of(struct pf_str file);
/* The letters of what stands behind the base; *odd when the suffix is not
 * exactly what store_suffix would write, *info when it has ":2,". */
uint32_t store_suffix_letters(struct pf_str suffix, bool *info, bool *odd);
/* Appends ":2," and the letters, keeping what `old` (an odd suffix or empty)
 * has that we do not know. */
void store_suffix_add(struct pf_buf *to, uint32_t letters, struct pf_str old);
uint32_t store_letters_of(const struct store_msg *m);
/* The number behind ",S=" or ",W=" in a base name */
bool store_base_number(struct pf_str base, char key, uint64_t *value);
/* Dovecot's order of new files: by the numbers they begin with. */
struct store_base_key {
	struct pf_str base;
	uint64_t seconds, us;
	bool has_us; /* of the form "seconds.Mus" */
};
struct store_base_key store_base_key(struct pf_str base);
int store_base_key_cmp(const struct store_base_key *a,
		       const struct store_base_key *b);
int store_base_cmp(struct pf_str a, struct pf_str b);

const char *store_rec_base(const struct store_box *box,
			   const struct store_rec *rec);
/* What stands behind it if REC_ODD, else empty */
struct pf_str store_rec_suffix(const struct store_box *box,
			       const struct store_rec *rec);
/* Appends "cur/base:2,S" as the file is called now, or should be with
 * `letters` (then always in cur/). */
void store_rec_path(const struct store_box *box, const struct store_rec *rec,
		    struct pf_buf *to);
void store_rec_path_with(const struct store_box *box,
			 const struct store_rec *rec, uint32_t letters,
			 struct pf_buf *to);

/* ---- box.c ------------------------------------------------------------ */

/* Takes the mailbox' lock and reads what others wrote since.  Nests.
 * NOTFOUND when the mailbox was deleted. */
PF_CHECKED pf_status store_box_lock(struct store_box *box,
				    struct pf_error *err);
void store_box_unlock(struct store_box *box);
/* Files that the documented ones lag behind. */
void store_box_docs_changed(struct store_box *box);
PF_CHECKED pf_status store_box_flush(struct store_box *box,
				     struct pf_error *err);
struct store_rec *store_box_rec(struct store_box *box, uint32_t uid);
uint32_t store_heap_add(struct store_box *box, struct pf_str text);
uint32_t store_heap_add2(struct store_box *box, struct pf_str text,
			 struct pf_str behind);
/* Forgets all content (before a reload). */
void store_box_forget(struct store_box *box);
void store_box_count(struct store_box *box);

/* The text at an offset that was perhaps never checked: it may be mapped. */
const char *store_heap_text(const struct store_box *box, uint32_t at);
void store_recs_room(struct store_box *box, size_t extra);

/* ---- area.c, index.c -------------------------------------------------- */

/* n bytes of the file as the beginning of an array; NULL: not possible. */
void *store_area_map(struct store_area *area, int fd, uint64_t offset, size_t n,
		     size_t *cap, size_t item);
/* pf_vec_grow for either kind; `used`: what has to be kept */
void *store_area_grow(struct store_area *area, void *p, size_t used,
		      size_t *cap, size_t need, size_t item);
void store_area_free(struct store_area *area, void *p);
/* Memory of our own in it, about. */
size_t store_area_bytes(const struct store_area *area, size_t used, size_t cap);

/* base name -> record, NULL */
struct store_rec *store_index_find(struct store_box *box, struct pf_str base);
void store_index_drop(struct store_box *box);
/* A record came between others. */
void store_index_insert(struct store_box *box, const struct store_rec *rec);
/* All records are in it. */
void store_index_complete(struct store_box *box);

/* ---- log.c, apply.c --------------------------------------------------- */

enum store_record_type {
	RECORD_ADD = 1,	    /* messages with their UIDs */
	RECORD_FLAGS = 2,   /* a change to ranges of UIDs */
	RECORD_EXPUNGE = 3, /* ranges of UIDs */
	RECORD_KEYWORD = 4, /* number and name */
	RECORD_UIDNEXT = 5, /* raised */
	RECORD_APPLIED = 6, /* the Maildir follows up to here; stamps */
	RECORD_NOTED = 7,   /* struct store_noted */
	RECORD_INTENT = 8,  /* files that a copy is going to link */
	RECORD_DELETED = 9, /* the mailbox is being removed */
	RECORD_TAKEN = 10,  /* ranges of UIDs: files moved from new/ to cur/ */
	RECORD_MOVE = 11,   /* struct store_move_record: see move.c */
	RECORD_MOVE_BACK = 12, /* ranges of UIDs: those moves are undone */
	RECORD_MOVE_END = 13,  /* ranges of UIDs: nothing is left to do */
};

struct store_log_header {
	char magic[8];
	char boot[16];
	uint64_t first_seq; /* of the first record */
	uint64_t modseq;    /* as of the start, for a rebuild */
	uint32_t uidvalidity, uidnext;
	char guid[32];
	uint32_t pad, crc;
};

struct store_record_header {
	uint32_t length; /* of the payload; records are padded to 8 */
	uint32_t type;
	uint64_t seq;
	uint32_t crc; /* of the 16 bytes above and the payload */
	uint32_t pad;
};

struct store_flags_record {
	uint64_t modseq, add_keywords, remove_keywords;
	uint32_t add, remove; /* new = (old & ~remove) | add */
};

struct store_applied_record {
	struct store_stamp seen[2];
	uint64_t rescan;   /* which of the stamps prove nothing */
	int64_t rescan_at; /* when both must be looked at; 0: never */
};

struct store_add_record { /* base, guid, suffix follow, padded to 8 */
	struct store_msg m;
	uint32_t letters, state;
	uint16_t name_len, guid_len, suffix_len, pad;
};

struct store_move_record { /* base, folder, root follow, padded to 8 */
	uint64_t to_modseq, to_ino;
	uint32_t uid, to_uid;
	char to_guid[32];
	uint16_t base_len, folder_len, root_len, pad;
};

/* Adds records to the transaction. */
void store_txn_add(struct store_box *box, const struct store_msg *m,
		   uint32_t letters, uint32_t state, struct pf_str base,
		   struct pf_str guid, struct pf_str suffix);
void store_txn_flags(struct store_box *box,
		     const struct store_flags_record *change,
		     const struct store_range *ranges, size_t count);
void store_txn_expunge(struct store_box *box, uint64_t modseq,
		       const struct store_range *ranges, size_t count);
void store_txn_keyword(struct store_box *box, unsigned number,
		       struct pf_str name);
void store_txn_taken(struct store_box *box, const struct store_range *ranges,
		     size_t count);
void store_txn_uidnext(struct store_box *box, uint32_t uidnext);
void store_txn_applied(struct store_box *box);
void store_txn_noted(struct store_box *box);
void store_txn_intent(struct store_box *box, struct pf_str path);
void store_txn_deleted(struct store_box *box);
void store_txn_move(struct store_box *box, const struct store_move *move,
		    struct pf_str base, struct pf_str folder,
		    struct pf_str root);
/* type: RECORD_MOVE_BACK or RECORD_MOVE_END */
void store_txn_moved(struct store_box *box, uint32_t type,
		     const struct store_range *ranges, size_t count);
void store_txn_drop(struct store_box *box);
/* Writes the transaction (with `durable`: fdatasync) and applies it to the
 * memory; on failure neither. */
PF_CHECKED pf_status store_txn_commit(struct store_box *box, bool durable,
				      struct pf_error *err);
/* Only into the memory. */
PF_CHECKED pf_status store_txn_apply(struct store_box *box,
				     struct pf_error *err);
/* For very many records: applies them and makes a checkpoint instead. */
PF_CHECKED pf_status store_txn_commit_bulk(struct store_box *box,
					   struct pf_error *err);

/* Reads the records behind box->log_end, or a whole new log.  `reload`: the
 * memory does not fit to it, load the snapshot first. */
PF_CHECKED pf_status store_log_read(struct store_box *box, bool *reload,
				    struct pf_error *err);
void store_log_close(struct store_box *box);
/* of the running kernel */
void store_boot_id(char id[16]);
/* After the snapshot: an empty log. */
PF_CHECKED pf_status store_log_restart(struct store_box *box,
				       struct pf_error *err);
/* What a log tells that fits to no snapshot: claims and minima. */
void store_log_harvest(struct store_box *box);
/* Is there nothing in the log file that is not in memory? */
bool store_log_current(struct store_box *box);
/* The good records of a log's bytes, one by one (also fuzzed). */
typedef bool store_record_fn(void *arg, const struct store_record_header *h,
			     const char *payload);
size_t store_log_walk(struct pf_str bytes, uint64_t *seq, store_record_fn *fn,
		      void *arg);

/* One record into the memory; false when it makes no sense. */
bool store_apply(struct store_box *box, uint32_t type, struct pf_str payload);
bool store_add_parse(struct pf_str payload, struct store_add_record *add,
		     struct pf_str *base, struct pf_str *guid,
		     struct pf_str *suffix);
/* The file has been renamed to what the record says. */
void store_rec_renamed(struct store_box *box, struct store_rec *rec);
/* The file is in new/ or not, with this suffix. */
void store_rec_place(struct store_box *box, struct store_rec *rec, bool in_new,
		     struct pf_str suffix);

/* ---- snapshot.c ------------------------------------------------------- */

/* NOTFOUND: none that can be used. */
PF_CHECKED pf_status store_snapshot_load(struct store_box *box);
bool store_snapshot_parse(struct store_box *box, struct pf_str bytes);
PF_CHECKED pf_status store_snapshot_write(struct store_box *box,
					  struct pf_error *err);
/* fsync of cur/ and new/, snapshot, fresh log */
PF_CHECKED pf_status store_checkpoint(struct store_box *box,
				      struct pf_error *err);
/* ... if the log has grown enough */
void store_checkpoint_maybe(struct store_box *box, bool closing);

/* ---- uidlist.c, keywords.c -------------------------------------------- */

struct store_uidlist {
	uint32_t uidvalidity, uidnext;
	char guid[33];
	uint32_t lines;
};
/* Parses; each record becomes a claim (unsorted). */
bool store_uidlist_parse(struct store_box *box, struct pf_str text,
			 struct store_uidlist *list);
/* Reads it if it is not as we left it. */
PF_CHECKED pf_status store_uidlist_read(struct store_box *box, bool *adopt,
					struct store_uidlist *list,
					struct pf_error *err);
/* Has a file of this base name a line in it? */
bool store_uidlist_names(struct store_box *box, struct pf_str base);
/* Brings it up to date.  exact: N without a reserve. */
PF_CHECKED pf_status store_uidlist_write(struct store_box *box, bool exact,
					 struct pf_error *err);
/* Raises N in the file before UIDs up to `uid` are handed out. */
PF_CHECKED pf_status store_uidlist_reserve(struct store_box *box, uint32_t uid,
					   struct pf_error *err);
PF_CHECKED pf_status store_keywords_read(struct store_box *box,
					 struct pf_error *err);
PF_CHECKED pf_status store_keywords_write(struct store_box *box,
					  struct pf_error *err);
unsigned store_keywords_parse(struct pf_str text,
			      struct pf_str names[STORE_KEYWORD_LETTERS]);
/* the bit of a name, or -1 */
int store_keyword_find(const struct store_box *box, struct pf_str name);

/* ---- scan.c ----------------------------------------------------------- */

/* Under the lock: makes the memory agree with the directories. */
PF_CHECKED pf_status store_scan(struct store_box *box, bool force,
				struct pf_error *err);
/* Without the lock: would store_scan have anything to do? */
bool store_scan_due(struct store_box *box);
/* Around changes of our own to the directories. */
void store_scan_own_begin(struct store_box *box);
void store_scan_own_end(struct store_box *box);
/* Before a mailbox is left: settles, if it can, whether others changed it
 * together with us. */
void store_scan_settle(struct store_box *box);

/* own.c: from a change of ours on, until somebody wants to know */
void store_own_begin(struct store_box *box);
/* What was done in the directories, as the kernel counts: a rename is two. */
void store_own_did(struct store_box *box, unsigned in_new, unsigned in_cur);
/* RESCAN_*: where others may have been since, or cannot be told from us */
unsigned store_own_end(struct store_box *box);
void store_own_stop(struct store_box *box);
/* The file's size with CRLF line ends. */
PF_CHECKED pf_status store_virtual_size(int fd, uint64_t *size,
					struct pf_error *err);

/* ---- change.c, expunge.c, copy.c -------------------------------------- */

/* Renames the files of dirty records; what cannot be renamed is taken back.
 * *again: files were not where we knew them, a scan must find them. */
PF_CHECKED pf_status store_rename_dirty(struct store_box *box, bool *again,
					struct pf_error *err);
/* ... with that scan. */
PF_CHECKED pf_status store_apply_renames(struct store_box *box,
					 struct pf_error *err);
/* After a crash: what the log says and the Maildir does not. */
PF_CHECKED pf_status store_redo(struct store_box *box, struct pf_error *err);
/* Without a look at \Deleted; what was moved within the store is not `kept`
 * in the past. */
PF_CHECKED pf_status store_box_remove(struct store_box *box,
				      const uint32_t *uids, size_t count,
				      bool keep, struct pf_error *err);
/* Locks two mailboxes (or one twice) in the order that all keep to. */
PF_CHECKED pf_status store_box_lock_both(struct store_box *a,
					 struct store_box *b,
					 struct pf_error *err);
/* move.c.  RECORD_MOVE into the memory, and what ends it. */
bool store_ranges_have(const struct store_ranges *ranges, uint32_t uid);
bool store_move_apply(struct store_box *box, struct pf_str payload);
void store_moves_end(struct store_box *box, const struct store_ranges *ranges);
/* The moves in memory as records, for a new log. */
void store_moves_carry(struct store_box *box);
/* Finishes what a killed process left half moved out of this mailbox, which
 * is not locked.  What cannot be decided now stays for the next time. */
void store_moves_resolve(struct store_box *box);
/* The moves of these UIDs are undone or not, as the log has to say durably. */
PF_CHECKED pf_status store_moves_mark(struct store_box *box, uint32_t type,
				      struct store_uids *uids,
				      struct pf_error *err);
/* Appends a UID; `joined`: no other message lies between it and the last. */
void store_uids_sort(struct store_uids *uids);
void store_ranges_add(struct store_ranges *ranges, uint32_t uid, bool joined);

/* ---- draft.c ---------------------------------------------------------- */

struct store_draft {
	struct store *store;
	char tmp[300];	/* "tmp/..." below the root */
	char base[256]; /* name to be, with S= and W= */
	int fd;
	uint64_t size, vsize;
	bool finished, after_cr, pending_cr;
	struct pf_buf out;
};
void store_base_make(char *to, size_t size, uint64_t file_size, uint64_t vsize);

/* ---- view.c, summary.c ------------------------------------------------ */

/* The box is about to lose these UIDs (sorted). */
/* The session knows flags up to this modseq. */
uint64_t store_view_modseq(const struct store_view *view);
void store_views_expunged(struct store_box *box, const uint32_t *uids,
			  size_t count);
/* Has a session been told of a message with this UID or a higher one? */
bool store_views_know(const struct store_box *box, uint32_t uid);
void store_summary_free(struct store_box *box);

/* ---- verify.c ----------------------------------------------------------- */

/* Aborts when the mailbox (under its lock) is not as it has to be; nothing in
 * builds without --enable-fault-injection. */
void store_verify(struct store_box *box);
void store_verify_view(const struct store_box *box, struct store_view *view);
/* view.c: store_verify_view for each */
void store_views_verify(struct store_box *box);

/* ---- rest.c ------------------------------------------------------------- */

/* Nobody uses the box any more: false, it has to be freed. */
bool store_rest_begin(struct store_box *box);
/* Somebody is about to use it again. */
void store_rest_end(struct store_box *box);
/* Frees those that have rested since then (mono ms). */
void store_rest_drop(struct store *store, int64_t since);
void store_rest_flush(struct store *store);
/* Memory that a box holds, about; and its end. */
size_t store_box_bytes(const struct store_box *box);
void store_box_free(struct store_box *box);
size_t store_summary_bytes(const struct store_box *box);

#endif
