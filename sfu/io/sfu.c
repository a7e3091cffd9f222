/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/api.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "sfu/core/media_crypt.h"
#include "sfu/io/identity.h"
#include "sfu/io/link.h"
#include "sfu/io/sfu_internal.h"
#include "sfu/io/tuning.h"

static const char topic[] = "sfu";

/* Making and ending. */

static int copy_addresses(struct sfu *sfu, const struct sfu_config *config)
{
        sfu->addresses = calloc(config->n_addresses, sizeof(*sfu->addresses));
        if (!sfu->addresses)
                return -ENOMEM;
        for (; sfu->n_addresses < config->n_addresses; sfu->n_addresses++) {
                char *copy = strdup(config->addresses[sfu->n_addresses]);

                if (!copy)
                        return -ENOMEM;
                sfu->addresses[sfu->n_addresses] = copy;
        }
        sdp_addresses_sort(sfu->addresses, sfu->n_addresses);
        return 0;
}

static int add_worker(struct sfu *sfu, const struct sfu_config *config,
                      const struct sfu_tuning *tuning, unsigned i)
{
        const struct worker_config worker_config = {
                .index = i,
                .n_workers = config->n_workers,
                .links = sfu->links,
                .port = config->media_port ? (uint16_t)(config->media_port + i) : 0,
                .dtls = sfu->dtls,
                .silence_us = tuning->silence_us,
                .settle_us = tuning->settle_us ? tuning->settle_us : SFU_SETTLE_US,
                .wake = config->wake,
                .wake_user = config->wake_user,
                .on_turn = tuning->on_turn,
                .on_turn_user = tuning->on_turn_user,
        };

        return worker_new(&sfu->workers[i], &worker_config);
}

