/* SPDX-License-Identifier: Apache-2.0 */
/* The ICE words of SDP: candidates, and a restart without an offer. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/core/sdp_internal.h"

enum {
        TYPE_HOST = 126, /* RFC 8445 §5.1.2.2 */
        /* Below every UDP candidate: where UDP works, it is better for media. */
        TYPE_HOST_TCP = 90,
        DIRECTION_PASSIVE = 4, /* RFC 6544 §4.2, for host candidates */
};

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

void sdp_candidates_write(FILE *out, const struct sdp_candidate *candidates, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                write_one(out, i + 1, "udp", priority(TYPE_HOST, (uint32_t)(65535 - i)),
                          &candidates[i]);
                fputs("\r\n", out);
        }
        /* RFC 6544 §4.2: the direction is the local preference's upper part. */
        for (size_t i = 0; i < n; i++) {
                if (!candidates[i].tcp)
                        continue;
                write_one(out, n + i + 1, "tcp",
                          priority(TYPE_HOST_TCP, DIRECTION_PASSIVE << 13 | (uint32_t)(8191 - i)),
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
        sdp_candidates_write(out, params->candidates, params->n_candidates);
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
