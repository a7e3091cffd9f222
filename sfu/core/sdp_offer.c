/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/sdp_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* --- the text before anybody parses it --- */

static const char *next_line(const char *line, const char *end)
{
        const char *newline = memchr(line, '\n', (size_t)(end - line));

        return newline ? newline + 1 : end;
}

/* "x=…", no control characters; CR only before LF. The types that WebRTC has
 * no use for (times r= z=, keys k=) are refused, so that gstreamer-sdp never
 * meets them. */
static bool line_is_sane(const char *line, size_t len)
{
        while (len > 0 && line[len - 1] == '\n')
                len--;
        if (len > 0 && line[len - 1] == '\r')
                len--;
        if (len < 2 || len > SDP_MAX_LINE || line[1] != '=' || !strchr("vosiuepctbam", line[0]))
                return false;
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)line[i] < ' ' && line[i] != '\t')
                        return false;
        return true;
}

/* Form and bounds of the whole text. */
static int check_text(const char *text, size_t len)
{
        const char *end = text + len;
        size_t n_media = 0;
        bool seen[128] = { false };

        if (len > SFU_MAX_SDP_BYTES)
                return SFU_OFFER_TOO_LARGE;
        if (len < 4 || memcmp(text, "v=0", 3) != 0 || (text[3] != '\r' && text[3] != '\n') ||
            !text_is_utf8(text, len))
                return SFU_OFFER_MALFORMED;
        for (const char *line = text; line < end;) {
                const char *next = next_line(line, end);

                if (!line_is_sane(line, (size_t)(next - line)))
                        return SFU_OFFER_MALFORMED;
                seen[(unsigned char)line[0]] = true;
                if (line[0] == 'm' && ++n_media > SDP_MAX_MLINES)
                        return SFU_OFFER_TOO_MANY;
                line = next;
        }
        if (!seen['o'] || !seen['s'] || !seen['t'] || !seen['m'])
                return SFU_OFFER_MALFORMED;
        return 0;
}

/* --- the session --- */

struct session {
        struct sdp_security security;
        struct sdp_defaults defaults;
        const char *bundle; /* the first BUNDLE group's mids, or NULL */
};

static int read_session(struct session *ret_session, const GstSDPMessage *message)
{
        struct session session = { .defaults.dir = SDP_SENDRECV };
        int r;

        for (guint i = 0; i < gst_sdp_message_attributes_len(message); i++) {
                const GstSDPAttribute *attr = gst_sdp_message_get_attribute(message, i);
                const char *value = attr->value ? attr->value : "";

                if (!attr->key || sdp_dir_read(attr->key, &session.defaults.dir))
                        continue;
                if (strcmp(attr->key, "extmap-allow-mixed") == 0)
                        session.defaults.allow_mixed = true;
                if (strcmp(attr->key, "group") == 0 && !session.bundle &&
                    strncmp(value, "BUNDLE ", 7) == 0)
                        session.bundle = value + 7;
                r = sdp_security_read(&session.security, attr->key, value);
                if (r != 0)
                        return r;
        }
        *ret_session = session;
        return 0;
}

/* --- bundling --- */

static struct sdp_line *find_mid(struct sdp_offer *offer, struct sdp_word mid)
{
        for (size_t i = 0; i < offer->n_lines; i++)
                if (offer->lines[i].mid[0] && strlen(offer->lines[i].mid) == mid.len &&
                    memcmp(offer->lines[i].mid, mid.at, mid.len) == 0)
                        return &offer->lines[i];
        return NULL;
}

static void read_bundle(struct sdp_offer *offer, const char *mids)
{
        struct sdp_word rest = sdp_word(mids);

        for (;;) {
                struct sdp_word mid = sdp_word_cut(&rest, ' ');
                struct sdp_line *line;

                if (!mid.len)
                        return;
                line = find_mid(offer, mid);
                if (!line || line->bundled)
                        continue;
                line->bundled = true;
                offer->bundle[offer->n_bundle++] = (uint8_t)(line - offer->lines);
        }
}

static bool mids_are_unique(const struct sdp_offer *offer)
{
        for (size_t i = 0; i < offer->n_lines; i++)
                for (size_t k = i + 1; k < offer->n_lines; k++)
                        if (offer->lines[i].mid[0] &&
                            strcmp(offer->lines[i].mid, offer->lines[k].mid) == 0)
                                return false;
        return true;
}

/* --- what each line becomes --- */

static bool has_codec(const struct sdp_line *line)
{
        for (size_t i = 0; i < SDP_N_CODECS; i++)
                if (line->codecs[i].used)
                        return true;
        return false;
}

static bool is_usable(const struct sdp_line *line)
{
        return line->live && line->dtls_rtp && line->type != SDP_OTHER && has_codec(line);
}

struct casting {
        bool taken[SFU_N_KINDS];
        unsigned n_slots[2]; /* by SDP_AUDIO, SDP_VIDEO */
};

