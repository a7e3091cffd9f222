/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/stun.h"

#include <string.h>

enum {
        MAGIC_COOKIE = 0x2112a442, /* RFC 8489 §5 */
        /* RFC 8489 §18.3 and RFC 8445 §16.1 */
        USERNAME = 0x0006,
        MESSAGE_INTEGRITY = 0x0008,
        PRIORITY = 0x0024,
        USE_CANDIDATE = 0x0025,
        FINGERPRINT = 0x8028,
        ICE_CONTROLLED = 0x8029,
        ICE_CONTROLLING = 0x802a,
};

/* Attributes of one fixed size; libnice is shown no other. */
static const struct {
        uint16_t type, len;
} fixed_sizes[] = {
        { PRIORITY, 4 },
        { USE_CANDIDATE, 0 },
        { ICE_CONTROLLED, 8 },
        { ICE_CONTROLLING, 8 },
};

static int check_size(uint16_t type, size_t len)
{
        if (type == MESSAGE_INTEGRITY)
                return len == 20 ? 0 : STUN_PKT_E_INTEGRITY;
        if (type == FINGERPRINT)
                return len == 4 ? 0 : STUN_PKT_E_FINGERPRINT;
        if (type == USERNAME)
                return len <= STUN_PKT_MAX_USERNAME ? 0 : STUN_PKT_E_ATTRIBUTE;
        for (size_t i = 0; i < ARRAY_LEN(fixed_sizes); i++)
                if (fixed_sizes[i].type == type)
                        return len == fixed_sizes[i].len ? 0 : STUN_PKT_E_ATTRIBUTE;
        return 0;
}

/* Only attributes before MESSAGE-INTEGRITY come here. */
static void note_attribute(struct stun_pkt *pkt, uint16_t type, struct span value)
{
        struct rd r = rd_init(value.data, value.len);

        switch (type) {
        case USERNAME:
                if (!pkt->username.data)
                        pkt->username = value;
                break;
        case PRIORITY:
                if (!pkt->has_priority)
                        pkt->priority = rd_u32(&r);
                pkt->has_priority = true;
                break;
        case USE_CANDIDATE:
                pkt->use_candidate = true;
                break;
        case ICE_CONTROLLED:
                pkt->ice_controlled = true;
                break;
        case ICE_CONTROLLING:
                pkt->ice_controlling = true;
                break;
        case MESSAGE_INTEGRITY:
                pkt->has_integrity = true;
                break;
        }
}

static int parse_attribute(struct stun_pkt *pkt, struct rd *r)
{
        uint16_t type = rd_u16(r);
        size_t len = rd_u16(r);
        struct span value = rd_take(r, len);

        rd_take(r, (4 - len % 4) % 4); /* padding, RFC 8489 §14 */
        if (r->bad)
                return STUN_PKT_E_ATTRIBUTE;

        int err = check_size(type, len);
        if (err)
                return err;
        if (type == FINGERPRINT) {
                pkt->has_fingerprint = true;
                return rd_left(r) == 0 ? 0 : STUN_PKT_E_FINGERPRINT;
        }
        if (!pkt->has_integrity)
                note_attribute(pkt, type, value);
        return 0;
}

static int parse_header(struct stun_pkt *pkt, struct rd *r)
{
        uint16_t type = rd_u16(r);
        uint16_t len = rd_u16(r);
        uint32_t cookie = rd_u32(r);

        pkt->transaction = rd_take(r, 12).data;
        if (r->bad)
                return STUN_PKT_E_SHORT;
        if (type & 0xc000)
                return STUN_PKT_E_TYPE;
        if (len % 4 != 0 || len != rd_left(r))
                return STUN_PKT_E_LENGTH;
        if (cookie != MAGIC_COOKIE)
                return STUN_PKT_E_COOKIE;

        /* The class bits sit between the method's, RFC 8489 §5 figure 3. */
        pkt->class = (enum stun_pkt_class)((type >> 7 & 2) | (type >> 4 & 1));
        pkt->method = (uint16_t)((type >> 2 & 0xf80) | (type >> 1 & 0x70) | (type & 0xf));
        return 0;
}

int stun_pkt_parse(struct stun_pkt *ret_pkt, const uint8_t *data, size_t len)
{
        struct rd r = rd_init(data, len);
        struct stun_pkt pkt = { 0 };
        int err = parse_header(&pkt, &r);

        for (size_t n = 0; !err && rd_left(&r) > 0; n++)
                err = n < STUN_PKT_MAX_ATTRIBUTES ? parse_attribute(&pkt, &r) : STUN_PKT_E_MANY;
        if (err)
                return err;

        *ret_pkt = pkt;
        return 0;
}

struct span stun_pkt_local_ufrag(const struct stun_pkt *pkt)
{
        struct span name = pkt->username;
        const uint8_t *colon = name.len ? memchr(name.data, ':', name.len) : NULL;

        if (!colon)
                return (struct span){ 0 };
        return (struct span){ name.data, (size_t)(colon - name.data) };
}
