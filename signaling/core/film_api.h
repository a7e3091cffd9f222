/* SPDX-License-Identifier: Apache-2.0 */
/*
 * film_api — requests about the film that is played into a meeting (API.md, "Films").
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_FILM_API_H
#define SIGNALING_CORE_FILM_API_H

#include "signaling/core/app.h"

void film_api_start(struct app *app, struct http_conn *conn, const struct http_request *req,
                    const char *meeting);
void film_api_steer(struct app *app, struct http_conn *conn, const struct http_request *req,
                    const char *meeting);
void film_api_stop(struct app *app, struct http_conn *conn, const struct http_request *req,
                   const char *meeting);

#endif
