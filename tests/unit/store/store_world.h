/* SPDX-License-Identifier: Apache-2.0 */
/* store_world — a store in a folder of its own, with one meeting, for tests of it. */
#ifndef TESTS_UNIT_STORE_STORE_WORLD_H
#define TESTS_UNIT_STORE_STORE_WORLD_H

#include "store/store.h"

#define MEETING "0190a000-0000-7000-8000-000000000001"

/* The wake-up is an eventfd. */
struct fixture {
        char dir[64];
        int wake_fd;
        struct store *store;
        char error[256];
};

/* As store_open() takes it; user: the fixture. */
void on_wake(void *user);

int store_set_up(void **state);
int store_tear_down(void **state);
void reopen(struct fixture *f);
void path_in(const struct fixture *f, const char *name, char *ret, size_t cap);

/* ---- waiting for callbacks ---- */

struct done {
        int n, last;
        int results[8];
};

/* A store_done; user: a struct done. */
void on_done(void *user, int result);
void wait_done(struct fixture *f, const struct done *done, int n);

#endif
