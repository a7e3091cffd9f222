/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_priv.h"

#include <assert.h>
#include <string.h>

#include "sfu/wire/rtx.h"

enum {
        MIN_STEP_US = 20 * 1000,     /* a new source is at least one audio frame later */
        MAX_STEP_DOUBT_US = 2000000, /* the publishers' clocks against our own */
        RECENT_RTX_MIN_MS = 10,
        ABS_SEND_TIME_BYTES = 3,
        NUMBER_BYTES = 2,
        EXT_USUAL = 8,
        DD_ROOM = 16, /* head of a dependency descriptor, its mask, longer heads of the others */
};

/* Not on sound: see write_again(). Bandwidth is estimated from video. */
static bool has_send_time(const struct media_slot *slot)
{
        const struct sdp_ext_ids *ids = &slot->sdp.ext;

        return !slot->audio && ids->abs_send_time && ids->abs_send_time <= RTP_EXT_ONE_BYTE_MAX_ID;
}

size_t slot_list_ext(const struct media_slot *slot, bool with_mid, const uint8_t *send_time,
                     const uint8_t *number, struct rtp_ext_item *items)
{
        const struct sdp_ext_ids *ids = &slot->sdp.ext;
        size_t n = 0, mid_len = strlen(slot->sdp.mid);

        if (with_mid && ids->mid && ids->mid <= RTP_EXT_ONE_BYTE_MAX_ID && mid_len > 0)
                items[n++] = (struct rtp_ext_item){ ids->mid,
                                                    { (const uint8_t *)slot->sdp.mid, mid_len } };
        if (has_send_time(slot))
                items[n++] = (struct rtp_ext_item){ ids->abs_send_time,
                                                    { send_time, ABS_SEND_TIME_BYTES } };
        if (ids->transport_cc)
                items[n++] = (struct rtp_ext_item){ ids->transport_cc, { number, NUMBER_BYTES } };
        return n;
}

static void build_ext(struct media_slot *slot)
{
        static const uint8_t unknown_yet[ABS_SEND_TIME_BYTES];
        struct slot_ext *ext = &slot->ext;
        struct wr w = wr_init(ext->bytes, sizeof(ext->bytes));
        struct rtp_ext_item items[SLOT_MAX_EXTS];

        rtp_ext_write(&w, items, slot_list_ext(slot, false, unknown_yet, unknown_yet, items));
        assert(!w.bad);
        ext->len = (uint8_t)wr_len(&w);
        ext->send_time_at = has_send_time(slot) ? RTP_EXT_HEAD + 1 : 0;
        if (slot->sdp.ext.transport_cc)
                ext->number_at = (uint8_t)(RTP_EXT_HEAD + 1 +
                                           (ext->send_time_at ? 1 + ABS_SEND_TIME_BYTES : 0));
}

void slot_init(struct media_slot *slot, struct media_peer *peer, const struct sdp_slot *sdp)
{
        struct media_room *room = peer->room;

        slot->peer = peer;
        slot->sdp = *sdp;
        for (int i = 0; i < N_LINKS; i++)
                link_init(&slot->links[i]);
        for (int i = 0; i < SDP_N_CODECS; i++)
                slot->pts[i] = sdp->pts[i].used ? sdp->pts[i].pt : SLOT_NO_PT;
        build_ext(slot);
        layer_filter_init(&slot->filter);
        slot->key_us = -KEY_PATIENCE_US;
        /* Below 2^15, so that a receiver that misses the first packets guesses the
         * SRTP rollover counter right (RFC 3711 §3.3.1). */
        slot_map_init(&slot->map, (uint16_t)(room_random(room) & 0x7fff));
        slot->rtx_ext = 0x10000 + (room_random(room) & 0x7fff);
        slot->last_ts = room_random(room);
        slot->picture_id = (uint16_t)(room_random(room) & 0x7fff);
        slot->tl0picidx = (uint8_t)room_random(room);
}

struct media_slot *peer_slot_by_ssrc(struct media_peer *peer, uint32_t ssrc)
{
        for (size_t i = 0; i < peer->n_slots; i++) {
                if (peer->slots[i].sdp.ssrc == ssrc)
                        return &peer->slots[i];
        }
        return NULL;
}

