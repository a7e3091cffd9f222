/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static bool add(struct addresses *addresses, int family, const void *address)
{
        char *text = addresses->text[addresses->n];

        if (addresses->n == ADDRESSES_MAX || !inet_ntop(family, address, text, ADDRESS_TEXT))
                return false;
        for (size_t i = 0; i < addresses->n; i++)
                if (strcmp(addresses->text[i], text) == 0)
                        return true;
        addresses->list[addresses->n++] = text;
        return true;
}

int addresses_parse(struct addresses *ret, const char *text, char ret_wrong[ADDRESS_TEXT])
{
        memset(ret, 0, sizeof(*ret));
        for (;;) {
                size_t len = strcspn(text, ",");
                char part[ADDRESS_TEXT];
                struct in6_addr v6;
                struct in_addr v4;
                bool good = false;

                snprintf(part, sizeof(part), "%.*s", (int)(len < 1000 ? len : 1000), text);
                if (inet_pton(AF_INET, part, &v4) == 1)
                        good = add(ret, AF_INET, &v4);
                else if (inet_pton(AF_INET6, part, &v6) == 1)
                        good = add(ret, AF_INET6, &v6);
                if (!good) {
                        memcpy(ret_wrong, part, sizeof(part));
                        return -EINVAL;
                }
                if (text[len] == '\0')
                        return 0;
                text += len + 1;
        }
}

/* Link-local addresses need a zone, which a candidate cannot carry. */
static bool is_usable(const struct ifaddrs *at)
{
        if (!at->ifa_addr || !(at->ifa_flags & IFF_UP) || at->ifa_flags & IFF_LOOPBACK)
                return false;
        if (at->ifa_addr->sa_family == AF_INET6) {
                const struct sockaddr_in6 *sin6 = (const void *)at->ifa_addr;

                return !IN6_IS_ADDR_LINKLOCAL(&sin6->sin6_addr);
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
