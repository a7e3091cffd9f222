/* SPDX-License-Identifier: Apache-2.0 */
/* Taps and feeds: the media plane's side of jobs. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "sfu/io/sfu_internal.h"
#include "sfu/wire/job_record.h"

/* Taps. */

void sfu_free_taps(struct sfu *sfu)
{
        struct tap_info *tap;
        size_t at = 0;

        while ((tap = u64_map_next(&sfu->taps, &at)))
                free(tap);
        u64_map_done(&sfu->taps);
}

static size_t taps_of(struct sfu *sfu, uint64_t room)
{
        struct tap_info *tap;
        size_t at = 0, n = 0;

        while ((tap = u64_map_next(&sfu->taps, &at)))
                n += tap->room == room;
        return n;
}

static int tap_worker(struct sfu *sfu, unsigned worker, const struct sfu_tap_params *params,
                      uint64_t id)
{
        cleanup(freep) struct worker_tap_open *open = calloc(1, sizeof(*open));
        struct worker_command command = { .type = WORKER_TAP, .tap = open };
        int r;

        if (!open)
                return -ENOMEM;
        *open = (struct worker_tap_open){ .id = id, .room = params->room, .mode = params->mode };
        open->fd = fcntl(params->fd, F_DUPFD_CLOEXEC, 0);
        if (open->fd < 0)
                return -errno;
        r = worker_post(sfu->workers[worker], &command);
        if (r < 0)
                close(open->fd);
        else
                open = NULL; /* the worker's now */
        return r;
}

static void untap_workers(struct sfu *sfu, unsigned n, uint64_t id)
{
        for (unsigned i = 0; i < n; i++)
                sfu_post(sfu, i, &(struct worker_command){ .type = WORKER_UNTAP, .peer = id });
}

int sfu_tap_open(struct sfu *sfu, const struct sfu_tap_params *params, uint64_t *ret_tap)
{
        cleanup(freep) struct tap_info *tap = NULL;
        uint64_t id = sfu->last_tap + 1;
        int r;

        assert(params->mode < SFU_N_TAP_MODES);
        if (taps_of(sfu, params->room) >= SFU_MAX_TAPS_PER_ROOM)
                return -EBUSY;
        r = u64_map_reserve(&sfu->taps);
        if (r < 0)
                return r;
        tap = calloc(1, sizeof(*tap));
        if (!tap)
                return -ENOMEM;
        for (unsigned i = 0; i < sfu->n_workers; i++) {
                r = tap_worker(sfu, i, params, id);
                if (r < 0) {
                        untap_workers(sfu, i, id);
                        return r;
                }
        }
        close(params->fd); /* each worker has its own */
        *tap = (struct tap_info){ .id = id, .room = params->room };
        sfu->last_tap = id;
        *ret_tap = id;
        u64_map_put(&sfu->taps, id, take_ptr(tap));
        return 0;
}

void sfu_tap_close(struct sfu *sfu, uint64_t id)
{
        struct tap_info *tap = u64_map_get(&sfu->taps, id);

        if (!tap)
                return;
        untap_workers(sfu, sfu->n_workers, id);
        u64_map_remove(&sfu->taps, id);
        free(tap);
}

/* Feeds. */

static struct sdp_publication sends(const char *mid)
{
        struct sdp_publication pub = { .used = true };

        memcpy(pub.mid, mid, strlen(mid) + 1);
        return pub;
}

/* What its SDP would have said: see job_record.h. Which of the codecs its pictures are in, each
 * packet says. */
static struct sdp_media media_of(const struct sfu_feed_params *params)
{
        static const char *const rids[SDP_MAX_RIDS] = { "0", "1", "2" };
        struct sdp_media media = { .pubs[SFU_MIC] = sends("0") };
        struct sdp_publication picture = sends("1");

