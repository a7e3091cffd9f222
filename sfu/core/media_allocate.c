/* SPDX-License-Identifier: Apache-2.0 */
/* What a receiver's line carries is spent on its slots. */
#include "sfu/core/media_priv.h"

#include <string.h>

enum {
        /* SRTP tag, UDP and IP of a voice's 50 packets a second. */
        VOICE_OVERHEAD_BPS = 50 * 8 * (16 + 28),
        PICTURE_OVERHEAD = 24,   /* a 24th: the same of packets of 1,100 bytes */
        NARROW_BPS = 384 * 1000, /* below this, voices may not all fit */
        MEAN_STEP_US = 500 * 1000,
        KEY_SHADOW_US = 1200 * 1000, /* as long as a rate remembers it */
        MAX_KNOWN_AGE_US = 4 * 1000 * 1000,
        KEY_LEAD_US = 125 * 1000,   /* from asking for a key frame until it comes */
        KEY_SPREAD_US = 200 * 1000, /* until an encoder has sent it, a little at a time */
        MAX_HELD_US = 1500 * 1000,
        CHOKED_US = 200 * 1000,
        CONTENT_INTERVAL_US = 1000 * 1000,
        REDUCED_PATIENCE_US = 3 * 1000 * 1000, /* before the receiver is told */
        SOUND_PATIENCE_US = 500 * 1000,
};

/* What a layer costs, over some seconds. A key frame that was asked for is no measure
 * of what follows it; where they come all the time, they count. */
static uint32_t layer_cost(struct media_layer *layer, int64_t now_us)
{
        uint32_t bps = rtp_rate_bps(&layer->recv.rate, now_us);

        if (bps == 0 || now_us - layer->known_us < MEAN_STEP_US)
                return layer->known_bps;
        if (layer->known_bps > 0 && now_us - layer->keyframe_us < KEY_SHADOW_US &&
            now_us - layer->known_us < MAX_KNOWN_AGE_US)
                return layer->known_bps;
        if (layer->known_bps == 0)
                layer->known_bps = bps;
        layer->known_bps = (uint32_t)(((uint64_t)layer->known_bps * 3 + bps) / 4);
        layer->known_us = now_us;
        return layer->known_bps;
}

/* The points of one simulcast layer, with the spatial and temporal layers in it.
 * Of a better picture a quarter of the frames is worth less than all of the one
 * below: such points are left out. Nor does any of it cost less, whatever an encoder
 * that rests for a while makes of the rates: it takes a key frame to go there. */
static void add_points(struct alloc_demand *d, struct media_layer *layer, uint16_t height,
                       int64_t now_us)
{
        uint8_t n_temporal = layer_n_temporal(layer, now_us);
        uint8_t top = layer_n_spatial(layer, now_us) - 1;
        uint8_t wished = layer_sid_for(layer, height, now_us);
        uint32_t whole_bps = layer_bps_of(layer, LAYER_ALL, LAYER_ALL, now_us);
        uint64_t bps = layer_cost(layer, now_us), least = 0;

        if (layer_bps_of(layer, 0, 0, now_us) == 0)
                whole_bps = 0; /* how it is divided is not known now */
        if (d->n_points > 0)
                least = d->points[d->n_points - 1].bps * 9ull / 8;
        if (bps == 0 && d->n_points > 0) /* never seen: a size up */
                bps = 3ull * d->points[d->n_points - 1].bps;
        bps += bps / PICTURE_OVERHEAD;
        top = wished < top ? wished : top;
        for (uint8_t sid = 0; sid <= top; sid++) {
                for (uint8_t tid = d->n_points > 0 && n_temporal > 2 ? 1 : 0; tid < n_temporal;
                     tid++) {
                        uint32_t part_bps = layer_bps_of(layer, sid, tid, now_us);
                        struct alloc_point point = { layer->index, sid, tid, (uint32_t)bps };

                        if (whole_bps > 0 && part_bps < whole_bps)
                                point.bps = (uint32_t)(bps * part_bps / whole_bps);
                        if (point.bps < least)
                                point.bps = (uint32_t)least;
                        alloc_add_point(d, &point);
                }
        }
}

/* So much waits that some of it will be lost, and what hangs on that can't be shown. */
static bool is_choked(const struct media_peer *peer, int64_t now_us)
{
        return path_is_full(peer) && path_backlog_us(peer, now_us) > CHOKED_US;
}

