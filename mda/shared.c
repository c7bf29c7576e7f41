/*
 * fileinto a mailbox that is not the user's own: it takes "p" there (RFC 4314
 * 2.1), and "k" above it to make one.  What no script said goes to the user's
 * own mailboxes, whatever the address' detail is called.
 */
#include "mda/delivery.h"

void mda_delivery_share(struct delivery *d)
{
	const struct pf_conf *conf = d->filter->conf;

	if (conf->namespaces[0])
		d->share =
		    share_new(&(struct share_conf){.conf = conf,
						   .user = d->rcpt->id.user,
						   .own = d->store,
						   .find = d->filter->find_user,
						   .arg = d->filter->find_arg});
}

pf_status mda_delivery_place(struct delivery *d, struct pf_str folder,
			     bool create, struct share_place *place,
			     struct pf_error *err)
{
	*place = (struct share_place){
	    .store = d->store, .name = folder, .rights = STORE_RIGHTS_ALL};
	if (!d->share)
		return PF_OK;
	pf_status status = share_find(d->share, folder, place, err);
	if (status != PF_OK)
		return status;
	if (place->store == d->store) {
		place->rights = STORE_RIGHTS_ALL;
		return PF_OK;
	}
	bool may = place->exists ? place->rights & STORE_POST
				 : create && place->store && place->name.n &&
				       (place->parent_rights & STORE_CREATE);
	if (may)
		return PF_OK;
	if (place->exists)
		return pf_error_set(err, PF_NOPERM, NULL,
				    "no right to deliver there");
	return pf_error_set(err, PF_NOTFOUND, NULL, "no such shared mailbox");
}
