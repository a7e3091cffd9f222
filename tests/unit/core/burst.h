/* SPDX-License-Identifier: Apache-2.0 */
/*
 * burst — a room whose peers publish a microphone and a camera, listen, and watch
 *         two; it remembers each packet that leaves. Time is virtual: each costs
 *         PACKET_US. That no number goes out twice to a peer is asserted here.
 */
#ifndef TESTS_UNIT_CORE_BURST_H
#define TESTS_UNIT_CORE_BURST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/media_room.h"

enum {
        BURST_SLOT_AUDIO = 500, /* SSRCs */
        BURST_SLOT_VIDEO = 600, /* two of them */
        BURST_MAX_PEERS = 1100,
        BURST_MAX_SENT = 200000,
};

struct burst_sent {
        uint32_t peer; /* index */
        uint32_t ssrc;
        uint16_t seq, number; /* number: the publisher's, from the payload */
};

struct burst_peer {
        struct media_peer *media;
        uint8_t *seen[3]; /* bit per sequence number of its slots */
};

struct burst {
        struct media_room *room;
        struct pkt_pool *pool;
        int64_t now_us;
        uint8_t buf[2048];
        size_t n_sent;
        struct burst_sent sent[BURST_MAX_SENT]; /* a ring */
        struct burst_peer peers[BURST_MAX_PEERS];
        size_t n_peers;
};

/* Of the test that runs. */
extern struct burst *burst;

int burst_set_up(void **state);
int burst_tear_down(void **state); /* asserts that every packet is back in the pool */

/* The participant's number is her index + 1. */
struct burst_peer *burst_join_at(size_t i);
struct burst_peer *burst_join(void);
void burst_leave(struct burst_peer *peer);
/* A slot shows this participant. */
void burst_view(struct burst_peer *peer, uint8_t slot, bool audio, uint32_t participant);
/* Peer 0, and so many who hear her and see her in their first slot. */
struct burst_peer *burst_publisher_and(size_t n_viewers);

/* A packet of the camera, numbered seq; key: the first of a key frame. */
void burst_send_video_as(struct burst_peer *from, uint32_t ssrc, uint16_t seq, bool key);
void burst_send_video(struct burst_peer *from, uint16_t seq, bool key);
void burst_send_padding(struct burst_peer *from, uint16_t seq);
void burst_send_audio(struct burst_peer *from, uint16_t seq);

bool burst_waits(void);
void burst_step(void);
void burst_step_all(void);

/* What a slot of one peer was sent, by number; returns how many. */
size_t burst_numbers_of(const struct burst_peer *peer, uint32_t ssrc, uint16_t *ret, size_t cap);

#endif
