/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/sdp_internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { START_BITRATE_KBPS = 600 };

struct answer {
        const struct sdp_offer *offer;
        const struct sdp_answer_params *params;
        FILE *out;
};

static void file_closep(FILE **file)
{
        if (*file)
                (void)fclose(*file);
}

/* --- choosing --- */

static struct sdp_pt pt_of(const struct sdp_offered_codec *codec)
{
        return (struct sdp_pt){ codec->used, codec->pt, codec->rtx_pt };
}

/* The id of an extension that the client may use in the wanted direction. */
static uint8_t ext_id(const struct sdp_line *line, enum sdp_ext ext, enum sdp_dir client)
{
        const struct sdp_offered_ext *offered = &line->exts[ext];

        return (offered->dir & client) == client ? offered->id : 0;
}

/* With its structure it is longer than the one-byte form can carry. */
static uint8_t dependency_id(const struct sdp_line *line, enum sdp_dir client)
{
        return line->allow_mixed ? ext_id(line, SDP_EXT_DEPENDENCY, client) : 0;
}

/* The rule of sdp.h; among what the client can send at all. */
static enum sdp_codec publication_codec(const struct sdp_line *line, unsigned decoded)
{
        bool favourite_decoded = decoded & SDP_CODEC_BIT(line->first_codec);

        if (line->type == SDP_AUDIO)
                return SDP_OPUS;
        if ((line->first_codec == SDP_VP9 || line->first_codec == SDP_AV1) && favourite_decoded)
                return line->first_codec;
        if (line->codecs[SDP_H264].used && (decoded & SDP_CODEC_BIT(SDP_H264)) &&
            !(decoded & SDP_CODEC_BIT(SDP_VP8)))
                return SDP_H264;
        if (line->codecs[SDP_VP8].used)
                return SDP_VP8;
        return line->codecs[SDP_H264].used ? SDP_H264 : line->first_codec;
}

static void fill_publication(struct sdp_publication *ret_pub, const struct sdp_line *line,
                             unsigned decoded)
{
        enum sdp_codec chosen = publication_codec(line, decoded);
        const struct sdp_offered_codec *codec = &line->codecs[chosen];
        struct sdp_publication pub = {
                .used = true,
                .ssrc = line->ssrc,
                .rtx_ssrc = line->rtx_ssrc,
                /* Browsers do not offer it for Opus, but heed it in an answer. */
                .nack = line->type == SDP_AUDIO || (codec->fb & SDP_FB_NACK),
        };

        strcpy(pub.mid, line->mid);
        pub.pts[chosen] = pt_of(codec);
        if (line->type == SDP_AUDIO)
                pub.pts[SDP_RED] = pt_of(&line->codecs[SDP_RED]);
        pub.ext.mid = ext_id(line, SDP_EXT_MID, SDP_SENDONLY);
        pub.ext.transport_cc = ext_id(line, SDP_EXT_TRANSPORT_CC, SDP_SENDONLY);
        pub.transport_cc = pub.ext.transport_cc && (codec->fb & SDP_FB_TRANSPORT_CC);
        if (line->type == SDP_AUDIO)
                pub.ext.audio_level = ext_id(line, SDP_EXT_AUDIO_LEVEL, SDP_SENDONLY);
        if (line->type == SDP_VIDEO && chosen != SDP_VP8) /* which tells all in its payload */
                pub.ext.dependency = dependency_id(line, SDP_SENDONLY);
        pub.ext.rid = ext_id(line, SDP_EXT_RID, SDP_SENDONLY);
        if (line->n_rids > 0 && pub.ext.rid) {
                pub.ext.repaired_rid = ext_id(line, SDP_EXT_REPAIRED_RID, SDP_SENDONLY);
                pub.n_rids = line->n_rids;
                memcpy(pub.rids, line->rids, sizeof(pub.rids));
                pub.ssrc = pub.rtx_ssrc = 0;
        } else {
                pub.ext.rid = 0;
        }
        *ret_pub = pub;
}

static uint32_t new_ssrc(const struct sdp_answer_params *params)
{
        uint32_t ssrc = params->random_u32(params->random_user);

        return ssrc ? ssrc : 1;
}