/* All of the layer that is shown, or another one: fewer of its frames hang on what is lost, too. */
static void leave_out_parts(struct alloc_demand *d, const struct media_slot *slot)
{
        const struct media_layer *now = slot->current;
        size_t n = 0;

        if (!now || now->pub != slot->target || d->points[0].layer >= now->index)
                return;
        for (size_t i = 0; i < d->n_points; i++) {
                bool whole = i + 1 == d->n_points || d->points[i + 1].layer != d->points[i].layer;

                if (whole || d->points[i].layer != now->index)
                        d->points[n++] = d->points[i];
        }
        d->n_points = n;
}

static void fill_picture(struct media_slot *slot, bool choked, struct alloc_demand *ret_demand,
                         int64_t now_us)
{
        struct media_room *room = slot->peer->room;
        struct media_pub *pub = slot->target;
        struct layer_info infos[LAYER_MAX] = { 0 };
        uint32_t participant = pub->peer->participant;
        bool speaks = slot->view.participant == SFU_ACTIVE_SPEAKER ||
                      participant == room->last_speaker;
        int wanted;

        *ret_demand = (struct alloc_demand){
                .kind = pub->kind == SFU_SCREEN ? ALLOC_SCREEN
                        : speaks                ? ALLOC_SPEAKER
                                                : ALLOC_PICTURE,
                .priority = slot->view.priority,
                .height = slot->view.max_height,
                .memory = &slot->grant,
        };
        for (size_t i = 0; i < pub->n_layers; i++) {
                infos[i].flows = layer_available(&pub->layers[i], now_us);
                infos[i].height = pub->layers[i].height;
        }
        wanted = layer_select(infos, pub->n_layers, slot->view.max_height);
        for (int i = 0; i <= wanted; i++) {
                if (infos[i].flows || i == wanted)
                        add_points(ret_demand, &pub->layers[i], slot->view.max_height, now_us);
        }
        if (choked)
                leave_out_parts(ret_demand, slot);
}

/* The loudest first; who was pinned is heard before them. */
static void fill_voice(struct media_slot *slot, struct alloc_demand *ret_demand, int64_t now_us)
{
        const struct media_room *room = slot->peer->room;
        uint32_t bps = layer_cost(&slot->target->layers[0], now_us);
        uint8_t priority = UINT8_MAX;
        struct alloc_point point = { 0 };

        if (slot->view.participant == 0 || slot->view.participant == SFU_ACTIVE_SPEAKER) {
                for (size_t i = 0;
                     i < room->ranking.n_top && room->ranking.top[i] != slot->target->mic_id; i++)
                        priority--;
                priority--;
        }
        *ret_demand = (struct alloc_demand){
                .kind = ALLOC_SOUND,
                .priority = priority,
                .memory = &slot->grant,
        };
        point.bps = bps > 0 ? bps * (1 + path_red_depth(slot)) + VOICE_OVERHEAD_BPS : 0;
        point.bps *= 1 + path_n_repeats(slot);
        alloc_add_point(ret_demand, &point);
}

static bool undecodable(const struct media_slot *slot, const struct media_layer *layer)
{
        return !slot->audio && layer->recv.packets > 0 && !slot->sdp.pts[layer->codec].used;
}

/* It shows nothing because the line fell: a bigger layer would fill the queue again. */
static bool was_held(const struct media_slot *slot, const struct media_layer *layer, int64_t now_us)
{
        return slot->held ||
               (slot->next == layer && slot->relieved_us && now_us - slot->relieved_us < RELIEF_US);
}

/* What to show while a layer that was stopped starts again: one that flows, if
 * the slot shows nothing of the target yet. */
static struct media_layer *for_now(const struct media_slot *slot, struct media_layer *layer,
                                   int64_t now_us)
{
        struct media_pub *pub = layer->pub;

        if (layer_is_live(layer, now_us) || (slot->current && slot->current->pub == pub) ||
            was_held(slot, layer, now_us))
                return layer;
        for (size_t i = 0; i < pub->n_layers; i++) {
                if (layer_flows(&pub->layers[i], now_us))
                        return &pub->layers[i];
        }
        return layer;
}

/* All there is, unless less was granted. */
static void limit(struct media_slot *slot, const struct alloc_point *granted, int64_t now_us)
{
        const struct media_layer *layer = &slot->target->layers[granted->layer];
        bool all_sizes = granted->spatial + 1 >= layer_n_spatial(layer, now_us);
        bool all_frames = granted->temporal + 1 >= layer_n_temporal(layer, now_us);

        slot_limit(slot, all_sizes ? LAYER_ALL : granted->spatial,
                   all_frames ? LAYER_ALL : granted->temporal, now_us);
}

