/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/demux.h"

enum demux_kind demux_classify(const uint8_t *data, size_t len)
{
        if (len < 2)
                return DEMUX_UNKNOWN; /* nothing of ours is that short */
        if (data[0] <= 3)
                return DEMUX_STUN;
        if (data[0] >= 20 && data[0] <= 63)
                return DEMUX_DTLS;
        if (data[0] < 128 || data[0] > 191)
                return DEMUX_UNKNOWN;

        /* RFC 5761 §4: RTCP packet types; as RTP this would be payload types
         * 64..95 with the marker, which nobody may negotiate beside rtcp-mux. */
        return data[1] >= 192 && data[1] <= 223 ? DEMUX_RTCP : DEMUX_RTP;
}
