/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_url — addresses that a host types in: where a meeting is pushed to (rtmp, rtmps), which
 *              camera is pulled (rtsp, rtsps).
 *
 * Layer: wire, pure.
 *
 * They go into a job's line and there into GStreamer's elements, so only what cannot mean
 * anything but an address passes: ASCII without blanks, quotes, backslashes, "#" and user names
 * (those have fields of their own), a host name or address, a port, a path.
 */
#ifndef SIGNALING_WIRE_STREAM_URL_H
#define SIGNALING_WIRE_STREAM_URL_H

#include "base/base.h"

enum { STREAM_URL_MAX = 512, STREAM_KEY_MAX = 256, STREAM_USER_MAX = 128 };

enum stream_kind { STREAM_RTMP, STREAM_RTSP };

/* RTMP needs a path: the application. Returns 0 or -EINVAL. */
must_use int stream_url_check(enum stream_kind kind, const char *url);

/* A stream key: 1 to STREAM_KEY_MAX of the characters of addresses. */
bool stream_key_is_good(const char *key);

/* A camera's user name or password: up to STREAM_USER_MAX bytes of UTF-8 without control
 * characters; may be empty. */
bool stream_user_is_good(const char *text);

#endif
