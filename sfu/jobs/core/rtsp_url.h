/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtsp_url — the address of a camera that a person typed (RFC 2326 §3.2).
 *
 * Layer: sfu/jobs/core, pure.
 *
 * Taken: rtsp:// or rtsps://, a host name, an IPv4 or a bracketed IPv6 address, a port if any, a path
 * and a query of printable ASCII. No user or password: those come apart, so that the address can be
 * shown and logged. No fragment, no space, no control character.
 */
#ifndef SFU_JOBS_CORE_RTSP_URL_H
#define SFU_JOBS_CORE_RTSP_URL_H

#include "base/base.h"

enum { RTSP_URL_MAX = 1024 };

bool rtsp_url_is_good(const char *url);

#endif
