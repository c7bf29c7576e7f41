/* xml: the words of an office file's XML (private to extract/). */
#ifndef EXTRACT_XML_H
#define EXTRACT_XML_H

#include "base/buf.h"

/* Zeroed is ready. */
struct extract_xml {
	enum {
		XML_TEXT,
		XML_TAG,
		XML_ENTITY
	} state;
	char token[128]; /* of the tag or entity; the rest of it is skipped */
	size_t n;
	bool all;    /* OpenDocument: all text is shown */
	bool shown;  /* Office Open XML: inside <t> or <v> */
	bool number; /* <v> holds a value, not the number of a string */
	bool broken; /* a line end is due */
};

/* Any bytes, in pieces; several documents one behind the other. */
void extract_xml_add(struct extract_xml *xml, struct pf_str piece,
		     struct pf_buf *to);

#endif
