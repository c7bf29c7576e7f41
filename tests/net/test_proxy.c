/* The header of a proxy: how far it goes, and what it says. */
#include <stdint.h>
#include <string.h>

#include "net/net.h"
#include "tests/tap.h"

static struct net_proxy_peer peer;

/* The header, given in pieces as small as it asks for; behind it more. */
static bool whole(const char *header, size_t n)
{
	char got[NET_PROXY_MAX];
	size_t have = 0, wants;

	while ((wants = net_proxy_wants(got, have)) > 0) {
		if (wants == SIZE_MAX || have + wants > n)
			return false;
		memcpy(got + have, header + have, wants);
		have += wants;
	}
	return have == n && net_proxy_read(got, have, &peer);
}

static bool line(const char *text)
{
	return whole(text, strlen(text));
}

static void lines(void)
{
	ok(line("PROXY TCP4 198.51.100.7 203.0.113.1 4711 993\r\n"));
	is_str(peer.ip, "198.51.100.7");
	is_str(peer.local_ip, "203.0.113.1");
	ok(line("PROXY TCP6 2001:db8::7 ::1 65535 1\r\n"));
	is_str(peer.ip, "2001:db8::7");
	ok(line("PROXY UNKNOWN\r\n"));
	is_str(peer.ip, "");
	ok(line("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"));
	is_str(peer.ip, "");
}

static void no_lines(void)
{
	ok(!line("PROXY TCP4 198.51.100.7 203.0.113.1 4711 993\n"));
	ok(!line("PROXY TCP4 ::1 ::1 4711 993\r\n"));
	ok(!line("PROXY TCP4 198.51.100.7 203.0.113.1 4711 65536\r\n"));
	ok(!line("PROXY TCP4 198.51.100.7 203.0.113.1 4711 993 x\r\n"));
	ok(!line("PROXY TCP4 198.51.100.7\r\n"));
	is_str(peer.ip, "");
	ok(!line("PROXY UDP4 198.51.100.7 203.0.113.1 4711 993\r\n"));
	is_int(net_proxy_wants("a LOGIN", 7) == SIZE_MAX, 1);
	is_int(net_proxy_wants("", 0), 15);
	char much[107];
	memset(much, 'x', sizeof much);
	memcpy(much, "PROXY ", 6);
	is_int(net_proxy_wants(much, sizeof much) == SIZE_MAX, 1);
}

#define HEAD	    "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(text) (text), sizeof(text) - 1

static void binary(void)
{
	ok(whole(BYTES(HEAD "\x21\x11\0\x0c\xc6\x33\x64\x07\xcb\0\x71\x01"
			    "\x12\x67\x03\xe1")));
	is_str(peer.ip, "198.51.100.7");
	is_str(peer.local_ip, "203.0.113.1");
	/* a mapped address is IPv4; what stands behind the addresses is left */
	ok(whole(BYTES(HEAD "\x21\x21\0\x26\0\0\0\0\0\0\0\0\0\0\xff\xff"
			    "\x7f\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
			    "\0\0\0\0zz")));
	is_str(peer.ip, "127.0.0.9");
	is_str(peer.local_ip, "::1");
	ok(whole(BYTES(HEAD "\x20\0\0\0")));
	is_str(peer.ip, "");
	ok(!whole(BYTES(HEAD "\x31\x11\0\0")));
	ok(!whole(BYTES(HEAD "\x21\x11\0\x04xxxx")));
	is_int(net_proxy_wants(BYTES(HEAD "\x21\x11\xff\xff")) == SIZE_MAX, 1);
}

static void networks(void)
{
	ok(net_is_trusted("", "unix"));
	ok(!net_is_trusted("", "127.0.0.1"));
	ok(net_is_trusted("10.0.0.0/8 ::1", "10.9.8.7"));
	ok(!net_is_trusted("10.0.0.0/8 ::1", "11.9.8.7"));
	ok(net_is_trusted("10.0.0.0/8 2001:db8::/32", "2001:db8:1::2"));
	ok(!net_is_trusted("10.0.0.0/99 x/y", "10.0.0.1"));
}

int main(void)
{
	lines();
	no_lines();
	binary();
	networks();
	return tap_done();
}
