/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h264 — finds key frames and their size in H.264 RTP payloads (RFC 6184 §5.2: single NAL unit,
 *        §5.7.1 STAP-A, §5.8 FU-A; packetization-mode 0 and 1).
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 */
#ifndef SFU_WIRE_H264_H
#define SFU_WIRE_H264_H

#include "base/base.h"

/* Types of NAL units: ITU-T H.264 table 7-1, RFC 6184 table 1. */
enum h264_nal {
        NAL_SLICE = 1,
        NAL_IDR = 5,
        NAL_SPS = 7,
        NAL_PPS = 8,
        NAL_DELIMITER = 9,
        NAL_FILLER = 12,
        NAL_LAST = 23, /* of those that are not RTP's own */
        NAL_STAP_A = 24,
        NAL_FU_A = 28,
};
enum { NAL_TYPE = 0x1f }; /* of a NAL unit's first byte */

/* True when the payload holds a sequence parameter set or the start of an IDR
 * slice: a decoder can begin with the frame (timestamp) of this packet. Several
 * packets of one key frame may answer true. Malformed payloads: what was found
 * before the fault counts. */
bool h264_starts_keyframe(struct span payload);

/* Lines of the pictures, as the payload's sequence parameter set says; 0: it has none that can be
 * read. One in fragments is not looked at: senders put it into one packet. */
uint16_t h264_height(struct span payload);

#endif
