/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receiver — the slots of one watching client: measures what arrives, and sends
 *            the feedback a browser would.
 *
 * Layer:  load/io.
 * Owner:  the guest.
 * Thread: its owner's.
 */
#ifndef LOAD_IO_RECEIVER_H
#define LOAD_IO_RECEIVER_H

#include "load/core/feedback.h"
#include "load/core/tally.h"

struct receiver {
        bool transport_cc;
        uint16_t nonce; /* of the run: patterns of others are not measured */
        struct tally *tally;
        int64_t first_us[TALLY_KINDS]; /* first packet of ours; 0: none yet */
        bool tcc_due, nack_due;        /* write_urgent() has something */
        unsigned n_reports;
        struct feedback feedback;
        size_t n_slots;
        struct receiver_slot {
                struct load_slot sdp;
                struct meter meter;
                int64_t last_us;
        } slots[];
};

must_use int receiver_new(struct receiver **ret_receiver, const struct load_answer *answer,
                          uint16_t nonce, uint32_t own_ssrc, struct tally *tally);
struct receiver *receiver_free(struct receiver *receiver); /* accepts NULL */

/* A decrypted packet. */
void receiver_on_rtp(struct receiver *receiver, const uint8_t *data, size_t len, int64_t now_us);
void receiver_on_rtcp(struct receiver *receiver, const struct rtcp_pkt *pkt, int64_t now_us);

/* Append RTCP: what cannot wait, and what is due every RECEIVER_FEEDBACK_US. */
enum { RECEIVER_FEEDBACK_US = 100 * 1000 };
void receiver_write_urgent(struct receiver *receiver, struct wr *w, int64_t now_us);
void receiver_write_regular(struct receiver *receiver, struct wr *w, int64_t now_us);

#endif
