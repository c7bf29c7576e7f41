/*
 * Any charset to UTF-8.
 *
 * The charsets of nearly all mail (UTF-8, ASCII, ISO-8859-1, Windows-1252) are
 * converted here; all others by iconv.  Names are treated as web browsers do:
 * a charset that is usually a lie for its larger sibling (ISO-8859-1, gb2312)
 * is read as the sibling.  Opening an iconv descriptor may load a library, so
 * each thread keeps those it has used.
 */
#include "mime/charset.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

/* Opening costs 100 us when a library has to be loaded again: there are more
 * slots than charsets that mail is written in. */
#define CACHE_SLOTS 64

/* ---- names -----------------------------------------------------------------
 */

struct alias {
	const char *name; /* lower case */
	enum mime_conv_kind kind;
	const char *iconv; /* what iconv shall be asked for */
};

static const struct alias aliases[] = {
    {"utf-8", MIME_CONV_UTF8, NULL},
    {"utf8", MIME_CONV_UTF8, NULL},
    {"unicode-1-1-utf-8", MIME_CONV_UTF8, NULL},
    {"us-ascii", MIME_CONV_MIXED, NULL},
    {"ascii", MIME_CONV_MIXED, NULL},
    {"ansi_x3.4-1968", MIME_CONV_MIXED, NULL},
    {"iso646-us", MIME_CONV_MIXED, NULL},
    {"646", MIME_CONV_MIXED, NULL},
    {"iso-8859-1", MIME_CONV_CP1252, NULL},
    {"iso8859-1", MIME_CONV_CP1252, NULL},
    {"iso_8859-1", MIME_CONV_CP1252, NULL},
    {"latin1", MIME_CONV_CP1252, NULL},
    {"windows-1252", MIME_CONV_CP1252, NULL},
    {"cp1252", MIME_CONV_CP1252, NULL},
    {"x-cp1252", MIME_CONV_CP1252, NULL},
    {"cp-1252", MIME_CONV_CP1252, NULL},
    {"gb2312", MIME_CONV_ICONV, "GB18030"},
    {"gb_2312-80", MIME_CONV_ICONV, "GB18030"},
    {"x-gbk", MIME_CONV_ICONV, "GB18030"},
    {"gbk", MIME_CONV_ICONV, "GB18030"},
    {"euc-cn", MIME_CONV_ICONV, "GB18030"},
    {"hz-gb-2312", MIME_CONV_ICONV, "HZ-GB-2312"},
    {"ks_c_5601-1987", MIME_CONV_ICONV, "CP949"},
    {"ks_c_5601-1989", MIME_CONV_ICONV, "CP949"},
    {"ks_c_5601", MIME_CONV_ICONV, "CP949"},
    {"ksc5601", MIME_CONV_ICONV, "CP949"},
    {"euc-kr", MIME_CONV_ICONV, "CP949"},
    {"shift_jis", MIME_CONV_ICONV, "CP932"},
    {"shift-jis", MIME_CONV_ICONV, "CP932"},
    {"x-sjis", MIME_CONV_ICONV, "CP932"},
    {"sjis", MIME_CONV_ICONV, "CP932"},
    {"big5", MIME_CONV_ICONV, "BIG5-HKSCS"},
    {"x-x-big5", MIME_CONV_ICONV, "BIG5-HKSCS"},
    {"iso-2022-jp", MIME_CONV_ICONV, "ISO-2022-JP-3"},
    {"iso-8859-8-i", MIME_CONV_ICONV, "ISO-8859-8"},
    {"iso-8859-9", MIME_CONV_ICONV, "CP1254"},
    {"iso-8859-11", MIME_CONV_ICONV, "CP874"},
    {"tis-620", MIME_CONV_ICONV, "CP874"},
    {"windows-874", MIME_CONV_ICONV, "CP874"},
    {"unicode-1-1-utf-7", MIME_CONV_ICONV, "UTF-7"},
    {"x-mac-roman", MIME_CONV_ICONV, "MACINTOSH"},
};

/* Lower case, without quotes and blanks around it; false when it can be no
 * charset name.  iconv must not see "//" options or an empty name (which
 * means the locale's). */
static bool clean_name(struct pf_str charset, char name[MIME_CHARSET_MAX])
{
	charset = pf_str_trim(charset);
	if (charset.n >= 2 && charset.p[0] == '"') {
		charset = pf_str_from(charset, 1);
		charset.n--;
	}
	if (charset.n == 0 || charset.n >= MIME_CHARSET_MAX)
		return false;
	for (size_t i = 0; i < charset.n; i++) {
		char c = pf_ascii_lower(charset.p[i]);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      (c && strchr("-_.:+()", c))))
			return false;
		name[i] = c;
	}
	name[charset.n] = '\0';
	return true;
}

