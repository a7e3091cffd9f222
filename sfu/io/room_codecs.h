/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room_codecs — which video codecs everybody in a room decodes, and who sends what
 *               somebody cannot decode.
 *
 * Owner:  part of a room's entry; the signalling thread's.
 *
 * A publication gets its codec when it is offered, by what everybody then in the
 * room decodes (sdp.h). When somebody comes who does not decode VP9 or AV1, who
 * sends that and could send what everybody decodes has to offer again. She keeps
 * what she gets then, also when the newcomer has left: so nobody can make her come
 * and go. A camera in VP8 stays so; a viewer with H.264 only does not see it.
 *
 * A feed (a film, a camera of the hall) is in VP8, or in H.264 where somebody cannot
 * decode VP8 and everybody decodes H.264. When somebody cannot decode what it is in, and
 * everybody could decode the other, it changes without being opened again: because she
 * came, or because those left who could not decode the other. What everybody decodes
 * stays, whoever comes and goes, and changes have their pace (feed_changes_take()).
 */
#ifndef SFU_IO_ROOM_CODECS_H
#define SFU_IO_ROOM_CODECS_H

#include "sfu/core/sdp.h"

/* Of one peer; bits of codecs. */
struct peer_codecs {
        unsigned recv; /* every video slot decodes them; 0: it has none */
        unsigned sent; /* its pictures are in these */
        unsigned send; /* it offered all its pictures in these */
        bool fed;      /* its pictures are a job's */
};

struct room_codecs {
        uint32_t n_viewers;           /* peers that receive video, and */
        uint32_t n_can[SDP_N_CODECS]; /* how many of them decode each codec */
        uint32_t n_new;               /* peers that send VP9 or AV1 */
        uint32_t n_fed;               /* feeds with pictures */
};

/* Of an offer and what was made of it. */
struct peer_codecs peer_codecs_of(const struct sdp_offer *offer, const struct sdp_media *media);

/* A peer came (sign 1) or went (-1). */
void room_codecs_count(struct room_codecs *room, const struct peer_codecs *peer, int sign);

/* What everybody decodes who watches; newcomer: and who is about to, with this. */
unsigned room_codecs_decoded(const struct room_codecs *room, unsigned newcomer);

/* Whether anybody may have to offer again for the newcomer, who is counted already. */
bool room_codecs_disturbed(const struct room_codecs *room, const struct peer_codecs *newcomer);

/* Whether this peer has to. */
bool room_codecs_must_change(const struct room_codecs *room, const struct peer_codecs *newcomer,
                             const struct peer_codecs *peer);

/* Whether who comes or goes may make a feed change. */
bool room_codecs_disturbs_feeds(const struct room_codecs *room, const struct peer_codecs *peer);

/* A change makes a feed's picture stand still for a moment. So some are at once, and then they come
 * slowly: nobody spoils a film by coming and going, with the one codec and the other. */
#define FEED_CHANGE_EVERY_US ((int64_t)30 * 1000 * 1000)
enum { FEED_CHANGES_BURST = 3 };

struct feed_changes { /* zero-initialise */
        int64_t rested_us;
};

/* Returns 0, and counts it: the feed may change now. Else when it may. */
must_use int64_t feed_changes_take(struct feed_changes *changes, int64_t now_us);

/* What a feed's pictures are to be in: VP8 or H.264. sent: the bit of what they are in; 0: it is
 * being opened. */
enum sdp_codec room_codecs_of_feed(const struct room_codecs *room, unsigned sent);

#endif
