/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/turn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { SHA1_BYTES = 20 };

static bool is_host_char(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-';
}

/* A name or an IPv4 address, or an IPv6 one in brackets. Returns where it ends,
 * or NULL. */
static const char *skip_host(const char *at)
{
        const char *start = at;

        if (*at == '[') {
                size_t n = strspn(at + 1, "0123456789abcdefABCDEF:.");

                return n >= 2 && at[1 + n] == ']' ? at + n + 2 : NULL;
        }
        while (is_host_char(*at))
                at++;
        return at > start ? at : NULL;
}

static const char *skip_port(const char *at)
{
        unsigned long port = 0;
        const char *start;

        if (*at != ':')
                return at;
        for (start = ++at; *at >= '0' && *at <= '9' && at - start < 5; at++)
                port = port * 10 + (unsigned long)(*at - '0');
        return port >= 1 && port <= UINT16_MAX ? at : NULL;
}

bool turn_uri_is_good(const char *uri)
{
        const char *at = strncmp(uri, "turns:", 6) == 0 ? uri + 6 : uri + 5;

        if (strlen(uri) >= TURN_URI_CAP ||
            (strncmp(uri, "turns:", 6) != 0 && strncmp(uri, "turn:", 5) != 0))
                return false;
        at = skip_host(at);
        if (at)
                at = skip_port(at);
        return at &&
               (!*at || strcmp(at, "?transport=udp") == 0 || strcmp(at, "?transport=tcp") == 0);
}

int turn_credential_make(struct turn_credential *ret_credential, const struct turn_config *turn,
                         const char *participant, int64_t now_ms)
{
        struct turn_credential made;
        uint8_t mac[SHA1_BYTES];
        unsigned n = sizeof(mac);

        snprintf(made.username, sizeof(made.username), "%" PRId64 ":%s",
                 (now_ms + TURN_LIFE_MS) / 1000, participant);
        if (!HMAC(EVP_sha1(), turn->secret, (int)strlen(turn->secret),
                  (const uint8_t *)made.username, strlen(made.username), mac, &n) ||
            n != sizeof(mac))
                return -ENOMEM;
        EVP_EncodeBlock((uint8_t *)made.password, mac, sizeof(mac));
        *ret_credential = made;
        return 0;
}