static uint32_t rate_of(const struct media_slot *slot)
{
        return slot->audio ? MEDIA_AUDIO_RATE : MEDIA_VIDEO_RATE;
}

static void show(struct media_slot *slot, uint32_t participant, enum sfu_kind kind)
{
        struct sfu_event event = { .type = SFU_EV_SLOT };

        if (slot->shown == participant && (participant == 0 || slot->shown_kind == kind))
                return;
        slot->shown = participant;
        slot->shown_kind = kind;
        event.slot.audio = slot->audio;
        event.slot.index = slot->index;
        event.slot.source = participant;
        event.slot.kind = kind;
        media_tell(slot->peer, &event);
}

static void leave(struct media_slot *slot, struct media_layer **which, int link, int64_t now_us)
{
        struct media_layer *layer = *which;

        if (!layer)
                return;
        *which = NULL;
        link_remove(&slot->links[link]);
        layer_unwatched(layer, now_us);
}

static void enter(struct media_slot *slot, struct media_layer **which, int link,
                  struct media_layer *layer)
{
        *which = layer;
        link_append(link == LINK_CURRENT ? &layer->current : &layer->next, &slot->links[link]);
        layer_watched(layer);
}

static void hold(struct media_slot *slot, bool held)
{
        slot->peer->n_held += (unsigned)held - (unsigned)slot->held;
        slot->held = held;
}

void slot_release(struct media_slot *slot, int64_t now_us)
{
        if (!slot->audio && slot->current)
                slot->relieved_us = now_us;
        leave(slot, &slot->next, LINK_NEXT, now_us);
        leave(slot, &slot->current, LINK_CURRENT, now_us);
        hold(slot, false);
        show(slot, 0, slot->shown_kind);
}

void slot_pause(struct media_slot *slot, int64_t now_us)
{
        leave(slot, &slot->next, LINK_NEXT, now_us);
        leave(slot, &slot->current, LINK_CURRENT, now_us);
        hold(slot, true);
        slot->relieved_us = now_us;
}

/* The new source does not come; the old one has been shown for long enough. */
void slot_give_up(struct media_slot *slot, int64_t now_us)
{
        leave(slot, &slot->current, LINK_CURRENT, now_us);
        show(slot, 0, slot->shown_kind);
}

void slot_desire(struct media_slot *slot, struct media_layer *layer, int64_t now_us)
{
        struct media_layer *old = slot->desired;

        if (old == layer)
                return;
        slot->desired = layer;
        if (old && --old->n_desired == 0) {
                old->idle_us = now_us;
                relay_watch(old->pub->peer);
                peer_wake(old->pub->peer, now_us + UNWATCHED_GRACE_US);
        }
        if (layer && layer->n_desired++ == 0)
                pub_update_wanted(layer->pub, now_us);
}

void slot_aim(struct media_slot *slot, struct media_layer *layer, int64_t now_us)
{
        if (slot->current == layer) {
                leave(slot, &slot->next, LINK_NEXT, now_us);
                return;
        }
        if (slot->next == layer)
                return;
        leave(slot, &slot->next, LINK_NEXT, now_us);
        hold(slot, false);
        enter(slot, &slot->next, LINK_NEXT, layer);
        slot->next_since_us = now_us;
        layer_want_key(layer, now_us);
}

/* The same person's stream under another SSRC: nothing to tell. */
void slot_restart(struct media_slot *slot, int64_t now_us)
{
        struct media_layer *layer = slot->current, *next = slot->next;

        leave(slot, &slot->current, LINK_CURRENT, now_us);
        if (!next)
                slot_aim(slot, layer, now_us);
}

void slot_set_target(struct media_slot *slot, struct media_pub *pub, int64_t now_us)
{
        struct media_pub *old = slot->target;

        if (old == pub)
                return;
        slot_desire(slot, NULL, now_us);
        slot->target = pub;
        hold(slot, false);
        slot->grant = (struct alloc_memory){ 0 };
        if (old) {
                link_remove(&slot->links[LINK_WATCH]);
                pub_update_wanted(old, now_us);
        }
        if (!pub) {
                slot_release(slot, now_us);
                return;
        }
        link_append(&pub->watchers, &slot->links[LINK_WATCH]);
        pub_update_wanted(pub, now_us);
        if (slot->audio)
                slot_aim(slot, &pub->layers[0], now_us);
        else
                slot->peer->allocate_us = now_us;
        peer_wake(slot->peer, now_us);
}