static void fill_slot(struct sdp_slot *ret_slot, const struct sdp_line *line,
                      const struct sdp_answer_params *params)
{
        struct sdp_slot slot = { .nack = line->type == SDP_AUDIO };
        bool rtx = false;
        unsigned fb = 0;

        strcpy(slot.mid, line->mid);
        for (size_t i = 0; i < SDP_N_CODECS; i++) {
                slot.pts[i] = pt_of(&line->codecs[i]);
                rtx |= line->codecs[i].used && line->codecs[i].rtx_pt;
                fb |= line->codecs[i].used ? line->codecs[i].fb : 0;
        }
        slot.nack |= (fb & SDP_FB_NACK) != 0;
        slot.ext.mid = ext_id(line, SDP_EXT_MID, SDP_RECVONLY);
        /* One kind of congestion feedback (RFC 8888 §6), the most exact one. */
        if (fb & SDP_FB_TRANSPORT_CC)
                slot.ext.transport_cc = ext_id(line, SDP_EXT_TRANSPORT_CC, SDP_RECVONLY);
        slot.ccfb = !slot.ext.transport_cc && (fb & SDP_FB_CCFB);
        if (!slot.ext.transport_cc && !slot.ccfb)
                slot.ext.abs_send_time = ext_id(line, SDP_EXT_ABS_SEND_TIME, SDP_RECVONLY);
        if (line->type == SDP_VIDEO)
                slot.ext.dependency = dependency_id(line, SDP_RECVONLY);
        slot.ssrc = new_ssrc(params);
        if (rtx)
                slot.rtx_ssrc = new_ssrc(params);
        *ret_slot = slot;
}

/* --- writing --- */

static void write_session(struct answer *answer)
{
        const struct sdp_offer *offer = answer->offer;
        const struct sdp_answer_params *params = answer->params;
        FILE *out = answer->out;

        fprintf(out, "v=0\r\no=- %" PRIu64 " %" PRIu32 " IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
                params->session_id & INT64_MAX, /* RFC 8829 §5.2.1: 63 bits */
                params->session_version);
        fputs("a=ice-lite\r\na=group:BUNDLE", out);
        for (size_t i = 0; i < offer->n_bundle; i++)
                if (offer->lines[offer->bundle[i]].role != SDP_REFUSED)
                        fprintf(out, " %s", offer->lines[offer->bundle[i]].mid);
        fputs("\r\na=msid-semantic: WMS *\r\na=fingerprint:sha-256 ", out);
        for (size_t i = 0; i < 32; i++)
                fprintf(out, "%s%02X", i ? ":" : "", params->fingerprint[i]);
        fprintf(out, "\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", params->ufrag, params->pwd);
}

static void write_refused(struct answer *answer, const struct sdp_line *line)
{
        fprintf(answer->out, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n", line->media,
                line->proto, line->fmt);
        if (line->mid[0])
                fprintf(answer->out, "a=mid:%s\r\n", line->mid);
}

static void write_head(struct answer *answer, const struct sdp_line *line, const char *dir,
                       const struct sdp_pt *pts)
{
        FILE *out = answer->out;
        const struct sdp_line *tagged = NULL;

        for (size_t i = 0; i < answer->offer->n_bundle && !tagged; i++)
                if (answer->offer->lines[answer->offer->bundle[i]].role != SDP_REFUSED)
                        tagged = &answer->offer->lines[answer->offer->bundle[i]];

        fprintf(out, "m=%s 9 %s", line->media, line->proto);
        for (size_t i = 0; i < SDP_N_CODECS; i++) {
                if (pts[i].used)
                        fprintf(out, " %u", pts[i].pt);
                if (pts[i].used && pts[i].rtx_pt)
                        fprintf(out, " %u", pts[i].rtx_pt);
        }
        fprintf(out, "\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=%s\r\na=setup:%s\r\na=rtcp-mux\r\n",
                line->mid, dir, answer->offer->transport.we_are_dtls_client ? "active" : "passive");
        if (line->rtcp_rsize)
                fputs("a=rtcp-rsize\r\n", out);
        /* They belong to the bundle's transport, so they stand once. */
        if (line == tagged)
                sdp_candidates_write(out, answer->params->candidates, answer->params->n_candidates,
                                     answer->params->session_version - 1);
}

/* RFC 6184 §8.2.2: an answer repeats mode and profile. */
static void write_h264_fmtp(FILE *out, const struct sdp_offered_codec *codec)
{
        fprintf(out, "a=fmtp:%u packetization-mode=%u", codec->pt, codec->packetization_mode);
        if (codec->profile_level_id)
                fprintf(out, ";profile-level-id=%06" PRIx32, codec->profile_level_id);
        if (codec->level_asymmetry)
                fputs(";level-asymmetry-allowed=1", out);
        fputs("\r\n", out);
}

