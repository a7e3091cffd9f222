/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest — one client once its ICE is done: DTLS, SRTP, consent, and then either
 *         a publisher or a receiver.
 *
 * Layer:  load/io.
 * Owner:  the swarm. Thread: the swarm's.
 *
 * States: HANDSHAKE -> UP (on_handshake) -> LOST (no consent for CONSENT_US, or
 *         guest_on_refused(), which also sets refused); HANDSHAKE -> FAILED.
 */
#ifndef LOAD_IO_GUEST_H
#define LOAD_IO_GUEST_H

#include <stun/stunagent.h>

#include "load/io/dtls_client.h"
#include "load/io/joiner.h"
#include "load/io/publisher.h"
#include "load/io/receiver.h"

enum guest_state { GUEST_HANDSHAKE, GUEST_UP, GUEST_FAILED, GUEST_LOST };

/* What all guests of a swarm share. */
struct guest_shared {
        const struct client_identity *identity;
        struct source_config source;
        bool trains; /* GRO in, GSO out */
        uint16_t nonce;
        struct tally tally;
        int64_t heard_us; /* the last datagram of all guests; 0: none yet */
        StunAgent stun;   /* 12.8 kB: one is enough */
};

struct guest {
        struct guest_shared *shared;
        struct join *join; /* owned; its descriptor is the guest's socket */
        enum guest_state state;
        bool refused;             /* it was UP, and then nobody had the server's port */
        struct dtls_client *dtls; /* until UP */
        srtp_t in, out;
        struct publisher *publisher; /* one of the two, once UP */
        struct receiver *receiver;
        int64_t up_us, begun_us; /* up_us 0: it never was */
        int64_t heard_us;        /* last consent */
        int64_t consent_us;      /* next question */
        StunTransactionId question;
        uint32_t drops; /* as the kernel counts them for our socket */
};

/* Takes the join (with a descriptor). Returns 0 or -errno. */
must_use int guest_new(struct guest **ret_guest, struct guest_shared *shared, struct join *join,
                       int64_t now_us);
struct guest *guest_free(struct guest *guest); /* accepts NULL */

/* One datagram; data may be written to. */
void guest_on_datagram(struct guest *guest, uint8_t *data, size_t len, int64_t now_us);

/* Nobody has the server's port any more. */
void guest_on_refused(struct guest *guest);

/* After the datagrams of one reading. */
void guest_after_reading(struct guest *guest, int64_t now_us);

/* Every RECEIVER_FEEDBACK_US. */
void guest_on_time(struct guest *guest, int64_t now_us);

#endif
