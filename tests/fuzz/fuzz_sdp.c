/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: refused, or answered with clean text that fits the offer. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/core/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t next_ssrc(void *user)
{
        return ++*(uint32_t *)user;
}

static void check_answer(const char *text, const struct sdp_media *media)
{
        size_t n_lines = 0;

        for (const char *at = text; *at; at++) {
                assert((*at >= ' ' && *at < 0x7f) || *at == '\r' || *at == '\n');
                n_lines += *at == '\n' && at[1] == 'm';
        }
        assert(n_lines >= 1 && n_lines <= SDP_MAX_MLINES);
        assert(media->n_audio_slots <= SFU_AUDIO_SLOTS);
        assert(media->n_video_slots <= SFU_MAX_VIDEO_SLOTS);
        for (size_t i = 0; i < SFU_N_KINDS; i++)
                assert(media->pubs[i].n_rids <= SDP_MAX_RIDS);
}

static void answer(const struct sdp_offer *offer, bool may_publish, unsigned codecs)
{
        static const uint8_t fingerprint[32];
        const struct sdp_candidate candidate = { "127.0.0.1", 7000, true };
        struct sdp_media media;
        uint32_t counter = 0;
        char *text = NULL;
        struct sdp_answer_params params = {
                .ufrag = "ourufrag",
                .pwd = "ourpasswordourpassword",
                .fingerprint = fingerprint,
                .candidates = &candidate,
                .n_candidates = 1,
                .may_publish = may_publish,
                .video_codecs = codecs,
                .session_version = 1,
                .random_u32 = next_ssrc,
                .random_user = &counter,
        };

        if (sdp_answer_write(offer, &params, &text, &media) != 0)
                abort();
        check_answer(text, &media);
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sdp_offer *offer = NULL;
        int r = sdp_offer_parse(&offer, (const char *)data, size);

        assert(r >= 0 && r < SFU_N_OFFER_ERRS);
        if (r != 0)
                return 0;
        assert(strlen(sdp_offer_transport(offer)->ufrag) >= 4);
        answer(offer, true, SDP_VIDEO_CODECS);
        answer(offer, false, SDP_CODEC_BIT(SDP_H264));
        if (sdp_offer_aim(offer, SFU_TO_WATCH) == 0)
                answer(offer, false, SDP_VIDEO_CODECS);
        (void)sdp_offer_free(offer);
        return 0;
}
