/*
 * The keywords in dovecot.index and its transaction logs.
 *
 * Dovecot's Maildir has letters for 26 keywords; those beyond are in the index
 * only.  The index is a snapshot: a header, headers of extensions, a record
 * per message.  What came later is in dovecot.index.log, from the place that
 * the snapshot names; when that log was full it became dovecot.index.log.2.
 * A small or new mailbox has just a log.
 *
 *	index	0 major (7)  1 minor  2 base header size  4 header size
 *		8 record size  12 flags (1: little endian)  16 index id
 *		24 UIDVALIDITY  32 messages  60 log's number  68 offset in it
 *	ext.	0 header size  4 reset id  8 offset in record  10 size there
 *		12 alignment  14 name size  16 name, to 8 bytes; the header
 *	keywords' header: count, {unused, offset of name}..., names
 *	record	0 UID  4 flags  ... bitmap of keywords
 *	log	0 major (1)  1 minor  2 header size  4 index id  8 number
 *	entry	0 size (with these 8 bytes; 7 bits a byte, times 4)  4 type
 *	keyword update: add or remove, 0, name size, name to 4 bytes,
 *		{first UID, last UID}...
 *
 * All numbers are little endian but the size of an entry.
 */
#include "origin/origin.h"

#define INDEX_MAJOR	7
#define LOG_MAJOR	1
#define LITTLE_ENDIAN_	1u
#define TYPE_MASK	0xffffu
#define KEYWORD_UPDATE	0x400u
#define KEYWORD_RESET	0x800u
#define HEADER_UPDATE	0x20u
#define AT_UIDVALIDITY	24
#define NAME_MAX_BYTES	255
#define INDEX_NAMES_MAX 1024

