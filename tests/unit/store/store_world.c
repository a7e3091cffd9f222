/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store/store_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

void on_wake(void *user)
{
        struct fixture *f = user;

        assert_int_equal(write(f->wake_fd, &(uint64_t){ 1 }, 8), 8);
}

void reopen(struct fixture *f)
{
        f->store = store_close(f->store);
        assert_int_equal(store_open(&f->store, f->dir, on_wake, f, f->error, sizeof(f->error)), 0);
}

int store_set_up(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        struct store_meeting meeting = { .id = MEETING, .title = "Đại hội", .created_ms = 7 };

        strcpy(f->dir, "/tmp/dinh-store-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        f->wake_fd = eventfd(0, EFD_CLOEXEC);
        reopen(f);
        assert_int_equal(store_meeting_create(f->store, &meeting), 0);
        *state = f;
        return 0;
}

void path_in(const struct fixture *f, const char *name, char *ret, size_t cap)
{
        snprintf(ret, cap, "%s/%s", f->dir, name);
}

int store_tear_down(void **state)
{
        static const char *const names[] = { "dinh.sqlite", "dinh.sqlite-wal", "dinh.sqlite-shm" };
        struct fixture *f = *state;
        char path[128];

        store_close(f->store);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                path_in(f, names[i], path, sizeof(path));
                (void)unlink(path);
        }
        rmdir(f->dir);
        close(f->wake_fd);
        free(f);
        return 0;
}

void on_done(void *user, int result)
{
        struct done *done = user;

        if (done->n < (int)ARRAY_LEN(done->results))
                done->results[done->n] = result;
        done->n++;
        done->last = result;
}

void wait_done(struct fixture *f, const struct done *done, int n)
{
        uint64_t count;

        for (store_poll(f->store); done->n < n; store_poll(f->store))
                assert_int_equal(read(f->wake_fd, &count, 8), 8);
}
