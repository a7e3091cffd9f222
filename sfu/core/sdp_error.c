/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "sfu/api.h"

const char *sfu_offer_error_code(enum sfu_offer_err err)
{
        static const char *const codes[SFU_N_OFFER_ERRS] = {
                [SFU_OFFER_TOO_LARGE] = "sdp-too-large",
                [SFU_OFFER_MALFORMED] = "sdp-malformed",
                [SFU_OFFER_NO_BUNDLE] = "sdp-no-bundle",
                [SFU_OFFER_NO_RTCP_MUX] = "sdp-no-rtcp-mux",
                [SFU_OFFER_NO_ICE] = "sdp-no-ice",
                [SFU_OFFER_NO_DTLS] = "sdp-no-dtls",
                [SFU_OFFER_NO_CODEC] = "sdp-no-codec",
                [SFU_OFFER_TOO_MANY] = "sdp-too-many",
                [SFU_OFFER_ROOM_FULL] = "sdp-room-full",
                [SFU_OFFER_CHANGED] = "sdp-changed",
                [SFU_OFFER_WRONG_WAY] = "sdp-wrong-way",
        };

        assert(err >= SFU_OFFER_TOO_LARGE && err < SFU_N_OFFER_ERRS);
        return codes[err];
}
