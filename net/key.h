/*
 * The key role: a process of its own that holds the private keys and signs
 * for the gate, which has none (docs/decisions/185).  Private to net/.
 *
 * One packet asks and one answers, over a socket pair that only these two
 * have.  The asker waits: a signature takes microseconds, a look at files that
 * did not change less.
 */
#ifndef NET_KEY_H
#define NET_KEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "net/net.h"

#define NET_CERTS_MAX	8
#define NET_CHAIN_MAX	(32 * 1024)
#define NET_STAPLE_MAX	(16 * 1024)
#define NET_STAPLE_NAME ".ocsp" /* behind the name of a certificate */

/* What one pair of files holds. */
struct net_cert_files {
	struct pf_buf chain;  /* PEM */
	struct pf_buf staple; /* DER, or empty */
	EVP_PKEY *key;	      /* NULL: elsewhere */
};
void net_cert_files_release(struct net_cert_files *files);

/* Reads all pairs; keeps nothing unless each is good and fits its key. */
PF_CHECKED pf_status net_cert_files_read(const char *certs, const char *keys,
					 struct net_cert_files *files,
					 size_t *count, struct pf_error *err);

/* The key role's state of the files now. */
PF_CHECKED pf_status net_key_count(struct net_key *key, size_t *count,
				   struct pf_error *err);
/* Certificate i, and a key that signs over there. */
PF_CHECKED pf_status net_key_cert(struct net_key *key, size_t i,
				  struct net_cert_files *files,
				  struct pf_error *err);

/* tls.c, cert.c */
pf_status net_ssl_error(struct pf_error *err, pf_status status,
			const char *what);
X509 *net_cert_first(const struct net_cert_files *files);

#endif
