/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/demux.h"
#include "sfu/wire/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct stun_pkt pkt;

        if (stun_pkt_parse(&pkt, data, size) != 0)
                return 0;
        FUZZ_CHECK(demux_classify(data, size) == DEMUX_STUN || data[0] > 3);
        FUZZ_CHECK(pkt.class <= STUN_PKT_ERROR && pkt.method <= 0xfff);
        FUZZ_CHECK(pkt.transaction == data + 8);
        FUZZ_CHECK(fuzz_within(pkt.username, data, size));
        FUZZ_CHECK(pkt.username.len <= STUN_PKT_MAX_USERNAME);
        FUZZ_CHECK(fuzz_within(stun_pkt_local_ufrag(&pkt), pkt.username.data, pkt.username.len));
        return 0;
}
