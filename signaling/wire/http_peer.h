/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_peer — addresses: CIDR blocks, and the client behind a trusted proxy.
 *
 * Layer: wire, pure. IPv4 is kept as its IPv4-mapped IPv6 form.
 */
#ifndef SIGNALING_WIRE_HTTP_PEER_H
#define SIGNALING_WIRE_HTTP_PEER_H

#include <netinet/in.h>

#include "base/base.h"

enum { PEER_TEXT = INET6_ADDRSTRLEN };

struct cidr {
        uint8_t address[16];
        unsigned bits; /* of 128 */
};

/* "10.0.0.0/8", "fd00::/8", or one address. Returns 0 or -EINVAL. */
must_use int cidr_parse(struct cidr *ret, const char *text);
bool cidr_contains(const struct cidr *block, const uint8_t address[16]);

/* Reads an address: "192.0.2.1", "::1", with or without "[…]" and a port.
 * Returns 0 or -EINVAL. */
must_use int peer_parse(uint8_t ret_address[16], const char *text, size_t len);
/* The plain form: IPv4-mapped addresses as IPv4. ret has PEER_TEXT bytes. */
void peer_format(char *ret, const uint8_t address[16]);
bool peer_is_loopback(const uint8_t address[16]);

/* The client of a request that came from peer: when that is trusted, the
 * rightmost address of X-Forwarded-For that is not (anything further left may
 * be the client's invention). Stops at what it cannot read. */
void peer_client(uint8_t ret_address[16], const uint8_t peer[16], const struct cidr *trusted,
                 const char *forwarded_for);

#endif
