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

/* True when the payload holds a sequence parameter set or the start of an IDR
 * slice: a decoder can begin with the frame (timestamp) of this packet. Several
 * packets of one key frame may answer true. Malformed payloads: what was found
 * before the fault counts. */
bool h264_starts_keyframe(struct span payload);

/* Lines of the pictures, as the payload's sequence parameter set says; 0: it has none that can be
 * read. One in fragments is not looked at: senders put it into one packet. */
uint16_t h264_height(struct span payload);

#endif
