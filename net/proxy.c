/*
 * The header by which a proxy says whom it speaks for: HAProxy's PROXY
 * protocol, version 1 (a line) and 2 (binary).
 *
 * It is read to its last byte and not further, because what follows belongs to
 * TLS, perhaps.  So the question is always: how much surely is still header?
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/str.h"
#include "net/net.h"

#define LINE_MIN 15 /* "PROXY UNKNOWN" CR LF */
#define LINE_MAX 107
#define HEAD_LEN 16 /* of version 2, before the addresses */

static const char binary[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool begins_as(const char *p, size_t n, const char *with, size_t size)
{
	return memcmp(p, with, n < size ? n : size) == 0;
}

size_t net_proxy_wants(const char *p, size_t n)
{
	bool line = begins_as(p, n, "PROXY ", 6);

	if (!line && !begins_as(p, n, binary, sizeof binary))
		return SIZE_MAX;
	if (n < LINE_MIN)
		return LINE_MIN - n;
	if (line) {
		if (p[n - 1] == '\n')
			return 0;
		return n < LINE_MAX ? 1 : SIZE_MAX;
	}
	if (n < HEAD_LEN)
		return HEAD_LEN - n;
	size_t all = HEAD_LEN + (size_t)(unsigned char)p[14] * 256 +
		     (unsigned char)p[15];
	return all > NET_PROXY_MAX || all < n ? SIZE_MAX : all - n;
}

static bool read_address(int family, struct pf_str word, char *to, size_t size)
{
	unsigned char bits[16];

	return pf_str_copy(word, to, size) && inet_pton(family, to, bits) == 1;
}

static bool read_line(struct pf_str line, struct net_proxy_peer *peer)
{
	struct pf_str word[6];
	uint64_t port;
	size_t n = 0;

	if (!pf_str_ends(line, PF_STR("\r\n")))
		return false;
	line.n -= 2;
	while (n < 6 && pf_str_split(&line, ' ', &word[n]))
		n++;
	if (n > 1 && pf_str_eq(word[1], PF_STR("UNKNOWN")))
		return true;
	int family = n < 6				  ? 0
		     : pf_str_eq(word[1], PF_STR("TCP4")) ? AF_INET
		     : pf_str_eq(word[1], PF_STR("TCP6")) ? AF_INET6
							  : 0;
	return family && line.n == 0 &&
	       read_address(family, word[2], peer->ip, sizeof peer->ip) &&
	       read_address(family, word[3], peer->local_ip,
			    sizeof peer->local_ip) &&
	       pf_str_u64(word[4], 65535, &port) &&
	       pf_str_u64(word[5], 65535, &port);
}

static void write_address(int family, const char *bits, char *to, size_t size)
{
	static const char mapped[12] = "\0\0\0\0\0\0\0\0\0\0\xff\xff";

	if (family == AF_INET6 && memcmp(bits, mapped, sizeof mapped) == 0) {
		family = AF_INET;
		bits += sizeof mapped;
	}
	(void)inet_ntop(family, bits, to, (socklen_t)size);
}

static bool read_binary(const char *p, size_t n, struct net_proxy_peer *peer)
{
	unsigned char command = (unsigned char)p[12];
	unsigned char family = (unsigned char)p[13];

	if (command == 0x20) /* LOCAL: the proxy's own question */
		return true;
	if (command != 0x21)
		return false;
	p += HEAD_LEN;
	n -= HEAD_LEN;
	if (family == 0x11 && n >= 12) {
		write_address(AF_INET, p, peer->ip, sizeof peer->ip);
		write_address(AF_INET, p + 4, peer->local_ip,
			      sizeof peer->local_ip);
	} else if (family == 0x21 && n >= 36) {
		write_address(AF_INET6, p, peer->ip, sizeof peer->ip);
		write_address(AF_INET6, p + 16, peer->local_ip,
			      sizeof peer->local_ip);
	} else {
		/* UNSPEC: who connects remains; TCP without addresses: no */
		return family != 0x11 && family != 0x21;
	}
	return true;
}

bool net_proxy_read(const char *p, size_t n, struct net_proxy_peer *peer)
{
	*peer = (struct net_proxy_peer){.ip = ""};
	if (n < LINE_MIN || net_proxy_wants(p, n) != 0)
		return false;
	bool good = p[0] == 'P' ? read_line(pf_str_mem(p, n), peer)
				: read_binary(p, n, peer);
	if (!good)
		*peer = (struct net_proxy_peer){.ip = ""};
	return good;
}

/* ---- who is trusted ------------------------------------------------------ */

static bool in_network(const char *peer, struct pf_str network)
{
	unsigned char a[16], b[16];
	ptrdiff_t slash = pf_str_chr(network, '/');
	char text[64];
	uint64_t bits;
	int family = strchr(peer, ':') ? AF_INET6 : AF_INET;
	uint64_t most = family == AF_INET6 ? 128 : 32;

	bits = most;
	if (slash >= 0 &&
	    !pf_str_u64(pf_str_from(network, (size_t)slash + 1), most, &bits))
		return false;
	if (slash >= 0)
		network = pf_str_head(network, (size_t)slash);
	if (!pf_str_copy(network, text, sizeof text) ||
	    inet_pton(family, peer, a) != 1 || inet_pton(family, text, b) != 1)
		return false;
	for (uint64_t i = 0; i < bits; i++)
		if ((a[i / 8] ^ b[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

bool net_is_trusted(const char *networks, const char *peer)
{
	struct pf_str rest = pf_str_c(networks), word;

	if (strcmp(peer, "unix") == 0)
		return true;
	while (pf_conf_word(&rest, &word))
		if (in_network(peer, word))
			return true;
	return false;
}