/* Where the new source's first packet lies on the slot's timeline: as much later
 * than the last packet as the two moments of capture are apart. */
static uint32_t first_ts(const struct media_slot *slot, int64_t time_us, int64_t now_us)
{
        int64_t step_us = time_us - slot->last_time_us, sent_us = now_us - slot->last_sent_us;

        if (!slot->started)
                return slot->last_ts;
        if (step_us - sent_us > MAX_STEP_DOUBT_US || sent_us - step_us > MAX_STEP_DOUBT_US)
                step_us = sent_us;
        if (step_us < MIN_STEP_US)
                step_us = MIN_STEP_US;
        return slot->last_ts + (uint32_t)((uint64_t)step_us * rate_of(slot) / 1000000);
}

static bool codec_negotiated(const struct media_slot *slot, enum sdp_codec codec)
{
        return slot->pts[codec] != SLOT_NO_PT ||
               (codec == SDP_RED && slot->pts[SDP_OPUS] != SLOT_NO_PT);
}

void slot_switch(struct media_slot *slot, const struct media_in *in, int64_t now_us)
{
        struct media_layer *layer = slot->next;
        struct slot_seg seg = {
                .layer_id = layer->id,
                .in_first = in->ext,
                .mark = slot->audio, /* a talk spurt begins (RFC 3551 §4.1) */
                .top_sid = SLOT_MAP_NO_TOP,
        };

        if (!codec_negotiated(slot, in->codec))
                return;
        seg.ts_offset = first_ts(slot, in->time_us, now_us) - in->rtp.ts;
        seg.picture_id_offset = (uint16_t)(slot->picture_id + 1 - in->numbers.id);
        seg.tl0_offset = (uint8_t)(slot->tl0picidx + 1 - in->numbers.tl0);
        seg.frame_offset = (uint16_t)(slot->frame_number + 1 - in->frame.dd.number);
        layer_filter_restart(&slot->filter);
        slot->skipped_id = UINT16_MAX;
        slot_map_switch(&slot->map, &seg);
        leave(slot, &slot->current, LINK_CURRENT, now_us);
        enter(slot, &slot->current, LINK_CURRENT, layer);
        leave(slot, &slot->next, LINK_NEXT, now_us); /* last: the layer keeps its ring */
        slot->report_soon = true;
        peer_wake(slot->peer, now_us);
        show(slot, layer->pub->peer->participant, layer->pub->kind);
}

struct media_pass media_pass_init(const struct media_room *room, int64_t now_us)
{
        uint32_t t = rtp_ext_abs_send_time_at(now_us);

        return (struct media_pass){
                .out = &room->out,
                .now_us = now_us,
                .send_time = { (uint8_t)(t >> 16), (uint8_t)(t >> 8), (uint8_t)t },
        };
}

struct out_rtp {
        struct rtp_pkt header;
        uint32_t ext; /* of header.seq */
        bool with_mid, is_rtx, is_repeat;
        uint16_t osn;    /* of RTX */
        uint16_t number; /* transport-wide */
};

/* False: a repeat whose number is not known any more. */
static bool number_packet(struct media_slot *slot, struct out_rtp *o, size_t payload_len,
                          int64_t now_us)
{
        if (!path_covers(slot, now_us))
                return true;
        if (o->is_repeat)
                return path_number_again(slot, o->ext, &o->number);
        o->number = path_number(slot, RTP_HEADER + EXT_USUAL + payload_len, o->ext, o->is_rtx,
                                now_us);
        return true;
}

/* Writes the extension block to ext, of SLOT_EXT_CAP bytes; returns its length. */
static size_t put_ext(uint8_t *ext, const struct media_slot *slot, const struct out_rtp *o,
                      struct span descriptor, const struct media_pass *pass)
{
        const uint8_t number[NUMBER_BYTES] = { (uint8_t)(o->number >> 8), (uint8_t)o->number };
        struct rtp_ext_item items[SLOT_MAX_EXTS + 1];
        struct wr w;
        size_t n;

