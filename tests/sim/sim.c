/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/sim_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

uint32_t sim_random(struct sim *sim)
{
        sim->random = sim->random * 6364136223846793005ull + 1442695040888963407ull;
        return (uint32_t)(sim->random >> 33);
}

static bool chance(struct sim *sim, int permille)
{
        return permille > 0 && (int)(sim_random(sim) % 1000) < permille;
}

/* The network: a heap of packets by time of arrival. */
static bool before(const struct sim_flight *a, const struct sim_flight *b)
{
        return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void swap(struct sim_flight *a, struct sim_flight *b)
{
        struct sim_flight t = *a;

        *a = *b;
        *b = t;
}

static void sift_up(struct sim *sim, size_t i)
{
        while (i > 0 && before(&sim->flights[i], &sim->flights[(i - 1) / 2])) {
                swap(&sim->flights[i], &sim->flights[(i - 1) / 2]);
                i = (i - 1) / 2;
        }
}

static struct sim_flight pop(struct sim *sim)
{
        struct sim_flight first = sim->flights[0];
        size_t i = 0;

        sim->flights[0] = sim->flights[--sim->n_flights];
        for (;;) {
                size_t child = 2 * i + 1;

                if (child + 1 < sim->n_flights &&
                    before(&sim->flights[child + 1], &sim->flights[child]))
                        child++;
                if (child >= sim->n_flights || !before(&sim->flights[child], &sim->flights[i]))
                        return first;
                swap(&sim->flights[child], &sim->flights[i]);
                i = child;
        }
}

static struct sim_flight *push(struct sim *sim, int64_t at_us, enum sim_flight_kind kind,
                               struct sim_peer *peer)
{
        struct sim_flight *f;

        if (sim->n_flights == sim->cap_flights) {
                sim->cap_flights = sim->cap_flights ? sim->cap_flights * 2 : 64;
                sim->flights = realloc(sim->flights, sim->cap_flights * sizeof(*sim->flights));
                assert(sim->flights);
        }
        f = &sim->flights[sim->n_flights++];
        *f = (struct sim_flight){
                .at_us = at_us, .order = sim->order++, .kind = kind, .peer = peer
        };
        return f;
}

void sim_after(struct sim *sim, int64_t after_us, enum sim_flight_kind kind, struct sim_peer *peer,
               int which)
{
        push(sim, sim->now_us + after_us, kind, peer)->which = which;
        sift_up(sim, sim->n_flights - 1);
}

void sim_fly(struct sim_peer *peer, enum sim_flight_kind kind, const uint8_t *data, size_t len,
             int64_t extra_us)
{
        struct sim *sim = peer->sim;
        const struct sim_net *net = kind == SIM_UP_RTP || kind == SIM_UP_RTCP ? &peer->up
                                                                              : &peer->down;
        int64_t at_us = sim->now_us + extra_us + net->delay_us;
        bool down = kind == SIM_DOWN_RTP || kind == SIM_DOWN_RTCP;
        struct sim_flight *f;

        if (chance(sim, net->loss_permille))
                return;
        if (down && peer->line) {
                int64_t wait_us;

                link_run(peer->line, sim->now_us);
                peer->n_line_sent++;
                if (!link_send(peer->line, (uint32_t)len + PACKET_OVERHEAD, sim->now_us, &at_us,
                               &wait_us)) {
                        peer->n_line_lost++;
                        return;
                }
        }
        if (net->jitter_us > 0)
                at_us += sim_random(sim) % (uint32_t)net->jitter_us;
        if (chance(sim, net->reorder_permille))
                at_us += 15000;
        f = push(sim, at_us, kind, peer);
        f->len = (uint16_t)len;
        f->data = malloc(len);
        assert(f->data);
        memcpy(f->data, data, len);
        sift_up(sim, sim->n_flights - 1);
}

/* The shell's side of struct media_out. */
static uint8_t *on_reserve(void *user, void *tag, size_t max_len)
{
        struct sim_peer *peer = tag;

        (void)user;
        assert(max_len <= sizeof(peer->out));
        assert(peer->out_cap == 0);
        return peer->refuse ? NULL : peer->out;
}

/* What the server sends twice under one audio number must be the same bytes. */
static void check_repeat(struct sim_peer *peer, size_t len)
{
        uint32_t ssrc = (uint32_t)peer->out[8] << 24 | (uint32_t)peer->out[9] << 16 |
                        (uint32_t)peer->out[10] << 8 | peer->out[11];
        uint32_t seq = (uint32_t)peer->out[2] << 8 | peer->out[3], hash = 2166136261u, *slot;

        if (ssrc - SIM_SLOT_SSRC >= peer->sdp.n_audio_slots || !peer->reacts)
                return;
        if (!peer->audio_hashes)
                peer->audio_hashes = calloc(SFU_AUDIO_SLOTS * 65536, sizeof(uint32_t));
        assert(peer->audio_hashes);
        for (size_t i = 0; i < len; i++)
                hash = (hash ^ peer->out[i]) * 16777619u;
        slot = &peer->audio_hashes[(ssrc - SIM_SLOT_SSRC) * 65536 + seq];
        peer->n_changed_repeats += *slot != 0 && *slot != hash;
        *slot = hash;
}

/* Transport-wide numbers run over all that leaves, repeated sound apart. */
static void check_number(struct sim_peer *peer, size_t len)
{
        struct rtp_pkt rtp;
        struct span data;
        uint16_t number;

        if (rtp_parse(&rtp, peer->out, len) ||
            !rtp_ext_find(rtp.ext_profile, rtp.ext, SIM_EXT_TRANSPORT_CC, &data) ||
            !rtp_ext_transport_seq(data, &number))
                return;
        if (peer->has_number && (int16_t)(number - peer->highest_number) <= 0)
                return;
        peer->n_numbers++;
        if (peer->has_number && number != (uint16_t)(peer->highest_number + 1))
                peer->n_number_gaps++;
        peer->has_number = true;
        peer->highest_number = number;
}

static void on_commit_rtp(void *user, void *tag, size_t len, uint32_t ext)
{
        struct sim_peer *peer = tag;

        (void)user;
        assert(ext >= 0x10000 && (uint16_t)ext == (peer->out[2] << 8 | peer->out[3]));
        peer->n_rtp_out++;
        peer->n_bytes_sent += len;
        check_number(peer, len);
        if (peer->sim->cut)
                return;
        check_repeat(peer, len);
        sim_fly(peer, SIM_DOWN_RTP, peer->out, len, 0);
}

static void on_commit_rtcp(void *user, void *tag, size_t len)
{
        struct sim_peer *peer = tag;

        (void)user;
        assert(rtcp_check(peer->out, len) == 0);
        if (peer->sim->cut)
                return;
        sim_fly(peer, SIM_DOWN_RTCP, peer->out, len, 0);
}

static void on_event(void *user, void *tag, const struct sfu_event *event)
{
        struct sim_worker *worker = user;
        struct sim *sim = worker->sim;
        struct sim_peer *peer = tag;

        if (!peer) {
                assert(event->type == SFU_EV_SPEAKER);
                if (worker == sim->workers[0])
                        sim->room_events[sim->n_room_events++ % SIM_MAX_EVENTS] = *event;
                return;
        }
        peer->events[peer->n_events++ % SIM_MAX_EVENTS] = *event;
        sim_sender_on_event(peer, event);
}

static bool on_relay(void *user, unsigned to, struct media_relay *record)
{
        const struct sim_worker *worker = user;
        struct sim *sim = worker->sim;
        struct sim_link *link;
        unsigned self = 0;

        while (sim->workers[self] != worker)
                self++;
        link = &sim->workers[to]->from[self];
        if (link->n + (media_relay_is_media(record) ? SIM_LINK_KEPT : 0) >= SIM_LINK_CAP)
                return false;
        link->records[(link->first + link->n++) % SIM_LINK_CAP] = *record;
        return true;
}

static void distribute(struct sim_worker *worker)
{
        while (media_room_waiting(worker->room) != MEDIA_WAITING_NONE)
                media_room_step(worker->room, worker->sim->now_us);
}

/* True when a record was waiting. */
static bool take_one(struct sim *sim, struct sim_worker *to, unsigned from)
{
        struct sim_link *link = &to->from[from];
        struct media_relay record;

        if (link->n == 0 || to->stalled)
                return false;
        record = link->records[link->first];
        link->first = (link->first + 1) % SIM_LINK_CAP;
        link->n--;
        media_room_on_relay(to->room, from, &record, sim->now_us);
        distribute(to);
        return true;
}

void sim_settle(struct sim *sim)
{
        bool again = sim->n_workers > 1;

        while (again) {
                unsigned n_told = 0;

                again = false;
                for (unsigned i = 0; i < sim->n_workers; i++)
                        if (!sim->workers[i]->stalled && media_room_relay(sim->workers[i]->room))
                                n_told++;
                for (unsigned i = 0; i < sim->n_workers; i++)
                        for (unsigned from = 0; from < sim->n_workers; from++)
                                while (take_one(sim, sim->workers[i], from))
                                        again = true;
                sim->n_untold = sim->n_workers - n_told;
        }
}

void sim_counters(const struct sim *sim, struct sfu_counters *ret_counters)
{
        *ret_counters = (struct sfu_counters){ 0 };
        for (unsigned i = 0; i < sim->n_workers; i++)
                media_room_add_counters(sim->workers[i]->room, ret_counters);
}

void sim_init(struct sim *sim, uint64_t seed)
{
        const char *n_workers = getenv("SIM_WORKERS");

        sim_init_workers(sim, seed, n_workers ? (unsigned)atoi(n_workers) : 1);
}

void sim_init_workers(struct sim *sim, uint64_t seed, unsigned n_workers)
{
        struct media_out out = {
                .reserve = on_reserve,
                .commit_rtp = on_commit_rtp,
                .commit_rtcp = on_commit_rtcp,
                .event = on_event,
                .relay = on_relay,
                .tap = sim_tap_on_record,
        };

        *sim = (struct sim){
                .now_us = 1000 * 1000000ll,
                .wall_us = 1700000000ll * 1000000,
                .random = seed,
        };
        assert(pkt_pool_new(&sim->pool, 16384) == 0);
        assert(n_workers >= 1 && n_workers <= SIM_MAX_WORKERS);
        for (unsigned i = 0; i < n_workers; i++) {
                struct sim_worker *worker = calloc(1, sizeof(*worker));

                assert(worker);
                worker->sim = sim;
                out.user = worker;
                assert(media_room_new(&worker->room, &out, seed + i) == 0);
                assert(n_workers == 1 || media_room_span(worker->room, i, n_workers) == 0);
                sim->workers[sim->n_workers++] = worker;
        }
        sim->room = sim->workers[0]->room;
}

static void worker_done(struct sim_worker *worker)
{
        media_room_free(worker->room);
        for (unsigned from = 0; from < SIM_MAX_WORKERS; from++) {
                struct sim_link *link = &worker->from[from];

                for (size_t i = 0; i < link->n; i++)
                        media_relay_drop(&link->records[(link->first + i) % SIM_LINK_CAP]);
        }
        free(worker);
}

void sim_done(struct sim *sim)
{
        for (unsigned i = 0; i < sim->n_workers; i++)
                worker_done(sim->workers[i]);
        for (size_t i = 0; i < sim->n_flights; i++)
                free(sim->flights[i].data);
        free(sim->flights);
        for (size_t i = 0; i < sim->n_peers; i++) {
                sim_sender_done(sim->peers[i]);
                sim_receiver_done(sim->peers[i]);
                free(sim->peers[i]->audio_hashes);
                link_free(sim->peers[i]->line);
                free(sim->peers[i]->arrivals);
                free(sim->peers[i]);
        }
        assert(pkt_pool_available(sim->pool) == 16384);
        sim->pool = pkt_pool_free(sim->pool);
}

static void fill_slot(struct sdp_slot *slot, uint32_t ssrc, const char *mid, bool video,
                      const struct sim_offer *offer)
{
        memcpy(slot->mid, mid, strlen(mid) + 1);
        slot->ext.mid = SIM_EXT_MID;
        slot->ccfb = offer->ccfb;
        if (offer->reports)
                slot->ext.transport_cc = SIM_EXT_TRANSPORT_CC;
        else
                slot->ext.abs_send_time = SIM_EXT_SEND_TIME;
        slot->ssrc = ssrc;
        slot->nack = true;
        if (!video) {
                slot->pts[SDP_OPUS] = (struct sdp_pt){ true, SIM_PT_OPUS, 0 };
                return;
        }
        if (!offer->no_rtx)
                slot->rtx_ssrc = ssrc + SIM_RTX_SSRC;
        if (offer->h264)
                slot->pts[SDP_H264] = (struct sdp_pt){ true, SIM_PT_H264,
                                                       offer->no_rtx ? 0 : SIM_PT_H264 + 1 };
        else if (offer->vp9)
                slot->pts[SDP_VP9] = (struct sdp_pt){ true, SIM_PT_VP9,
                                                      offer->no_rtx ? 0 : SIM_PT_VP9 + 1 };
        else
                slot->pts[SDP_VP8] = (struct sdp_pt){ true, SIM_PT_VP8,
                                                      offer->no_rtx ? 0 : SIM_PT_VP8 + 1 };
}

static void fill_sdp(struct sdp_media *sdp, const struct sim_offer *offer)
{
        char mid[4] = "sA";

        sdp->n_audio_slots = (size_t)offer->n_audio;
        sdp->n_video_slots = (size_t)offer->n_video;
        for (int i = 0; i < offer->n_audio + offer->n_video; i++) {
                bool video = i >= offer->n_audio;

                mid[1] = (char)('A' + i);
                fill_slot(video ? &sdp->video_slots[i - offer->n_audio] : &sdp->audio_slots[i],
                          SIM_SLOT_SSRC + (uint32_t)i, mid, video, offer);
                if (!video)
                        sdp->audio_slots[i].pts[SDP_RED] = (struct sdp_pt){ offer->red, SIM_PT_RED,
                                                                            0 };
        }
}

struct sim_peer *sim_join(struct sim *sim, uint32_t participant, const struct sim_offer *offer)
{
        return sim_join_on(sim, (unsigned)sim->n_peers % sim->n_workers, participant, offer);
}

struct sim_peer *sim_join_on(struct sim *sim, unsigned worker, uint32_t participant,
                             const struct sim_offer *offer)
{
        struct sim_peer *peer = calloc(1, sizeof(*peer));
        struct media_peer_params params = { .tag = peer, .participant = participant };

        assert(peer && sim->n_peers < SIM_MAX_PEERS);
        peer->sim = sim;
        peer->worker = sim->workers[worker];
        peer->participant = participant;
        peer->reacts = true;
        peer->fps = 25;
        peer->up.delay_us = peer->down.delay_us = 10000;
        fill_sdp(&peer->sdp, offer);
        peer->ccfb = offer->ccfb;
        sim_sender_init(peer, offer);
        params.media = &peer->sdp;
        params.film = offer->film;
        assert(media_room_add_peer(peer->worker->room, &peer->media, &params, sim->now_us) == 0);
        sim->peers[sim->n_peers++] = peer;
        media_peer_on_connected(peer->media, sim->now_us);
        sim_sender_start(peer);
        sim_receiver_start(peer);
        sim_settle(sim);
        return peer;
}

void sim_leave(struct sim *sim, struct sim_peer *peer)
{
        peer->gone = true;
        media_room_remove_peer(peer->worker->room, peer->media, sim->now_us);
        peer->media = NULL;
        sim_settle(sim);
}

static void deliver_up(struct sim *sim, struct sim_flight *f)
{
        struct pkt *pkt;

        if (f->peer->hostile && sim->damage && chance(sim, 500))
                sim->damage(sim, f->data, &f->len);
        if (f->kind == SIM_UP_RTCP) {
                (void)media_peer_on_rtcp(f->peer->media, f->data, f->len, sim->now_us);
                return;
        }
        pkt = pkt_get(sim->pool);
        assert(pkt);
        memcpy(pkt->data, f->data, f->len);
        pkt->len = f->len;
        pkt->arrival_us = sim->now_us;
        (void)media_peer_on_rtp(f->peer->media, pkt, sim->now_us);
        pkt_unref(pkt);
        distribute(f->peer->worker);
}

/* What comes for a worker that stands still waits in its socket. */
static bool wait_outside(struct sim *sim, struct sim_flight *f)
{
        struct sim_flight *again;

        if (!f->peer->worker->stalled || (f->kind != SIM_UP_RTP && f->kind != SIM_UP_RTCP))
                return false;
        again = push(sim, sim->now_us + 5000, f->kind, f->peer);
        again->len = f->len;
        again->data = f->data;
        f->data = NULL;
        sift_up(sim, sim->n_flights - 1);
        return true;
}

static void land(struct sim *sim, struct sim_flight *f)
{
        if (f->peer->gone || wait_outside(sim, f))
                return;
        if (f->kind == SIM_UP_RTP || f->kind == SIM_UP_RTCP)
                deliver_up(sim, f);
        else if (f->kind == SIM_DOWN_RTP)
                sim_receiver_on_rtp(f->peer, f->data, f->len);
        else if (f->kind == SIM_DOWN_RTCP)
                sim_receiver_on_rtcp(f->peer, f->data, f->len);
        else if (f->kind == SIM_RECEIVER_TICK)
                sim_receiver_tick(f->peer);
        else
                sim_sender_tick(f->peer, f->kind, f->which);
}

static struct sim_worker *next_worker(const struct sim *sim, int64_t *ret_at_us)
{
        struct sim_worker *next = NULL;

        *ret_at_us = INT64_MAX;
        for (unsigned i = 0; i < sim->n_workers; i++) {
                int64_t at_us = media_room_deadline_us(sim->workers[i]->room);

                if (!sim->workers[i]->stalled && (!next || at_us < *ret_at_us)) {
                        next = sim->workers[i];
                        *ret_at_us = at_us;
                }
        }
        return next;
}

void sim_run(struct sim *sim, int64_t for_us)
{
        int64_t end_us = sim->now_us + for_us;
        unsigned n_idle = 0;

        sim_settle(sim);
        for (;;) {
                int64_t room_us;
                struct sim_worker *worker = next_worker(sim, &room_us);
                int64_t flight_us = sim->n_flights ? sim->flights[0].at_us : INT64_MAX;
                int64_t next_us = room_us < flight_us ? room_us : flight_us;

                if (next_us > end_us)
                        break;
                n_idle = next_us > sim->now_us ? 0 : n_idle + 1;
                assert(n_idle < 100000); /* time must go on */
                if (next_us > sim->now_us)
                        sim->now_us = next_us;
                if (room_us <= flight_us) {
                        media_room_on_timeout(worker->room, sim->now_us,
                                              sim->wall_us + sim->now_us);
                } else {
                        struct sim_flight f = pop(sim);

                        land(sim, &f);
                        free(f.data);
                }
                sim_settle(sim);
        }
        sim->now_us = end_us;
}

size_t sim_count_events(const struct sim_peer *peer, enum sfu_event_type type)
{
        size_t n = 0;

        for (size_t i = 0; i < peer->n_events && i < SIM_MAX_EVENTS; i++)
                n += peer->events[i].type == type;
        return n;
}

const struct sfu_event *sim_last_event(const struct sim_peer *peer, enum sfu_event_type type)
{
        for (size_t i = peer->n_events; i > 0 && i + SIM_MAX_EVENTS > peer->n_events; i--) {
                if (peer->events[(i - 1) % SIM_MAX_EVENTS].type == type)
                        return &peer->events[(i - 1) % SIM_MAX_EVENTS];
        }
        return NULL;
}

const struct sfu_event *sim_last_slot_event(const struct sim_peer *peer, bool audio, uint8_t index)
{
        for (size_t i = peer->n_events; i > 0 && i + SIM_MAX_EVENTS > peer->n_events; i--) {
                const struct sfu_event *event = &peer->events[(i - 1) % SIM_MAX_EVENTS];

                if (event->type == SFU_EV_SLOT && event->slot.audio == audio &&
                    event->slot.index == index)
                        return event;
        }
        return NULL;
}

void sim_watch(struct sim_peer *peer, uint8_t slot, uint32_t participant, enum sfu_kind kind,
               uint16_t max_height, uint8_t priority)
{
        struct sfu_slot_view view = {
                .slot = slot,
                .participant = participant,
                .kind = kind,
                .max_height = max_height,
                .priority = priority,
        };

        media_peer_set_view(peer->media, &view, 1, peer->sim->now_us);
        sim_settle(peer->sim);
}

void sim_mute(struct sim_peer *peer, enum sfu_kind kind, bool muted)
{
        media_peer_set_muted(peer->media, kind, muted, peer->sim->now_us);
        sim_settle(peer->sim);
}

struct sim_rx *sim_video(struct sim_peer *peer, size_t nth)
{
        return &peer->rx[peer->sdp.n_audio_slots + nth];
}

bool sim_hears(const struct sim_peer *peer, uint32_t participant)
{
        for (size_t i = 0; i < peer->sdp.n_audio_slots; i++) {
                if (peer->rx[i].source == participant &&
                    peer->sim->now_us - peer->rx[i].last_us < 1000000)
                        return true;
        }
        return false;
}