/* While the queue is full, what it holds is still shown for a moment; more of it
 * would only make the smaller picture's key frame late, or lost. */
static bool should_hold(const struct media_slot *slot, const struct media_layer *layer)
{
        return !slot->audio && slot->current && slot->current->pub == layer->pub &&
               layer->index < slot->current->index && path_is_full(slot->peer);
}

/* Key frames go out one after the other: two at once fill the queue again. The first
 * is asked for so that it comes when the queue is empty. */
static bool may_go_on(const struct media_slot *slot, int64_t now_us)
{
        const struct media_path *path = slot->peer->path;

        if (!path || now_us - slot->relieved_us > MAX_HELD_US)
                return true;
        return now_us - path->freed_us > KEY_SPREAD_US &&
               path_backlog_us(slot->peer, now_us) <= KEY_LEAD_US;
}

/* The first in order of service of those held, or NULL. */
static struct media_slot *whose_turn(struct media_slot *const *slots,
                                     const struct alloc_demand *demands, size_t n)
{
        size_t first = n;

        for (size_t i = 0; i < n; i++) {
                if (slots[i]->held && demands[i].granted != ALLOC_NONE &&
                    (first == n || alloc_serves_before(&demands[i], &demands[first])))
                        first = i;
        }
        return first < n ? slots[first] : NULL;
}

/* True: the slot shows nothing for now. */
static bool hold(struct media_slot *slot, const struct media_layer *layer, bool its_turn,
                 int64_t now_us)
{
        if (should_hold(slot, layer))
                slot_pause(slot, now_us);
        if (!slot->held)
                return false;
        if (!its_turn || !may_go_on(slot, now_us))
                return true;
        if (slot->peer->path)
                slot->peer->path->freed_us = now_us;
        return false;
}

static void apply_grant(struct media_slot *slot, const struct alloc_demand *d, bool its_turn,
                        int64_t now_us)
{
        struct media_layer *layer = NULL;

        if (d->granted != ALLOC_NONE)
                layer = &slot->target->layers[d->points[d->granted].layer];
        slot_desire(slot, layer, now_us);
        if (layer)
                layer = for_now(slot, layer, now_us);
        if (!layer || undecodable(slot, layer)) {
                slot_release(slot, now_us);
                return;
        }
        if (hold(slot, layer, its_turn, now_us))
                return;
        slot_aim(slot, layer, now_us);
        if (!slot->audio)
                limit(slot, &d->points[d->granted], now_us);
        if (slot->current && slot->next && slot->current->pub != slot->target &&
            now_us - slot->next_since_us >= SWITCH_PATIENCE_US)
                slot_give_up(slot, now_us);
}

/* Of the picture that was granted: its first point, or the granted one. Else the lowest. */
static size_t granted_point(const struct alloc_demand *d, bool whole)
{
        const struct alloc_memory *m = d->memory;
        size_t first = d->n_points, last = 0;

        if (d->kind == ALLOC_SOUND || !m->known || m->paused)
                return 0;
        for (size_t i = 0; i < d->n_points; i++) {
                const struct alloc_point *p = &d->points[i];

                if (p->layer != m->layer || p->spatial > m->spatial)
                        continue;
                if (first == d->n_points || p->spatial > d->points[first].spatial)
                        first = last = i;
                else if (p->temporal <= m->temporal)
                        last = i;
        }
        if (first == d->n_points)
                return 0;
        return whole ? last : first;
}

/* What a test of losses may cost, the least first: frames of pictures that have many, frames,
 * anything. */
enum test_cost { MANY_FRAMES, FRAMES, LAYERS };

/* The lowest point that it leaves. */
static size_t point_kept(const struct alloc_demand *d, const struct media_slot *slot,
                         enum test_cost cost)
{
        const struct media_layer *now = slot->current;
        bool slow = now && now->pub == slot->target && layer_is_slow(now);

        return cost == LAYERS ? 0 : granted_point(d, cost == MANY_FRAMES && slow);
}

/* The least that it leaves of what was granted. */
static uint64_t least_bps(const struct alloc_demand *demands, struct media_slot *const *slots,
                          size_t n, enum test_cost cost)
{
        uint64_t least = 0;

        for (size_t i = 0; i < n; i++) {
                const struct alloc_demand *d = &demands[i];

                if (d->n_points > 0 && !d->memory->paused)
                        least += d->points[point_kept(d, slots[i], cost)].bps;
        }
        return least;
}

