/* SPDX-License-Identifier: Apache-2.0 */
/* What a room under test sends is looked at and forgotten; user: PKT_CAP bytes. */
#ifndef TESTS_FUZZ_FUZZ_OUT_H
#define TESTS_FUZZ_FUZZ_OUT_H

#include "sfu/core/media_room.h"
#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtp.h"
#include "tests/fuzz/fuzz.h"

static void commit_rtp(void *user, void *tag, size_t len, uint32_t ext)
{
        struct rtp_pkt rtp;

        (void)tag;
        FUZZ_CHECK(len <= PKT_CAP && rtp_parse(&rtp, user, len) == 0 && (uint16_t)ext == rtp.seq);
}

static void commit_rtcp(void *user, void *tag, size_t len)
{
        (void)tag;
        FUZZ_CHECK(len <= PKT_CAP && rtcp_check(user, len) == 0);
}

static void on_event(void *user, void *tag, const struct sfu_event *event)
{
        (void)user, (void)tag, (void)event;
}

#endif
