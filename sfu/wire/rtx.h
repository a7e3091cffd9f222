/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtx — the payload of a retransmission packet (RFC 4588 §4): the original
 *       sequence number, then the original payload.
 *
 * Layer:  wire. Pure. Memory: the result borrows from the packet.
 */
#ifndef SFU_WIRE_RTX_H
#define SFU_WIRE_RTX_H

#include "base/base.h"

enum rtx_err {
        RTX_E_SHORT = 1, /* no room for the original number: a padding-only probe */
};

enum { RTX_OSN_BYTES = 2 };

/* payload: of the RTX packet, without padding. Returns 0 and fills *ret_osn and
 * *ret_original (may be empty), or RTX_E_SHORT and leaves them untouched. */
must_use int rtx_parse(uint16_t *ret_osn, struct span *ret_original, struct span payload);

#endif