/* A test of losses takes its share of what was granted: measured against the target, which
 * means what is really sent, pictures that send less than they may would lose far more. What
 * was granted may cost more by now: an encoder that has just begun sends more and more.
 * 0: no test. */
static uint64_t tested_bps(struct media_peer *peer, const struct alloc_demand *demands, size_t n)
{
        struct media_path *path = peer->path;
        uint64_t whole_bps = 0;
        struct cc_info line;
        uint16_t kept;

        if (!path || !path->can_probe)
                return 0;
        kept = cc_test_permille(path->cc);
        if (kept == 1000) {
                path->untested_bps = 0;
                return 0;
        }
        if (path->untested_bps == 0)
                path->untested_bps = peer->spent.granted_bps;
        for (size_t i = 0; i < n; i++) {
                const struct alloc_demand *d = &demands[i];

                if (d->n_points > 0 && !d->memory->paused)
                        whole_bps += d->points[granted_point(d, true)].bps;
        }
        if (whole_bps < path->untested_bps)
                whole_bps = path->untested_bps;
        cc_info(path->cc, &line);
        whole_bps = whole_bps * kept / 1000;
        return whole_bps < line.delay_bps ? whole_bps : line.delay_bps;
}

/* Such a test is no fall, and leaves nothing to remember. */
static void keep_points(struct alloc_demand *demands, struct media_slot *const *slots, size_t n,
                        enum test_cost cost, struct alloc_memory *ret_scratch)
{
        for (size_t i = 0; i < n; i++) {
                struct alloc_demand *d = &demands[i];
                size_t kept = point_kept(d, slots[i], cost);

                d->n_points -= kept;
                memmove(d->points, d->points + kept, d->n_points * sizeof(d->points[0]));
                ret_scratch[i] = *d->memory;
                d->memory = &ret_scratch[i];
        }
}

/* What there is to spend; UINT64_MAX: nothing limits. */
static uint64_t budget_of(struct media_peer *peer, int64_t now_us)
{
        uint64_t bps, rtx_bps;

        if (!peer->path || !peer->path->can_probe)
                return line_budget_poll(&peer->line, peer->spent.wanted_bps, now_us);
        bps = cc_target_bps(peer->path->cc);
        rtx_bps = rtp_rate_bps(&peer->rtx_rate, now_us);
        return bps - (rtx_bps < bps / 8 ? rtx_bps : bps / 8); /* repeats have a budget, too */
}

/* A test is made with frames alone where that is enough: another layer would cost two key
 * frames. No picture and no voice is given up for it: when nothing is sent, it shows nothing. */
static uint64_t budget_of_test(struct media_peer *peer, uint64_t budget,
                               struct alloc_demand *demands, struct media_slot *const *slots,
                               size_t n, struct alloc_memory *ret_scratch, int64_t now_us)
{
        struct cc_info line;
        uint64_t least;

        for (enum test_cost cost = MANY_FRAMES; cost <= FRAMES; cost++) {
                if (least_bps(demands, slots, n, cost) <= budget) {
                        keep_points(demands, slots, n, cost, ret_scratch);
                        return budget;
                }
        }
        if (cc_put_off_test(peer->path->cc, now_us)) {
                peer->path->untested_bps = 0;
                return budget_of(peer, now_us);
        }
        cc_info(peer->path->cc, &line);
        least = least_bps(demands, slots, n, LAYERS);
        least = least < line.delay_bps ? least : line.delay_bps;
        return least > budget ? least : budget;
}

static enum sfu_carries carries_of(const struct alloc_sum *sum)
{
        if (sum->n_pictures > 0 && sum->n_paused == sum->n_pictures)
                return SFU_CARRIES_SOUND;
        return sum->n_reduced > 0 || sum->n_silenced > 0 ? SFU_CARRIES_REDUCED : SFU_CARRIES_ALL;
}

