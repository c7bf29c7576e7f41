/* The header of a proxy, in pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_proxy_peer peer;
	size_t have = 0, wants;

	/* exact copies, so that a byte too far is seen */
	for (;;) {
		char *exact = malloc(have + 1);
		if (!exact)
			return 0;
		memcpy(exact, data, have);
		wants = net_proxy_wants(exact, have);
		if (wants == 0 && net_proxy_read(exact, have, &peer) &&
		    (strlen(peer.ip) >= sizeof peer.ip ||
		     (peer.ip[0] && !peer.local_ip[0])))
			abort();
		free(exact);
		if (wants == 0 || wants > size - have)
			return 0;
		have += wants;
		if (have > NET_PROXY_MAX)
			abort();
	}
}
