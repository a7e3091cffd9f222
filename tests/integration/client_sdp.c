/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/client_dtls.h"

static const char rtp_ext_level[] = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
static const char rtp_ext_mid[] = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";

struct offer {
        FILE *out;
        unsigned n_lines;
        const struct client *client;
        const char *fingerprint;
};

static void put_line(struct offer *offer, bool audio, uint32_t ssrc)
{
        const struct client *client = offer->client;
        bool h264 = client->params.h264 || client->params.both;
        bool vp8 = !client->params.h264;

        fprintf(offer->out,
                "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\n"
                "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=setup:%s\r\n"
                "a=mid:%u\r\na=%s\r\n%s",
                audio ? "audio" : "video",
                audio   ? "111"
                : !h264 ? "96 97"
                : !vp8  ? "102 103"
                        : "96 97 102 103",
                client->ufrag, client->pwd, offer->fingerprint,
                client->params.dtls_server ? "passive" : "actpass", offer->n_lines++,
                ssrc ? "sendonly" : "recvonly", rtp_ext_mid);
        if (audio)
                fprintf(offer->out, "%sa=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n",
                        rtp_ext_level);
        if (!audio && vp8)
                fputs("a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
                      "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n",
                      offer->out);
        if (!audio && h264)
                fputs("a=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli\r\n"
                      "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n"
                      "a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n",
                      offer->out);
        if (ssrc)
                fprintf(offer->out, "a=ssrc:%u cname:test\r\n", ssrc);
}

char *client_offer(const struct client *client)
{
        const struct client_params *p = &client->params;
        unsigned n = p->mic + p->camera + p->n_audio + p->n_video;
        char fingerprint[96], *text = NULL;
        size_t len;
        struct offer offer = { .out = open_memstream(&text, &len),
                               .client = client,
                               .fingerprint = fingerprint };

        client_dtls_fingerprint(client, fingerprint);
        if (p->wrong_fingerprint)
                fingerprint[0] = fingerprint[0] == '0' ? '1' : '0';
        fputs("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE", offer.out);
        for (unsigned i = 0; i < n; i++)
                fprintf(offer.out, " %u", i);
        fputs("\r\n", offer.out);
        if (p->mic)
                put_line(&offer, true, CLIENT_MIC_SSRC);
        if (p->camera)
                put_line(&offer, false, CLIENT_CAMERA_SSRC);
        for (unsigned i = 0; i < p->n_audio; i++)
                put_line(&offer, true, 0);
        for (unsigned i = 0; i < p->n_video; i++)
                put_line(&offer, false, 0);
        fclose(offer.out);
        return text;
}

/* What the answer says, line by line. */

static void add_candidate(struct client *client, const char *line, GSList **candidates)
{
        NiceCandidate *candidate = nice_agent_parse_remote_candidate_sdp(client->agent,
                                                                         client->stream, line);

        if (!candidate)
                return;
        client->server_port = (uint16_t)nice_address_get_port(&candidate->addr);
        *candidates = g_slist_append(*candidates, candidate);
}

/* The first SSRC of each line that we receive; publications come first. */
static void note_ssrc(struct client *client, int line, const char *value)
{
        int slot = line - client->params.mic - client->params.camera;
        uint32_t ssrc = (uint32_t)strtoul(value, NULL, 10), *to;

        if (slot < 0)
                return;
        if (slot < (int)client->params.n_audio)
                to = &client->audio_ssrcs[slot];
        else
                to = &client->video_ssrcs[slot - (int)client->params.n_audio];
        if (*to == 0)
                *to = ssrc;
}

void client_accept_answer(struct client *client, const char *answer)
{
        char *copy = strdup(answer), *rest = copy, *line;
        GSList *candidates = NULL;
        int n = -1;

        while ((line = strsep(&rest, "\r\n"))) {
                n += strncmp(line, "m=", 2) == 0;
                sscanf(line, "a=ice-ufrag:%63s", client->remote_ufrag);
                sscanf(line, "a=ice-pwd:%63s", client->remote_pwd);
                sscanf(line, "a=fingerprint:sha-256 %95s", client->fingerprint);
                if (strncmp(line, "a=candidate:", 12) == 0 && n == 0)
                        add_candidate(client, line, &candidates);
                if (strncmp(line, "a=ssrc:", 7) == 0)
                        note_ssrc(client, n, line + 7);
        }
        free(copy);
        nice_agent_set_remote_credentials(client->agent, client->stream, client->remote_ufrag,
                                          client->remote_pwd);
        nice_agent_set_remote_candidates(client->agent, client->stream, 1, candidates);
        g_slist_free_full(candidates, (GDestroyNotify)nice_candidate_free);
}
