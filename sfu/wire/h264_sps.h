/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h264_sps — the sequence parameter set of H.264 (§7.3.2.1.1), as far as the picture's size.
 *
 * Layer:  wire. Pure.
 */
#ifndef SFU_WIRE_H264_SPS_H
#define SFU_WIRE_H264_SPS_H

#include "base/base.h"

struct h264_sps {
        uint8_t profile, constraints, level;
        uint8_t chroma_format, luma_depth, chroma_depth; /* depths: bits less 8 */
        bool is_high;                                    /* its profile tells chroma and depths */
        uint32_t width, height;                          /* what is shown */
};

/* nal: with its header byte, at most 256 bytes. False when it cannot be read. */
must_use bool h264_sps_parse(struct span nal, struct h264_sps *ret_sps);

#endif
