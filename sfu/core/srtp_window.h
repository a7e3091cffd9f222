/* SPDX-License-Identifier: Apache-2.0 */
/*
 * srtp_window — which SRTP packets of one SSRC have come (RFC 3711 §3.3.1, §3.3.2):
 *               what 48-bit index a 16-bit sequence number stands for, and whether
 *               it was there before.
 *
 * Layer:  core.
 * Owner:  media_crypt, one per SSRC. Zero-initialise.
 *
 * Invariants:
 *  (1) only indexes of packets that verified are noted.
 */
#ifndef SFU_CORE_SRTP_WINDOW_H
#define SFU_CORE_SRTP_WINDOW_H

#include "base/base.h"

/* A 720p key frame and its retransmissions stay well inside it. */
enum { SRTP_WINDOW = 1024 };

struct srtp_window {
        bool begun;
        uint64_t newest;
        uint64_t came[SRTP_WINDOW / 64]; /* bit index % SRTP_WINDOW, for newest and before */
};

/* The index nearest to the newest one; of the first packet, the number itself. */
uint64_t srtp_window_index(const struct srtp_window *window, uint16_t seq);

/* It has come, or is so old that nobody knows. */
bool srtp_window_has(const struct srtp_window *window, uint64_t index);

void srtp_window_note(struct srtp_window *window, uint64_t index);

#endif
