/* SPDX-License-Identifier: Apache-2.0 */
/*
 * permissions — the roles of a meeting and what each may do: the one table.
 *
 * Layer:  core, pure.
 */
#ifndef MEETING_PERMISSIONS_H
#define MEETING_PERMISSIONS_H

#include "base/base.h"

enum meeting_role {
        ROLE_CHAIR,
        ROLE_SECRETARY,
        ROLE_PRESENTER,
        ROLE_DELEGATE,
        ROLE_OBSERVER,
        N_ROLES,
};

enum meeting_permission {
        PERM_PUBLISH = 1 << 0, /* microphone, camera, screen */
        PERM_CHAT = 1 << 1,
        PERM_HAND = 1 << 2,
        PERM_PRESENT = 1 << 3,
        PERM_UPLOAD = 1 << 4,
        /* mute, remove, lock, roles; take over a presentation; record, stream; agenda */
        PERM_MODERATE = 1 << 5,
};
enum { N_PERMISSIONS = 6 };

/* Bits of enum meeting_permission. */
unsigned role_permissions(enum meeting_role role);

/* The words of the protocol. */
const char *role_word(enum meeting_role role);
/* Returns 0 or -EINVAL. */
must_use int role_parse(enum meeting_role *ret_role, const char *word);
/* bit: 0 .. N_PERMISSIONS - 1. */
const char *permission_word(unsigned bit);

#endif
