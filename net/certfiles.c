/* Certificates and keys as files: read, and looked over. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/conf.h"
#include "base/fsio.h"
#include "net/key.h"

#define KEY_MAX (64 * 1024)

void net_cert_files_release(struct net_cert_files *files)
{
	pf_buf_release(&files->chain);
	pf_buf_release(&files->staple);
	EVP_PKEY_free(files->key);
	files->key = NULL;
}

/* A key with a passphrase is an error, not a question on the terminal. */
static int no_passphrase(char *to, int size, int writing, void *arg)
{
	(void)to;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

X509 *net_cert_first(const struct net_cert_files *files)
{
	BIO *bio = BIO_new_mem_buf(files->chain.data, (int)files->chain.len);
	X509 *x509 =
	    bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	return x509;
}

static pf_status read_key(const char *path, struct net_cert_files *files,
			  struct pf_error *err)
{
	struct pf_buf pem = PF_BUF_INIT(KEY_MAX);
	pf_status status = pf_fs_read(AT_FDCWD, path, &pem, err);
	BIO *bio;

	if (status == PF_OK) {
		bio = BIO_new_mem_buf(pem.data, (int)pem.len);
		if (bio)
			files->key = PEM_read_bio_PrivateKey(
			    bio, NULL, no_passphrase, NULL);
		BIO_free(bio);
	}
	pf_buf_wipe(&pem);
	return status;
}

static pf_status read_pair(const char *cert, const char *key,
			   struct net_cert_files *files, struct pf_error *err)
{
	struct pf_buf staple = PF_BUF_INIT(4200);
	char what[320];

	pf_buf_init(&files->chain, NET_CHAIN_MAX);
	pf_buf_init(&files->staple, NET_STAPLE_MAX);
	files->key = NULL;
	ERR_clear_error();
	pf_status status = pf_fs_read(AT_FDCWD, cert, &files->chain, err);
	if (status == PF_OK)
		status = read_key(key, files, err);
	if (status != PF_OK) {
		if (err)
			err->status = PF_INVALID;
		return PF_INVALID;
	}
	X509 *x509 = net_cert_first(files);
	if (!x509) {
		snprintf(what, sizeof what, "certificate %s", cert);
		status = net_ssl_error(err, PF_INVALID, what);
	} else if (!files->key ||
		   X509_check_private_key(x509, files->key) != 1) {
		snprintf(what, sizeof what, "key %s", key);
		status = net_ssl_error(err, PF_INVALID, what);
	}
	X509_free(x509);
	pf_buf_addf(&staple, "%s" NET_STAPLE_NAME, cert);
	if (status == PF_OK &&
	    pf_fs_read(AT_FDCWD, staple.data, &files->staple, NULL) != PF_OK)
		pf_buf_clear(&files->staple);
	pf_buf_release(&staple);
	return status;
}

pf_status net_cert_files_read(const char *certs, const char *keys,
			      struct net_cert_files *files, size_t *count,
			      struct pf_error *err)
{
	struct pf_str cert_rest = pf_str_c(certs), key_rest = pf_str_c(keys);
	struct pf_str cert_word, key_word;
	pf_status status = PF_OK;
	size_t n = 0;

	while (status == PF_OK && pf_conf_word(&cert_rest, &cert_word)) {
		if (!pf_conf_word(&key_rest, &key_word) || n == NET_CERTS_MAX) {
			status = pf_error_set(
			    err, PF_INVALID, NULL,
			    "certificate %zu: each needs its key, and there "
			    "may be %d",
			    n + 1, NET_CERTS_MAX);
			break;
		}
		char *cert = pf_str_dup(cert_word), *key = pf_str_dup(key_word);
		status = read_pair(cert, key, &files[n++], err);
		free(cert);
		free(key);
	}
	if (status == PF_OK && (n == 0 || pf_conf_word(&key_rest, &key_word)))
		status =
		    pf_error_set(err, PF_INVALID, NULL,
				 "%zu certificates, but not as many keys", n);
	if (status == PF_OK)
		*count = n;
	for (size_t i = 0; status != PF_OK && i < n; i++)
		net_cert_files_release(&files[i]);
	return status;
}