static const struct alias *find_alias(const char *name)
{
	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
		if (strcmp(aliases[i].name, name) == 0)
			return &aliases[i];
	return NULL;
}

/* ---- the thread's descriptors
 * ------------------------------------------------- */

struct cache {
	struct {
		char name[MIME_CHARSET_MAX];
		iconv_t cd;
	} slots[CACHE_SLOTS]; /* most recent first */
	size_t used;
};

static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

static void cache_free(void *arg)
{
	struct cache *cache = arg;

	for (size_t i = 0; i < cache->used; i++)
		iconv_close(cache->slots[i].cd);
	free(cache);
}

/* pthreads run no destructor for the main thread at exit */
static void cache_free_main(void)
{
	struct cache *cache = pthread_getspecific(cache_key);

	if (cache)
		cache_free(cache);
	pthread_setspecific(cache_key, NULL);
}

static void cache_make_key(void)
{
	if (pthread_key_create(&cache_key, cache_free) != 0)
		abort();
	atexit(cache_free_main);
}

static struct cache *cache_get(void)
{
	pthread_once(&cache_once, cache_make_key);
	struct cache *cache = pthread_getspecific(cache_key);
	if (cache)
		return cache;
	cache = calloc(1, sizeof *cache);
	if (!cache || pthread_setspecific(cache_key, cache) != 0)
		abort();
	return cache;
}

/* Takes a descriptor in its initial state out of the cache, or opens one;
 * false when iconv has no such charset. */
static bool cache_take(const char *name, iconv_t *cd)
{
	struct cache *cache = cache_get();

	for (size_t i = 0; i < cache->used; i++) {
		if (strcmp(cache->slots[i].name, name) != 0)
			continue;
		*cd = cache->slots[i].cd;
		cache->used--;
		memmove(&cache->slots[i], &cache->slots[i + 1],
			(cache->used - i) * sizeof cache->slots[0]);
		return true;
	}
	iconv_t fresh = iconv_open("UTF-8", name);
	if ((intptr_t)fresh == -1)
		return false;
	*cd = fresh;
	return true;
}

/* Gives it back; the one that was not used for longest may have to go. */
static void cache_put(const char *name, iconv_t cd)
{
	struct cache *cache = cache_get();

	iconv(cd, NULL, NULL, NULL, NULL);
	if (cache->used == CACHE_SLOTS)
		iconv_close(cache->slots[--cache->used].cd);
	memmove(&cache->slots[1], &cache->slots[0],
		cache->used * sizeof cache->slots[0]);
	cache->used++;
	snprintf(cache->slots[0].name, sizeof cache->slots[0].name, "%s", name);
	cache->slots[0].cd = cd;
}

/* ---- conversion
 * --------------------------------------------------------------- */

bool mime_conv_init(struct mime_conv *conv, struct pf_str charset)
{
	char name[MIME_CHARSET_MAX];

	*conv = (struct mime_conv){.kind = MIME_CONV_MIXED};
	if (!clean_name(charset, name))
		return false;
	const struct alias *alias = find_alias(name);
	if (alias && alias->kind != MIME_CONV_ICONV) {
		conv->kind = alias->kind;
		return true;
	}
	const char *known = alias ? alias->iconv : name;
	if (!cache_take(known, &conv->cd)) {
		known = name; /* this iconv has no better sibling */
		if (!alias || !cache_take(known, &conv->cd))
			return false;
	}
	snprintf(conv->name, sizeof conv->name, "%s", known);
	conv->kind = MIME_CONV_ICONV;
	return true;
}

void mime_conv_release(struct mime_conv *conv)
{
	if (conv->kind == MIME_CONV_ICONV)
		cache_put(conv->name, conv->cd);
	*conv = (struct mime_conv){.kind = MIME_CONV_MIXED};
}

static void add_cp1252(struct pf_buf *to, uint8_t byte)
{
	static const uint16_t high[32] = {
	    0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
	    0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x8d,   0x17d,  0x8f,
	    0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	    0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};

	pf_utf8_add(to, byte >= 0x80 && byte < 0xa0 ? high[byte - 0x80] : byte);
}

static size_t ascii_run(const char *p, size_t n)
{
	size_t i = 0;
	uint64_t word;

	for (; i + 8 <= n; i += 8) {
		memcpy(&word, p + i, 8);
		if (word & 0x8080808080808080u)
			break;
	}
	while (i < n && (uint8_t)p[i] < 0x80)
		i++;
	return i;
}