static bool cast_publication(struct casting *casting, struct sdp_line *line)
{
        unsigned first = line->type == SDP_AUDIO ? SFU_MIC : SFU_CAMERA;
        unsigned last = line->type == SDP_AUDIO ? SFU_MIC : SFU_SCREEN;

        for (unsigned kind = first; kind <= last; kind++) {
                if (casting->taken[kind])
                        continue;
                casting->taken[kind] = true;
                line->role = SDP_PUBLICATION;
                line->index = kind;
                return true;
        }
        return false;
}

static bool cast_slot(struct casting *casting, struct sdp_line *line)
{
        unsigned max = line->type == SDP_AUDIO ? SFU_AUDIO_SLOTS : SFU_MAX_VIDEO_SLOTS;

        if (casting->n_slots[line->type] == max)
                return false;
        line->role = SDP_SLOT;
        line->index = casting->n_slots[line->type]++;
        return true;
}

/* A sendrecv line is a publication if that kind is still free, else a slot. */
static void cast_line(struct casting *casting, struct sdp_line *line)
{
        if (!is_usable(line))
                return;
        if (line->dir == SDP_INACTIVE) {
                line->role = SDP_IDLE;
                return;
        }
        if ((line->dir & SDP_SENDONLY) && cast_publication(casting, line))
                return;
        if (line->dir & SDP_RECVONLY)
                (void)cast_slot(casting, line);
}

/* Returns 0 when at least one line is usable. */
static int cast_roles(struct sdp_offer *offer)
{
        struct casting casting = { 0 };
        bool usable = false, other_transport = false;

        for (size_t i = 0; i < offer->n_lines; i++) {
                struct sdp_line *line = &offer->lines[i];

                cast_line(&casting, line);
                usable |= line->role != SDP_REFUSED;
                other_transport |= line->type != SDP_OTHER && line->live && !line->dtls_rtp;
        }
        if (usable)
                return 0;
        return other_transport ? SFU_OFFER_NO_DTLS : SFU_OFFER_NO_CODEC;
}

/* One transport carries all lines, so the MID extension must have one id
 * (RFC 8843 §9.2), or no packet could be given to its line. */
static int check_lines(const struct sdp_offer *offer)
{
        uint8_t mid_id = 0;

        for (size_t i = 0; i < offer->n_lines; i++) {
                const struct sdp_line *line = &offer->lines[i];
                uint8_t id = line->exts[SDP_EXT_MID].id;

                if (line->role == SDP_REFUSED)
                        continue;
                if (!line->bundled)
                        return SFU_OFFER_NO_BUNDLE;
                if (!line->rtcp_mux)
                        return SFU_OFFER_NO_RTCP_MUX;
                if (id && mid_id && id != mid_id)
                        return SFU_OFFER_MALFORMED;
                if (id)
                        mid_id = id;
        }
        return 0;
}

/* --- the transport --- */

/* One certificate for the whole bundle. */
static int check_fingerprints(const struct sdp_offer *offer, const uint8_t *fingerprint)
{
        for (size_t i = 0; i < offer->n_lines; i++) {
                const struct sdp_line *line = &offer->lines[i];

                if (line->role != SDP_REFUSED && line->security.has_fingerprint &&
                    memcmp(line->security.fingerprint, fingerprint, 32) != 0)
                        return SFU_OFFER_NO_DTLS;
        }
        return 0;
}

static void fill_gaps(struct sdp_security *words, const struct sdp_security *place)
{
        if (!words->ufrag[0] && place->ufrag[0] && place->pwd[0]) {
                memcpy(words->ufrag, place->ufrag, sizeof(words->ufrag));
                memcpy(words->pwd, place->pwd, sizeof(words->pwd));
        }
        if (!words->has_fingerprint && place->has_fingerprint) {
                memcpy(words->fingerprint, place->fingerprint, sizeof(words->fingerprint));
                words->has_fingerprint = true;
        }
        if (words->setup == SDP_SETUP_NONE)
                words->setup = place->setup;
}

/* The words come from the first accepted line of the group, which our answer
 * makes the tagged one; a line that is bundle-only may have left them to the
 * offer's tagged line (RFC 8843 §7.2.1), and any line to the session. */
static int choose_transport(struct sdp_offer *offer, const struct sdp_security *session)
{
        struct sdp_transport *transport = &offer->transport;
        struct sdp_security words = { 0 };
        size_t tag = 0;

        while (offer->lines[offer->bundle[tag]].role == SDP_REFUSED)
                tag++;
        fill_gaps(&words, &offer->lines[offer->bundle[tag]].security);
        fill_gaps(&words, &offer->lines[offer->bundle[0]].security);
        fill_gaps(&words, session);
        if (!words.ufrag[0])
                return SFU_OFFER_NO_ICE;
        if (!words.has_fingerprint || words.setup == SDP_SETUP_NONE)
                return SFU_OFFER_NO_DTLS;
        memcpy(transport->ufrag, words.ufrag, sizeof(transport->ufrag));
        memcpy(transport->pwd, words.pwd, sizeof(transport->pwd));
        memcpy(transport->fingerprint, words.fingerprint, sizeof(transport->fingerprint));
        transport->we_are_dtls_client = words.setup == SDP_SETUP_PASSIVE;
        return check_fingerprints(offer, transport->fingerprint);
}

