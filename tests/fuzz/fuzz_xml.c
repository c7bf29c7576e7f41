/* The XML of office files: any bytes, in pieces of any size. */
#include "extract/xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct extract_xml whole = {0}, pieces = {0};
	struct pf_buf a = PF_BUF_INIT(1 << 24), b = PF_BUF_INIT(1 << 24);
	size_t step = size ? data[0] % 7 + 1 : 1;

	extract_xml_add(&whole, pf_str_mem(data, size), &a);
	for (size_t i = 0; i < size; i += step)
		extract_xml_add(
		    &pieces,
		    pf_str_mem(data + i, size - i < step ? size - i : step),
		    &b);
	if (!pf_str_eq(pf_buf_str(&a), pf_buf_str(&b)) || a.len > 4 * size)
		abort();
	pf_buf_release(&a);
	pf_buf_release(&b);
	return 0;
}
