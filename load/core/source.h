/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source — when a publisher sends which packet: frames at a steady rate, key
 *          frames that are larger, a pacer like a browser's, 20 ms of sound.
 *
 * Layer:  load/core. No clock: the caller passes the time.
 * Owner:  the publisher. Thread: its owner's.
 * Units:  *_us microseconds, any monotonic clock.
 *
 * The pacer is libwebrtc's: 2.5 times the bit rate, and what 40 ms at that rate
 * carry may leave at once. So an ordinary frame leaves as one train, a key frame
 * as several.
 *
 * Invariants:
 *  (1) video packets are all SOURCE_VIDEO_BYTES long, and what a frame has too much
 *      is carried over, so that the rate is right on average; only frames smaller
 *      than that are one smaller packet.
 *  (2) packets of one layer come out in order; sound is never paced.
 */
#ifndef LOAD_CORE_SOURCE_H
#define LOAD_CORE_SOURCE_H

#include "base/base.h"

enum {
        SOURCE_MAX_LAYERS = 3,
        SOURCE_SOUND = SOURCE_MAX_LAYERS, /* as a layer's number */
        SOURCE_VIDEO_BYTES = 1100,        /* RTP payload */
        SOURCE_SMALLEST = 64,             /* room for heads and a pattern */
        SOURCE_SOUND_BYTES = 100,         /* 40 kbit/s */
        SOURCE_SOUND_US = 20000,
        SOURCE_QUEUE = 64, /* frames waiting for the pacer; then frames are dropped */
        SOURCE_KEY_SPACING_US = 300 * 1000, /* between two key frames asked for */
};

struct source_config {
        unsigned n_layers; /* 0: no video */
        uint32_t video_bps[SOURCE_MAX_LAYERS];
        unsigned fps;
        int64_t key_every_us;
        unsigned key_ratio; /* a key frame is so many times larger than another */
        double pacing;      /* times the bit rate; 0: a frame leaves at once */
        bool sound;
};

struct source_packet {
        uint8_t layer; /* or SOURCE_SOUND */
        bool first, last, key;
        uint32_t frame; /* number of the frame, or of the sound packet */
        uint16_t bytes; /* of RTP payload */
};

struct source_frame { /* private */
        uint32_t number, n_packets, n_sent;
        uint16_t packet_bytes;
        bool key;
};

struct source_layer { /* private */
        double carried_bytes;
        int64_t key_us; /* of the last key frame */
        bool key_wanted;
        size_t head, n; /* of the queue */
        struct source_frame queue[SOURCE_QUEUE];
};

struct source { /* private */
        struct source_config config;
        int64_t start_us, sound_start_us, paced_us;
        double debt_bytes;
        uint32_t frame, sound;
        uint64_t n_dropped_frames;
        struct source_layer layers[SOURCE_MAX_LAYERS];
};

/* The first frame is due at start_us and is a key frame. */
void source_init(struct source *source, const struct source_config *config, int64_t start_us);

/* Takes one packet that is due. Call until it returns false. */
bool source_next(struct source *source, struct source_packet *ret_packet, int64_t now_us);

/* A receiver needs a key frame of this layer: the next frame becomes one. */
void source_want_key(struct source *source, unsigned layer);

int64_t source_deadline_us(const struct source *source);

/* When this packet's frame was due: what is later is the caller's lateness, or
 * the pacer's. */
int64_t source_due_us(const struct source *source, const struct source_packet *packet);

#endif
