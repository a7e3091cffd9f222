/* SPDX-License-Identifier: Apache-2.0 */
/*
 * red — redundant audio data (RFC 2198 §3): older frames travel in front of the
 *       packet's own.
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 * Memory: blocks borrow from the payload.
 */
#ifndef SFU_WIRE_RED_H
#define SFU_WIRE_RED_H

#include "base/base.h"

enum red_err {
        RED_E_SHORT = 1, /* headers or blocks pass the end */
        RED_E_TOO_MANY,  /* more than RED_MAX_BLOCKS */
};

enum {
        RED_MAX_BLOCKS = 8,
        RED_MAX_TS_OFFSET = 0x3fff,
        RED_MAX_BLOCK_LEN = 0x3ff, /* of a redundant block */
};

struct red_block {
        uint8_t pt;         /* 0..127 */
        uint16_t ts_offset; /* how much older than the packet's timestamp; 0: the primary */
        struct span data;   /* may be empty */
};

/* Reads the payload of one RTP packet: oldest first, ret_blocks[*ret_n - 1] is the
 * primary one, *ret_n >= 1. Returns 0, or an enum red_err and leaves both
 * untouched. */
must_use int red_parse(struct red_block ret_blocks[RED_MAX_BLOCKS], size_t *ret_n,
                       struct span payload);

/* Writes n >= 1 blocks in that order; the last one is the primary, whose ts_offset
 * is not read. Others: ts_offset and length within the limits above (a bug of ours
 * otherwise: asserted). w->bad when it does not fit. */
void red_write(struct wr *w, const struct red_block *blocks, size_t n);

#endif