        if (!o->with_mid && descriptor.len == 0) {
                memcpy(ext, slot->ext.bytes, sizeof(slot->ext.bytes));
                if (slot->ext.send_time_at)
                        memcpy(ext + slot->ext.send_time_at, pass->send_time, ABS_SEND_TIME_BYTES);
                if (slot->ext.number_at)
                        memcpy(ext + slot->ext.number_at, number, NUMBER_BYTES);
                return slot->ext.len;
        }
        w = wr_init(ext, SLOT_EXT_CAP + descriptor.len + DD_ROOM);
        n = slot_list_ext(slot, o->with_mid, pass->send_time, number, items);
        if (descriptor.len > 0)
                items[n++] = (struct rtp_ext_item){ slot->sdp.ext.dependency, descriptor };
        rtp_ext_write(&w, items, n);
        return w.bad ? 0 : wr_len(&w);
}

/* VP9's numbers have the form of VP8's. */
static void put_numbers(uint8_t *payload, const struct media_numbers *numbers,
                        const struct slot_seg *seg)
{
        const struct vp8_desc desc = {
                .has_picture_id = numbers->id_at > 0,
                .long_picture_id = numbers->long_id,
                .picture_id_offset = numbers->id_at,
                .has_tl0picidx = numbers->tl0_at > 0,
                .tl0picidx_offset = numbers->tl0_at,
        };

        vp8_set_picture_id(payload, &desc, (uint16_t)(numbers->id + seg->picture_id_offset));
        vp8_set_tl0picidx(payload, &desc, (uint8_t)(numbers->tl0 + seg->tl0_offset));
}

/* The payload is copied here, once; the shell encrypts it where it lies. */
static void put_payload(uint8_t *at, const struct media_in *in, const struct slot_seg *seg)
{
        if (in->rtp.payload.len > 0)
                memcpy(at, in->rtp.payload.data, in->rtp.payload.len);
        if (in->numbers.id_at || in->numbers.tl0_at)
                put_numbers(at, &in->numbers, seg);
}

/* Writes and commits one packet. False: no room in the batch. */
static bool write_out(struct media_slot *slot, struct out_rtp *o, const struct slot_seg *seg,
                      const struct media_in *in, struct media_pass *pass)
{
        const struct media_out *out = pass->out;
        size_t payload_len = in->rtp.payload.len, ext_cap = SLOT_EXT_CAP, ext_len, len;
        struct span descriptor = { 0 };
        uint8_t buf[DD_MAX_BYTES], *data, *at;

        if (in->dd.len > 0 && slot->sdp.ext.dependency) {
                descriptor = slot_descriptor(slot, in, seg, buf);
                ext_cap += descriptor.len + DD_ROOM;
        }
        data = out->reserve(out->user, slot->peer->tag,
                            RTP_HEADER + ext_cap + RTX_OSN_BYTES + payload_len);
        if (!data || !number_packet(slot, o, descriptor.len + payload_len, pass->now_us))
                return false;
        ext_len = put_ext(data + RTP_HEADER, slot, o, descriptor, pass);
        rtp_put_header(data, &o->header, ext_len > 0);
        at = data + RTP_HEADER + ext_len;
        if (o->is_rtx) {
                *at++ = (uint8_t)(o->osn >> 8);
                *at++ = (uint8_t)o->osn;
        }
        put_payload(at, in, seg);
        len = (size_t)(at - data) + payload_len;
        out->commit_rtp(out->user, slot->peer->tag, len, o->ext);
        pass->n++;
        pass->bytes += len;
        return true;
}

static void count_rates(struct media_slot *slot, struct media_pass *pass)
{
        if (pass->n > 0) {
                rtp_rate_add(&slot->rate, pass->bytes, pass->now_us);
                if (!slot->audio)
                        rtp_rate_add(&slot->peer->video_rate, pass->bytes, pass->now_us);
        }
        pass->n = pass->bytes = 0;
}

void slot_count(struct media_slot *slot, struct media_pass *pass)
{
        slot->peer->n_sent += pass->n;
        count_rates(slot, pass);
}

