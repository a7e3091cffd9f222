/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live_pages — which page was shown when, for viewers of the stream: pages.json and the images
 *              beside it, so that they are read sharp and not from the picture.
 *
 * Layer:  signaling/core.
 * Owner:  a struct live.
 *
 * pages.json is a list, oldest first: {"t": milliseconds since 1970, "document", "name", "page",
 * "file": "pages/ID-3.webp"}; file null: nothing is shown from then on. A player
 * shows the last one whose t is not after the picture's EXT-X-PROGRAM-DATE-TIME.
 */
#ifndef SIGNALING_CORE_LIVE_PAGES_H
#define SIGNALING_CORE_LIVE_PAGES_H

#include <jansson.h>

#include "meeting/meeting.h"

struct room;

struct live_pages { /* all zero: nothing yet */
        json_t *list;
        char document[MEETING_DOCUMENT_ID]; /* shown now; "": none */
        int page;
};

/* Every tick. folder: the stream's, below media's. */
void live_pages_follow(struct live_pages *pages, struct room *room, const char *folder,
                       int64_t now_ms);
void live_pages_done(struct live_pages *pages);

#endif
