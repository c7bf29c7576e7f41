/* The configuration file, and what is made of its values. */
#include <stdint.h>

#include "base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_conf_problems problems = {0};
	struct pf_buf path = PF_BUF_INIT(4096);
	struct pf_conf conf;
	struct pf_str rest, word;

	pf_conf_init(&conf);
	pf_conf_parse(&conf, pf_str_mem(data, size), &problems);
	rest = pf_str_c(conf.domains);
	while (pf_conf_word(&rest, &word))
		if (pf_conf_expand(&path, conf.mail_path, word, "/h", NULL) !=
		    PF_OK)
			pf_buf_clear(&path);
	pf_buf_release(&path);
	pf_vec_release(&problems);
	pf_conf_release(&conf);
	return 0;
}