/* The same answer for a packet whenever it is asked, see write_again(). */
static bool carries_mid(const struct media_slot *slot, uint32_t out_ext)
{
        return !slot->mid_known || (int32_t)(out_ext - slot->mid_last_ext) <= 0;
}

static struct rtp_pkt map_header(const struct media_slot *slot, const struct media_in *in,
                                 uint32_t out_ext, const struct slot_seg *seg)
{
        return (struct rtp_pkt){
                .marker = in->rtp.marker || (seg->mark && in->ext == seg->in_first) ||
                          (in->frame.ends && in->frame.sid == seg->top_sid),
                .pt = slot->pts[in->codec],
                .seq = (uint16_t)out_ext,
                .ts = in->rtp.ts + seg->ts_offset,
                .ssrc = slot->sdp.ssrc,
        };
}

static void send_mapped(struct media_slot *slot, const struct media_in *in, uint32_t out_ext,
                        const struct slot_seg *seg, struct media_pass *pass)
{
        struct out_rtp o = {
                .header = map_header(slot, in, out_ext, seg),
                .ext = out_ext,
                .with_mid = carries_mid(slot, out_ext),
        };

        if (!slot->mid_known && (int32_t)(out_ext - slot->mid_last_ext) > 0)
                slot->mid_last_ext = out_ext;
        if (!write_out(slot, &o, seg, in, pass))
                return;
        slot->packets++;
        slot->octets += (uint32_t)in->rtp.payload.len;
}

/* RTX (RFC 4588) where it was negotiated, always with its MID: no report tells that its
 * SSRC is known, and Firefox knows it by nothing else. Sound has none: there the packet
 * goes out once more under its own number. SRTP then uses the same nonce again, which is
 * safe only for the same bytes; so nothing in such a packet may depend on the moment: no
 * abs-send-time, the transport-wide number it had the first time, and the MID exactly if
 * it had it then. */
static bool write_again(struct media_slot *slot, const struct media_in *in, uint32_t out_ext,
                        const struct slot_seg *seg, struct media_pass *pass)
{
        const struct sdp_pt *pt = &slot->sdp.pts[in->codec];
        bool rtx = slot->sdp.rtx_ssrc != 0 && pt->rtx_pt != 0;
        struct out_rtp o = {
                .header = map_header(slot, in, out_ext, seg),
                .ext = out_ext,
                .with_mid = rtx || carries_mid(slot, out_ext),
                .is_rtx = rtx,
                .is_repeat = !rtx,
                .osn = (uint16_t)out_ext,
        };

        if (rtx) {
                o.header.pt = pt->rtx_pt;
                o.header.seq = (uint16_t)slot->rtx_ext;
                o.ext = slot->rtx_ext;
                o.header.ssrc = slot->sdp.rtx_ssrc;
        } else if (!slot->audio) {
                return false;
        }
        if (!write_out(slot, &o, seg, in, pass))
                return false;
        if (rtx)
                slot->rtx_ext++;
        slot->retransmitted++;
        return true;
}

/* The packet that went out as seq, while its layer's ring has it. */
static bool find_sent(const struct media_slot *slot, uint16_t seq, struct media_in *ret_in,
                      uint32_t *ret_out_ext, const struct slot_seg **ret_seg, int64_t now_us)
{
        struct media_in in = { 0 };
        struct media_layer *layer;

        if (!slot_map_find(&slot->map, seq, &in.ext, ret_out_ext, ret_seg))
                return false;
        /* A key frame has come after it, or soon will, or the picture is gone. */
        if (slot->relieved_us && now_us - slot->relieved_us < RELIEF_US &&
            (!slot->current || !slot_map_is_current(&slot->map, *ret_seg)))
                return false;
        layer = room_layer(slot->peer->room, (*ret_seg)->layer_id);
        if (!layer || !layer->cache || layer->pub->muted)
                return false;
        in.pkt = rtx_cache_get(layer->cache, in.ext);
        if (!in.pkt || rtp_parse(&in.rtp, in.pkt->data, in.pkt->len) ||
            !media_in_classify(&in, layer->pub) || !codec_negotiated(slot, in.codec))
                return false;
        layer_describe(layer, &in, false, now_us);
        *ret_in = in;
        return true;
}

