/*
 * Device passwords: one for each program of a user, made by us.
 *
 *	userdb_penfold_device=NAME;HASH;PROTOCOLS;NETS	(an extra field each)
 *
 * A device password is 100 random bits, so that one SHA-256 keeps it as well as
 * any slow hash would: nobody guesses it, and a login costs microseconds.  It
 *is shown once, as abcde-fghij-kmnpq-rstuv; hyphens, blanks and case do not
 *count when it is typed.  PROTOCOLS are words of imap, sieve and smtp, parted
 *by "+"; NETS are as in allow_nets.  Empty: all.
 */
#include "auth/users.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/base64.h"
#include "base/rand.h"

#define SECRET_LEN 20 /* of 5 bits */
#define GROUP	   5
#define NAME_LEN   32

static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789";

static bool is_alnum(char c)
{
	c = pf_ascii_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool auth_device_name_valid(struct pf_str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!is_alnum(name.p[i]) &&
		    !(i > 0 && name.p[i] && strchr("-_.", name.p[i])))
			return false;
	return name.n > 0 && name.n <= NAME_LEN;
}

static bool protocols_valid(struct pf_str list)
{
	struct pf_str word;

	while (pf_str_split(&list, '+', &word))
		if (!pf_str_eq(word, PF_STR("imap")) &&
		    !pf_str_eq(word, PF_STR("sieve")) &&
		    !pf_str_eq(word, PF_STR("smtp")))
			return false;
	return true;
}

static void hash(struct pf_str secret, unsigned char to[AUTH_DEVICE_HASH])
{
	if (!EVP_Digest(secret.p, secret.n, to, NULL, EVP_sha256(), NULL))
		abort(); /* SHA-256 is always there */
}

bool auth_device_parse(struct pf_str value, struct auth_device *device)
{
	struct auth_device d = {0};
	struct pf_buf bytes = PF_BUF_INIT(64);
	struct pf_str name, key, protocols;
	bool good =
	    pf_str_split(&value, ';', &name) &&
	    pf_str_split(&value, ';', &key) && auth_device_name_valid(name) &&
	    pf_base64_decode(&bytes, key) && bytes.len == AUTH_DEVICE_HASH;

	if (good)
		memcpy(d.hash, bytes.data, AUTH_DEVICE_HASH);
	pf_buf_release(&bytes);
	if (!pf_str_split(&value, ';', &protocols))
		protocols = PF_STR("");
	if (!good || !protocols_valid(protocols) ||
	    (value.n && !auth_nets_parse(value, &d.nets, &d.n_nets)))
		return false;
	d.name = pf_str_dup(name);
	d.protocols = pf_str_dup(protocols);
	*device = d;
	return true;
}

void auth_device_release(struct auth_device *device)
{
	free(device->name);
	free(device->protocols);
	free(device->nets);
	*device = (struct auth_device){0};
}

/* The secret without what people put in between; false: it is none. */
static bool bare(struct pf_str typed, char to[SECRET_LEN])
{
	size_t n = 0;

	for (size_t i = 0; i < typed.n; i++) {
		char c = pf_ascii_lower(typed.p[i]);
		if (c == '-' || c == ' ')
			continue;
		if (n == SECRET_LEN || !c || !strchr(digits, c))
			return false;
		to[n++] = c;
	}
	return n == SECRET_LEN;
}

const struct auth_device *auth_device_match(const struct auth_user *user,
					    struct pf_str secret)
{
	unsigned char key[AUTH_DEVICE_HASH];
	const struct auth_device *found = NULL;
	char text[SECRET_LEN];

	if (user->n_devices == 0 || !bare(secret, text))
		return NULL;
	hash(pf_str_mem(text, sizeof text), key);
	for (size_t i = 0; i < user->n_devices; i++)
		if (CRYPTO_memcmp(key, user->devices[i].hash, sizeof key) == 0)
			found = &user->devices[i];
	OPENSSL_cleanse(text, sizeof text);
	OPENSSL_cleanse(key, sizeof key);
	return found;
}

const struct auth_device *auth_device_find(const struct auth_user *user,
					   struct pf_str name)
{
	for (size_t i = 0; i < user->n_devices; i++)
		if (pf_str_ieq(name, pf_str_c(user->devices[i].name)))
			return &user->devices[i];
	return NULL;
}

bool auth_device_allows(const struct auth_device *device, struct pf_str service,
			struct pf_str ip)
{
	struct pf_str list = pf_str_c(device->protocols), word;
	bool good = list.n == 0;

	while (!good && pf_str_split(&list, '+', &word))
		good = pf_str_ieq(word, service);
	return good && auth_nets_hold(device->nets, device->n_nets, ip);
}

pf_status auth_device_new(struct pf_str name, struct pf_str protocols,
			  struct pf_str nets, struct pf_buf *secret,
			  struct pf_buf *field, struct pf_error *err)
{
	unsigned char random[SECRET_LEN], key[AUTH_DEVICE_HASH];
	char text[SECRET_LEN];
	struct auth_device check;
	size_t start = field->len;

	pf_rand_bytes(random, sizeof random);
	for (size_t i = 0; i < SECRET_LEN; i++) {
		text[i] = digits[random[i] & 31];
		if (i > 0 && i % GROUP == 0)
			pf_buf_add_byte(secret, '-');
		pf_buf_add_byte(secret, text[i]);
	}
	hash(pf_str_mem(text, sizeof text), key);
	pf_buf_add_c(field, AUTH_FIELD_DEVICE "=");
	size_t value = field->len;
	pf_buf_add_str(field, name);
	pf_buf_add_byte(field, ';');
	pf_base64_encode(field, pf_str_mem(key, sizeof key));
	pf_buf_add_byte(field, ';');
	pf_buf_add_str(field, protocols);
	pf_buf_add_byte(field, ';');
	pf_buf_add_str(field, nets);
	OPENSSL_cleanse(text, sizeof text);
	OPENSSL_cleanse(random, sizeof random);
	if (field->failed ||
	    !auth_device_parse(pf_str_from(pf_buf_str(field), value), &check)) {
		field->len = start;
		return pf_error_set(
		    err, PF_INVALID, NULL,
		    "a device has a name (letters, digits, - _ .), "
		    "protocols (imap+sieve+smtp) and networks (ip/bits,...)");
	}
	auth_device_release(&check);
	return PF_OK;
}