static void write_fmtp(FILE *out, enum sdp_codec type, const struct sdp_offered_codec *codec)
{
        if (type == SDP_OPUS)
                fprintf(out, "a=fmtp:%u minptime=10;useinbandfec=1;usedtx=1\r\n", codec->pt);
        else if (type == SDP_H264)
                write_h264_fmtp(out, codec);
        else if (type == SDP_VP9 && codec->says_profile)
                fprintf(out, "a=fmtp:%u profile-id=0\r\n", codec->pt);
        else if (type == SDP_AV1 && codec->says_profile)
                fprintf(out, "a=fmtp:%u profile=0\r\n", codec->pt);
}

static void write_codecs(FILE *out, const struct sdp_line *line, const struct sdp_pt *pts,
                         unsigned fb_mask)
{
        static const char *const rtpmaps[SDP_N_CODECS] = { "opus/48000/2", "VP8/90000",
                                                           "H264/90000",   "VP9/90000",
                                                           "AV1/90000",    "red/48000/2" };

        for (size_t i = 0; i < SDP_N_CODECS; i++) {
                const struct sdp_offered_codec *codec = &line->codecs[i];
                unsigned fb = codec->fb & fb_mask;

                if (!pts[i].used)
                        continue;
                if (i == SDP_OPUS || i == SDP_RED)
                        fb |= SDP_FB_NACK;
                fprintf(out, "a=rtpmap:%u %s\r\n", codec->pt, rtpmaps[i]);
                write_fmtp(out, (enum sdp_codec)i, codec);
                if (i == SDP_RED)
                        fprintf(out, "a=fmtp:%u %u/%u\r\n", codec->pt, pts[SDP_OPUS].pt,
                                pts[SDP_OPUS].pt);
                for (size_t bit = 0; bit < SDP_N_FBS; bit++)
                        if (fb & 1u << bit)
                                fprintf(out, "a=rtcp-fb:%u %s\r\n", codec->pt, sdp_fb_names[bit]);
                if (codec->rtx_pt)
                        fprintf(out, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n", codec->rtx_pt,
                                codec->rtx_pt, codec->pt);
        }
}

/* A direction in the offer's extmap is answered with its mirror (RFC 8285 §7). */
static void write_exts(FILE *out, const struct sdp_line *line, const struct sdp_ext_ids *ids)
{
        static const char *const mirrored[] = {
                [SDP_SENDONLY] = "/recvonly",
                [SDP_RECVONLY] = "/sendonly",
                [SDP_SENDRECV] = "",
        };
        const uint8_t by_ext[SDP_N_EXTS] = {
                [SDP_EXT_MID] = ids->mid,
                [SDP_EXT_RID] = ids->rid,
                [SDP_EXT_REPAIRED_RID] = ids->repaired_rid,
                [SDP_EXT_AUDIO_LEVEL] = ids->audio_level,
                [SDP_EXT_ABS_SEND_TIME] = ids->abs_send_time,
                [SDP_EXT_TRANSPORT_CC] = ids->transport_cc,
                [SDP_EXT_DEPENDENCY] = ids->dependency,
        };

        if (line->allow_mixed)
                fputs("a=extmap-allow-mixed\r\n", out);

        for (size_t i = 0; i < SDP_N_EXTS; i++)
                if (by_ext[i])
                        fprintf(out, "a=extmap:%u%s %s\r\n", by_ext[i], mirrored[line->exts[i].dir],
                                sdp_ext_uris[i]);
}

static void write_publication(struct answer *answer, const struct sdp_line *line,
                              const struct sdp_publication *pub)
{
        const unsigned fb = SDP_FB_NACK | SDP_FB_PLI | SDP_FB_FIR | SDP_FB_REMB;
        FILE *out = answer->out;

        write_head(answer, line, "recvonly", pub->pts);
        write_exts(out, line, &pub->ext);
        write_codecs(out, line, pub->pts, pub->transport_cc ? fb | SDP_FB_TRANSPORT_CC : fb);
        if (pub->n_rids == 0)
                return;
        /* Chromium starts at 300 kbit/s. A loaded machine's first estimate often
         * stays there: too little for the second layer, and a stream held back
         * by its own low target never shows that the line could carry more. */
        if (pub->pts[SDP_VP8].used)
                fprintf(out, "a=fmtp:%u x-google-start-bitrate=%d\r\n", pub->pts[SDP_VP8].pt,
                        START_BITRATE_KBPS);
        for (size_t i = 0; i < pub->n_rids; i++)
                fprintf(out, "a=rid:%s recv\r\n", pub->rids[i]);
        fputs("a=simulcast:recv ", out);
        for (size_t i = 0; i < pub->n_rids; i++)
                fprintf(out, "%s%s", i ? ";" : "", pub->rids[i]);
        fputs("\r\n", out);
}