/* Else a few bytes of NACK, sent without end, draw a megabit each; and a queue that
 * runs over is answered with more of what made it run over. */
static bool spend_rtx(struct media_peer *peer, size_t bytes, int64_t now_us)
{
        int64_t rate = RTX_BYTES_PER_S, burst = RTX_BURST_BYTES, earned;

        if (peer->path) {
                rate = (int64_t)(path_rtx_bps(peer->path) / 8);
                burst = rate / 2 > RTX_BURST_MIN_BYTES ? rate / 2 : RTX_BURST_MIN_BYTES;
        }
        earned = (now_us - peer->rtx_spent_us) * rate / 1000000;
        if (earned > 0) {
                peer->rtx_spent = earned < peer->rtx_spent ? peer->rtx_spent - earned : 0;
                peer->rtx_spent_us = now_us;
        }
        if (peer->rtx_spent > burst)
                peer->rtx_spent = burst; /* what was spent on a better line is no debt */
        if (peer->rtx_spent + (int64_t)bytes > burst)
                return false;
        peer->rtx_spent += (int64_t)bytes;
        return true;
}

/* Unless it was asked for, nothing but the voice itself pays for it. */
static bool send_again(struct media_slot *slot, uint16_t seq, bool asked, struct media_pass *pass)
{
        const struct slot_seg *seg;
        const struct media_in *taken;
        struct media_taken sound;
        struct media_in in;
        uint32_t out_ext;

        if (!find_sent(slot, seq, &in, &out_ext, &seg, pass->now_us) ||
            (asked && !spend_rtx(slot->peer, in.pkt->len, pass->now_us)))
                return false;
        taken = &in;
        if (slot->audio)
                taken = slot_takes_sound_again(&sound, slot,
                                               room_layer(slot->peer->room, seg->layer_id), &in,
                                               seg->in_first, out_ext);
        if (!taken || !write_again(slot, taken, out_ext, seg, pass))
                return false;
        if (slot->audio)
                path_on_repeat(slot, out_ext, asked, pass->now_us);
        return true;
}

static void send_sound(struct media_slot *slot, const struct media_in *in, uint32_t out_ext,
                       const struct slot_seg *seg, struct media_pass *pass)
{
        bool newest = out_ext + 1 == slot->map.out_next;
        struct media_taken taken;

        in = slot_takes_sound(&taken, slot, slot->current, in, seg->in_first);
        send_mapped(slot, in, out_ext, seg, pass);
        for (unsigned back = newest ? path_n_repeats(slot) : 0; back > 0; back--)
                (void)send_again(slot, (uint16_t)(out_ext - back), false, pass);
}

static uint16_t recent_ms(int64_t now_us)
{
        return (uint16_t)(now_us / 1000 % 0xffff + 1); /* 0: never */
}

static void note_late(struct media_slot *slot, uint16_t seq, int64_t now_us)
{
        slot->recent[seq % MEDIA_RECENT_RTX].seq = seq;
        slot->recent[seq % MEDIA_RECENT_RTX].at_ms = recent_ms(now_us);
}

/* Not the same packet again within a round trip: it is under way. */
static bool asked_again_too_soon(const struct media_slot *slot, uint16_t seq, int64_t now_us)
{
        uint16_t now_ms = recent_ms(now_us);
        uint32_t wait_ms = peer_rtt_us(slot->peer) / 1000;
        size_t i = seq % MEDIA_RECENT_RTX;

        if (wait_ms < RECENT_RTX_MIN_MS)
                wait_ms = RECENT_RTX_MIN_MS;
        return slot->recent[i].at_ms && slot->recent[i].seq == seq &&
               (uint16_t)(now_ms - slot->recent[i].at_ms) < wait_ms;
}

/* What another source's numbers will have to go on from. */
static void note_numbers(struct media_slot *slot, const struct media_in *in,
                         const struct slot_seg *seg)
{
        const struct media_numbers *numbers = &in->numbers;

        if (numbers->id_at)
                slot->picture_id = (uint16_t)(numbers->id + seg->picture_id_offset) & 0x7fff;
        if (numbers->tl0_at)
                slot->tl0picidx = (uint8_t)(numbers->tl0 + seg->tl0_offset);
        if (in->frame.has_dd)
                slot->frame_number = (uint16_t)(in->frame.dd.number + seg->frame_offset);
}