static int start_workers(struct sfu *sfu, const struct sfu_config *config,
                         const struct sfu_tuning *tuning, char *ret_error, size_t error_cap)
{
        int r = 0;

        if (config->n_workers > MEDIA_MAX_WORKERS) {
                snprintf(ret_error, error_cap, "%u workers are more than %d", config->n_workers,
                         MEDIA_MAX_WORKERS);
                return -EINVAL;
        }
        if (config->media_port && config->media_port + config->n_workers - 1 > UINT16_MAX) {
                snprintf(ret_error, error_cap, "%u media ports from %u on pass 65535",
                         config->n_workers, config->media_port);
                return -EINVAL;
        }
        sfu->workers = calloc(config->n_workers, sizeof(struct worker *));
        sfu->loads = calloc(config->n_workers, sizeof(*sfu->loads));
        sfu->late = calloc(config->n_workers, sizeof(*sfu->late));
        if (!sfu->workers || !sfu->loads || !sfu->late)
                return -ENOMEM;
        sfu->n_workers = config->n_workers;
        sfu->spread_peers = tuning->spread_peers;
        sfu->watch.hung_us = tuning->hung_us;
        if (sfu->n_workers > 1)
                r = link_hub_new(&sfu->links, sfu->n_workers);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < sfu->n_workers; i++) {
                r = add_worker(sfu, config, tuning, i);
                if (r < 0) {
                        snprintf(ret_error, error_cap, "cannot listen on UDP and TCP port %u: %s",
                                 config->media_port + i, strerror(-r));
                        return r;
                }
        }
        /* Threads only once every port is ours. */
        for (unsigned i = 0; i < sfu->n_workers; i++) {
                r = worker_start(sfu->workers[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int sfu_new_tuned(struct sfu **ret_sfu, const struct sfu_config *config,
                  const struct sfu_tuning *tuning, char *ret_error, size_t error_cap)
{
        cleanup(sfu_freep) struct sfu *sfu = calloc(1, sizeof(*sfu));
        char unheard[1];
        int r;

        assert(config->n_workers > 0 && config->n_addresses > 0);
        if (!ret_error) {
                ret_error = unheard;
                error_cap = sizeof(unheard);
        }
        snprintf(ret_error, error_cap, "cannot start the media plane");
        if (!sfu)
                return -ENOMEM;
        r = media_crypt_global_init();
        if (r < 0)
                return r;
        r = copy_addresses(sfu, config);
        if (r < 0)
                return r;
        r = identity_load(&sfu->dtls, config->identity_path);
        if (r < 0) {
                snprintf(ret_error, error_cap, "cannot use the DTLS key in %s: %s",
                         config->identity_path,
                         r == -EINVAL ? "no usable key and certificate" : strerror(-r));
                return r;
        }
        r = start_workers(sfu, config, tuning, ret_error, error_cap);
        if (r < 0)
                return r;
        *ret_sfu = take_ptr(sfu);
        return 0;
}

int sfu_new(struct sfu **ret_sfu, const struct sfu_config *config, char *ret_error,
            size_t error_cap)
{
        static const struct sfu_tuning defaults = { .silence_us = SFU_SILENCE_US,
                                                    .spread_peers = SFU_SPREAD_PEERS,
                                                    .hung_us = SFU_HUNG_US };

        return sfu_new_tuned(ret_sfu, config, &defaults, ret_error, error_cap);
}

static void free_late(struct sfu *sfu)
{
        for (unsigned i = 0; sfu->late && i < sfu->n_workers; i++)
                late_commands_done(&sfu->late[i]);
        free(sfu->late);
}

static struct room_info *room_free(struct room_info *room)
{
        room_spread_done(&room->spread);
        u64_map_done(&room->participants);
        free(room);
        return NULL;
}

static void free_tables(struct sfu *sfu)
{
        struct room_info *room;
        struct peer_info *peer;
        size_t at = 0;

        sfu_free_taps(sfu);
        while ((peer = u64_map_next(&sfu->peers, &at)))
                free(peer);
        at = 0;
        while ((room = u64_map_next(&sfu->rooms, &at)))
                room_free(room);
        u64_map_done(&sfu->peers);
        u64_map_done(&sfu->rooms);
}

struct sfu *sfu_free(struct sfu *sfu)
{
        if (!sfu)
                return NULL;
        /* Packets of one worker may be with any other: first all stop. */
        for (unsigned i = 0; i < sfu->n_workers; i++)
                worker_stop(sfu->workers[i]);
        link_hub_free(sfu->links);
        for (unsigned i = 0; i < sfu->n_workers; i++)
                worker_free(sfu->workers[i]);
        free_tables(sfu);
        free_late(sfu);
        dtls_context_free(sfu->dtls);
        for (size_t i = 0; i < sfu->n_addresses; i++)
                free(sfu->addresses[i]);
        free(sfu->addresses);
        free(sfu->workers);
        free(sfu->loads);
        free(sfu);
        return NULL;
}

const char *sfu_srtp_library(void)
{
        return media_crypt_library();
}

uint16_t sfu_port(const struct sfu *sfu, unsigned worker)
{
        assert(worker < sfu->n_workers);
        return worker_port(sfu->workers[worker]);
}

/* Tables. */

struct room_info *sfu_room(struct sfu *sfu, uint64_t id)
{
        struct room_info *room = u64_map_get(&sfu->rooms, id);

        if (room)
                return room;
        room = calloc(1, sizeof(*room));
        if (!room)
                return NULL;
        room->id = id;
        if (room_spread_init(&room->spread, sfu->n_workers) < 0)
                return room_free(room);
        return room;
}

void sfu_drop_if_empty(struct sfu *sfu, struct room_info *room)
{
        if (room->n_peers > 0)
                return;
        if (u64_map_get(&sfu->rooms, room->id) == room)
                u64_map_remove(&sfu->rooms, room->id);
        room_free(room);
}

static void room_count(struct room_info *room, const struct peer_info *peer, int sign)
{
        room->n_peers += (uint32_t)sign;
        room_codecs_count(&room->codecs, &peer->codecs, sign);
}

static void forget_peer(struct sfu *sfu, struct peer_info *peer)
{
        struct room_info *room = peer->room;
        struct peer_codecs codecs = peer->codecs;

        u64_map_remove(&sfu->peers, peer->id);
        if (u64_map_get(&room->participants, peer->participant) == peer)
                u64_map_remove(&room->participants, peer->participant);
        room_count(room, peer, -1);
        sfu->loads[peer->worker]--;
        room_spread_remove(&room->spread, peer->worker);
        sfu->left_some |= room->spread.parts[peer->worker].n_peers == 0;
        free(peer);
        sfu_feeds_adapt(sfu, room, &codecs);
        sfu_drop_if_empty(sfu, room);
}

void sfu_post(struct sfu *sfu, unsigned worker, const struct worker_command *command)
{
        late_commands_post(&sfu->late[worker], sfu->workers[worker], command);
}

/* Opening. */

/* candidates: sfu->n_addresses of them. */
static void fill_answer(const struct sfu *sfu, unsigned worker, const char *ufrag, const char *pwd,
                        struct sdp_candidate *candidates, struct sdp_answer_params *ret_params)
{
        *ret_params = (struct sdp_answer_params){
                .ufrag = ufrag,
                .pwd = pwd,
                .fingerprint = dtls_context_fingerprint(sfu->dtls),
                .candidates = candidates,
                .n_candidates = sfu->n_addresses,
        };
        for (size_t i = 0; i < sfu->n_addresses; i++) {
                candidates[i] = (struct sdp_candidate){ .port = worker_port(sfu->workers[worker]),
                                                        .tcp = true };
                snprintf(candidates[i].address, sizeof(candidates[i].address), "%s",
                         sfu->addresses[i]);
        }
}

static int write_answer(const struct sfu *sfu, const struct room_info *room,
                        const struct sfu_peer_params *params, const struct sdp_offer *offer,
                        struct worker_peer *open, struct sdp_session *ret_session,
                        char **ret_answer)
{
        struct sdp_candidate candidates[sfu->n_addresses];
        struct sdp_answer_params answer;
        uint64_t seed;

        fill_answer(sfu, open->worker, open->ufrag, open->pwd, candidates, &answer);
        answer.may_publish = params->may_publish;
        answer.video_codecs = room_codecs_decoded(&room->codecs, sdp_offer_recv_codecs(offer));
        rand_bytes(&seed, sizeof(seed));
        return sdp_session_begin(ret_session, offer, &answer, seed, ret_answer, &open->media);
}

int sfu_place(struct sfu *sfu, struct room_info *room, const struct sfu_peer_params *params,
              struct worker_peer *open)
{
        struct peer_info *old = u64_map_get(&room->participants, params->participant);
        int r;

        if (room->n_peers - (old ? 1 : 0) >= SFU_MAX_PEERS_PER_ROOM)
                return SFU_OFFER_ROOM_FULL;
        open->id = sfu->last_peer + 1;
        /* Who comes again finds what she had on the same worker. */
        open->worker = old ? old->worker
                           : room_spread_pick(&room->spread, sfu->loads, sfu->spread_peers);
        open->room = params->room;
        open->participant = params->participant;
        open->replaces = old ? old->id : 0;
        r = u64_map_reserve(&room->participants);
        if (r == 0)
                r = u64_map_reserve(&sfu->peers);
        if (r == 0)
                r = u64_map_reserve(&sfu->rooms);
        return r;
}

int sfu_start(struct sfu *sfu, struct room_info *room, struct worker_peer **open,
              struct peer_info **info)
{
        const struct worker_command command = { .type = WORKER_OPEN, .open = *open };
        struct peer_info *peer = *info;
        int r;

        peer->id = (*open)->id;
        peer->participant = (*open)->participant;
        peer->room = room;
        peer->worker = (*open)->worker;
        r = worker_post(sfu->workers[peer->worker], &command);
        if (r < 0)
                return r;
        *open = NULL; /* the worker's now */
        *info = NULL; /* the table's now */
        sfu->last_peer = peer->id;
        u64_map_put(&sfu->rooms, room->id, room);
        u64_map_put(&sfu->peers, peer->id, peer);
        u64_map_put(&room->participants, peer->participant, peer);
        room_count(room, peer, 1);
        room_spread_add(&room->spread, peer->worker);
        sfu->loads[peer->worker]++;
        return 0;
}

static int open_in_room(struct sfu *sfu, struct room_info *room,
                        const struct sfu_peer_params *params, const struct sdp_offer *offer,
                        char **ret_answer, uint64_t *ret_peer)
{
        cleanup(freep) struct worker_peer *open = calloc(1, sizeof(*open));
        cleanup(freep) struct peer_info *info = calloc(1, sizeof(*info));
        cleanup(freep) char *answer = NULL;
        int r;

        if (!open || !info)
                return -ENOMEM;
        open->feed_fd = -1;
        r = sfu_place(sfu, room, params, open);
        if (r != 0)
                return r;
        open->transport = *sdp_offer_transport(offer);
        rand_word(open->ufrag, ICE_UFRAG_LEN);
        rand_word(open->pwd, ICE_PWD_LEN);
        r = write_answer(sfu, room, params, offer, open, &info->session, &answer);
        if (r != 0)
                return r;
        info->codecs = peer_codecs_of(offer, &open->media);
        r = sfu_start(sfu, room, &open, &info);
        if (r < 0)
                return r;
        *ret_peer = sfu->last_peer;
        *ret_answer = take_ptr(answer);
        return 0;
}

/* See room_codecs.h. */
static void make_decodable(struct sfu *sfu, struct room_info *room,
                           const struct peer_info *newcomer)
{
        struct peer_info *peer;
        size_t at = 0;

        if (!room_codecs_disturbed(&room->codecs, &newcomer->codecs))
                return;
        while ((peer = u64_map_next(&room->participants, &at))) {
                if (peer->dismissed ||
                    !room_codecs_must_change(&room->codecs, &newcomer->codecs, &peer->codecs))
                        continue;
                peer->dismissed = true;
                sfu_post(sfu, peer->worker,
                         &(struct worker_command){ .type = WORKER_DISMISS,
                                                   .peer = peer->id,
                                                   .reason = SFU_GONE_CODEC });
        }
}

int sfu_peer_open(struct sfu *sfu, const struct sfu_peer_params *params, const char *offer_text,
                  size_t offer_len, char **ret_answer, uint64_t *ret_peer)
{
        cleanup(sdp_offer_freep) struct sdp_offer *offer = NULL;
        struct room_info *room;
        int r = sdp_offer_parse(&offer, offer_text, offer_len);

        assert(params->participant != 0 && params->participant != SFU_ACTIVE_SPEAKER);
        if (r != 0)
                return r;
        r = sdp_offer_aim(offer, params->purpose);
        if (r != 0)
                return r;
        room = sfu_room(sfu, params->room);
        if (!room)
                return -ENOMEM;
        r = open_in_room(sfu, room, params, offer, ret_answer, ret_peer);
        if (r == 0) {
                const struct peer_info *newcomer = u64_map_get(&sfu->peers, *ret_peer);

                make_decodable(sfu, room, newcomer);
                sfu_feeds_adapt(sfu, room, &newcomer->codecs);
        }
        sfu_drop_if_empty(sfu, room);
        return r;
}

/* Restarting. */

/* Takes *restart over when it returns 0. */
static int post_restart(struct sfu *sfu, const struct peer_info *info,
                        struct worker_restart **restart)
{
        const struct worker_command command = { .type = WORKER_RESTART,
                                                .peer = info->id,
                                                .restart = *restart };
        int r = worker_post(sfu->workers[info->worker], &command);

        if (r == 0)
                *restart = NULL;
        return r;
}

static int make_restart(struct worker_restart **ret_restart, const struct sdp_transport *transport)
{
        struct worker_restart *restart = calloc(1, sizeof(*restart));

        if (!restart)
                return -ENOMEM;
        rand_word(restart->ufrag, ICE_UFRAG_LEN);
        rand_word(restart->pwd, ICE_PWD_LEN);
        memcpy(restart->remote_ufrag, transport->ufrag, sizeof(restart->remote_ufrag));
        *ret_restart = restart;
        return 0;
}

int sfu_peer_restart(struct sfu *sfu, uint64_t peer, const char *offer_text, size_t offer_len,
                     char **ret_answer)
{
        cleanup(sdp_offer_freep) struct sdp_offer *offer = NULL;
        cleanup(freep) struct worker_restart *restart = NULL;
        cleanup(freep) char *answer = NULL;
        struct peer_info *info = u64_map_get(&sfu->peers, peer);
        struct sdp_candidate candidates[sfu->n_addresses];
        struct sdp_answer_params params;
        struct sdp_session session;
        int r;

        if (!info || info->fed)
                return -ENOENT;
        r = sdp_offer_parse(&offer, offer_text, offer_len);
        if (r == 0)
                r = make_restart(&restart, sdp_offer_transport(offer));
        if (r != 0)
                return r;
        session = info->session;
        fill_answer(sfu, info->worker, restart->ufrag, restart->pwd, candidates, &params);
        r = sdp_session_again(&session, offer, &params, &answer);
        if (r == 0)
                r = post_restart(sfu, info, &restart);
        if (r != 0)
                return r;
        info->session = session;
        *ret_answer = take_ptr(answer);
        return 0;
}

int sfu_peer_restart_ice(struct sfu *sfu, uint64_t peer, const char *ufrag, const char *pwd,
                         char **ret_lines)
{
        cleanup(freep) struct worker_restart *restart = NULL;
        cleanup(freep) char *lines = NULL;
        struct peer_info *info = u64_map_get(&sfu->peers, peer);
        struct sdp_candidate candidates[sfu->n_addresses];
        struct sdp_transport transport;
        struct sdp_answer_params params;
        int r;

        if (!info || info->fed)
                return -ENOENT;
        r = sdp_credentials_read(&transport, ufrag, pwd);
        if (r == 0)
                r = make_restart(&restart, &transport);
        if (r != 0)
                return r;
        fill_answer(sfu, info->worker, restart->ufrag, restart->pwd, candidates, &params);
        params.session_version = info->session.version + 1;
        r = sdp_restart_write(&params, &lines);
        if (r == 0)
                r = post_restart(sfu, info, &restart);
        if (r != 0)
                return r;
        info->session.version++;
        *ret_lines = take_ptr(lines);
        return 0;
}

/* Commands. */

void sfu_peer_close(struct sfu *sfu, uint64_t peer)
{
        struct peer_info *info = u64_map_get(&sfu->peers, peer);

        if (!info)
                return;
        sfu_post(sfu, info->worker, &(struct worker_command){ .type = WORKER_CLOSE, .peer = peer });
        forget_peer(sfu, info);
}

void sfu_peer_view(struct sfu *sfu, uint64_t peer, const struct sfu_slot_view *views, size_t n)
{
        struct peer_info *info = u64_map_get(&sfu->peers, peer);
        struct worker_command command = { .type = WORKER_VIEW, .peer = peer, .view.n = n };

        assert(n <= SFU_MAX_SLOTS);
        if (!info || n == 0)
                return;
        command.view.views = calloc(n, sizeof(*views));
        if (!command.view.views) {
                log_line(LOG_ERROR, topic, "peer=%" PRIu64 " view lost: no memory", peer);
                return;
        }
        memcpy(command.view.views, views, n * sizeof(*views));
        sfu_post(sfu, info->worker, &command);
}

void sfu_peer_mute(struct sfu *sfu, uint64_t peer, enum sfu_kind kind, bool muted)
{
        struct peer_info *info = u64_map_get(&sfu->peers, peer);

        if (info)
                sfu_post(sfu, info->worker,
                         &(struct worker_command){
                                 .type = WORKER_MUTE, .peer = peer, .mute = { kind, muted } });
}

int sfu_peer_stats(struct sfu *sfu, uint64_t peer,
                   void (*done)(void *user, const struct sfu_peer_stats *stats), void *user)
{
        struct peer_info *info = u64_map_get(&sfu->peers, peer);
        const struct worker_command command = { .type = WORKER_STATS,
                                                .peer = peer,
                                                .stats = { done, user } };

        /* A worker that does not know the peer says so, from a later poll. */
        return worker_post(sfu->workers[info ? info->worker : 0], &command);
}

/* Reports. */

static bool take_report(struct sfu *sfu, struct worker_report *ret_report, unsigned *ret_worker)
{
        for (unsigned i = 0; i < sfu->n_workers; i++) {
                unsigned worker = sfu->next_polled;

                sfu->next_polled = (worker + 1) % sfu->n_workers;
                *ret_worker = worker;
                if (worker_take(sfu->workers[worker], ret_report))
                        return true;
        }
        return false;
}

/* Every worker of a room names a speaker; see room_spread.h. */
static bool hear(struct sfu *sfu, unsigned worker, struct sfu_event *event)
{
        struct room_info *room = u64_map_get(&sfu->rooms, event->room);

        if (!room)
                return false;
        room_spread_hear(&room->spread, worker, event->participant);
        return room_spread_poll(&room->spread, &event->participant);
}

/* A room whose voice is another worker's now, and says another speaker. */
static bool next_speaker(struct sfu *sfu, struct sfu_event *ret_event)
{
        struct room_info *room;
        uint32_t speaker;
        size_t at = 0;

        while (sfu->left_some && (room = u64_map_next(&sfu->rooms, &at))) {
                if (!room_spread_poll(&room->spread, &speaker))
                        continue;
                *ret_event = (struct sfu_event){ .type = SFU_EV_SPEAKER,
                                                 .room = room->id,
                                                 .participant = speaker };
                return true;
        }
        sfu->left_some = false;
        return false;
}

/* False for an event whose peer is closed already: its caller has forgotten it. */
static bool still_wanted(struct sfu *sfu, const struct sfu_event *event)
{
        struct peer_info *info;

        info = u64_map_get(&sfu->peers, event->peer);
        if (info && event->type == SFU_EV_GONE)
                forget_peer(sfu, info);
        return info != NULL;
}

/* Joins leave the heap full of holes, each once a handshake's: a third of a silent
 * member's memory. It is given back when the last of them has settled, and when
 * many have left; from here, where no packet waits. */
static void tidy_heap(struct sfu *sfu)
{
        if (sfu->tidy_us == 0 || clock_now_us() < sfu->tidy_us)
                return;
        (void)malloc_trim(0);
        sfu->tidy_us = 0;
}

bool sfu_poll(struct sfu *sfu, struct sfu_event *ret_event)
{
        struct worker_report report;
        unsigned worker;

        for (unsigned i = 0; i < sfu->n_workers; i++)
                late_commands_retry(&sfu->late[i], sfu->workers[i]);
        tidy_heap(sfu);
        sfu_watch(sfu);
        sfu_feeds_poll(sfu);
        while (take_report(sfu, &report, &worker)) {
                if (report.done) {
                        report.done(report.user, report.stats);
                        free(report.stats);
                        continue;
                }
                if (report.event.peer == 0 ? !hear(sfu, worker, &report.event)
                                           : !still_wanted(sfu, &report.event))
                        continue;
                if (report.event.type == SFU_EV_CONNECTED || report.event.type == SFU_EV_GONE)
                        sfu->tidy_us = clock_now_us() + 2 * SFU_SETTLE_US;
                *ret_event = report.event;
                return true;
        }
        return next_speaker(sfu, ret_event);
}

void sfu_counters(const struct sfu *sfu, struct sfu_counters *ret_counters)
{
        memset(ret_counters, 0, sizeof(*ret_counters));
        for (unsigned i = 0; i < sfu->n_workers; i++)
                worker_add_counters(sfu->workers[i], ret_counters);
        ret_counters->rooms = (uint32_t)sfu->rooms.n;
        ret_counters->taps = (uint32_t)sfu->taps.n;
}