/* In how long a held picture may go on; INT64_MAX: there is none. */
static int64_t held_for_us(const struct media_peer *peer, int64_t now_us)
{
        int64_t wait_us, spread_us, enough_us = INT64_MAX;

        if (peer->n_held == 0 || !peer->path)
                return INT64_MAX;
        for (size_t i = peer->n_audio; i < peer->n_slots; i++) {
                const struct media_slot *slot = &peer->slots[i];
                int64_t left_us = slot->relieved_us + MAX_HELD_US + 1 - now_us;

                if (slot->held && left_us > 0 && left_us < enough_us)
                        enough_us = left_us;
        }
        wait_us = path_backlog_us(peer, now_us) - KEY_LEAD_US;
        spread_us = peer->path->freed_us + KEY_SPREAD_US - now_us;
        wait_us = spread_us > wait_us ? spread_us : wait_us;
        wait_us = enough_us < wait_us ? enough_us : wait_us;
        return wait_us > REGULAR_GRID_US ? wait_us : REGULAR_GRID_US;
}

/* Who has all that was asked for is looked at when something happens: a report
 * that the line carries less, a layer that starts, another view. */
static int64_t usual_interval_us(const struct media_peer *peer)
{
        if (peer->spent.n_reduced > 0 || peer->spent.n_silenced > 0)
                return ALLOCATE_INTERVAL_US;
        for (size_t i = 0; i < peer->n_slots; i++) {
                if (peer->slots[i].next)
                        return ALLOCATE_INTERVAL_US;
        }
        return CONTENT_INTERVAL_US;
}

static int64_t interval_us_of(const struct media_peer *peer, int64_t now_us)
{
        int64_t held_us = held_for_us(peer, now_us), usual_us = usual_interval_us(peer);

        return held_us < usual_us ? held_us : usual_us;
}

/* Told when it has lasted; that pictures are back, at once. */
static void note_carries(struct media_peer *peer, enum sfu_carries carries, int64_t now_us)
{
        int64_t patience_us = carries == SFU_CARRIES_SOUND              ? SOUND_PATIENCE_US
                              : peer->carries_told == SFU_CARRIES_SOUND ? 0
                                                                        : REDUCED_PATIENCE_US;

        if (carries != peer->carries) {
                peer->carries = carries;
                peer->carries_us = now_us;
        }
        if (carries == peer->carries_told || now_us - peer->carries_us < patience_us)
                return;
        peer->carries_told = carries;
        peer->quality_changed = true;
        if (carries == SFU_CARRIES_SOUND && peer->quality_us > now_us)
                peer->quality_us = now_us; /* a picture that stands still asks for a reason */
        peer_wake(peer, peer->quality_us);
}

void peer_look_at_held(struct media_peer *peer, int64_t now_us)
{
        int64_t held_us = held_for_us(peer, now_us);

        if (held_us == INT64_MAX || now_us + held_us >= peer->allocate_us)
                return;
        peer->allocate_us = now_us + held_us;
        peer_wake(peer, peer->allocate_us);
}

bool peer_needs_allocation(const struct media_peer *peer)
{
        bool narrow = peer->path && cc_target_bps(peer->path->cc) < NARROW_BPS;

        for (size_t i = 0; i < peer->n_slots; i++) {
                if (peer->slots[i].target && (narrow || !peer->slots[i].audio))
                        return true;
        }
        return false;
}

void peer_allocate(struct media_peer *peer, int64_t now_us)
{
        struct alloc_demand demands[SFU_MAX_SLOTS];
        struct alloc_memory scratch[SFU_MAX_SLOTS];
        struct media_slot *slots[SFU_MAX_SLOTS], *turn;
        bool choked = is_choked(peer, now_us);
        uint64_t budget, tested;
        size_t n = 0;

        for (size_t i = 0; i < peer->n_slots; i++) {
                struct media_slot *slot = &peer->slots[i];

                if (!slot->target)
                        continue;
                if (slot->audio)
                        fill_voice(slot, &demands[n], now_us);
                else
                        fill_picture(slot, choked, &demands[n], now_us);
                slots[n++] = slot;
        }
        budget = budget_of(peer, now_us);
        tested = tested_bps(peer, demands, n);
        if (tested > 0)
                budget = budget_of_test(peer, budget > tested ? budget : tested, demands, slots, n,
                                        scratch, now_us);
        allocate(demands, n, budget, !peer->path, now_us, &peer->spent);
        turn = whose_turn(slots, demands, n);
        for (size_t i = 0; i < n; i++)
                apply_grant(slots[i], &demands[i], slots[i] == turn, now_us);
        peer->allocate_us = regular_us(now_us + interval_us_of(peer, now_us));
        if (tested == 0)
                note_carries(peer, carries_of(&peer->spent), now_us);
        if (peer->path)
                path_on_allocated(peer, now_us);
        if (peer_needs_allocation(peer))
                peer_wake(peer, peer->allocate_us);
}