/* Could s be the beginning of a UTF-8 character whose rest is to come? */
static bool utf8_incomplete(struct pf_str s)
{
	uint8_t lead = (uint8_t)s.p[0];
	size_t want = lead >= 0xf0 && lead <= 0xf4   ? 4
		      : lead >= 0xe0 && lead <= 0xef ? 3
		      : lead >= 0xc2 && lead <= 0xdf ? 2
						     : 0;

	if (s.n >= want)
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (((uint8_t)s.p[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* The converters of bytes: what they leave is the beginning of a character
 * (never when `last`). */
static size_t convert_utf8(struct mime_conv *conv, struct pf_str in, bool last,
			   struct pf_buf *to)
{
	size_t i = 0, start = 0, len;

	while ((i += ascii_run(in.p + i, in.n - i)) < in.n) {
		struct pf_str rest = pf_str_from(in, i);
		if (pf_utf8_next(rest, &len) != PF_UTF8_BAD) {
			i += len;
			continue;
		}
		pf_buf_add(to, in.p + start, i - start);
		if (!last && utf8_incomplete(rest))
			return rest.n;
		if (conv->kind == MIME_CONV_MIXED)
			add_cp1252(to, (uint8_t)in.p[i]);
		else
			pf_utf8_add(to, 0xfffd);
		start = ++i;
	}
	pf_buf_add(to, in.p + start, in.n - start);
	return 0;
}

static void convert_cp1252(struct pf_str in, struct pf_buf *to)
{
	for (size_t i = 0; i < in.n; i++) {
		size_t run = ascii_run(in.p + i, in.n - i);
		pf_buf_add(to, in.p + i, run);
		i += run;
		if (i < in.n)
			add_cp1252(to, (uint8_t)in.p[i]);
	}
}

static size_t convert_iconv(struct mime_conv *conv, struct pf_str in, bool last,
			    struct pf_buf *to)
{
	char out[4096];
	char *from = (char *)(uintptr_t)in.p;
	size_t left = in.n;

	while (left) {
		char *o = out;
		size_t room = sizeof out;
		size_t rc = iconv(conv->cd, &from, &left, &o, &room);
		int why = errno;
		/* some converters know characters that UTF-8 must not hold */
		pf_utf8_add_clean(to, pf_str_mem(out, (size_t)(o - out)));
		if (rc != (size_t)-1 || (why == E2BIG && o != out))
			continue;
		if (why == EINVAL && !last && left < sizeof conv->hold)
			return left;
		pf_utf8_add(to, 0xfffd);
		from++;
		left--;
	}
	return 0;
}

static size_t convert(struct mime_conv *conv, struct pf_str in, bool last,
		      struct pf_buf *to)
{
	switch (conv->kind) {
	case MIME_CONV_UTF8:
	case MIME_CONV_MIXED:
		return convert_utf8(conv, in, last, to);
	case MIME_CONV_CP1252:
		convert_cp1252(in, to);
		return 0;
	case MIME_CONV_ICONV:
		break;
	}
	return convert_iconv(conv, in, last, to);
}

void mime_conv_add(struct mime_conv *conv, struct pf_str in, struct pf_buf *to)
{
	/* Completes the held character byte by byte: at most a few rounds. */
	while (conv->held && in.n) {
		conv->hold[conv->held++] = in.p[0];
		in = pf_str_from(in, 1);
		struct pf_str held = {conv->hold, conv->held};
		size_t left =
		    convert(conv, held, conv->held == sizeof conv->hold, to);
		memmove(conv->hold, conv->hold + conv->held - left, left);
		conv->held = left;
	}
	if (in.n == 0)
		return;
	size_t left = convert(conv, in, false, to);
	memcpy(conv->hold, in.p + in.n - left, left);
	conv->held = left;
}

void mime_conv_end(struct mime_conv *conv, struct pf_buf *to)
{
	char out[64], *o = out;
	size_t room = sizeof out;

	convert(conv, (struct pf_str){conv->hold, conv->held}, true, to);
	conv->held = 0;
	if (conv->kind != MIME_CONV_ICONV)
		return;
	/* a character that only a following one could have changed */
	if (iconv(conv->cd, NULL, NULL, &o, &room) != (size_t)-1)
		pf_utf8_add_clean(to, pf_str_mem(out, (size_t)(o - out)));
}

bool mime_to_utf8(struct pf_buf *to, struct pf_str charset, struct pf_str in)
{
	struct mime_conv conv;
	bool known = mime_conv_init(&conv, charset);

	mime_conv_add(&conv, in, to);
	mime_conv_end(&conv, to);
	mime_conv_release(&conv);
	return known;
}

bool mime_charset_known(struct pf_str charset)
{
	struct mime_conv conv;
	bool known = mime_conv_init(&conv, charset);

	mime_conv_release(&conv);
	return known;
}
