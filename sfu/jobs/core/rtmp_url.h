/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtmp_url — where a stream is pushed to: rtmp://HOST[:PORT]/APPLICATION or rtmps://…
 *            (Adobe's RTMP specification 1.0, §7.2.1.1: tcUrl and app).
 *
 * Layer:  sfu/jobs/core. Pure.
 */
#ifndef SFU_JOBS_CORE_RTMP_URL_H
#define SFU_JOBS_CORE_RTMP_URL_H

#include "base/base.h"

enum { RTMP_HOST = 256, RTMP_APP = 512, RTMP_PORT = 1935, RTMPS_PORT = 443 };

struct rtmp_url {
        bool tls;
        char host[RTMP_HOST]; /* without the brackets of an IPv6 address */
        uint16_t port;
        char app[RTMP_APP]; /* without slashes at its ends; may hold others, and a query */
};

/* Returns 0, or -EINVAL: another scheme, no host or application, a name or password in it,
 * characters that are none of a URL's. */
must_use int rtmp_url_parse(struct rtmp_url *ret_url, const char *text);

#endif
