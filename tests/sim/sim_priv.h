/* SPDX-License-Identifier: Apache-2.0 */
/* sim_priv — shared by the halves of sim: network, senders, receivers. */
#ifndef TESTS_SIM_SIM_PRIV_H
#define TESTS_SIM_SIM_PRIV_H

#include "tests/sim/sim.h"

enum {
        SIM_EXT_MID = 1,
        SIM_EXT_RID = 2,
        SIM_EXT_REPAIRED_RID = 3,
        SIM_EXT_LEVEL = 4,
        SIM_EXT_SEND_TIME = 5,
        SIM_EXT_TRANSPORT_CC = 6,
        SIM_PT_OPUS = 111,
        SIM_PT_RED = 63,
        SIM_PT_VP8 = 96,  /* RTX: 97 */
        SIM_PT_H264 = 98, /* RTX: 99 */
        SIM_PT_VP9 = 100, /* RTX: 101 */
        SIM_SLOT_SSRC = 0x10000000,
        SIM_RTX_SSRC = 0x00100000, /* added to the media SSRC */
        SIM_SIGNATURE = 16,
        PACKET_OVERHEAD = 16 + 28, /* SRTP, UDP, IPv4 */
};

enum sim_flight_kind {
        SIM_UP_RTP,
        SIM_UP_RTCP,
        SIM_DOWN_RTP,
        SIM_DOWN_RTCP,
        SIM_CAMERA_FRAME,
        SIM_SCREEN_FRAME,
        SIM_MIC_PACKET,
        SIM_SENDER_REPORT,
        SIM_RECEIVER_TICK,
};

struct sim_flight {
        int64_t at_us;
        uint64_t order;
        enum sim_flight_kind kind;
        struct sim_peer *peer;
        int which;
        uint16_t len;
        uint8_t *data;
};

/* sim.c */
void sim_after(struct sim *sim, int64_t after_us, enum sim_flight_kind kind, struct sim_peer *peer,
               int which);
void sim_fly(struct sim_peer *peer, enum sim_flight_kind kind, const uint8_t *data, size_t len,
             int64_t extra_us);

/* sim_sender.c */
void sim_sender_init(struct sim_peer *peer, const struct sim_offer *offer);
void sim_sender_start(struct sim_peer *peer);
void sim_sender_done(struct sim_peer *peer);
void sim_sender_tick(struct sim_peer *peer, enum sim_flight_kind kind, int which);
void sim_sender_on_event(struct sim_peer *peer, const struct sfu_event *event);
void sim_sender_on_pli(struct sim_peer *peer, uint32_t ssrc);
void sim_sender_on_nack(struct sim_peer *peer, uint32_t ssrc, const uint16_t *seqs, size_t n);

/* sim_receiver.c */
void sim_receiver_start(struct sim_peer *peer);
void sim_receiver_done(struct sim_peer *peer);
void sim_receiver_on_rtp(struct sim_peer *peer, const uint8_t *data, size_t len);
void sim_receiver_on_rtcp(struct sim_peer *peer, const uint8_t *data, size_t len);
void sim_receiver_tick(struct sim_peer *peer);

#endif