void slot_forward(struct media_slot *slot, const struct media_in *in, struct media_pass *pass)
{
        const struct slot_seg *seg;
        uint32_t out_ext;

        if (!codec_negotiated(slot, in->codec) || (in->layered && !slot_takes(slot, in)) ||
            !slot_map_forward(&slot->map, in->ext, &out_ext, &seg))
                return; /* what another source replaced */
        if (out_ext + 1 == slot->map.out_next) {
                slot->started = true;
                slot->last_ts = in->rtp.ts + seg->ts_offset;
                slot->last_time_us = in->time_us;
                slot->last_sent_us = pass->now_us;
                note_numbers(slot, in, seg);
        } else {
                note_late(slot, (uint16_t)out_ext, pass->now_us);
        }
        if (slot->audio)
                send_sound(slot, in, out_ext, seg, pass);
        else
                send_mapped(slot, in, out_ext, seg, pass);
}

void slot_skip(struct media_slot *slot, const struct media_in *in, struct media_pass *pass)
{
        if (!slot_map_skip(&slot->map, in->ext))
                slot_forward(slot, in, pass); /* its number is spent: fill the gap */
}

static void count_again(struct media_slot *slot, struct media_pass *pass)
{
        rtp_rate_add(&slot->peer->rtx_rate, pass->bytes, pass->now_us);
        count_rates(slot, pass);
}

size_t slot_repeat(struct media_slot *slot, uint16_t seq, struct media_pass *pass)
{
        const struct slot_seg *seg;
        struct media_in in;
        uint32_t out_ext;

        if (!find_sent(slot, seq, &in, &out_ext, &seg, pass->now_us) || in.rtp.payload.len == 0 ||
            !write_again(slot, &in, out_ext, seg, pass))
                return 0;
        count_again(slot, pass);
        return RTP_HEADER + EXT_USUAL + RTX_OSN_BYTES + in.rtp.payload.len;
}

void slot_catch_up(struct media_slot *slot, uint32_t newest, const struct media_in *waiting,
                   size_t n, struct media_pass *pass)
{
        struct media_layer *layer = slot->current;
        uint32_t first = slot->map.in_highest + 1;
        uint64_t waits[MEDIA_VIDEO_RING / 64] = { 0 };

        for (size_t i = 0; i < n; i++)
                waits[waiting[i].ext % MEDIA_VIDEO_RING / 64] |= 1ull << (waiting[i].ext % 64);
        for (uint32_t ext = first; layer->cache && (int32_t)(newest - ext) >= 0; ext++) {
                struct media_in in = { .pkt = rtx_cache_get(layer->cache, ext), .ext = ext };

                if (!in.pkt || waits[ext % MEDIA_VIDEO_RING / 64] & 1ull << (ext % 64) ||
                    rtp_parse(&in.rtp, in.pkt->data, in.pkt->len) ||
                    !media_in_classify(&in, layer->pub))
                        continue;
                in.time_us = layer_time_of(layer, in.rtp.ts);
                layer_describe(layer, &in, false, pass->now_us);
                if (in.rtp.payload.len > 0)
                        slot_forward(slot, &in, pass);
                else
                        slot_skip(slot, &in, pass);
        }
}

void slot_on_nack(struct media_slot *slot, const uint16_t *seqs, size_t n, int64_t now_us)
{
        struct media_counters *c = &slot->peer->room->counters;
        struct media_pass pass = media_pass_init(slot->peer->room, now_us);

        c->nack_in += n;
        /* It would come too late; and what a full queue lost makes room for what follows. */
        if (slot->audio && (slot->peer->rtt_us >= AUDIO_NACK_RTT_US || path_is_full(slot->peer)))
                return;
        for (size_t i = 0; i < n; i++) {
                if (asked_again_too_soon(slot, seqs[i], now_us))
                        continue;
                if (send_again(slot, seqs[i], true, &pass)) {
                        count_again(slot, &pass);
                        note_late(slot, seqs[i], now_us);
                        c->rtx_out++;
                } else {
                        c->rtx_miss++;
                }
        }
}
