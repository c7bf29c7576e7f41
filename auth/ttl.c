/* A bounded table of entries that expire (ttl.h).  All live equally long, so
 * the list in order of birth is also the order of their deaths. */
#include "auth/ttl.h"

#include <stdlib.h>

void auth_ttl_init(struct auth_ttl *ttl, int64_t life_ms, size_t max)
{
	*ttl = (struct auth_ttl){.life_ms = life_ms, .max = max};
	pf_list_init(&ttl->oldest_first);
}

static struct auth_ttl_entry *oldest(struct auth_ttl *ttl)
{
	return pf_container_of(ttl->oldest_first.next, struct auth_ttl_entry,
			       link);
}

void auth_ttl_remove(struct auth_ttl *ttl, struct auth_ttl_entry *entry)
{
	pf_map_remove(&ttl->map, pf_str_mem(entry->key, entry->key_len));
	pf_list_remove(&entry->link);
	if (entry->text)
		explicit_bzero(entry->text, strlen(entry->text));
	free(entry->text);
	free(entry);
}

void auth_ttl_release(struct auth_ttl *ttl)
{
	while (!pf_list_empty(&ttl->oldest_first))
		auth_ttl_remove(ttl, oldest(ttl));
	pf_map_release(&ttl->map);
}

static void expire(struct auth_ttl *ttl, int64_t now_ms)
{
	while (!pf_list_empty(&ttl->oldest_first) &&
	       oldest(ttl)->expires_ms <= now_ms)
		auth_ttl_remove(ttl, oldest(ttl));
}

struct auth_ttl_entry *auth_ttl_get(struct auth_ttl *ttl, struct pf_str key,
				    int64_t now_ms)
{
	expire(ttl, now_ms);
	return pf_map_get(&ttl->map, key);
}

struct auth_ttl_entry *auth_ttl_put(struct auth_ttl *ttl, struct pf_str key,
				    int64_t now_ms)
{
	struct auth_ttl_entry *entry = auth_ttl_get(ttl, key, now_ms);

	if (entry) {
		pf_list_remove(&entry->link);
	} else {
		if (ttl->map.count >= ttl->max)
			auth_ttl_remove(ttl, oldest(ttl));
		entry = calloc(1, sizeof *entry + key.n);
		if (!entry)
			abort();
		entry->key_len = key.n;
		memcpy(entry->key, key.p, key.n);
		pf_map_set(&ttl->map, key, entry);
	}
	entry->expires_ms = now_ms + ttl->life_ms;
	pf_list_append(&ttl->oldest_first, &entry->link);
	return entry;
}
