/* SPDX-License-Identifier: Apache-2.0 */
#include "meeting/permissions.h"

#include <errno.h>
#include <string.h>

enum { PERM_TALK = PERM_PUBLISH | PERM_CHAT | PERM_HAND };

static const struct {
        const char *word;
        unsigned permissions;
} roles[N_ROLES] = {
        [ROLE_CHAIR] = { "chair", PERM_TALK | PERM_PRESENT | PERM_UPLOAD | PERM_MODERATE },
        [ROLE_SECRETARY] = { "secretary", PERM_TALK | PERM_PRESENT | PERM_UPLOAD | PERM_MODERATE },
        [ROLE_PRESENTER] = { "presenter", PERM_TALK | PERM_PRESENT | PERM_UPLOAD },
        [ROLE_DELEGATE] = { "delegate", PERM_TALK },
        [ROLE_OBSERVER] = { "observer", 0 },
};

static const char *const permission_words[N_PERMISSIONS] = {
        "publish", "chat", "hand", "present", "upload", "moderate",
};

unsigned role_permissions(enum meeting_role role)
{
        return roles[role].permissions;
}

const char *role_word(enum meeting_role role)
{
        return roles[role].word;
}

int role_parse(enum meeting_role *ret_role, const char *word)
{
        for (unsigned i = 0; i < N_ROLES; i++) {
                if (strcmp(word, roles[i].word) == 0) {
                        *ret_role = (enum meeting_role)i;
                        return 0;
                }
        }
        return -EINVAL;
}

const char *permission_word(unsigned bit)
{
        return permission_words[bit];
}