        media.pubs[SFU_MIC].pts[SDP_OPUS] = (struct sdp_pt){ .used = true, .pt = JOB_PT_OPUS };
        media.pubs[SFU_MIC].ext.audio_level = JOB_EXT_AUDIO_LEVEL;
        if (params->n_layers == 0)
                return media;
        picture.pts[SDP_VP8] = (struct sdp_pt){ .used = true, .pt = JOB_PT_VP8 };
        picture.pts[SDP_H264] = (struct sdp_pt){ .used = true, .pt = JOB_PT_H264 };
        picture.n_rids = params->n_layers > 1 ? params->n_layers : 0;
        for (size_t i = 0; i < picture.n_rids; i++)
                memcpy(picture.rids[i], rids[i], 2);
        media.pubs[params->screen ? SFU_SCREEN : SFU_CAMERA] = picture;
        return media;
}

static int feed_room(struct sfu *sfu, struct room_info *room, const struct sfu_feed_params *params)
{
        cleanup(freep) struct worker_peer *open = calloc(1, sizeof(*open));
        cleanup(freep) struct peer_info *info = calloc(1, sizeof(*info));
        const struct sfu_peer_params peer = { .room = params->room,
                                              .participant = params->participant,
                                              .may_publish = true };
        int r;

        if (!open || !info)
                return -ENOMEM;
        r = sfu_place(sfu, room, &peer, open);
        if (r != 0)
                return r;
        open->feed_fd = params->fd;
        open->film = params->screen;
        open->media = media_of(params);
        open->feed_codec = SDP_OPUS;
        info->fed = true;
        if (params->n_layers > 0) {
                open->feed_codec = room_codecs_of_feed(&room->codecs, 0);
                info->codecs.fed = true;
                info->codecs.sent = SDP_CODEC_BIT(open->feed_codec);
        }
        return sfu_start(sfu, room, &open, &info);
}

static void adapt(struct sfu *sfu, struct peer_info *feed)
{
        enum sdp_codec codec = room_codecs_of_feed(&feed->room->codecs, feed->codecs.sent);
        int64_t due_us;

        if (feed->codecs.sent == SDP_CODEC_BIT(codec))
                return;
        due_us = feed_changes_take(&feed->changes, clock_now_us());
        if (due_us > 0) {
                if (sfu->feeds_us == 0 || due_us < sfu->feeds_us)
                        sfu->feeds_us = due_us;
                return;
        }
        feed->codecs.sent = SDP_CODEC_BIT(codec);
        sfu_post(
                sfu, feed->worker,
                &(struct worker_command){ .type = WORKER_CODEC, .peer = feed->id, .codec = codec });
}

static void adapt_room(struct sfu *sfu, struct room_info *room)
{
        struct peer_info *peer;
        size_t at = 0;

        while (room->codecs.n_fed > 0 && (peer = u64_map_next(&room->participants, &at)))
                if (peer->codecs.fed)
                        adapt(sfu, peer);
}

void sfu_feeds_adapt(struct sfu *sfu, struct room_info *room, const struct peer_codecs *who)
{
        if (room_codecs_disturbs_feeds(&room->codecs, who))
                adapt_room(sfu, room);
}

void sfu_feeds_poll(struct sfu *sfu)
{
        struct room_info *room;
        size_t at = 0;

        if (sfu->feeds_us == 0 || clock_now_us() < sfu->feeds_us)
                return;
        sfu->feeds_us = 0;
        while ((room = u64_map_next(&sfu->rooms, &at)))
                adapt_room(sfu, room);
}

int sfu_feed_open(struct sfu *sfu, const struct sfu_feed_params *params, uint64_t *ret_peer)
{
        struct room_info *room = sfu_room(sfu, params->room);
        int r;

        assert(params->participant != 0 && params->participant != SFU_ACTIVE_SPEAKER);
        assert(params->n_layers <= JOB_N_LAYERS);
        if (!room)
                return -ENOMEM;
        r = feed_room(sfu, room, params);
        if (r == 0)
                *ret_peer = sfu->last_peer;
        sfu_drop_if_empty(sfu, room);
        return r;
}
