/* SPDX-License-Identifier: Apache-2.0 */
/* addresses — which addresses the media plane announces. */
#ifndef SIGNALING_ADDRESSES_H
#define SIGNALING_ADDRESSES_H

#include "base/base.h"

enum { ADDRESSES_MAX = 16, ADDRESS_TEXT = 48 };

struct addresses {
        char text[ADDRESSES_MAX][ADDRESS_TEXT];
        const char *list[ADDRESSES_MAX]; /* into text */
        size_t n;
};

/* Adds those of "IP[, IP…]" that are not yet there: what somebody elsewhere can
 * send to, hence neither 0.0.0.0 nor a group, nor one that needs a zone. Returns
 * 0; or -EINVAL with the wrong part in ret_wrong, -ENOSPC with the first too many. */
must_use int addresses_add(struct addresses *addresses, const char *text,
                           char ret_wrong[ADDRESS_TEXT]);

/* Every address of this machine that others can use, and 127.0.0.1. Returns 0 or -errno. */
must_use int addresses_of_machine(struct addresses *ret);

#endif