/* --- all together --- */

static int read_lines(struct sdp_offer *offer, const GstSDPMessage *message,
                      const struct sdp_defaults *defaults)
{
        guint n = gst_sdp_message_medias_len(message);

        if (n > SDP_MAX_MLINES)
                return SFU_OFFER_TOO_MANY;
        for (guint i = 0; i < n; i++) {
                const GstSDPMedia *media = gst_sdp_message_get_media(message, i);
                int r = sdp_line_read(&offer->lines[i], media, defaults);

                if (r != 0)
                        return r;
        }
        offer->n_lines = n;
        return mids_are_unique(offer) ? 0 : SFU_OFFER_MALFORMED;
}

static int read_message(struct sdp_offer *offer, const GstSDPMessage *message)
{
        struct session session;
        int r;

        r = read_session(&session, message);
        if (r != 0)
                return r;
        r = read_lines(offer, message, &session.defaults);
        if (r != 0)
                return r;
        if (session.bundle)
                read_bundle(offer, session.bundle);
        r = cast_roles(offer);
        if (r != 0)
                return r;
        r = check_lines(offer);
        if (r != 0)
                return r;
        return choose_transport(offer, &session.security);
}

static void message_freep(GstSDPMessage **message)
{
        if (*message)
                gst_sdp_message_free(*message);
}

int sdp_offer_parse(struct sdp_offer **ret_offer, const char *text, size_t len)
{
        cleanup(sdp_offer_freep) struct sdp_offer *offer = NULL;
        cleanup(message_freep) GstSDPMessage *message = NULL;
        int r;

        r = check_text(text, len);
        if (r != 0)
                return r;
        offer = calloc(1, sizeof(*offer));
        if (!offer)
                return -ENOMEM;
        if (gst_sdp_message_new(&message) != GST_SDP_OK)
                return -ENOMEM;
        if (gst_sdp_message_parse_buffer((const guint8 *)text, (guint)len, message) != GST_SDP_OK)
                return SFU_OFFER_MALFORMED;
        r = read_message(offer, message);
        if (r != 0)
                return r;

        *ret_offer = take_ptr(offer);
        return 0;
}

struct sdp_offer *sdp_offer_free(struct sdp_offer *offer)
{
        free(offer);
        return NULL;
}

const struct sdp_transport *sdp_offer_transport(const struct sdp_offer *offer)
{
        return &offer->transport;
}

/* Lines that were refused stay so: nobody has checked them. */
static void recast_to_watch(struct sdp_offer *offer)
{
        struct casting casting = { 0 };

        for (size_t i = 0; i < offer->n_lines; i++) {
                struct sdp_line *line = &offer->lines[i];

                if (line->role == SDP_REFUSED)
                        continue;
                if (line->dir == SDP_SENDRECV)
                        line->dir = SDP_RECVONLY;
                line->role = SDP_REFUSED;
                cast_line(&casting, line);
        }
}

int sdp_offer_aim(struct sdp_offer *offer, enum sfu_purpose purpose)
{
        enum sdp_role needed = purpose == SFU_TO_PUBLISH ? SDP_PUBLICATION : SDP_SLOT;

        if (purpose == SFU_TO_MEET)
                return 0;
        if (purpose == SFU_TO_WATCH)
                recast_to_watch(offer);
        for (size_t i = 0; i < offer->n_lines; i++)
                if (offer->lines[i].role == needed)
                        return 0;
        return SFU_OFFER_WRONG_WAY;
}

static unsigned common_codecs(const struct sdp_offer *offer, enum sdp_role role)
{
        unsigned codecs = SDP_VIDEO_CODECS;
        bool any = false;

        for (size_t i = 0; i < offer->n_lines; i++) {
                const struct sdp_line *line = &offer->lines[i];
                unsigned here = 0;

                if (line->role != role || line->type != SDP_VIDEO)
                        continue;
                for (size_t c = 0; c < SDP_N_CODECS; c++)
                        if (line->codecs[c].used)
                                here |= SDP_CODEC_BIT(c);
                codecs &= here;
                any = true;
        }
        return any ? codecs : 0;
}

unsigned sdp_offer_recv_codecs(const struct sdp_offer *offer)
{
        return common_codecs(offer, SDP_SLOT);
}

unsigned sdp_offer_send_codecs(const struct sdp_offer *offer)
{
        return common_codecs(offer, SDP_PUBLICATION);
}
