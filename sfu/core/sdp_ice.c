/* SPDX-License-Identifier: Apache-2.0 */
/* The ICE words of SDP: candidates, and a restart without an offer. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/core/sdp_internal.h"

enum {
        /* RFC 8445 §5.1.2.2 recommends 126 for host candidates. Lower than what
         * clients give theirs, ours decides the priority of a pair (§6.1.2.3):
         * the nearer address, UDP before TCP, and after a restart the new pairs
         * before the old ones. For a browser stays on a better pair that is dead
         * until its checks have failed for five seconds. */
        TYPE_UDP = 80,
        TYPE_TCP = 60,
        DIRECTION_PASSIVE = 4, /* RFC 6544 §4.2, for host candidates */
        MAX_RESTARTS = 255,    /* later ones are not preferred any more */
};

enum rank { RANK_PRIVATE, RANK_PUBLIC, RANK_LOOPBACK };

static enum rank rank_of(const char *address)
{
        struct in6_addr in6;
        struct in_addr in4;

        if (inet_pton(AF_INET, address, &in4) == 1) {
                uint32_t host = ntohl(in4.s_addr);

                if (host >> 24 == 127)
                        return RANK_LOOPBACK;
                /* RFC 1918 §3 */
                return host >> 24 == 10 || host >> 20 == 0xac1 || host >> 16 == 0xc0a8
                               ? RANK_PRIVATE
                               : RANK_PUBLIC;
        }
        if (inet_pton(AF_INET6, address, &in6) != 1)
                return RANK_PUBLIC;
        if (IN6_IS_ADDR_LOOPBACK(&in6))
                return RANK_LOOPBACK;
        return (in6.s6_addr[0] & 0xfe) == 0xfc ? RANK_PRIVATE : RANK_PUBLIC; /* RFC 4193 §3.1 */
}

void sdp_addresses_sort(char **addresses, size_t n)
{
        for (size_t i = 1; i < n; i++) {
                char *moved = addresses[i];
                size_t at = i;

                for (; at > 0 && rank_of(addresses[at - 1]) > rank_of(moved); at--)
                        addresses[at] = addresses[at - 1];
                addresses[at] = moved;
        }
}

/* RFC 8445 §5.1.2.1; the component is 1. */
static uint32_t priority(uint32_t type, uint32_t local)
{
        return type << 24 | local << 8 | 255;
}

static void write_one(FILE *out, size_t foundation, const char *protocol, uint32_t value,
                      const struct sdp_candidate *candidate)
{
        fprintf(out, "a=candidate:%zu 1 %s %" PRIu32 " %s %u typ host", foundation, protocol, value,
                candidate->address, candidate->port);
}

void sdp_candidates_write(FILE *out, const struct sdp_candidate *candidates, size_t n,
                          uint32_t restarts)
{
        uint32_t newer = restarts < MAX_RESTARTS ? restarts : MAX_RESTARTS;

        for (size_t i = 0; i < n; i++) {
                write_one(out, i + 1, "udp", priority(TYPE_UDP, newer << 8 | (255 - (i & 255))),
                          &candidates[i]);
                fputs("\r\n", out);
        }
        /* RFC 6544 §4.2: the direction is the local preference's upper part. */
        for (size_t i = 0; i < n; i++) {
                if (!candidates[i].tcp)
                        continue;
                write_one(
                        out, n + i + 1, "tcp",
                        priority(TYPE_TCP, DIRECTION_PASSIVE << 13 | newer << 5 | (31 - (i & 31))),
                        &candidates[i]);
                fputs(" tcptype passive\r\n", out);
        }
        fputs("a=end-of-candidates\r\n", out);
}

int sdp_restart_write(const struct sdp_answer_params *params, char **ret_lines)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        bool bad;

        if (!out)
                return -ENOMEM;
        fprintf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", params->ufrag, params->pwd);
        sdp_candidates_write(out, params->candidates, params->n_candidates,
                             params->session_version - 1);
        bad = ferror(out);
        if (fclose(out) != 0 || bad) {
                free(text);
                return -ENOMEM;
        }
        *ret_lines = text;
        return 0;
}

int sdp_credentials_read(struct sdp_transport *transport, const char *ufrag, const char *pwd)
{
        struct sdp_security security = { 0 };
        int r = sdp_security_read(&security, "ice-ufrag", ufrag);

        if (r == 0)
                r = sdp_security_read(&security, "ice-pwd", pwd);
        if (r != 0)
                return r;
        memcpy(transport->ufrag, security.ufrag, sizeof(transport->ufrag));
        memcpy(transport->pwd, security.pwd, sizeof(transport->pwd));
        return 0;
}