/* Each slot is a stream of its own: who is shown changes, so no two slots are
 * to be played in step. */
static void write_slot(struct answer *answer, const struct sdp_line *line,
                       const struct sdp_slot *slot)
{
        unsigned fb = SDP_FB_NACK | SDP_FB_PLI | SDP_FB_FIR;
        FILE *out = answer->out;

        if (slot->ext.transport_cc)
                fb |= SDP_FB_TRANSPORT_CC;
        else if (!slot->ccfb)
                fb |= SDP_FB_REMB;
        write_head(answer, line, "sendonly", slot->pts);
        write_exts(out, line, &slot->ext);
        if (slot->ccfb) /* for all payload types, RFC 8888 §6 */
                fputs("a=rtcp-fb:* ack ccfb\r\n", out);
        write_codecs(out, line, slot->pts, fb);
        fprintf(out, "a=msid:%s-%u %s-%u\r\n", line->media, line->index, line->media, line->index);
        if (slot->rtx_ssrc)
                fprintf(out, "a=ssrc-group:FID %" PRIu32 " %" PRIu32 "\r\n", slot->ssrc,
                        slot->rtx_ssrc);
        fprintf(out, "a=ssrc:%" PRIu32 " cname:%s\r\n", slot->ssrc, SDP_CNAME);
        if (slot->rtx_ssrc)
                fprintf(out, "a=ssrc:%" PRIu32 " cname:%s\r\n", slot->rtx_ssrc, SDP_CNAME);
}

/* Accepted, so that the bundle keeps it, but silent. */
static void write_idle(struct answer *answer, const struct sdp_line *line)
{
        struct sdp_publication pub;

        fill_publication(&pub, line, answer->params->video_codecs);
        write_head(answer, line, "inactive", pub.pts);
        write_codecs(answer->out, line, pub.pts, 0);
}

static void answer_line(struct answer *answer, const struct sdp_line *line, struct sdp_media *media)
{
        struct sdp_slot *slot = line->type == SDP_AUDIO ? &media->audio_slots[line->index]
                                                        : &media->video_slots[line->index];

        switch (line->role) {
        case SDP_REFUSED:
                write_refused(answer, line);
                break;
        case SDP_IDLE:
                write_idle(answer, line);
                break;
        case SDP_PUBLICATION:
                if (!answer->params->may_publish) {
                        write_idle(answer, line);
                        break;
                }
                fill_publication(&media->pubs[line->index], line, answer->params->video_codecs);
                write_publication(answer, line, &media->pubs[line->index]);
                break;
        case SDP_SLOT:
                fill_slot(slot, line, answer->params);
                write_slot(answer, line, slot);
                if (line->type == SDP_AUDIO)
                        media->n_audio_slots = line->index + 1;
                else
                        media->n_video_slots = line->index + 1;
                break;
        }
}

int sdp_answer_write(const struct sdp_offer *offer, const struct sdp_answer_params *params,
                     char **ret_text, struct sdp_media *ret_media)
{
        cleanup(freep) char *text = NULL; /* freed after out is closed */
        cleanup(file_closep) FILE *out = NULL;
        struct sdp_media media = { 0 };
        struct answer answer = { .offer = offer, .params = params };
        size_t size;

        assert(params->n_candidates > 0 && params->random_u32);

        out = open_memstream(&text, &size);
        if (!out)
                return -ENOMEM;
        answer.out = out;
        write_session(&answer);
        for (size_t i = 0; i < offer->n_lines; i++)
                answer_line(&answer, &offer->lines[i], &media);
        if (ferror(out) || fclose(take_ptr(out)) != 0)
                return -ENOMEM;
        media.recv_codecs = sdp_offer_recv_codecs(offer);
        if (media.n_audio_slots > 0)
                media.recv_codecs |= SDP_CODEC_BIT(SDP_OPUS);

        *ret_media = media;
        *ret_text = take_ptr(text);
        return 0;
}
