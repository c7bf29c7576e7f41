#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

static const char *program_name = "penfold";
static enum pf_log_level max_level = PF_LOG_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void pf_log_init(const char *program, enum pf_log_level level)
{
	program_name = program;
	max_level = level;
}

void pf_log_set_level(enum pf_log_level level)
{
	max_level = level;
}

enum pf_log_level pf_log_level_named(const char *name)
{
	for (int i = PF_LOG_ERROR; i <= PF_LOG_DEBUG; i++)
		if (strcmp(name, level_names[i]) == 0)
			return (enum pf_log_level)i;
	return PF_LOG_INFO;
}

bool pf_log_enabled(enum pf_log_level level)
{
	return level <= max_level;
}

/* A value that is plain enough goes bare, anything else in quotes with every
 * control character and every invalid byte as \xNN. */
static void add_value(struct pf_buf *to, struct pf_str s)
{
	bool bare = s.n > 0;

	for (size_t i = 0; i < s.n && bare; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bare = c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
	}
	if (bare) {
		pf_buf_add_str(to, s);
		return;
	}
	pf_buf_add_byte(to, '"');
	for (size_t i = 0, len = 1; i < s.n; i += len) {
		unsigned char c = (unsigned char)s.p[i];
		uint32_t u = pf_utf8_next(pf_str_from(s, i), &len);
		bool odd = u == PF_UTF8_BAD || u < ' ' ||
			   (u >= 0x7f && u < 0xa0) || u == 0x2028 ||
			   u == 0x2029;
		if (odd && len == 1) {
			pf_buf_addf(to, "\\x%02x", c);
		} else if (odd) {
			pf_buf_addf(to, "\\u%04x", u);
		} else {
			if (c == '"' || c == '\\')
				pf_buf_add_byte(to, '\\');
			pf_buf_add(to, s.p + i, len);
		}
	}
	pf_buf_add_byte(to, '"');
}

void pf_log_format(struct pf_buf *to, const char *event,
		   const struct pf_log_field *fields)
{
	pf_buf_add_c(to, event);
	for (; fields->key; fields++) {
		pf_buf_add_byte(to, ' ');
		pf_buf_add_c(to, fields->key);
		pf_buf_add_byte(to, '=');
		if (fields->is_number)
			pf_buf_add_u64(to, fields->number);
		else
			add_value(to, pf_str_head(fields->text, 1000));
	}
}

void pf_log_fields(enum pf_log_level level, const char *event,
		   const struct pf_log_field *fields)
{
	struct pf_buf line = PF_BUF_INIT(8192);
	int64_t now = pf_clock_us();
	time_t seconds = (time_t)(now / 1000000);
	struct tm tm;
	char stamp[32];

	if (level > max_level)
		return;
	gmtime_r(&seconds, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	pf_buf_addf(&line, "%s.%03dZ %s %s[%d] ", stamp,
		    (int)(now / 1000 % 1000), level_names[level], program_name,
		    (int)getpid());
	pf_log_format(&line, event, fields);
	line.failed = false;
	pf_buf_add_byte(&line, '\n');
	/* a log that cannot be written must not stop the mail */
	if (write(STDERR_FILENO, line.data, line.len) < 0)
		line.failed = true;
	pf_buf_release(&line);
}
