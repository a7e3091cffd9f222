/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/late_commands.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

enum { MAX_LATE = 16384 };

static const char topic[] = "sfu";

struct late_command {
        struct late_command *next;
        struct worker_command command;
};

static struct late_command *take(struct late_commands *late)
{
        struct late_command *first = late->first;

        late->first = first->next;
        late->n--;
        return first;
}

static void drop(const struct worker_command *command)
{
        if (command->type == WORKER_VIEW)
                free(command->view.views);
}

void late_commands_post(struct late_commands *late, struct worker *worker,
                        const struct worker_command *command)
{
        static struct log_limit limit;
        struct late_command *added;

        if (!late->first && worker_post(worker, command) == 0)
                return;
        added = late->n < MAX_LATE ? malloc(sizeof(*added)) : NULL;
        if (!added) {
                log_limited(&limit, LOG_ERROR, topic, "peer=%" PRIu64 ": command %d lost",
                            command->peer, command->type);
                drop(command);
                return;
        }
        *added = (struct late_command){ .command = *command };
        if (late->first)
                late->last->next = added;
        else
                late->first = added;
        late->last = added;
        late->n++;
}

void late_commands_retry(struct late_commands *late, struct worker *worker)
{
        while (late->first && worker_post(worker, &late->first->command) == 0)
                free(take(late)); /* what it points to is the worker's now */
}

void late_commands_done(struct late_commands *late)
{
        while (late->first) {
                struct late_command *command = take(late);

                drop(&command->command);
                free(command);
        }
}
