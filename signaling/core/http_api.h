/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_api — which request is whose: the routes of signaling/API.md.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_HTTP_API_H
#define SIGNALING_CORE_HTTP_API_H

#include "signaling/core/app.h"

/* The callbacks for server_new(); user is the app. */
void http_api_handler(struct app *app, struct server_handler *ret_handler);

#endif
