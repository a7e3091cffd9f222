/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/http_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool is_mapped(const uint8_t address[16])
{
        return !memcmp(address, mapped_prefix, sizeof(mapped_prefix));
}

static int parse_plain(uint8_t ret[16], const char *text)
{
        uint8_t address[16];

        if (inet_pton(AF_INET, text, address + 12) == 1)
                memcpy(address, mapped_prefix, sizeof(mapped_prefix));
        else if (inet_pton(AF_INET6, text, address) != 1)
                return -EINVAL;
        memcpy(ret, address, sizeof(address));
        return 0;
}

int cidr_parse(struct cidr *ret, const char *text)
{
        const char *slash = strchr(text, '/');
        size_t len = slash ? (size_t)(slash - text) : strlen(text);
        char address[PEER_TEXT];
        struct cidr block = { .bits = 128 };
        unsigned bits = 0, max;

        if (len >= sizeof(address))
                return -EINVAL;
        memcpy(address, text, len);
        address[len] = '\0';
        if (parse_plain(block.address, address) < 0)
                return -EINVAL;
        max = strchr(address, ':') ? 128 : 32;
        if (slash) {
                const char *c = slash + 1;

                if (!*c || strlen(c) > 3)
                        return -EINVAL;
                for (; *c; c++) {
                        if (*c < '0' || *c > '9')
                                return -EINVAL;
                        bits = bits * 10 + (unsigned)(*c - '0');
                }
                if (bits > max)
                        return -EINVAL;
                block.bits = 128 - max + bits;
        }
        *ret = block;
        return 0;
}

bool cidr_contains(const struct cidr *block, const uint8_t address[16])
{
        unsigned whole = block->bits / 8, rest = block->bits % 8;
        uint8_t mask = (uint8_t)(0xff00 >> rest);

        if (memcmp(block->address, address, whole) != 0)
                return false;
        return rest == 0 || (block->address[whole] & mask) == (address[whole] & mask);
}

int peer_parse(uint8_t ret_address[16], const char *text, size_t len)
{
        char address[PEER_TEXT];
        const char *end;

        if (len > 0 && *text == '[') {
                end = memchr(text, ']', len);
                if (!end)
                        return -EINVAL;
                text++;
        } else {
                end = memchr(text, ':', len);
                if (!end || memchr(end + 1, ':', len - (size_t)(end + 1 - text)))
                        end = text + len; /* no port, or an IPv6 address */
        }
        len = (size_t)(end - text);
        if (len >= sizeof(address))
                return -EINVAL;
        memcpy(address, text, len);
        address[len] = '\0';
        return parse_plain(ret_address, address);
}

void peer_format(char *ret, const uint8_t address[16])
{
        if (is_mapped(address))
                inet_ntop(AF_INET, address + 12, ret, PEER_TEXT);
        else
                inet_ntop(AF_INET6, address, ret, PEER_TEXT);
}

bool peer_is_loopback(const uint8_t address[16])
{
        static const uint8_t loopback6[16] = { [15] = 1 };

        return !memcmp(address, loopback6, 16) || (is_mapped(address) && address[12] == 127);
}

void peer_client(uint8_t ret_address[16], const uint8_t peer[16], const struct cidr *trusted,
                 const char *forwarded_for)
{
        size_t len = strlen(forwarded_for);
        uint8_t address[16];

        memcpy(address, peer, 16);
        while (len > 0 && cidr_contains(trusted, address)) {
                const char *comma = memrchr(forwarded_for, ',', len);
                const char *item = comma ? comma + 1 : forwarded_for;
                size_t n = len - (size_t)(item - forwarded_for);

                while (n > 0 && *item == ' ') {
                        item++;
                        n--;
                }
                while (n > 0 && item[n - 1] == ' ')
                        n--;
                if (peer_parse(address, item, n) < 0)
                        break;
                len = comma ? (size_t)(comma - forwarded_for) : 0;
        }
        memcpy(ret_address, address, 16);
}
