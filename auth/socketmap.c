/* Postfix' socketmap protocol (socketmap.h). */
#include "auth/socketmap.h"

pf_status auth_socketmap_take(struct pf_str input, struct pf_str *map,
			      struct pf_str *key, size_t *used)
{
	uint64_t n;
	ptrdiff_t colon = pf_str_chr(pf_str_head(input, 7), ':');

	for (size_t i = 0; i < input.n && i < 6 && colon < 0; i++)
		if (input.p[i] < '0' || input.p[i] > '9')
			return PF_INVALID;
	if (colon < 0)
		return input.n < 7 ? PF_MORE : PF_INVALID;
	if (!pf_str_u64(pf_str_head(input, (size_t)colon), AUTH_SOCKETMAP_MAX,
			&n))
		return PF_INVALID;
	struct pf_str body = pf_str_from(input, (size_t)colon + 1);
	if (body.n < n + 1)
		return PF_MORE;
	if (body.p[n] != ',')
		return PF_INVALID;
	body = pf_str_head(body, n);
	ptrdiff_t blank = pf_str_chr(body, ' ');
	if (blank <= 0)
		return PF_INVALID;
	*map = pf_str_head(body, (size_t)blank);
	*key = pf_str_from(body, (size_t)blank + 1);
	*used = (size_t)colon + 1 + n + 1;
	return PF_OK;
}

void auth_socketmap_answer(struct pf_buf *to, pf_status status,
			   struct pf_str data)
{
	struct pf_str word = status == PF_OK		? PF_STR("OK ")
			     : status == PF_NOTFOUND	? PF_STR("NOTFOUND ")
			     : status == PF_UNSUPPORTED ? PF_STR("PERM ")
							: PF_STR("TEMP ");

	pf_buf_add_u64(to, word.n + data.n);
	pf_buf_add_byte(to, ':');
	pf_buf_add_str(to, word);
	pf_buf_add_str(to, data);
	pf_buf_add_byte(to, ',');
}
