/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/sdp_internal.h"

#include <string.h>

#include "base/bytes.h"

/* One payload type while its line is being read. */
struct pt_info {
        bool listed;
        enum { PT_UNKNOWN, PT_CODEC, PT_RTX } type;
        enum sdp_codec codec;
        uint8_t apt; /* 0: none; 0 is PCMU and never repaired */
        unsigned fb;
        uint32_t profile_level_id;
        uint32_t packetization_mode;
        bool level_asymmetry;
        bool has_profile;
        uint32_t profile; /* of VP9 and AV1 */
};

struct line_reader {
        struct sdp_line *line;
        struct pt_info pts[128];
        size_t n_order;
        uint8_t order[SDP_MAX_PTS]; /* the offerer's preference */
        unsigned fb_all;            /* a=rtcp-fb:* */
        size_t n_extmaps;
        bool bundle_only;
        size_t n_sent, n_simulcast;
        char sent[SDP_MAX_OFFERED_RIDS][SDP_RID_CAP];      /* a=rid:… send */
        char simulcast[SDP_MAX_OFFERED_RIDS][SDP_RID_CAP]; /* a=simulcast:send … */
        uint32_t first_ssrc;
};

const char *const sdp_ext_uris[SDP_N_EXTS] = {
        [SDP_EXT_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
        [SDP_EXT_RID] = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        [SDP_EXT_REPAIRED_RID] = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        [SDP_EXT_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        [SDP_EXT_ABS_SEND_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        [SDP_EXT_TRANSPORT_CC] =
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        [SDP_EXT_DEPENDENCY] = "https://aomediacodec.github.io/av1-rtp-spec/"
                               "#dependency-descriptor-rtp-header-extension",
};

const char *const sdp_fb_names[SDP_N_FBS] = {
        "nack", "nack pli", "ccm fir", "goog-remb", "transport-cc", "ack ccfb",
};

/* --- attributes of one m-section --- */

static int read_mid(struct line_reader *reader, const char *value)
{
        struct sdp_line *line = reader->line;

        return sdp_word_token(sdp_word(value), 0, line->mid, sizeof(line->mid))
                       ? 0
                       : SFU_OFFER_MALFORMED;
}

static int read_rtcp_mux(struct line_reader *reader, const char *value)
{
        (void)value;
        reader->line->rtcp_mux = true;
        return 0;
}

static int read_rtcp_rsize(struct line_reader *reader, const char *value)
{
        (void)value;
        reader->line->rtcp_rsize = true;
        return 0;
}

static int read_bundle_only(struct line_reader *reader, const char *value)
{
        (void)value;
        reader->bundle_only = true;
        return 0;
}

static int read_allow_mixed(struct line_reader *reader, const char *value)
{
        (void)value;
        reader->line->allow_mixed = true;
        return 0;
}

static int read_rtpmap(struct line_reader *reader, const char *value)
{
        static const struct {
                const char *name;
                uint32_t clock, channels;
                enum sdp_media_type type;
        } codecs[SDP_N_CODECS] = {
                [SDP_OPUS] = { "opus", 48000, 2, SDP_AUDIO }, /* RFC 7587 §7 */
                [SDP_VP8] = { "VP8", 90000, 1, SDP_VIDEO },
                [SDP_H264] = { "H264", 90000, 1, SDP_VIDEO },
                [SDP_VP9] = { "VP9", 90000, 1, SDP_VIDEO },
                [SDP_AV1] = { "AV1", 90000, 1, SDP_VIDEO },
                [SDP_RED] = { "red", 48000, 2, SDP_AUDIO },
        };
        struct sdp_word rest = sdp_word(value);
        struct sdp_word number = sdp_word_cut(&rest, ' ');
        struct sdp_word name, clock_word, channels_word;
        uint32_t pt, clock, channels = 1;
        struct pt_info *info;

        rest = sdp_word_cut(&rest, ' ');
        name = sdp_word_cut(&rest, '/');
        clock_word = sdp_word_cut(&rest, '/');
        channels_word = sdp_word_cut(&rest, '/');
        if (!sdp_word_number(number, 127, &pt) || !name.len ||
            !sdp_word_number(clock_word, UINT32_MAX, &clock))
                return SFU_OFFER_MALFORMED;
        if (channels_word.len && !sdp_word_number(channels_word, 255, &channels))
                return SFU_OFFER_MALFORMED;
        info = &reader->pts[pt];
        info->type = sdp_word_is(name, "rtx") ? PT_RTX : PT_UNKNOWN;
        for (size_t i = 0; i < SDP_N_CODECS; i++) {
                if (codecs[i].type != reader->line->type || !sdp_word_is(name, codecs[i].name) ||
                    codecs[i].clock != clock || codecs[i].channels != channels)
                        continue;
                info->type = PT_CODEC;
                info->codec = (enum sdp_codec)i;
        }
        return 0;
}

/* What we cannot read makes the codec's parameter absent, not the offer bad:
 * fmtp is free text of codecs we may not know. */
static void read_parameter(struct pt_info *info, struct sdp_word key, struct sdp_word value)
{
        uint32_t number;
        uint8_t id[3];

        if (sdp_word_is(key, "apt") && sdp_word_number(value, 127, &number))
                info->apt = (uint8_t)number;
        else if (sdp_word_is(key, "packetization-mode") && sdp_word_number(value, 255, &number))
                info->packetization_mode = number;
        else if ((sdp_word_is(key, "profile-id") || sdp_word_is(key, "profile")) &&
                 sdp_word_number(value, 255, &number)) {
                info->has_profile = true;
                info->profile = number;
        } else if (sdp_word_is(key, "level-asymmetry-allowed"))
                info->level_asymmetry = sdp_word_is(value, "1");
        else if (sdp_word_is(key, "profile-level-id") &&
                 hex_decode(id, sizeof(id), value.at, value.len) == 0)
                info->profile_level_id = (uint32_t)id[0] << 16 | (uint32_t)id[1] << 8 |
                                         (uint32_t)id[2];
}

static int read_fmtp(struct line_reader *reader, const char *value)
{
        struct sdp_word rest = sdp_word(value);
        uint32_t pt;

        if (!sdp_word_number(sdp_word_cut(&rest, ' '), 127, &pt))
                return SFU_OFFER_MALFORMED;
        for (;;) {
                struct sdp_word parameter = sdp_word_cut(&rest, ';');
                struct sdp_word trimmed = parameter, key;

                if (!parameter.len)
                        return 0;
                trimmed = sdp_word_cut(&trimmed, ' ');
                key = sdp_word_cut(&trimmed, '=');
                read_parameter(&reader->pts[pt], key, sdp_word_cut(&trimmed, '='));
        }
}

static int read_rtcp_fb(struct line_reader *reader, const char *value)
{
        struct sdp_word rest = sdp_word(value);
        struct sdp_word target = sdp_word_cut(&rest, ' ');
        unsigned *fb = &reader->fb_all;
        uint32_t pt;

        if (!sdp_word_is(target, "*")) {
                if (!sdp_word_number(target, 127, &pt))
                        return SFU_OFFER_MALFORMED;
                fb = &reader->pts[pt].fb;
        }
        while (rest.len && *rest.at == ' ') {
                rest.at++;
                rest.len--;
        }
        for (size_t i = 0; i < SDP_N_FBS; i++)
                if (sdp_word_is(rest, sdp_fb_names[i]))
                        *fb |= 1u << i;
        return 0;
}

/* RFC 8285 §8: "3/sendonly urn:…". */
static int read_extmap(struct line_reader *reader, const char *value)
{
        struct sdp_word rest = sdp_word(value);
        struct sdp_word target = sdp_word_cut(&rest, ' ');
        struct sdp_word uri = sdp_word_cut(&rest, ' ');
        struct sdp_word number = sdp_word_cut(&target, '/');
        struct sdp_word dir_word = sdp_word_cut(&target, '/');
        enum sdp_dir dir = SDP_SENDRECV;
        uint32_t id;

        if (++reader->n_extmaps > SDP_MAX_EXTMAPS)
                return SFU_OFFER_TOO_MANY;
        if (!sdp_word_number(number, UINT16_MAX, &id) || !uri.len)
                return SFU_OFFER_MALFORMED;
        if (dir_word.len && !sdp_word_dir(dir_word, &dir))
                return SFU_OFFER_MALFORMED;
        if (id < 1 || id > SDP_MAX_EXT_ID)
                return 0;
        for (size_t i = 0; i < SDP_N_EXTS; i++) {
                struct sdp_offered_ext *ext = &reader->line->exts[i];

                if (sdp_word_is(uri, sdp_ext_uris[i]) && !ext->id)
                        *ext = (struct sdp_offered_ext){ (uint8_t)id, dir };
        }
        return 0;
}

/* RFC 8852 §3.1 allows letters and digits, RFC 8851 §10 '-' and '_' too. */
static bool copy_rid(char *ret, struct sdp_word word)
{
        for (size_t i = 0; i < word.len; i++)
                if (!sdp_is_alnum(word.at[i]) && word.at[i] != '-' && word.at[i] != '_')
                        return false;
        return sdp_word_token(word, 0, ret, SDP_RID_CAP);
}

static int read_rid(struct line_reader *reader, const char *value)
{
        struct sdp_word rest = sdp_word(value);
        struct sdp_word id = sdp_word_cut(&rest, ' ');

        if (!sdp_word_is(sdp_word_cut(&rest, ' '), "send"))
                return 0;
        if (reader->n_sent == SDP_MAX_OFFERED_RIDS)
                return SFU_OFFER_TOO_MANY;
        if (!copy_rid(reader->sent[reader->n_sent], id))
                return SFU_OFFER_MALFORMED;
        reader->n_sent++;
        return 0;
}

/* "~q,x;h;f": of alternatives the first, paused or not (RFC 8853 §5.1). */
static int read_rid_list(struct line_reader *reader, struct sdp_word list)
{
        for (;;) {
                struct sdp_word alternatives = sdp_word_cut(&list, ';');
                struct sdp_word id = sdp_word_cut(&alternatives, ',');

                if (!id.len)
                        return 0;
                if (*id.at == '~') {
                        id.at++;
                        id.len--;
                }
                if (reader->n_simulcast == SDP_MAX_OFFERED_RIDS)
                        return SFU_OFFER_TOO_MANY;
                if (!copy_rid(reader->simulcast[reader->n_simulcast], id))
                        return SFU_OFFER_MALFORMED;
                reader->n_simulcast++;
        }
}

static int read_simulcast(struct line_reader *reader, const char *value)
{
        struct sdp_word rest = sdp_word(value);

        for (;;) {
                struct sdp_word dir = sdp_word_cut(&rest, ' ');
                struct sdp_word list = sdp_word_cut(&rest, ' ');

                if (!dir.len)
                        return 0;
                if (sdp_word_is(dir, "send"))
                        return read_rid_list(reader, list);
        }
}

static int read_ssrc(struct line_reader *reader, const char *value)
{
        struct sdp_word rest = sdp_word(value);
        uint32_t ssrc;

        if (!sdp_word_number(sdp_word_cut(&rest, ' '), UINT32_MAX, &ssrc))
                return SFU_OFFER_MALFORMED;
        if (!reader->first_ssrc)
                reader->first_ssrc = ssrc;
        return 0;
}

/* Only FID of RFC 5576 §4.2 means something to us: media and its RTX. */
static int read_ssrc_group(struct line_reader *reader, const char *value)
{
        struct sdp_word rest = sdp_word(value);
        struct sdp_line *line = reader->line;
        uint32_t media, rtx;

        if (!sdp_word_is(sdp_word_cut(&rest, ' '), "FID") || line->ssrc)
                return 0;
        if (!sdp_word_number(sdp_word_cut(&rest, ' '), UINT32_MAX, &media) ||
            !sdp_word_number(sdp_word_cut(&rest, ' '), UINT32_MAX, &rtx))
                return SFU_OFFER_MALFORMED;
        line->ssrc = media;
        line->rtx_ssrc = rtx;
        return 0;
}

static int read_attribute(struct line_reader *reader, const char *key, const char *value)
{
        static const struct {
                const char *key;
                int (*read)(struct line_reader *reader, const char *value);
        } attrs[] = {
                { "mid", read_mid },
                { "rtcp-mux", read_rtcp_mux },
                { "rtcp-rsize", read_rtcp_rsize },
                { "bundle-only", read_bundle_only },
                { "rtpmap", read_rtpmap },
                { "fmtp", read_fmtp },
                { "rtcp-fb", read_rtcp_fb },
                { "extmap", read_extmap },
                { "extmap-allow-mixed", read_allow_mixed },
                { "rid", read_rid },
                { "simulcast", read_simulcast },
                { "ssrc", read_ssrc },
                { "ssrc-group", read_ssrc_group },
        };

        if (sdp_dir_read(key, &reader->line->dir))
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
                if (strcmp(key, attrs[i].key) == 0)
                        return attrs[i].read(reader, value);
        return sdp_security_read(&reader->line->security, key, value);
}

/* --- the m= line itself, and the conclusions --- */

static int read_payload_types(struct line_reader *reader, const GstSDPMedia *media)
{
        guint n = gst_sdp_media_formats_len(media);

        if (n > SDP_MAX_PTS)
                return SFU_OFFER_TOO_MANY;
        for (guint i = 0; i < n; i++) {
                const char *fmt = gst_sdp_media_get_format(media, i);
                uint32_t pt;

                if (!fmt || !sdp_word_number(sdp_word(fmt), 127, &pt))
                        return SFU_OFFER_MALFORMED;
                if (reader->pts[pt].listed)
                        continue;
                reader->pts[pt].listed = true;
                reader->order[reader->n_order++] = (uint8_t)pt;
        }
        return 0;
}

/* RFC 8829 §5.1.2: whichever of them is written, DTLS-SRTP is meant where there is a fingerprint,
 * and we ask for one. */
static bool is_rtp_profile(const char *proto)
{
        static const char *const profiles[] = {
                "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP",
                "RTP/SAVPF",         "RTP/SAVP",         "RTP/AVPF",           "RTP/AVP",
        };

        for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
                if (strcmp(proto, profiles[i]) == 0)
                        return true;
        return false;
}

static int read_m_line(struct line_reader *reader, const GstSDPMedia *media)
{
        struct sdp_line *line = reader->line;
        const char *fmt = NULL;

        if (gst_sdp_media_formats_len(media) > 0)
                fmt = gst_sdp_media_get_format(media, 0);
        if (!media->media || !media->proto || !fmt ||
            !sdp_word_token(sdp_word(media->media), 0, line->media, SDP_TOKEN_CAP) ||
            !sdp_word_token(sdp_word(media->proto), '/', line->proto, SDP_TOKEN_CAP) ||
            !sdp_word_token(sdp_word(fmt), 0, line->fmt, SDP_TOKEN_CAP) || media->port > UINT16_MAX)
                return SFU_OFFER_MALFORMED;
        line->type = strcmp(line->media, "audio") == 0   ? SDP_AUDIO
                     : strcmp(line->media, "video") == 0 ? SDP_VIDEO
                                                         : SDP_OTHER;
        line->dtls_rtp = is_rtp_profile(line->proto);
        return line->dtls_rtp ? read_payload_types(reader, media) : 0;
}

/* Of several H.264 flavours: mode 1 and constrained baseline are what every
 * browser sends and decodes; 42e01f is the one all of them mean. */
static int h264_rank(const struct pt_info *info)
{
        uint32_t profile = info->profile_level_id >> 8;
        int rank = 1;

        if (info->packetization_mode == 1)
                rank += 4;
        if ((profile & 0xff40) == 0x4240) /* profile_idc 66 with constraint_set1 */
                rank += 2;
        if (info->profile_level_id == 0x42e01f)
                rank += 1;
        return rank;
}

static int codec_rank(const struct pt_info *info)
{
        if (info->codec == SDP_H264)
                return info->packetization_mode <= 1 ? h264_rank(info) : 0;
        /* VP9 profile 0 (RFC 9628 §6) and AV1 Main (AOM RTP §7.2.1): 8 bits, 4:2:0, what
         * every decoder takes. */
        return info->profile == 0;
}

static void choose_codecs(struct line_reader *reader)
{
        int best[SDP_N_CODECS] = { 0 };

        for (size_t i = 0; i < reader->n_order; i++) {
                uint8_t pt = reader->order[i];
                const struct pt_info *info = &reader->pts[pt];
                int rank = info->type == PT_CODEC ? codec_rank(info) : 0;

                /* RFC 5761 §4: 64..95 would read as RTCP. */
                if ((pt >= 64 && pt <= 95) || rank == 0 || rank <= best[info->codec])
                        continue;
                best[info->codec] = rank;
                reader->line->codecs[info->codec] = (struct sdp_offered_codec){
                        .used = true,
                        .pt = pt,
                        .fb = info->fb | reader->fb_all,
                        .profile_level_id = info->profile_level_id,
                        .packetization_mode = (uint8_t)info->packetization_mode,
                        .level_asymmetry = info->level_asymmetry,
                        .says_profile = info->has_profile,
                };
        }
}

/* Redundancy of nothing. */
static void drop_red_alone(struct sdp_line *line)
{
        if (!line->codecs[SDP_OPUS].used)
                line->codecs[SDP_RED].used = false;
}

static void choose_first(struct line_reader *reader)
{
        struct sdp_line *line = reader->line;

        for (size_t i = 0; i < reader->n_order; i++) {
                const struct pt_info *info = &reader->pts[reader->order[i]];

                if (info->type == PT_CODEC && line->codecs[info->codec].used) {
                        line->first_codec = info->codec;
                        return;
                }
        }
}

static void choose_rtx(struct line_reader *reader)
{
        for (size_t i = 0; i < reader->n_order; i++) {
                uint8_t pt = reader->order[i];
                const struct pt_info *info = &reader->pts[pt];

                if (info->type != PT_RTX || !info->apt || (pt >= 64 && pt <= 95) || !pt)
                        continue;
                for (size_t c = SDP_VP8; c <= SDP_AV1; c++) {
                        struct sdp_offered_codec *codec = &reader->line->codecs[c];

                        if (codec->used && codec->pt == info->apt && !codec->rtx_pt)
                                codec->rtx_pt = pt;
                }
        }
}

/* Only rids that a=rid declares and a=simulcast uses. More than we keep are
 * left out of the answer, as RFC 8853 §5.3.2 allows. */
static void choose_rids(struct line_reader *reader)
{
        struct sdp_line *line = reader->line;

        for (size_t i = 0; i < reader->n_simulcast && line->n_rids < SDP_MAX_RIDS; i++) {
                bool sent = false, known = false;

                for (size_t k = 0; k < reader->n_sent; k++)
                        sent |= strcmp(reader->sent[k], reader->simulcast[i]) == 0;
                for (size_t k = 0; k < line->n_rids; k++)
                        known |= strcmp(line->rids[k], reader->simulcast[i]) == 0;
                if (sent && !known)
                        strcpy(line->rids[line->n_rids++], reader->simulcast[i]);
        }
}

int sdp_line_read(struct sdp_line *ret_line, const GstSDPMedia *media,
                  const struct sdp_defaults *defaults)
{
        struct line_reader reader = { .line = ret_line };
        int r;

        ret_line->dir = defaults->dir;
        ret_line->allow_mixed = defaults->allow_mixed;
        r = read_m_line(&reader, media);
        if (r != 0)
                return r;
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                const GstSDPAttribute *attr = gst_sdp_media_get_attribute(media, i);

                if (!attr->key)
                        continue;
                r = read_attribute(&reader, attr->key, attr->value ? attr->value : "");
                if (r != 0)
                        return r;
        }
        ret_line->live = media->port != 0 || reader.bundle_only;
        choose_codecs(&reader);
        drop_red_alone(reader.line);
        choose_first(&reader);
        choose_rtx(&reader);
        choose_rids(&reader);
        if (!ret_line->ssrc)
                ret_line->ssrc = reader.first_ssrc;
        return 0;
}
