/* Any bytes to the socketmap; its keys to the recipient rules. */
#include <stdlib.h>

#include "auth/auth.h"
#include "auth/socketmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pf_conf conf;
static struct auth_users *users;

static void set_up(void)
{
	pf_conf_init(&conf);
	if (!pf_conf_set(&conf, PF_STR("domains"), PF_STR("ex.test"), NULL) ||
	    !pf_conf_set(&conf, PF_STR("recipient_delimiter"), PF_STR("+-."),
			 NULL))
		abort();
	auth_users_parse(&conf, PF_STR("ann:x\na+b:x\nbob@ex.test:x\n"), &users,
			 NULL);
}

static void look_up(struct pf_str key)
{
	struct auth_recipient r = {0};
	struct pf_buf out = PF_BUF_INIT(1 << 20);
	pf_status status = auth_recipient(users, &conf, key, &r, NULL);

	if (status == PF_OK &&
	    (!r.user ||
	     (r.has_detail &&
	      (r.detail.p < r.local || r.detail.p > r.local + AUTH_NAME_MAX))))
		abort();
	auth_socketmap_answer(&out, status, key);
	struct pf_str map, again;
	size_t used;
	/* what we send is a netstring itself */
	if (key.n <= 1000 && (auth_socketmap_take(pf_buf_str(&out), &map,
						  &again, &used) != PF_OK ||
			      used != out.len))
		abort();
	pf_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_str input = pf_str_mem(data, size), map, key;
	size_t used = 0;

	if (!users)
		set_up();
	while (auth_socketmap_take(input, &map, &key, &used) == PF_OK) {
		if (used == 0 || used > input.n)
			abort();
		look_up(key);
		input = pf_str_from(input, used);
	}
	look_up(pf_str_mem(data, size));
	return 0;
}
