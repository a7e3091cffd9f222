/* SPDX-License-Identifier: Apache-2.0 */
#include "load/io/receiver.h"

#include <errno.h>

#include "sfu/wire/rtp.h"
#include "sfu/wire/rtx.h"
#include "sfu/wire/vp8.h"

enum {
        REPORT_EVERY = 10, /* of the regular feedbacks */
        KEY_HEAD = 10,
        DELTA_HEAD = 3,
        OPUS_HEAD = 1,
};

int receiver_new(struct receiver **ret_receiver, const struct load_answer *answer, uint16_t nonce,
                 uint32_t own_ssrc, struct tally *tally)
{
        struct receiver *receiver = calloc(1, sizeof(*receiver) +
                                                      answer->n_slots * sizeof(receiver->slots[0]));

        if (!receiver)
                return -ENOMEM;
        receiver->transport_cc = answer->receives_tcc;
        receiver->nonce = nonce;
        receiver->tally = tally;
        receiver->n_slots = answer->n_slots;
        receiver->n_reports = own_ssrc; /* so that not all report at the same time */
        for (size_t i = 0; i < answer->n_slots; i++)
                receiver->slots[i].sdp = answer->slots[i];
        if (feedback_init(&receiver->feedback, own_ssrc, answer->slots, answer->n_slots) < 0) {
                free(receiver);
                return -ENOMEM;
        }
        *ret_receiver = receiver;
        return 0;
}

struct receiver *receiver_free(struct receiver *receiver)
{
        if (receiver)
                feedback_done(&receiver->feedback);
        free(receiver);
        return NULL;
}

static struct receiver_slot *find_slot(struct receiver *receiver, uint32_t ssrc, bool *ret_repair)
{
        for (size_t i = 0; i < receiver->n_slots; i++) {
                const struct load_slot *sdp = &receiver->slots[i].sdp;

                *ret_repair = sdp->rtx_ssrc == ssrc;
                if (sdp->ssrc == ssrc || (*ret_repair && ssrc != 0))
                        return &receiver->slots[i];
        }
        return NULL;
}

/* Where the pattern begins in the payload. */
static size_t head_of(const struct receiver_slot *slot, struct span payload)
{
        struct vp8_desc desc;

        if (slot->sdp.sound)
                return OPUS_HEAD;
        if (vp8_parse(&desc, payload) != 0)
                return payload.len;
        return desc.len + (!desc.starts_frame ? 0 : desc.is_keyframe ? KEY_HEAD : DELTA_HEAD);
}

static void measure(struct receiver *receiver, struct receiver_slot *slot,
                    const struct rtp_pkt *rtp, bool is_repair, int64_t now_us)
{
        struct span payload = rtp->payload;
        enum tally_kind kind = slot->sdp.sound ? TALLY_SOUND : TALLY_PICTURE;
        struct meter_counts *counts = &receiver->tally->counts[kind];
        size_t head = head_of(slot, payload);
        struct pattern pattern;
        int r = head < payload.len
                        ? pattern_parse(&pattern, payload.data + head, payload.len - head)
                        : PATTERN_E_FOREIGN;

        if (r == 0 && pattern.stream >> 16 != receiver->nonce)
                r = PATTERN_E_FOREIGN;
        counts->corrupted += r == PATTERN_E_CORRUPT;
        counts->foreign += r == PATTERN_E_FOREIGN;
        if (r != 0)
                return;
        if (receiver->first_us[kind] == 0)
                receiver->first_us[kind] = now_us;
        slot->last_us = now_us;
        counts->bytes += payload.len;
        if (meter_on_packet(&slot->meter, counts, &pattern, rtp->seq, is_repair) && !is_repair)
                histogram_add(&receiver->tally->latency[kind], now_us - pattern.sent_ns / 1000);
}

static void note_transport_seq(struct receiver *receiver, const struct rtp_pkt *rtp, int64_t now_us)
{
        struct span data;
        uint16_t seq;

        if (receiver->transport_cc &&
            rtp_ext_find(rtp->ext_profile, rtp->ext, LOAD_EXT_TCC, &data) &&
            rtp_ext_transport_seq(data, &seq))
                receiver->tcc_due |= feedback_on_transport_seq(&receiver->feedback, rtp->ssrc, seq,
                                                               now_us);
}

void receiver_on_rtp(struct receiver *receiver, const uint8_t *data, size_t len, int64_t now_us)
{
        struct receiver_slot *slot;
        struct rtp_pkt rtp;
        bool is_repair;
        size_t index;

        if (rtp_parse(&rtp, data, len) != 0 ||
            !(slot = find_slot(receiver, rtp.ssrc, &is_repair))) {
                receiver->tally->bad++;
                return;
        }
        index = (size_t)(slot - receiver->slots);
        note_transport_seq(receiver, &rtp, now_us);
        if (is_repair) {
                struct rd r = rd_init(rtp.payload.data, rtp.payload.len);
                uint16_t osn = rd_u16(&r);

                if (!r.bad)
                        feedback_on_repair(&receiver->feedback, index, osn);
                rtp.seq = osn;
                rtp.payload = (struct span){ r.pos, rd_left(&r) };
        } else {
                receiver->nack_due |= feedback_on_rtp(&receiver->feedback, index, rtp.seq, now_us);
        }
        if (rtp.payload.len == 0)
                receiver->tally->probes++;
        else
                measure(receiver, slot, &rtp, is_repair, now_us);
}

void receiver_on_rtcp(struct receiver *receiver, const struct rtcp_pkt *pkt, int64_t now_us)
{
        struct rtcp_sr sr;

        if (pkt->type == RTCP_SR && rtcp_parse_sr(&sr, pkt) == 0)
                feedback_on_sr(&receiver->feedback, &sr, now_us);
}

static void write_tcc(struct receiver *receiver, struct wr *w)
{
        receiver->tcc_due = false;
        if (receiver->feedback.n_arrivals == 0)
                return;
        feedback_write_tcc(&receiver->feedback, w);
        receiver->tally->feedback_out++;
}

void receiver_write_urgent(struct receiver *receiver, struct wr *w, int64_t now_us)
{
        if (receiver->tcc_due)
                write_tcc(receiver, w);
        if (receiver->nack_due)
                receiver->tally->nacks_out += feedback_write_nacks(&receiver->feedback, w, now_us);
        receiver->nack_due = false;
}

void receiver_write_regular(struct receiver *receiver, struct wr *w, int64_t now_us)
{
        if (receiver->n_reports++ % REPORT_EVERY == 0)
                feedback_write_report(&receiver->feedback, w, now_us);
        write_tcc(receiver, w);
        receiver->tally->nacks_out += feedback_write_nacks(&receiver->feedback, w, now_us);
}
