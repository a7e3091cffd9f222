/* SPDX-License-Identifier: Apache-2.0 */
/*
 * av1_sequence — the sequence header OBU (AV1 §5.5), as far as its colour configuration: what a
 *                file and a decoder are set up with.
 *
 * Layer:  jobs/core. Pure.
 */
#ifndef SFU_JOBS_CORE_AV1_SEQUENCE_H
#define SFU_JOBS_CORE_AV1_SEQUENCE_H

#include "base/base.h"

struct av1_sequence {
        struct span obu; /* within the unit, with its size */
        uint32_t width, height;
        uint8_t config[4]; /* the fixed part of an av1C box (AV1 in ISOBMFF §2.3.3) */
};

/* Looks through a temporal unit in the low-overhead format. False when it has no sequence header,
 * or one that cannot be read. */
must_use bool av1_find_sequence(struct span unit, struct av1_sequence *ret_sequence);

#endif
