/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/ice.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include "sfu/wire/stun.h"

enum { N_BUCKETS = 4096 };

struct ice {
        StunAgent agent;
        struct ice_cred *buckets[N_BUCKETS];
};

/* Comprehension-required attributes of a check (RFC 8445 §16.1). */
static const uint16_t known_attributes[] = {
        STUN_ATTRIBUTE_USERNAME,
        STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
        STUN_ATTRIBUTE_PRIORITY,
        STUN_ATTRIBUTE_USE_CANDIDATE,
        STUN_ATTRIBUTE_ICE_CONTROLLED,
        STUN_ATTRIBUTE_ICE_CONTROLLING,
        0,
};

int ice_new(struct ice **ret_ice)
{
        struct ice *ice = calloc(1, sizeof(*ice));

        if (!ice)
                return -ENOMEM;
        stun_agent_init(&ice->agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
                        STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
        *ret_ice = ice;
        return 0;
}

struct ice *ice_free(struct ice *ice)
{
        free(ice);
        return NULL;
}

/* FNV-1a. Our ufrags are random, so nobody can aim them at one bucket. */
static struct ice_cred **bucket_of(struct ice *ice, const uint8_t *ufrag, size_t len)
{
        uint32_t hash = 2166136261u;

        for (size_t i = 0; i < len; i++)
                hash = (hash ^ ufrag[i]) * 16777619u;
        return &ice->buckets[hash % N_BUCKETS];
}

static struct ice_cred **bucket_of_cred(struct ice *ice, const struct ice_cred *cred)
{
        return bucket_of(ice, (const uint8_t *)cred->ufrag, strlen(cred->ufrag));
}

void ice_add(struct ice *ice, struct ice_cred *cred)
{
        struct ice_cred **bucket = bucket_of_cred(ice, cred);

        cred->next = *bucket;
        *bucket = cred;
}

void ice_remove(struct ice *ice, struct ice_cred *cred)
{
        struct ice_cred **at = bucket_of_cred(ice, cred);

        while (*at != cred) {
                assert(*at);
                at = &(*at)->next;
        }
        *at = cred->next;
        cred->next = NULL;
}

static bool equals(struct span span, const char *text)
{
        return span.len == strlen(text) && memcmp(span.data, text, span.len) == 0;
}

/* The user name is "ours:theirs" (RFC 8445 §7.2.2). */
static struct ice_cred *find(struct ice *ice, const struct stun_pkt *pkt)
{
        struct span ours = stun_pkt_local_ufrag(pkt);
        struct span theirs;

        if (ours.len == 0)
                return NULL;
        theirs = (struct span){ ours.data + ours.len + 1, pkt->username.len - ours.len - 1 };
        for (struct ice_cred *cred = *bucket_of(ice, ours.data, ours.len); cred; cred = cred->next)
                if (equals(ours, cred->ufrag))
                        return equals(theirs, cred->remote_ufrag) ? cred : NULL;
        return NULL;
}

static bool give_password(StunAgent *agent, StunMessage *message, uint8_t *username,
                          uint16_t username_len, uint8_t **ret_password, size_t *ret_len,
                          void *user)
{
        struct ice_cred *cred = user;

        (void)agent;
        (void)message;
        (void)username; /* find() has matched it */
        (void)username_len;
        *ret_password = (uint8_t *)cred->pwd;
        *ret_len = strlen(cred->pwd);
        return true;
}

/* A dual-stack socket shows IPv4 as ::ffff:a.b.c.d; the client compares
 * XOR-MAPPED-ADDRESS with plain IPv4. */
static socklen_t unmap(struct sockaddr_storage *ret, const struct sockaddr *src, socklen_t len)
{
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)src;
        struct sockaddr_in *in4 = (struct sockaddr_in *)ret;

        assert(len <= sizeof(*ret));
        memset(ret, 0, sizeof(*ret));
        if (src->sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
                memcpy(ret, src, len);
                return len;
        }
        in4->sin_family = AF_INET;
        in4->sin_port = in6->sin6_port;
        memcpy(&in4->sin_addr, in6->sin6_addr.s6_addr + 12, 4);
        return sizeof(*in4);
}

static void reply(struct ice *ice, StunMessage *request, const struct sockaddr *src,
                  socklen_t src_len, uint8_t *ret_reply, struct ice_check *check)
{
        struct sockaddr_storage mapped;
        socklen_t mapped_len = unmap(&mapped, src, src_len);
        size_t len = ICE_REPLY_CAP;
        bool controlling = false;
        StunMessage response;
        StunUsageIceReturn r;

        /* Tie-breaker 0 loses every role conflict: we answer 487 and stay
         * controlled, as ICE-lite must (RFC 8445 §7.3.1.1). */
        r = stun_usage_ice_conncheck_create_reply(&ice->agent, request, &response, ret_reply, &len,
                                                  &mapped, mapped_len, &controlling, 0,
                                                  STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
        check->valid = r == STUN_USAGE_ICE_RETURN_SUCCESS;
        check->reply_len = len;
}

int ice_on_datagram(struct ice *ice, const uint8_t *data, size_t len, const struct sockaddr *src,
                    socklen_t src_len, uint8_t *ret_reply, struct ice_check *ret_check)
{
        struct ice_check check = { 0 };
        struct ice_cred *cred;
        struct stun_pkt pkt;
        StunMessage request, response;

        if (stun_pkt_parse(&pkt, data, len))
                return ICE_E_MALFORMED;
        if (pkt.class != STUN_PKT_REQUEST)
                return ICE_E_NOT_REQUEST;
        if (pkt.method != STUN_PKT_BINDING)
                return ICE_E_MALFORMED;
        if (!pkt.has_integrity || !pkt.has_fingerprint)
                return ICE_E_CREDENTIALS;
        cred = find(ice, &pkt);
        if (!cred)
                return ICE_E_UNKNOWN;
        check.cred = cred;
        switch ((int)stun_agent_validate(&ice->agent, &request, data, len, give_password, cred)) {
        case STUN_VALIDATION_SUCCESS:
                reply(ice, &request, src, src_len, ret_reply, &check);
                break;
        case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE:
                /* Authentic, for integrity is checked first: 420, RFC 8489 §6.3.1. */
                check.reply_len = stun_agent_build_unknown_attributes_error(
                        &ice->agent, &response, ret_reply, ICE_REPLY_CAP, &request);
                break;
        case STUN_VALIDATION_NOT_STUN:
        case STUN_VALIDATION_INCOMPLETE_STUN:
                return ICE_E_MALFORMED;
        default:
                return ICE_E_CREDENTIALS;
        }
        check.use_candidate = check.valid && pkt.use_candidate;
        *ret_check = check;
        return 0;
}
