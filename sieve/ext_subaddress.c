/*
 * subaddress (RFC 5233): two more address parts,
 *
 *	:user	 what stands before the delimiter in the local part
 *	:detail	 what stands behind it; no delimiter: matches nothing
 *
 * The recipient was split by who accepted it (an exact user name wins over a
 * split); other addresses are split at the first delimiter.
 */
#include "sieve/run.h"

/* Where the local part's delimiter is; false: there is none */
static bool delimiter(const struct sieve_run *run, struct pf_str local,
		      size_t *at)
{
	const char *delimiters = run->message->delimiters;

	/* not the first byte: "+x" is a user, not a detail of nobody */
	for (size_t i = 1; delimiters && i < local.n; i++) {
		if (local.p[i] != '\0' && strchr(delimiters, local.p[i])) {
			*at = i;
			return true;
		}
	}
	return false;
}

static bool get_user(struct sieve_run *run, const struct sieve_address *address,
		     struct pf_str *part)
{
	size_t at;

	*part = address->local;
	if (address->recipient && run->message->user.n > 0)
		*part = run->message->user;
	else if (address->local.p && delimiter(run, address->local, &at))
		*part = pf_str_head(address->local, at);
	return address->local.p || address->null_sender;
}

static bool get_detail(struct sieve_run *run,
		       const struct sieve_address *address, struct pf_str *part)
{
	size_t at;

	if (address->recipient && run->message->user.n > 0) {
		*part = run->message->detail;
		return run->message->has_detail;
	}
	if (!address->local.p || !delimiter(run, address->local, &at))
		return false;
	*part = pf_str_from(address->local, at + 1);
	return true;
}

static const struct sieve_address_part user = {"user", get_user};
static const struct sieve_address_part detail = {"detail", get_detail};

static const struct sieve_tag tags[] = {
    {.name = "user", .on = "@address", .group = "address part", .part = &user},
    {.name = "detail",
     .on = "@address",
     .group = "address part",
     .part = &detail},
    {0},
};

const struct sieve_extension sieve_ext_subaddress = {.name = "subaddress",
						     .tags = tags};
