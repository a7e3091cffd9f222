/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stun — looks a datagram over before libnice's STUN library may see it
 *        (RFC 8489 §5, §6.3, §14; ICE attributes RFC 8445 §7.1, §16.1).
 *
 * libnice does not check that MESSAGE-INTEGRITY is 20 bytes long and would read
 * past the datagram. Nothing here verifies a signature: what these functions
 * yield is the sender's claim until libnice has checked the integrity.
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 * Memory: the parsed message borrows from the datagram.
 * Names:  stun_pkt_…, because stun_… is libnice's.
 */
#ifndef SFU_WIRE_STUN_H
#define SFU_WIRE_STUN_H

#include "base/base.h"

/* Faults of the sender; the caller counts them and drops the datagram. */
enum stun_pkt_err {
        STUN_PKT_E_SHORT = 1,   /* fewer than 20 bytes */
        STUN_PKT_E_TYPE,        /* the two top bits are not zero */
        STUN_PKT_E_LENGTH,      /* length field is no multiple of 4, or not the datagram's */
        STUN_PKT_E_COOKIE,      /* not the magic cookie (RFC 3489 clients included) */
        STUN_PKT_E_ATTRIBUTE,   /* an attribute passes the end, or has a wrong size */
        STUN_PKT_E_MANY,        /* more than STUN_PKT_MAX_ATTRIBUTES */
        STUN_PKT_E_INTEGRITY,   /* MESSAGE-INTEGRITY is not 20 bytes */
        STUN_PKT_E_FINGERPRINT, /* FINGERPRINT is not 4 bytes, or not last */
};

enum {
        STUN_PKT_HEADER = 20,
        STUN_PKT_MAX_ATTRIBUTES = 32, /* browsers send at most a dozen */
        STUN_PKT_MAX_USERNAME =
                513,              /* RFC 8489 §14.3: fewer than 509 bytes; ICE: 256 + ':' + 256 */
        STUN_PKT_BINDING = 0x001, /* the one method ICE uses */
};

enum stun_pkt_class {
        STUN_PKT_REQUEST,
        STUN_PKT_INDICATION,
        STUN_PKT_SUCCESS,
        STUN_PKT_ERROR,
};

/* Attributes that follow MESSAGE-INTEGRITY are not covered by it and are not
 * reported (FINGERPRINT excepted); of repeated ones the first counts. */
struct stun_pkt {
        enum stun_pkt_class class;
        uint16_t method;
        const uint8_t *transaction; /* 12 bytes */
        struct span username;       /* "ours:theirs"; empty if there is none */
        bool has_integrity, has_fingerprint;
        bool use_candidate, ice_controlling, ice_controlled, has_priority;
        uint32_t priority;
};

/* Checks the form of the whole datagram. Returns 0 and fills *ret_pkt, or an
 * enum stun_pkt_err and leaves *ret_pkt untouched. */
must_use int stun_pkt_parse(struct stun_pkt *ret_pkt, const uint8_t *data, size_t len);

/* The part of a request's username before the colon: the receiver's own ufrag
 * (RFC 8445 §7.2.2). Empty if there is no colon. */
struct span stun_pkt_local_ufrag(const struct stun_pkt *pkt);

#endif
