#include "base/status.h"

#include <errno.h>

#define TEXT(name, text) [PF_##name] = text,
#define NAME(name, text) [PF_##name] = #name,

static const char *const status_texts[] = {PF_STATUS_MAP(TEXT)};
static const char *const status_names[] = {PF_STATUS_MAP(NAME)};

const char *pf_status_text(pf_status status)
{
	return (unsigned)status < PF_STATUS_COUNT ? status_texts[status]
						  : "unknown status";
}

const char *pf_status_name(pf_status status)
{
	return (unsigned)status < PF_STATUS_COUNT ? status_names[status]
						  : "UNKNOWN";
}

pf_status pf_status_from_errno(int sys_errno)
{
	switch (sys_errno) {
	case 0:
		return PF_OK;
	case ENOENT:
	case ENOTDIR:
		return PF_NOTFOUND;
	case EEXIST:
	case ENOTEMPTY:
		return PF_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
	case ELOOP:
	case EXDEV:
		return PF_NOPERM;
	case ENOSPC:
		return PF_NOSPACE;
	case EDQUOT:
		return PF_OVERQUOTA;
	case EAGAIN:
	case EBUSY:
		return PF_BUSY;
	case ENAMETOOLONG:
	case EMFILE:
	case ENFILE:
	case EFBIG:
	case EMLINK:
		return PF_LIMIT;
	case ENOMEM:
		return PF_NOMEM;
	case ETIMEDOUT:
		return PF_TIMEOUT;
	case EPIPE:
	case ECONNRESET:
		return PF_CLOSED;
	case ECONNREFUSED:
		return PF_UNAVAILABLE;
	case EINVAL:
		return PF_INVALID;
	default:
		return PF_IO;
	}
}
