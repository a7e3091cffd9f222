/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_priv.h"

#include <string.h>

enum {
        NACK_BATCH = 64, /* numbers in one message */
        NACK_MIN_REPEAT_US = 20 * 1000,
        FEEDBACK_BYTES = 1100, /* below any path's MTU */
};

static int64_t earlier(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static int64_t nack_repeat_us(const struct media_peer *peer)
{
        int64_t rtt_us = peer->rtt_us ? peer->rtt_us : DEFAULT_RTT_US;

        /* A little over the round trip, or every loss is asked for twice. */
        rtt_us += rtt_us / 4;
        return rtt_us > NACK_MIN_REPEAT_US ? rtt_us : NACK_MIN_REPEAT_US;
}

static int64_t write_nacks(struct media_layer *layer, struct wr *w, int64_t now_us)
{
        struct media_peer *peer = layer->pub->peer;
        struct rtcp_fb fb = { .sender_ssrc = peer->local_ssrc, .media_ssrc = layer->ssrc };
        struct wr before = *w;
        uint16_t seqs[NACK_BATCH];
        size_t n;

        if (!layer->nack || layer->ssrc == 0)
                return INT64_MAX;
        if (layer->pub->kind == SFU_MIC && peer->rtt_us >= AUDIO_NACK_RTT_US) {
                nack_gen_reset(layer->nack); /* it would come too late */
                return INT64_MAX;
        }
        n = nack_gen_poll(layer->nack, now_us, nack_repeat_us(peer), seqs, NACK_BATCH);
        if (n > 0) {
                rtcp_write_nack(w, &fb, seqs, n);
                peer->room->counters.nack_out += n;
        }
        if (w->bad)
                *w = before; /* no room: they are asked for again anyway */
        return nack_gen_deadline_us(layer->nack);
}

/* A layer that stands still beside one that flows has been stopped, and its encoder has
 * no ear for it. Where nothing flows, the picture may only not change. */
static bool may_hear(const struct media_layer *layer, int64_t now_us)
{
        const struct media_pub *pub = layer->pub;

        for (size_t i = 0; !layer_flows(layer, now_us) && i < pub->n_layers; i++) {
                if (layer_flows(&pub->layers[i], now_us))
                        return false;
        }
        return layer->recv.packets > 0; /* what begins, begins with a key frame */
}

/* One request per layer and PLI_INTERVAL_US, however many wait for it, repeated
 * until a key frame begins. */
static int64_t write_pli(struct media_layer *layer, struct wr *w, int64_t now_us)
{
        struct media_peer *peer = layer->pub->peer;
        struct rtcp_fb fb = { .sender_ssrc = peer->local_ssrc, .media_ssrc = layer->ssrc };

        if (!layer->key_wanted)
                return INT64_MAX;
        if (now_us - layer->pli_us < PLI_INTERVAL_US)
                return layer->pli_us + PLI_INTERVAL_US;
        if (may_hear(layer, now_us)) {
                rtcp_write_pli(w, &fb);
                layer->pli_us = now_us;
                peer->room->counters.pli_out++;
        }
        return now_us + PLI_INTERVAL_US;
}

static int64_t pub_feedback(struct media_pub *pub, struct wr *w, int64_t now_us)
{
        int64_t next_us = INT64_MAX;

        for (size_t i = 0; i < pub->n_layers; i++) {
                next_us = earlier(next_us, write_pli(&pub->layers[i], w, now_us));
                next_us = earlier(next_us, write_nacks(&pub->layers[i], w, now_us));
                next_us = earlier(next_us, layer_tidy(&pub->layers[i], now_us));
        }
        next_us = earlier(next_us, taps_look_at(pub, now_us));
        pub_update_wanted(pub, now_us);
        return next_us;
}

int64_t peer_feedback(struct media_peer *peer, int64_t now_us)
{
        const struct media_out *out = &peer->room->out;
        int64_t next_us = INT64_MAX;
        uint8_t buf[FEEDBACK_BYTES], *data;
        struct wr w = wr_init(buf, sizeof(buf));

        for (int kind = 0; kind < SFU_N_KINDS; kind++) {
                if (peer->pubs[kind])
                        next_us = earlier(next_us, pub_feedback(peer->pubs[kind], &w, now_us));
        }
        if (now_us >= transport_cc_deadline_us(&peer->tcc)) {
                uint32_t media_ssrc = peer->n_ssrcs ? peer->ssrcs[0].ssrc : 0;
                struct wr before = w;

                (void)transport_cc_write(&peer->tcc, &w, peer->local_ssrc, media_ssrc);
                if (w.bad)
                        w = before;
        }
        next_us = earlier(next_us, transport_cc_deadline_us(&peer->tcc));
        if (wr_len(&w) == 0)
                return next_us;
        data = out->reserve(out->user, peer->tag, wr_len(&w));
        if (data) {
                memcpy(data, buf, wr_len(&w));
                out->commit_rtcp(out->user, peer->tag, wr_len(&w));
        }
        return next_us;
}
