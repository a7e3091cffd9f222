/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recordings_priv — what the files recording*.c share.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_RECORDINGS_PRIV_H
#define SIGNALING_CORE_RECORDINGS_PRIV_H

#include "signaling/core/deaths.h"
#include "signaling/core/program.h"
#include "signaling/core/recording_parts.h"
#include "signaling/core/recordings.h"

enum {
        /* For the last bytes of a program's MP4; one that stands still is killed long before. */
        RECORDING_STOP_MS = 30000,
        RECORDING_ERROR_SHOWN_MS = 20000, /* a death that was survived */
        RECORDING_BEHIND_SHOWN_MS = 5000,
        TIMELINE_MAX_BYTES = 4 * 1024 * 1024,
        COMPOSE_MAX_WAITING = 16, /* behind the one at work, or about to be */
};

/* A row of the store with its parts read. */
struct recording_row {
        struct store_recording row; /* its parts: NULL */
        struct recording_parts parts;
};

struct timeline {
        struct media_file *file; /* NULL: closed */
        size_t bytes;
};

/* One that is on, or being stopped. */
struct recording {
        struct room *room;
        struct recording_row kept;
        struct timeline timelines[RECORDING_MAX_PARTS]; /* as kept.parts.list */
        bool wants[N_PART_KINDS];

        struct job *tracks; /* NULL: does not run */
        uint64_t tap;
        size_t tracks_part;
        bool tracks_ready;
        struct deaths deaths;
        int64_t again_ms;

        struct program_user *program; /* NULL: is not in */
        size_t program_part;
        bool program_begun; /* its part is open */

        bool stopping, draining, stopped_itself;
        int64_t stop_by_ms;
        int64_t behind_ms, error_ms; /* when that was last so */
        char error[32];
};

/* The server's: one finishes, one composes, the others wait. */
struct recordings {
        struct recordings_config config;
        bool loaded, disk_is_low, draining;
        int64_t disk_ms, sweep_ms; /* when it was last looked at */
        GQueue to_finish;          /* struct finish_task */
        struct finish_task *finishing;
        GQueue to_compose; /* struct compose_task */
        struct compose_task *composing;
        GHashTable *deleting; /* ids, until the store's rows say so */
};

/* ---- recording_rows.c ---- */
/* Writes it to the store; the store logs what fails. */
void recording_row_put(struct app *app, const struct recording_row *kept);
/* Returns 0, -ENOENT (also when deleted), or -errno. */
must_use int recording_row_get(struct app *app, const char *id, struct recording_row *ret_kept);
json_t *recording_row_json(const struct recording_row *kept, int64_t now_ms);
void recording_row_folder(const struct recording_row *kept, char ret_folder[MEDIA_PATH]);
/* One that nothing records any more is finished; others stay as they are. */
void recording_end_row(struct app *app, const char *id);
/* Removes what a job that died had begun to write beside its files. */
void recording_tidy_up(struct app *app, const struct recording_row *kept);
/* It is deleted, with its files; recording_row_get() does not find it any more. */
void recording_row_delete(struct app *app, struct recording_row *kept);
/* For struct recordings: of those that are on their way. */
GHashTable *recording_deletions_new(void);

/* ---- recording_run.c ---- */
/* Begins one. Returns 0 and borrows it to the caller until the next tick, an enum
 * meeting_err, -ENOSPC, -ENOTSUP (*ret_why says why), or -errno. */
must_use int recording_start(struct room *room, enum meeting_recording_mode mode, const char *by,
                             enum meeting_role role, const char **ret_why,
                             const struct recording_row **ret_kept);
/* The meeting is no longer recorded. error: a code, "": as somebody wished. */
void recording_end(struct recording *recording, const char *error);
/* Ended by the server: also in the log. */
void recording_end_itself(struct room *room, const char *error);

/* ---- recording_timeline.c ---- */
must_use int timeline_begin(struct recording *recording, size_t part);
void timeline_end(struct recording *recording, size_t part);
/* t_us: of the line; or -1, it has its own. */
void timeline_put(struct recording *recording, size_t part, const json_t *line, int64_t t_us);
/* Each line of a part's: an object with a string "type". Returns 0 or -errno. Any thread. */
must_use int timeline_read(const struct media *media, const struct recording_row *kept, int part,
                           void (*each)(void *user, const char *type, const json_t *line),
                           void *user);

/* ---- recording_finish.c ---- */
/* Takes a copy. A recording that is on its way is not put in line again. */
void finish_add(struct app *app, const struct recording_row *kept);
void finish_tick(struct app *app);
/* It is in line, or at work, to be finished or composed. */
bool finish_has(const struct app *app, const char *id);
/* The disk is nearly full: what copies or composes ends. */
void finish_spare_disk(struct app *app);
/* Whatever is done or waits to be done with it ends. */
void finish_forget(struct app *app, const char *id);
void finish_free(struct app *app);

/* ---- recording_compose.c ---- */
/* Returns 0, -EBUSY (too many wait), -EALREADY, -ENOTSUP (cannot run here), or -ENOMEM. */
must_use int compose_add(struct app *app, const struct recording_row *kept, const char *title);
void compose_tick(struct app *app);
bool compose_has(const struct app *app, const char *id);
void compose_spare_disk(struct app *app);
void compose_forget(struct app *app, const char *id);
void compose_free(struct app *app);

#endif
