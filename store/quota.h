/* Inside store/: quota (quota.c tells how it is counted). */
#ifndef STORE_QUOTA_H
#define STORE_QUOTA_H

#include "store/names.h"

/* ---- quota_rules.c: what is allowed ------------------------------------ */

struct quota_limit {
	uint64_t storage, messages, mailboxes; /* 0: no limit */
};

/* A number of bytes or messages in a rule. */
struct quota_amount {
	bool given, more, less; /* "+...", "-..." of the account's limit */
	bool percent;
	uint64_t value;
};

struct quota_rule {
	char *mailbox;
	bool ignore;
	struct quota_amount storage, messages;
};

struct quota_rules {
	struct quota_limit account;
	struct pf_vec(struct quota_rule) v;
};

/* Words "mailbox:limit:limit..." on top of what is there.  INVALID: one was
 * not understood (the others count). */
PF_CHECKED pf_status store_quota_rules_parse(struct quota_rules *rules,
					     struct pf_str text,
					     struct pf_error *err);
void store_quota_rules_release(struct quota_rules *rules);
bool store_quota_rules_any(const struct quota_rules *rules);
bool store_quota_rules_ignore(const struct quota_rules *rules,
			      struct pf_str mailbox);
/* What the account may hold when something is put into this mailbox. */
struct quota_limit store_quota_rules_account(const struct quota_rules *rules,
					     struct pf_str mailbox);
/* What the mailbox itself may hold. */
struct quota_limit store_quota_rules_own(const struct quota_rules *rules,
					 struct pf_str mailbox);

/* ---- maildirsize.c: the file that others know --------------------------- */

struct quota_use {
	int64_t storage, messages;
};

/* "1000S,10C" of its first line; false: there is no such file, or no limit in
 * it. */
bool store_maildirsize_limits(struct store *store, struct quota_limit *limit);
/* Its size; -1: there is none. */
int64_t store_maildirsize_bytes(struct store *store);
/* Adds a line, or writes it anew with `total` (may be NULL) when it has to
 * be. */
void store_maildirsize_add(struct store *store, const struct quota_limit *limit,
			   const struct quota_use *delta,
			   const struct quota_use *total);
void store_maildirsize_write(struct store *store,
			     const struct quota_limit *limit,
			     const struct quota_use *total);
/* The first line, and the sum of the others (also fuzzed). */
bool store_maildirsize_parse(struct pf_str text, struct quota_limit *limit,
			     struct quota_use *sum);

/* ---- quota.c: what is used --------------------------------------------- */

struct quota_box { /* what one mailbox holds */
	char *folder;
	bool ignored;
	struct quota_use use;
};

struct store_quota_state {
	struct quota_rules rules;
	char *full_path;
	bool from_maildirsize; /* where the limits come from */
	bool known;	       /* all that is configured; else
				  maildirsize's limits are taken */
	int lock_fd;
	/* penfold-quota as of `stamp` */
	struct store_stamp stamp;
	struct pf_vec(struct quota_box) boxes;
	struct quota_use total;
	int64_t recounted;   /* when; 0: it cannot be trusted */
	int64_t maildirsize; /* its size when we last wrote */
	int percent;	     /* used, as last seen; -1: not yet */
};

/* The lines of penfold-quota into store->quota (also fuzzed). */
bool store_quota_parse(struct store *store, struct pf_str text);
void store_quota_open(struct store *store, const struct store_conf *conf);
void store_quota_close(struct store *store);
/* Something is about to come into a mailbox. */
struct quota_want {
	struct pf_str mailbox;
	uint64_t storage, messages;
	/* it leaves another mailbox of the account: only the mailbox' own
	 * limit counts */
	bool within;
	uint64_t frees_storage, frees_messages; /* what goes for it */
};
/* Room for it: OVERQUOTA, or it is counted from now on.  No mailbox may be
 * locked. */
PF_CHECKED pf_status store_quota_take(struct store *store,
				      const struct quota_want *want,
				      struct pf_error *err);
/* ... and it did not come. */
void store_quota_give(struct store *store, struct pf_str mailbox,
		      uint64_t storage, uint64_t messages);
/* Before CREATE. */
PF_CHECKED pf_status store_quota_room_for_mailbox(struct store *store,
						  struct pf_error *err);
/* Under the mailbox' lock: it holds what it holds. */
void store_quota_publish(struct store_box *box);
/* A mailbox was renamed or (to NULL) removed. */
void store_quota_moved(struct store *store, const char *folder, const char *to);
/* What the file of a message counts. */
uint64_t store_rec_disk(const struct store_box *box,
			const struct store_rec *rec);

#endif
