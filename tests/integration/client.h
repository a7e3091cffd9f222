/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client — a WebRTC client for tests: libnice's full NiceAgent, OpenSSL's DTLS
 *          and libsrtp, used directly, so that the server meets another
 *          implementation than its own. Of ours it shares the RTP parser.
 *
 * Owner:  the test.
 * Thread: the test's; everything happens inside client_pump().
 */
#ifndef TESTS_INTEGRATION_CLIENT_H
#define TESTS_INTEGRATION_CLIENT_H

#include <agent.h>
#include <openssl/ssl.h>
#include <srtp2/srtp.h>

#include "base/base.h"

enum {
        CLIENT_MIC_SSRC = 0x1000,
        CLIENT_CAMERA_SSRC = 0x2000,
        CLIENT_OPUS_PT = 111,
        CLIENT_VP8_PT = 96,
        CLIENT_H264_PT = 102,
        CLIENT_MAX_PACKETS = 512,
        CLIENT_MAX_VIDEO = 25,
};

struct client_params {
        const char *address; /* local; NULL: 127.0.0.1 */
        bool tcp;            /* ICE-TCP only */
        bool mic, camera;
        unsigned n_audio, n_video; /* slots */
        bool h264;                 /* pictures in that, and not in VP8 */
        bool both;                 /* or in either */
        bool dtls_server;          /* offer a=setup:passive */
        bool wrong_fingerprint;    /* announce a certificate we do not have */
        const char *srtp_profiles; /* NULL: both, GCM first */
        unsigned lost_flights;     /* how often the server's last one does not come */
};

struct client_packet {
        uint32_t ssrc, ts;
        uint16_t seq;
        uint8_t pt;
        bool marker;
        size_t len;
        uint8_t payload[1400];
};

struct client {
        struct client_params params;
        NiceAgent *agent;
        unsigned stream;
        bool ready; /* ICE */
        char remote_ufrag[64], remote_pwd[64];
        char *ufrag, *pwd;    /* ours */
        char fingerprint[96]; /* the server's, of the answer */
        uint16_t server_port;
        uint32_t audio_ssrcs[3], video_ssrcs[CLIENT_MAX_VIDEO]; /* slots, of the answer */

        SSL_CTX *ssl_ctx;
        SSL *ssl;
        BIO_METHOD *bio_method;
        unsigned dtls_source;
        const uint8_t *in; /* the datagram that OpenSSL reads */
        size_t in_len;
        unsigned n_lost;
        bool connected, closed, failed;
        srtp_t inbound, outbound;
        char profile[32];

        int moved_fd; /* after client_move(): datagrams go this way */
        unsigned moved_source;
        bool check_answered;

        size_t n_packets; /* received; the first CLIENT_MAX_PACKETS are kept */
        struct client_packet *packets;
        size_t n_rtcp, n_bye, n_pli, n_bad;
};

/* Returns a client that has gathered its candidates. Aborts on failure, as all
 * of this does: the test has nothing to test then. */
struct client *client_new(const struct client_params *params);
struct client *client_free(struct client *client); /* silently; accepts NULL */

char *client_offer(const struct client *client); /* free() */
void client_accept_answer(struct client *client, const char *answer);

/* Runs the clients' sockets and timers for one event or a few milliseconds. */
void client_pump(void);
void client_wake(void *user); /* any thread: makes client_pump() return */

void client_send_rtp(struct client *client, uint32_t ssrc, uint8_t pt, uint16_t seq, uint32_t ts,
                     bool marker, const uint8_t *payload, size_t len);
void client_send_nack(struct client *client, uint32_t ssrc, uint16_t seq);
size_t client_opus_payload(uint8_t *ret, uint16_t n);
size_t client_vp8_payload(uint8_t *ret, uint16_t n, bool key);  /* one whole frame */
size_t client_h264_payload(uint8_t *ret, uint16_t n, bool key); /* as much of one as is looked at */

void client_send_raw(struct client *client, const void *data, size_t len);
void client_close_notify(struct client *client);

/* ICE restart: new credentials for the next client_offer(). */
void client_restart(struct client *client);

/* Leaves the NiceAgent's socket for a new one and checks with USE-CANDIDATE
 * from there until check_answered. */
void client_move(struct client *client);
void client_check_again(struct client *client);

#endif
