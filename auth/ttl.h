/*
 * A bounded table whose entries live for a fixed time: one-time cookies,
 * passwords that were right a moment ago, addresses that guessed.  When it is
 * full the oldest entry goes.
 */
#ifndef AUTH_TTL_H
#define AUTH_TTL_H

#include "base/map.h"
#include "base/vec.h"

struct auth_ttl_entry {
	struct pf_link link;
	int64_t expires_ms;
	unsigned count; /* the caller's */
	char *text;	/* the caller's: malloc'd, freed here; or NULL */
	size_t key_len;
	char key[];
};

struct auth_ttl {
	struct pf_map map;
	struct pf_link oldest_first;
	int64_t life_ms;
	size_t max;
};

void auth_ttl_init(struct auth_ttl *ttl, int64_t life_ms, size_t max);
void auth_ttl_release(struct auth_ttl *ttl);

/* The entry, or NULL when it is not there any more.  Times are the clock's
 * pf_clock_mono_ms(). */
struct auth_ttl_entry *auth_ttl_get(struct auth_ttl *ttl, struct pf_str key,
				    int64_t now_ms);

/* The entry (new: zeroed), its life begun anew. */
struct auth_ttl_entry *auth_ttl_put(struct auth_ttl *ttl, struct pf_str key,
				    int64_t now_ms);
void auth_ttl_remove(struct auth_ttl *ttl, struct auth_ttl_entry *entry);

#endif
