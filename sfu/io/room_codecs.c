/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/room_codecs.h"

enum {
        NEW_CODECS = SDP_CODEC_BIT(SDP_VP9) | SDP_CODEC_BIT(SDP_AV1),
        FEED_CODECS = SDP_CODEC_BIT(SDP_VP8) | SDP_CODEC_BIT(SDP_H264),
};

struct peer_codecs peer_codecs_of(const struct sdp_offer *offer, const struct sdp_media *media)
{
        struct peer_codecs peer = {
                .recv = sdp_offer_recv_codecs(offer),
                .send = sdp_offer_send_codecs(offer),
        };

        for (unsigned kind = SFU_CAMERA; kind < SFU_N_KINDS; kind++)
                for (unsigned codec = 0; codec < SDP_N_CODECS; codec++)
                        if (media->pubs[kind].used && media->pubs[kind].pts[codec].used)
                                peer.sent |= SDP_CODEC_BIT(codec);
        return peer;
}

void room_codecs_count(struct room_codecs *room, const struct peer_codecs *peer, int sign)
{
        if (peer->sent & NEW_CODECS)
                room->n_new += (uint32_t)sign;
        if (peer->fed)
                room->n_fed += (uint32_t)sign;
        if (!peer->recv)
                return;
        room->n_viewers += (uint32_t)sign;
        for (unsigned codec = 0; codec < SDP_N_CODECS; codec++)
                if (peer->recv & SDP_CODEC_BIT(codec))
                        room->n_can[codec] += (uint32_t)sign;
}

unsigned room_codecs_decoded(const struct room_codecs *room, unsigned newcomer)
{
        uint32_t n = room->n_viewers + (newcomer ? 1 : 0);
        unsigned decoded = 0;

        for (unsigned codec = 0; codec < SDP_N_CODECS; codec++)
                if (room->n_can[codec] + (newcomer & SDP_CODEC_BIT(codec) ? 1 : 0) == n)
                        decoded |= SDP_CODEC_BIT(codec);
        return decoded;
}

static unsigned missing(const struct peer_codecs *newcomer, unsigned of)
{
        return newcomer->recv ? of & ~newcomer->recv : 0;
}

bool room_codecs_disturbed(const struct room_codecs *room, const struct peer_codecs *newcomer)
{
        return room->n_new > 0 && missing(newcomer, NEW_CODECS);
}

bool room_codecs_must_change(const struct room_codecs *room, const struct peer_codecs *newcomer,
                             const struct peer_codecs *peer)
{
        return (peer->sent & missing(newcomer, NEW_CODECS)) &&
               (peer->send & room_codecs_decoded(room, 0));
}

bool room_codecs_disturbs_feeds(const struct room_codecs *room, const struct peer_codecs *peer)
{
        return room->n_fed > 0 && missing(peer, FEED_CODECS);
}

int64_t feed_changes_take(struct feed_changes *changes, int64_t now_us)
{
        const int64_t most_us = (FEED_CHANGES_BURST - 1) * FEED_CHANGE_EVERY_US;

        if (changes->rested_us < now_us)
                changes->rested_us = now_us;
        if (changes->rested_us - now_us > most_us)
                return changes->rested_us - most_us;
        changes->rested_us += FEED_CHANGE_EVERY_US;
        return 0;
}

enum sdp_codec room_codecs_of_feed(const struct room_codecs *room, unsigned sent)
{
        unsigned decoded = room_codecs_decoded(room, 0) & FEED_CODECS;

        /* Where there is none for all it stays as it is. */
        if ((sent & decoded) || (sent && !decoded))
                return sent & SDP_CODEC_BIT(SDP_H264) ? SDP_H264 : SDP_VP8;
        return decoded == SDP_CODEC_BIT(SDP_H264) ? SDP_H264 : SDP_VP8;
}
