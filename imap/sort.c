/* The criteria of SORT (RFC 5256 3, RFC 5957 4). */
#include "imap/imap.h"
#include "imap/private.h"

static const char *const names[IMAP_SORT_KINDS] = {
    [IMAP_SORT_ARRIVAL] = "ARRIVAL",
    [IMAP_SORT_CC] = "CC",
    [IMAP_SORT_DATE] = "DATE",
    [IMAP_SORT_FROM] = "FROM",
    [IMAP_SORT_SIZE] = "SIZE",
    [IMAP_SORT_SUBJECT] = "SUBJECT",
    [IMAP_SORT_TO] = "TO",
    [IMAP_SORT_DISPLAYFROM] = "DISPLAYFROM",
    [IMAP_SORT_DISPLAYTO] = "DISPLAYTO",
    [IMAP_SORT_RELEVANCY] = "RELEVANCY",
};

static pf_status bad(struct pf_error *err, const char *text)
{
	return pf_error_set(err, PF_INVALID, text, "imap sort: %s", text);
}

static bool find_kind(const struct imap_arg *arg, enum imap_sort_kind *kind)
{
	for (size_t i = 0; i < IMAP_SORT_KINDS; i++)
		if (imap_arg_is_atom(arg, names[i])) {
			*kind = (enum imap_sort_kind)i;
			return true;
		}
	return false;
}

pf_status imap_sort_parse(const struct imap_arg *arg, struct imap_sort *sort,
			  struct pf_error *err)
{
	struct imap_sort out = {0};
	const struct imap_arg *list;
	unsigned seen = 0;

	if (!imap_arg_list(arg, &list) || list->kind == IMAP_END)
		return bad(err, "Sort criteria expected");
	for (; list->kind != IMAP_END; list++) {
		struct imap_sort_key key = {0};

		if (imap_arg_is_atom(list, "REVERSE")) {
			key.reverse = true;
			list++;
		}
		if (!find_kind(list, &key.kind)) {
			char text[80];

			if (list->kind != IMAP_ATOM)
				return bad(err, "Sort criterion expected");
			imap_error_word(text, sizeof text,
					"Unknown sort criterion", list->text);
			return bad(err, text);
		}
		if (!(seen & 1u << key.kind))
			out.keys[out.count++] = key;
		seen |= 1u << key.kind;
	}
	*sort = out;
	return PF_OK;
}
