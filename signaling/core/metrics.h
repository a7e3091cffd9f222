/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics — counters as Prometheus text (exposition format 0.0.4), readiness.
 *
 * Layer: signaling/core. Sums only: a series per person would have no bound.
 */
#ifndef SIGNALING_CORE_METRICS_H
#define SIGNALING_CORE_METRICS_H

#include "signaling/core/app.h"

void metrics_reply(struct app *app, struct http_conn *conn);

/* 200 when the store answers and the media plane runs, else 503. */
void metrics_ready(struct app *app, struct http_conn *conn);

#endif
