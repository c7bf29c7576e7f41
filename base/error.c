#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

pf_status pf_error_set(struct pf_error *err, pf_status status,
		       const char *client, const char *log_format, ...)
{
	va_list ap;

	if (!err)
		return status;
	err->status = status;
	err->sys_errno = 0;
	snprintf(err->client, sizeof err->client, "%s",
		 client ? client : pf_status_text(status));
	va_start(ap, log_format);
	vsnprintf(err->log, sizeof err->log, log_format, ap);
	va_end(ap);
	return status;
}

pf_status pf_error_sys(struct pf_error *err, int sys_errno,
		       const char *log_format, ...)
{
	pf_status status = pf_status_from_errno(sys_errno);
	char what[240], reason[100];
	va_list ap;

	if (status == PF_OK) /* a caller lost errno: still a failure */
		status = PF_IO;
	if (!err)
		return status;
	va_start(ap, log_format);
	vsnprintf(what, sizeof what, log_format, ap);
	va_end(ap);
	pf_error_set(err, status, NULL, "%s: %s", what,
		     strerror_r(sys_errno, reason, sizeof reason));
	err->sys_errno = sys_errno;
	return status;
}

void pf_error_context(struct pf_error *err, const char *log_format, ...)
{
	char what[160], before[sizeof err->log];
	va_list ap;

	if (!err)
		return;
	va_start(ap, log_format);
	vsnprintf(what, sizeof what, log_format, ap);
	va_end(ap);
	memcpy(before, err->log, sizeof before);
	/* truncation only shortens a log line */
	if (snprintf(err->log, sizeof err->log, "%s: %s", what, before) < 0)
		err->log[0] = '\0';
}
