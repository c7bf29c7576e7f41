#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void pf_buf_init(struct pf_buf *buf, size_t max)
{
	*buf = PF_BUF_INIT(max);
}

void pf_buf_release(struct pf_buf *buf)
{
	if (buf->cap)
		free(buf->data - buf->taken);
	pf_buf_init(buf, buf->max);
}

void pf_buf_wipe(struct pf_buf *buf)
{
	if (buf->cap)
		explicit_bzero(buf->data - buf->taken, buf->cap);
	pf_buf_release(buf);
}

void pf_buf_clear(struct pf_buf *buf)
{
	buf->failed = false;
	buf->len = 0;
	if (buf->cap) {
		buf->data -= buf->taken;
		buf->data[0] = '\0';
	}
	buf->taken = 0;
}

/* Makes room for n more bytes and the NUL.  The old block is wiped by the
 * caller's choice only (pf_buf_wipe), so secrets reserve their maximum. */
static bool grow(struct pf_buf *buf, size_t n)
{
	if (buf->failed || n > buf->max - buf->len) {
		buf->failed = true;
		return false;
	}
	if (buf->taken + buf->len + n < buf->cap)
		return true;
	if (buf->taken && buf->len + n < buf->cap) {
		char *start = buf->data - buf->taken;
		memmove(start, buf->data, buf->len + 1);
		buf->data = start;
		buf->taken = 0;
		return true;
	}
	size_t want = buf->len + n + 1;
	size_t cap = buf->cap < 64 ? 64 : buf->cap;
	while (cap < want && cap <= SIZE_MAX / 2)
		cap *= 2;
	if (cap > buf->max + 1)
		cap = want > buf->max + 1 ? want : buf->max + 1;
	char *fresh = malloc(cap);
	if (!fresh) {
		buf->failed = true;
		return false;
	}
	memcpy(fresh, buf->data, buf->len + 1);
	if (buf->cap)
		free(buf->data - buf->taken);
	buf->data = fresh;
	buf->cap = cap;
	buf->taken = 0;
	return true;
}

void pf_buf_add(struct pf_buf *buf, const void *p, size_t n)
{
	if (n == 0 || !grow(buf, n))
		return;
	memcpy(buf->data + buf->len, p, n);
	buf->len += n;
	buf->data[buf->len] = '\0';
}

void pf_buf_add_str(struct pf_buf *buf, struct pf_str s)
{
	pf_buf_add(buf, s.p, s.n);
}

void pf_buf_add_c(struct pf_buf *buf, const char *c_string)
{
	pf_buf_add(buf, c_string, strlen(c_string));
}

void pf_buf_add_quoted(struct pf_buf *buf, struct pf_str s)
{
	pf_buf_add_byte(buf, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			pf_buf_add_byte(buf, '\\');
		pf_buf_add_byte(buf, s.p[i]);
	}
	pf_buf_add_byte(buf, '"');
}

void pf_buf_add_byte(struct pf_buf *buf, char c)
{
	pf_buf_add(buf, &c, 1);
}

void pf_buf_add_u64(struct pf_buf *buf, uint64_t value)
{
	char digits[20];
	size_t n = sizeof digits;

	do {
		digits[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	pf_buf_add(buf, digits + n, sizeof digits - n);
}

void pf_buf_addf(struct pf_buf *buf, const char *format, ...)
{
	char small[256];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(small, sizeof small, format, ap);
	va_end(ap);
	if (n < 0) {
		buf->failed = true;
		return;
	}
	if ((size_t)n < sizeof small) {
		pf_buf_add(buf, small, (size_t)n);
		return;
	}
	if (!grow(buf, (size_t)n))
		return;
	va_start(ap, format);
	vsnprintf(buf->data + buf->len, (size_t)n + 1, format, ap);
	va_end(ap);
	buf->len += (size_t)n;
}

char *pf_buf_reserve(struct pf_buf *buf, size_t n)
{
	return grow(buf, n) ? buf->data + buf->len : NULL;
}

void pf_buf_commit(struct pf_buf *buf, size_t n)
{
	if (n == 0)
		return;
	buf->len += n;
	buf->data[buf->len] = '\0';
}

void pf_buf_take(struct pf_buf *buf, size_t n)
{
	if (n >= buf->len) {
		bool failed = buf->failed;
		pf_buf_clear(buf);
		buf->failed = failed;
		return;
	}
	buf->data += n;
	buf->taken += n;
	buf->len -= n;
}

void pf_buf_cut(struct pf_buf *buf, size_t new_len)
{
	if (new_len >= buf->len)
		return;
	buf->len = new_len;
	buf->data[new_len] = '\0';
}

pf_status pf_buf_status(const struct pf_buf *buf, struct pf_error *err)
{
	if (!buf->failed)
		return PF_OK;
	return pf_error_set(err, PF_LIMIT, "Too much data",
			    "buffer limit of %zu bytes exceeded", buf->max);
}

char *pf_buf_detach(struct pf_buf *buf)
{
	char *data;

	if (buf->cap == 0) {
		data = pf_str_dup(PF_STR(""));
	} else {
		data = buf->data - buf->taken;
		if (buf->taken)
			memmove(data, buf->data, buf->len + 1);
	}
	pf_buf_init(buf, buf->max);
	return data;
}
