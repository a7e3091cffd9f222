/* SPDX-License-Identifier: Apache-2.0 */
#include "load/core/sdp.h"

#include <errno.h>
#include <stdio.h>

#define TCC_URI "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

struct writer {
        FILE *out;
        const struct load_offer *offer;
        unsigned n_lines;
};

static void write_line(struct writer *w, bool sound, bool sends)
{
        const struct load_offer *offer = w->offer;

        fprintf(w->out,
                "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
                "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=setup:actpass\r\n"
                "a=mid:%u\r\na=%s\r\n"
                "a=extmap:%d urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
                sound ? "audio" : "video", sound ? "111" : "96 97", offer->ufrag, offer->pwd,
                offer->fingerprint, w->n_lines++, sends ? "sendonly" : "recvonly", LOAD_EXT_MID);
        if (offer->transport_cc)
                fprintf(w->out, "a=extmap:%d " TCC_URI "\r\na=rtcp-fb:%d transport-cc\r\n",
                        LOAD_EXT_TCC, sound ? LOAD_OPUS_PT : LOAD_VP8_PT);
        if (sound)
                fprintf(w->out,
                        "a=extmap:%d urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
                        "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n",
                        LOAD_EXT_LEVEL);
        else
                fputs("a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
                      "a=rtcp-fb:96 ccm fir\r\n"
                      "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n",
                      w->out);
}

static void write_simulcast(struct writer *w)
{
        fprintf(w->out, "a=extmap:%d urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n",
                LOAD_EXT_RID);
        for (unsigned i = 0; i < w->offer->n_layers; i++)
                fprintf(w->out, "a=rid:%u send\r\n", i);
        fputs("a=simulcast:send ", w->out);
        for (unsigned i = 0; i < w->offer->n_layers; i++)
                fprintf(w->out, "%s%u", i ? ";" : "", i);
        fputs("\r\n", w->out);
}

char *load_offer_write(const struct load_offer *offer)
{
        char *text = NULL;
        size_t len;
        struct writer w = { .out = open_memstream(&text, &len), .offer = offer };
        unsigned n = offer->sends_sound + (offer->n_layers > 0) + offer->n_sound + offer->n_video;

        if (!w.out)
                return NULL;
        fputs("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE", w.out);
        for (unsigned i = 0; i < n; i++)
                fprintf(w.out, " %u", i);
        fputs("\r\n", w.out);
        if (offer->sends_sound) {
                write_line(&w, true, true);
                fprintf(w.out, "a=ssrc:%u cname:load\r\n", offer->sound_ssrc);
        }
        if (offer->n_layers > 0) {
                write_line(&w, false, true);
                if (offer->n_layers > 1)
                        write_simulcast(&w);
                else
                        fprintf(w.out, "a=ssrc:%u cname:load\r\n", offer->video_ssrc);
        }
        for (unsigned i = 0; i < offer->n_sound; i++)
                write_line(&w, true, false);
        for (unsigned i = 0; i < offer->n_video; i++)
                write_line(&w, false, false);
        if (fclose(w.out) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

struct reader {
        struct load_answer *answer;
        unsigned n_sent;
        int line; /* index of the m-line, -1: none yet */
        bool refused, tcc_ext, tcc_fb;
};

static void end_line(struct reader *r)
{
        if (r->line < 0 || r->refused || !r->tcc_ext || !r->tcc_fb)
                return;
        if (r->line < (int)r->n_sent)
                r->answer->sends_tcc = true;
        else
                r->answer->receives_tcc = true;
}

static struct load_slot *slot_of(struct reader *r)
{
        int at = r->line - (int)r->n_sent;

        return at >= 0 && at < (int)r->answer->n_slots ? &r->answer->slots[at] : NULL;
}

static void begin_line(struct reader *r, const char *line)
{
        char media[16] = "";
        unsigned port = 0;

        end_line(r);
        r->line++;
        r->tcc_ext = r->tcc_fb = false;
        r->refused = sscanf(line, "m=%15s %u", media, &port) != 2 || port == 0;
        if (r->line >= (int)r->n_sent && r->answer->n_slots < LOAD_MAX_SLOTS)
                r->answer->slots[r->answer->n_slots++].sound = strcmp(media, "audio") == 0;
}

static void read_attribute(struct reader *r, const char *line)
{
        struct load_answer *answer = r->answer;
        struct load_slot *slot = slot_of(r);
        unsigned ssrc, rtx, id;

        sscanf(line, "a=ice-ufrag:%256s", answer->ufrag);
        sscanf(line, "a=ice-pwd:%256s", answer->pwd);
        sscanf(line, "a=fingerprint:sha-256 %95s", answer->fingerprint);
        if (strncmp(line, "a=candidate:", 12) == 0 && answer->n_candidates < LOAD_MAX_CANDIDATES &&
            strlen(line) < sizeof(answer->candidates[0]))
                strcpy(answer->candidates[answer->n_candidates++], line);
        if (slot && sscanf(line, "a=ssrc-group:FID %u %u", &ssrc, &rtx) == 2)
                *slot = (struct load_slot){ slot->sound, ssrc, rtx };
        else if (slot && slot->ssrc == 0 && sscanf(line, "a=ssrc:%u", &ssrc) == 1)
                slot->ssrc = ssrc;
        if (strncmp(line, "a=extmap:", 9) == 0 && strstr(line, TCC_URI))
                r->tcc_ext = sscanf(line, "a=extmap:%u", &id) == 1 && id == LOAD_EXT_TCC;
        if (strncmp(line, "a=rtcp-fb:", 10) == 0 && strstr(line, " transport-cc"))
                r->tcc_fb = true;
}

int load_answer_read(struct load_answer *ret_answer, const char *text, unsigned n_sent)
{
        cleanup(freep) char *copy = strdup(text);
        struct load_answer answer = { 0 };
        struct reader r = { .answer = &answer, .n_sent = n_sent, .line = -1 };
        char *rest = copy, *line;

        if (!copy)
                return -ENOMEM;
        while ((line = strsep(&rest, "\r\n"))) {
                if (strncmp(line, "m=", 2) == 0)
                        begin_line(&r, line);
                else
                        read_attribute(&r, line);
        }
        end_line(&r);
        if (!answer.ufrag[0] || !answer.pwd[0] || !answer.fingerprint[0] ||
            answer.n_candidates == 0)
                return -EINVAL;
        *ret_answer = answer;
        return 0;
}
