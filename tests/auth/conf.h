/* A configuration for tests: two domains, homes below /h. */
#ifndef TESTS_AUTH_CONF_H
#define TESTS_AUTH_CONF_H

#include "auth/auth.h"

static inline void test_conf_init(struct pf_conf *conf)
{
	struct pf_conf_problems none = {0};

	pf_conf_init(conf);
	pf_conf_parse(conf,
		      PF_STR("domains = ex.test second.test\n"
			     "home_path = /h/%u\n"
			     "mail_path = /h/%u/Maildir\n"),
		      &none);
	pf_vec_release(&none);
}

#endif
