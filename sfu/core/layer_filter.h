/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_filter — which packets of one stream a slot takes when it wants fewer
 *                spatial or temporal layers than the stream has, and at which frame
 *                it may begin to take more.
 *
 * Layer:  core. Pure: a caller's struct, no clock, no allocation.
 * Owner:  one per slot.
 * Thread: the worker's.
 *
 * A *frame* is one spatial layer of one picture. With dependency descriptors the
 * filter goes by decode targets and knows what it let pass, so it finds any point
 * from which a target can be decoded. Without them it goes by what the payload
 * says (VP8: RFC 7741 §4.2; VP9: RFC 9628 §4.2):
 *
 *   fewer temporal layers   at the next picture
 *   more temporal layers    VP8: a frame of the next layer with Y (it needs layer 0
 *                           only); VP9: behind a picture with U
 *   fewer spatial layers    at the next picture, all lower ones were sent
 *   more spatial layers     at a key picture, which opens all temporal layers too
 *
 * Spatial layers never rise within a picture of which something has passed: it may
 * have gone out as complete.
 *
 * Invariants:
 *  (1) what passes can be decoded without what does not.
 *  (2) packets of one frame share its fate, in whatever order they come.
 */
#ifndef SFU_CORE_LAYER_FILTER_H
#define SFU_CORE_LAYER_FILTER_H

#include "base/base.h"
#include "sfu/wire/dd.h"

enum {
        LAYER_ALL = 0xff,
        LAYER_MAX_SPATIAL = DD_MAX_SPATIAL, /* in what we count */
        LAYER_MAX_TEMPORAL = 4,
};

/* What one packet says of its frame. A codec without layers: zeros but for key,
 * starts and ends. */
struct layer_frame {
        bool key;          /* a decoder can begin with this packet */
        bool starts, ends; /* first, last packet of the frame */
        bool inter;        /* needs older pictures */
        bool joins;        /* VP8's Y: needs temporal layer 0 only */
        bool opens;        /* VP9's U: what follows needs nothing older of a higher tid */
        uint8_t sid, tid;
        bool has_dd;
        struct dd_frame dd;
};

struct layer_filter {
        uint8_t want_sid, want_tid; /* at most these; LAYER_ALL: whatever there is */
        uint8_t sid, tid;           /* what passes now */
        bool begun;
        bool opened;     /* the last picture allows more temporal layers */
        bool by_targets; /* sid and tid are those of this target: */
        uint8_t target;
        uint16_t newest; /* frame number, and which of it and the 63 before it passed */
        uint64_t passed;
        uint32_t picture; /* timestamp of the picture at hand */
};

void layer_filter_init(struct layer_filter *filter);

/* Another stream begins, with a key frame. What is wanted stays. */
void layer_filter_restart(struct layer_filter *filter);

/* True: the packet passes. Call in the order of arrival, also for packets that come
 * late; structure: the stream's latest, NULL without descriptors. */
must_use bool layer_filter_passes(struct layer_filter *filter, const struct layer_frame *frame,
                                  uint32_t ts, const struct dd_structure *structure);

/* The highest spatial layer that passes of the present picture; LAYER_ALL: whatever
 * there is. The last packet of its frame ends the picture and needs the marker bit
 * (RFC 9628 §4.1, AOM RTP §4.2). */
uint8_t layer_filter_top(const struct layer_filter *filter);

/* Other spatial layers are wanted than pass, of n_spatial that the stream has: a
 * key frame would surely help. */
bool layer_filter_wants_key(const struct layer_filter *filter, uint8_t n_spatial);

#endif
