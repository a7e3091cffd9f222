/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_main — `dinh job KIND`, and `dinh job check`: writes the registry of GStreamer's
 *            plug-ins for all of them and says which kinds can run.
 */
#include <gst/gst.h>
#include <stdio.h>

#include "sfu/jobs/gst/kinds.h"
#include "sfu/jobs/job_limits.h"

enum { WHY = 240, NAMES = 140 };

/* English, one line; "" when nothing is missing. */
static void find_missing(const struct job_ops *ops, char *ret_why, size_t cap)
{
        size_t n = 0;

        ret_why[0] = '\0';
        if (!ops) {
                snprintf(ret_why, cap, "this build has no such job");
                return;
        }
        for (size_t i = 0; ops->elements && ops->elements[i]; i++) {
                GstElementFactory *factory = gst_element_factory_find(ops->elements[i]);

                if (!factory && n < NAMES)
                        n += (size_t)snprintf(ret_why + n, cap - n, "%s%s",
                                              n ? ", " : "GStreamer is without ", ops->elements[i]);
                if (factory)
                        gst_object_unref(factory);
        }
        if (n > 0)
                snprintf(ret_why + n, cap - n,
                         "; packages gstreamer1.0-plugins-base, -good, -bad, -ugly, -libav");
}

static int check(void)
{
        json_t *line = json_pack("{s:s}", "type", "kinds");
        char *text;

        if (job_limits_set(N_JOB_KINDS) < 0)
                return EXIT_FAILURE;
        gst_init(NULL, NULL);
        for (size_t i = 0; i < N_JOB_KINDS; i++) {
                char why[WHY];

                find_missing(kinds_find((enum job_kind)i), why, sizeof(why));
                if (why[0])
                        json_object_set_new(line, job_kind_word((enum job_kind)i),
                                            json_string(why));
        }
        text = json_dumps(line, JSON_COMPACT);
        puts(text);
        free(text);
        json_decref(line);
        return EXIT_SUCCESS;
}

static int run(const struct job_ops *ops)
{
        int status;

        gst_init(NULL, NULL);
        status = child_main(ops);
        /* gst_deinit() waits for threads that a stuck element may never end. */
        return status;
}

int job_main(int argc, char **argv)
{
        const char *word = argc == 1 ? argv[0] : "";

        if (strcmp(word, "check") == 0)
                return check();
        for (size_t i = 0; i < N_JOB_KINDS; i++) {
                const struct job_ops *ops = kinds_find((enum job_kind)i);

                if (ops && strcmp(word, job_kind_word((enum job_kind)i)) == 0)
                        return run(ops);
        }
        fputs("dinh job: the server starts these by itself\n", stderr);
        return 2;
}
