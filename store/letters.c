/*
 * Names of message files (field names as in the Maildir text):
 *
 *	1795262483.M710166P8887.vm,S=59361,W=60279:2,FSab
 *	|---------------- base -------------------||info|
 *
 * The base is the message's identity and never changes; of the info we know
 * D F P R S T and the keyword letters a..z, and keep whatever else is there.
 */
#include <stdio.h>

#include "store/box.h"

static const struct {
	char letter;
	uint32_t flag;
} flag_letters[] = {
    {'D', STORE_DRAFT},	   {'F', STORE_FLAGGED}, {'P', STORE_PASSED},
    {'R', STORE_ANSWERED}, {'S', STORE_SEEN},	 {'T', STORE_DELETED},
};
#define FLAG_LETTERS (sizeof flag_letters / sizeof *flag_letters)

struct pf_str store_base_of(struct pf_str file)
{
	ptrdiff_t colon = pf_str_chr(file, ':');

	return colon < 0 ? file : pf_str_head(file, (size_t)colon);
}

static uint32_t letter_bit(char c)
{
	if (c >= 'a' && c <= 'z')
		return 1u << (STORE_LETTERS_KEYWORD + (c - 'a'));
	for (size_t i = 0; i < FLAG_LETTERS; i++)
		if (flag_letters[i].letter == c)
			return flag_letters[i].flag;
	return 0;
}

uint32_t store_suffix_letters(struct pf_str suffix, bool *info, bool *odd)
{
	uint32_t letters = 0;
	char last = 0;

	*info = false;
	*odd = false;
	if (suffix.n == 0)
		return 0;
	if (!pf_str_starts(suffix, PF_STR(":2,"))) {
		*odd = true;
		return 0;
	}
	*info = true;
	for (size_t i = 3; i < suffix.n; i++) {
		char c = suffix.p[i];
		uint32_t bit = c == ',' ? 0 : letter_bit(c);
		if (!bit || c <= last)
			*odd = true; /* unknown, or not in order */
		if (c == ',')
			break;
		letters |= bit;
		last = c;
	}
	return letters;
}

void store_suffix_add(struct pf_buf *to, uint32_t letters, struct pf_str old)
{
	bool present[256] = {false};
	struct pf_str rest = {NULL, 0};

	if (pf_str_starts(old, PF_STR(":2,"))) {
		for (size_t i = 3; i < old.n && !rest.n; i++) {
			if (old.p[i] == ',')
				rest = pf_str_from(old, i);
			else if (!letter_bit(old.p[i]))
				present[(unsigned char)old.p[i]] = true;
		}
	}
	for (size_t i = 0; i < FLAG_LETTERS; i++)
		if (letters & flag_letters[i].flag)
			present[(unsigned char)flag_letters[i].letter] = true;
	for (unsigned n = 0; n < STORE_KEYWORD_LETTERS; n++)
		if (letters & 1u << (STORE_LETTERS_KEYWORD + n))
			present['a' + n] = true;
	pf_buf_add_c(to, ":2,");
	for (int c = 1; c < 256; c++)
		if (present[c])
			pf_buf_add_byte(to, (char)c);
	pf_buf_add_str(to, rest);
}

uint32_t store_letters_of(const struct store_msg *m)
{
	uint64_t low = m->keywords & ((1u << STORE_KEYWORD_LETTERS) - 1);

	return (m->flags & STORE_FLAGS_ALL) |
	       (uint32_t)(low << STORE_LETTERS_KEYWORD);
}

bool store_base_number(struct pf_str base, char key, uint64_t *value)
{
	struct pf_str rest = base, word;

	if (!pf_str_split(&rest, ',', &word))
		return false;
	while (pf_str_split(&rest, ',', &word))
		if (word.n > 2 && word.p[0] == key && word.p[1] == '=')
			return pf_str_u64(pf_str_from(word, 2), INT64_MAX,
					  value);
	return false;
}

/* Leading digits; what stands behind them goes to *rest. */
static uint64_t leading_number(struct pf_str s, struct pf_str *rest)
{
	uint64_t n = 0;
	size_t i = 0;

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && n < 1u << 31; i++)
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	*rest = pf_str_from(s, i);
	return n;
}

struct store_base_key store_base_key(struct pf_str base)
{
	struct store_base_key key = {.base = base};
	struct pf_str rest;

	key.seconds = leading_number(base, &rest);
	key.has_us = pf_str_starts(rest, PF_STR(".M"));
	if (key.has_us)
		key.us = leading_number(pf_str_from(rest, 2), &rest);
	return key;
}

int store_base_key_cmp(const struct store_base_key *a,
		       const struct store_base_key *b)
{
	if (a->seconds != b->seconds)
		return a->seconds < b->seconds ? -1 : 1;
	if (a->has_us && b->has_us && a->us != b->us)
		return a->us < b->us ? -1 : 1;
	return pf_str_cmp(a->base, b->base);
}

int store_base_cmp(struct pf_str a, struct pf_str b)
{
	struct store_base_key x = store_base_key(a), y = store_base_key(b);

	return store_base_key_cmp(&x, &y);
}

const char *store_rec_base(const struct store_box *box,
			   const struct store_rec *rec)
{
	return store_heap_text(box, rec->name);
}

struct pf_str store_rec_suffix(const struct store_box *box,
			       const struct store_rec *rec)
{
	const char *base = store_rec_base(box, rec);

	if (!(rec->state & REC_ODD))
		return (struct pf_str){NULL, 0};
	const char *suffix = base + strlen(base) + 1;
	return suffix < box->heap + box->heap_len ? pf_str_c(suffix)
						  : PF_STR("");
}

void store_rec_path(const struct store_box *box, const struct store_rec *rec,
		    struct pf_buf *to)
{
	pf_buf_add_c(to, rec->state & REC_NEW ? "new/" : "cur/");
	pf_buf_add_c(to, store_rec_base(box, rec));
	if (rec->state & REC_ODD)
		pf_buf_add_str(to, store_rec_suffix(box, rec));
	else if (rec->state & REC_INFO)
		store_suffix_add(to, rec->letters, PF_STR(""));
}

void store_rec_path_with(const struct store_box *box,
			 const struct store_rec *rec, uint32_t letters,
			 struct pf_buf *to)
{
	pf_buf_add_c(to, "cur/");
	pf_buf_add_c(to, store_rec_base(box, rec));
	store_suffix_add(to, letters, store_rec_suffix(box, rec));
}
