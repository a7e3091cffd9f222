/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load — `dinh load`: how many delegates can this machine hold? Publishers and
 *        watchers over WHIP and WHEP, real ICE, DTLS and SRTP, media whose every
 *        packet is numbered, time-stamped and checksummed.
 *
 * Thread: the caller's runs all clients; two more kinds bring them in (io/joiner.h).
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include "base/base.h"

enum { LOAD_MAX_WATCHED = 25, LOAD_LAYERS = 3 };

struct load_params {
        const char *url, *meeting, *token;
        bool insecure; /* take any certificate */

        unsigned publishers, subscribers;
        unsigned watched;  /* publishers that a subscriber names */
        unsigned pictures; /* video slots of a subscriber */
        unsigned height;   /* of the pictures she asks for; 0: the best */
        bool sound, video;

        unsigned n_layers; /* 1, or simulcast */
        unsigned video_kbps[LOAD_LAYERS];
        unsigned fps, keyframe_seconds, keyframe_ratio;
        double pacing; /* times the bit rate; 0: frames leave at once */

        unsigned join_seconds, settle_seconds, duration_seconds;
        unsigned ramp; /* add so many subscribers again and again; 0: do not */
        bool trains;   /* GRO and GSO in the generator */
        bool congestion_control;
        bool json;
        int server_pid; /* 0: unknown, or elsewhere */
};

/* Prints the result. Returns 0, or -errno with a line in ret_error. A server that
 * does badly is a result, not an error. */
must_use int load_run(const struct load_params *params, char *ret_error, size_t error_cap);

#endif
