/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/sdp_session.h"

#include <stdlib.h>
#include <string.h>

/* splitmix64: the numbers need to differ, not to be secret. */
static uint64_t next_u64(uint64_t *state)
{
        uint64_t z = *state += 0x9e3779b97f4a7c15u;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
}

static uint32_t next_u32(void *user)
{
        return (uint32_t)(next_u64(user) >> 32);
}

/* Lines that an ICE restart may change. */
static bool is_volatile(const char *line)
{
        static const char *const starts[] = { "o=", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:" };

        for (size_t i = 0; i < ARRAY_LEN(starts); i++)
                if (strncmp(line, starts[i], strlen(starts[i])) == 0)
                        return true;
        return false;
}

/* FNV-1a of all the other lines. A client that finds another text with the same
 * hash has lied to itself: the worker's media does not change. */
static uint64_t shape_of(const char *text)
{
        uint64_t hash = 14695981039346656037u;

        while (*text) {
                size_t len = strcspn(text, "\n");

                if (!is_volatile(text))
                        for (size_t i = 0; i < len; i++)
                                hash = (hash ^ (uint8_t)text[i]) * 1099511628211u;
                text += len + (text[len] == '\n');
        }
        return hash;
}

static int write_text(const struct sdp_session *session, const struct sdp_offer *offer,
                      const struct sdp_answer_params *params, char **ret_text,
                      struct sdp_media *ret_media)
{
        struct sdp_answer_params filled = *params;
        uint64_t state = session->seed;

        filled.session_id = session->id;
        filled.session_version = session->version;
        filled.may_publish = session->may_publish;
        filled.video_codecs = session->video_codecs;
        filled.random_u32 = next_u32;
        filled.random_user = &state;
        return sdp_answer_write(offer, &filled, ret_text, ret_media);
}

int sdp_session_begin(struct sdp_session *ret_session, const struct sdp_offer *offer,
                      const struct sdp_answer_params *params, uint64_t seed, char **ret_text,
                      struct sdp_media *ret_media)
{
        const struct sdp_transport *transport = sdp_offer_transport(offer);
        uint64_t state = ~seed;
        struct sdp_session session = {
                .id = next_u64(&state) >> 2, /* RFC 8829 §5.2.1: below 2^62 */
                .seed = seed,
                .version = 1,
                .may_publish = params->may_publish,
                .we_are_dtls_client = transport->we_are_dtls_client,
                .video_codecs = params->video_codecs,
        };
        int r = write_text(&session, offer, params, ret_text, ret_media);

        if (r != 0)
                return r;
        memcpy(session.fingerprint, transport->fingerprint, sizeof(session.fingerprint));
        session.shape = shape_of(*ret_text);
        *ret_session = session;
        return 0;
}

int sdp_session_again(struct sdp_session *session, const struct sdp_offer *offer,
                      const struct sdp_answer_params *params, char **ret_text)
{
        const struct sdp_transport *transport = sdp_offer_transport(offer);
        struct sdp_session next = *session;
        cleanup(freep) char *text = NULL;
        struct sdp_media media;
        int r;

        if (memcmp(session->fingerprint, transport->fingerprint, sizeof(session->fingerprint)) ||
            session->we_are_dtls_client != transport->we_are_dtls_client)
                return SFU_OFFER_CHANGED;
        next.version++;
        r = write_text(&next, offer, params, &text, &media);
        if (r != 0)
                return r;
        if (shape_of(text) != session->shape)
                return SFU_OFFER_CHANGED;
        *session = next;
        *ret_text = take_ptr(text);
        return 0;
}
