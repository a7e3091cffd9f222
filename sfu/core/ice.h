/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ice — an ICE-lite responder (RFC 8445 §2.5, §7.3) for many sessions on one
 *       socket. The only file that knows libnice's STUN library.
 *
 * Layer:  core. No I/O, no clock, no allocation after ice_new().
 * Owner:  one per worker.
 * Thread: the worker's; nothing here is locked.
 *
 * Invariants:
 *  (1) no answer is made unless MESSAGE-INTEGRITY verified with the password
 *      that belongs to the user name, FINGERPRINT included.
 *  (2) libnice sees no datagram that stun_pkt_parse() refused.
 */
#ifndef SFU_CORE_ICE_H
#define SFU_CORE_ICE_H

#include <sys/socket.h>

#include "base/base.h"

enum {
        ICE_UFRAG_LEN = 12, /* 71 bits of chance; RFC 8445 §5.3 asks for 24 */
        ICE_PWD_LEN = 32,   /* 190 bits; it asks for 128 */
        ICE_REMOTE_UFRAG_CAP = 257,
        ICE_REPLY_CAP = 256, /* every reply fits: header, one address, integrity, fingerprint */
        ICE_SPARE = 32,      /* readable bytes that must follow a datagram */
};

/* Credentials of one session; embedded in its owner, which fills them in. */
struct ice_cred {
        char ufrag[ICE_UFRAG_LEN + 1], pwd[ICE_PWD_LEN + 1]; /* ours */
        char remote_ufrag[ICE_REMOTE_UFRAG_CAP];
        void *tag;
        struct ice_cred *next; /* private */
};

struct ice;

must_use int ice_new(struct ice **ret_ice); /* 0 or -ENOMEM */
struct ice *ice_free(struct ice *ice);      /* accepts NULL; credentials stay with their owners */
DEFINE_CLEANUP(struct ice *, ice_free)

/* cred->ufrag must not be there yet; cred stays put until ice_remove(). */
void ice_add(struct ice *ice, struct ice_cred *cred);
void ice_remove(struct ice *ice, struct ice_cred *cred);

enum ice_err {
        ICE_E_MALFORMED = 1, /* stun_pkt_parse() or libnice refused it */
        ICE_E_NOT_REQUEST,   /* an indication or response: nothing to do, not a fault */
        ICE_E_UNKNOWN,       /* no session has this user name */
        ICE_E_CREDENTIALS,   /* integrity or fingerprint missing or wrong */
};

struct ice_check {
        const struct ice_cred *cred; /* that verified */
        bool valid;                  /* false: authentic, but answered with an error (487, 420) */
        bool use_candidate;          /* nominated; only with valid */
        size_t reply_len;            /* 0: nothing to send */
};

/* One datagram from src; ICE_SPARE bytes behind data[len) are readable. The
 * answer for src is written to ret_reply (ICE_REPLY_CAP bytes). Returns 0 with
 * *ret_check filled, or an enum ice_err: then there is no answer. */
must_use int ice_on_datagram(struct ice *ice, const uint8_t *data, size_t len,
                             const struct sockaddr *src, socklen_t src_len, uint8_t *ret_reply,
                             struct ice_check *ret_check);

#endif
