/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static int add(struct addresses *addresses, int family, const void *address)
{
        char text[ADDRESS_TEXT];

        if (!inet_ntop(family, address, text, sizeof(text)))
                return -EINVAL;
        for (size_t i = 0; i < addresses->n; i++)
                if (strcmp(addresses->text[i], text) == 0)
                        return 0;
        if (addresses->n == ADDRESSES_MAX)
                return -ENOSPC;
        addresses->list[addresses->n] = addresses->text[addresses->n];
        memcpy(addresses->text[addresses->n++], text, sizeof(text));
        return 0;
}

static bool is_for_one_v4(const struct in_addr *address)
{
        uint32_t host = ntohl(address->s_addr);

        return host >> 24 != 0 && host >> 28 < 14; /* RFC 1122 §3.2.1.3, RFC 5771, RFC 1112 §4 */
}

/* Link-local addresses need a zone, which a candidate cannot carry; IPv4 within
 * IPv6 is not for the wire (RFC 8445 §5.1.1.1). */
static bool is_for_one_v6(const struct in6_addr *address)
{
        return !IN6_IS_ADDR_UNSPECIFIED(address) && !IN6_IS_ADDR_MULTICAST(address) &&
               !IN6_IS_ADDR_LINKLOCAL(address) && !IN6_IS_ADDR_V4MAPPED(address);
}

static int add_text(struct addresses *addresses, const char *text)
{
        struct in6_addr v6;
        struct in_addr v4;

        if (inet_pton(AF_INET, text, &v4) == 1 && is_for_one_v4(&v4))
                return add(addresses, AF_INET, &v4);
        if (inet_pton(AF_INET6, text, &v6) == 1 && is_for_one_v6(&v6))
                return add(addresses, AF_INET6, &v6);
        return -EINVAL;
}

int addresses_add(struct addresses *addresses, const char *text, char ret_wrong[ADDRESS_TEXT])
{
        for (;;) {
                size_t skip = strspn(text, " \t"), len = strcspn(text += skip, ",");
                size_t end = len;
                char part[ADDRESS_TEXT];
                int r;

                while (end > 0 && strchr(" \t", text[end - 1]))
                        end--;
                snprintf(part, sizeof(part), "%.*s", (int)(end < 1000 ? end : 1000), text);
                r = add_text(addresses, part);
                if (r < 0) {
                        memcpy(ret_wrong, part, sizeof(part));
                        return r;
                }
                if (text[len] == '\0')
                        return 0;
                text += len + 1;
        }
}

static bool is_usable(const struct ifaddrs *at)
{
        if (!at->ifa_addr || !(at->ifa_flags & IFF_UP) || at->ifa_flags & IFF_LOOPBACK)
                return false;
        if (at->ifa_addr->sa_family == AF_INET6) {
                const struct sockaddr_in6 *sin6 = (const void *)at->ifa_addr;

                return is_for_one_v6(&sin6->sin6_addr);
        }
        return at->ifa_addr->sa_family == AF_INET;
}

int addresses_of_machine(struct addresses *ret)
{
        struct in_addr loopback = { .s_addr = htonl(INADDR_LOOPBACK) };
        struct ifaddrs *all;

        memset(ret, 0, sizeof(*ret));
        if (getifaddrs(&all) < 0)
                return -errno;
        for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
                const void *address = at->ifa_addr;

                if (!is_usable(at) || ret->n >= ADDRESSES_MAX - 1)
                        continue;
                if (at->ifa_addr->sa_family == AF_INET)
                        (void)add(ret, AF_INET, &((const struct sockaddr_in *)address)->sin_addr);
                else
                        (void)add(ret, AF_INET6,
                                  &((const struct sockaddr_in6 *)address)->sin6_addr);
        }
        freeifaddrs(all);
        (void)add(ret, AF_INET, &loopback);
        return 0;
}