static uint32_t u16(struct pf_str s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.p + at;

	return at + 2 > s.n ? 0 : (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(struct pf_str s, size_t at)
{
	return at + 4 > s.n ? 0 : u16(s, at) | u16(s, at + 2) << 16;
}

static size_t aligned(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* ---- the snapshot ------------------------------------------------------ */

struct snapshot {
	uint32_t id, uidvalidity, log_number, log_offset;
	struct pf_str records;
	size_t record_size, messages;
};

static bool parse_base(struct pf_str index, struct snapshot *s)
{
	if (index.n < 72 || (unsigned char)index.p[0] != INDEX_MAJOR ||
	    !((unsigned char)index.p[12] & LITTLE_ENDIAN_))
		return false;
	size_t base = u16(index, 2), header = u32(index, 4);
	s->record_size = u32(index, 8);
	s->id = u32(index, 16);
	s->uidvalidity = u32(index, AT_UIDVALIDITY);
	s->messages = u32(index, 32);
	s->log_number = u32(index, 60);
	s->log_offset = u32(index, 68);
	if (base < 72 || header < base || header > index.n ||
	    s->record_size < 5)
		return false;
	s->records = pf_str_from(index, header);
	if (s->messages > s->records.n / s->record_size)
		s->messages = s->records.n / s->record_size;
	return true;
}

/* Where in a record the bitmap is, and the names of its bits. */
struct bitmap {
	size_t offset, size;
	struct pf_str names[INDEX_NAMES_MAX];
	size_t count;
};

static bool parse_names(struct pf_str header, struct bitmap *map)
{
	size_t count = u32(header, 0);

	if (header.n < 4 || count > INDEX_NAMES_MAX || header.n < 4 + count * 8)
		return false;
	struct pf_str names = pf_str_from(header, 4 + count * 8);
	for (size_t i = 0; i < count; i++) {
		struct pf_str name =
		    pf_str_from(names, u32(header, 4 + i * 8 + 4));
		const char *end = name.n ? memchr(name.p, '\0', name.n) : NULL;
		if (!end || end == name.p || end - name.p > NAME_MAX_BYTES)
			return false;
		map->names[i] = pf_str_head(name, (size_t)(end - name.p));
	}
	map->count = count;
	return true;
}

/* Walks the headers of extensions to that of keywords. */
static bool find_bitmap(struct pf_str index, struct bitmap *map)
{
	struct pf_str rest = pf_str_from(pf_str_head(index, u32(index, 4)),
					 aligned(u16(index, 2), 8));

	while (rest.n >= 16) {
		size_t size = u32(rest, 0), name_size = u16(rest, 14);
		struct pf_str name =
		    pf_str_head(pf_str_from(rest, 16), name_size);
		size_t data = aligned(16 + name_size, 8);
		if (name_size == 0 || data > rest.n || size > rest.n - data)
			return false;
		if (pf_str_eq(name, PF_STR("keywords"))) {
			map->offset = u16(rest, 8);
			map->size = u16(rest, 10);
			return parse_names(
			    pf_str_head(pf_str_from(rest, data), size), map);
		}
		rest = pf_str_from(rest, aligned(data + size, 8));
	}
	return false;
}

static void take_record(struct pf_str record, const struct bitmap *map,
			struct origin_keywords *keywords)
{
	uint32_t uid = u32(record, 0);

	for (size_t k = 0; k < map->count && k / 8 < map->size; k++) {
		unsigned char byte =
		    (unsigned char)record.p[map->offset + k / 8];
		if (uid && byte & 1u << k % 8)
			origin_keywords_mark(keywords, map->names[k], uid, uid,
					     true);
	}
}

static void take_snapshot(struct pf_str index, const struct snapshot *s,
			  struct origin_keywords *keywords)
{
	struct bitmap map = {0};

	if (!find_bitmap(index, &map))
		return; /* a mailbox without keywords has no such extension */
	if (map.offset + map.size > s->record_size) {
		keywords->lost = true;
		return;
	}
	for (size_t i = 0; i < s->messages; i++)
		take_record(
		    pf_str_head(pf_str_from(s->records, i * s->record_size),
				s->record_size),
		    &map, keywords);
}

/* ---- logs -------------------------------------------------------------- */

/* 0: the entry is not complete */
static size_t entry_size(struct pf_str log, size_t at)
{
	size_t size = 0;

	for (size_t i = 0; i < 4; i++) {
		unsigned char byte = (unsigned char)log.p[at + i];
		if (!(byte & 0x80))
			return 0;
		size = size << 7 | (byte & 0x7f);
	}
	return size * 4;
}

static void keyword_update(struct pf_str data, struct origin_keywords *keywords)
{
	size_t name_size = u16(data, 2), at = aligned(4 + name_size, 4);
	struct pf_str name = pf_str_head(pf_str_from(data, 4), name_size);

	if (at > data.n || name_size == 0 || name_size > NAME_MAX_BYTES ||
	    memchr(name.p, '\0', name.n)) {
		keywords->lost = true;
		return;
	}
	/* 0 add, 1 remove; 2 (replace) is never written */
	for (; at + 8 <= data.n; at += 8)
		origin_keywords_mark(keywords, name, u32(data, at),
				     u32(data, at + 4), data.p[0] == 0);
}

static void keyword_reset(struct pf_str data, struct origin_keywords *keywords)
{
	for (size_t at = 0; at + 8 <= data.n; at += 8)
		origin_keywords_clear(keywords, u32(data, at),
				      u32(data, at + 4));
}

/* Updates of the header carry the UIDVALIDITY where no snapshot is. */
static void header_update(struct pf_str data, uint32_t *uidvalidity)
{
	size_t at = 0;

	while (at + 4 <= data.n) {
		size_t offset = u16(data, at), size = u16(data, at + 2);
		if (offset <= AT_UIDVALIDITY &&
		    AT_UIDVALIDITY + 4 <= offset + size &&
		    at + 4 + size <= data.n)
			*uidvalidity =
			    u32(data, at + 4 + AT_UIDVALIDITY - offset);
		at += 4 + aligned(size, 4);
	}
}

static bool is_log(struct pf_str log)
{
	return log.n >= 24 && (unsigned char)log.p[0] == LOG_MAJOR &&
	       u16(log, 2) >= 24 && u16(log, 2) <= log.n;
}

static void replay(struct pf_str log, size_t at, uint32_t *uidvalidity,
		   struct origin_keywords *keywords)
{
	while (at + 8 <= log.n) {
		size_t size = entry_size(log, at);
		uint32_t type = u32(log, at + 4) & TYPE_MASK;
		if (size < 8 || size > log.n - at)
			break; /* being written, or torn */
		struct pf_str data =
		    pf_str_head(pf_str_from(log, at + 8), size - 8);
		if (type == KEYWORD_UPDATE)
			keyword_update(data, keywords);
		else if (type == KEYWORD_RESET)
			keyword_reset(data, keywords);
		else if (type == HEADER_UPDATE)
			header_update(data, uidvalidity);
		at += size;
	}
}

bool origin_index_parse(struct pf_str index, struct pf_str log2,
			struct pf_str log, uint32_t uidvalidity,
			struct origin_keywords *keywords)
{
	struct pf_str logs[] = {log2, log};
	struct snapshot s = {0};
	bool has_index = parse_base(index, &s), any = has_index;
	uint32_t validity = s.uidvalidity;

	if (has_index)
		take_snapshot(index, &s, keywords);
	for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
		uint32_t number = u32(logs[i], 8);
		size_t start = u16(logs[i], 2);
		if (!is_log(logs[i]) ||
		    (has_index &&
		     (u32(logs[i], 4) != s.id || number < s.log_number)))
			continue;
		if (has_index && number == s.log_number && s.log_offset > start)
			start = s.log_offset;
		replay(logs[i], start, &validity, keywords);
		any = true;
	}
	if (any && uidvalidity && validity && validity != uidvalidity)
		any = false;
	if (!any)
		keywords->list.n = 0;
	return any;
}
