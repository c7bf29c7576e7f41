/*
 * watched: mailboxes that sessions of one user want to hear of while they are
 * not selected (NOTIFY).  A mailbox is watched once, however many sessions
 * ask; each session compares the number of changes with what it saw.
 */
#ifndef IMAPD_WATCHED_H
#define IMAPD_WATCHED_H

#include "imapd/server.h"

struct watched;

/* In the user's queue.  An empty name: the list of mailboxes. */
struct watched *watched_get(struct user *user, struct pf_str name);
void watched_put(struct watched **watched);
/* Looks again whether the directory is still the one that is watched. */
void watched_renew(struct watched *watched);
/* Grows with each change, and now and then where the kernel cannot watch. */
unsigned watched_changes(const struct watched *watched);

/* The loop's: what inotify said (false: not a token of ours); a second has
 * passed; time to look at what cannot be watched. */
bool watched_changed(struct server *server, uint64_t token);
void watched_tick(struct user *user, bool poll);

#endif
