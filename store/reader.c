/* SPDX-License-Identifier: Apache-2.0 */
#include "store/reader.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mailbox.h"
#include "base/thread.h"

struct reader {
        void (*wake)(void *user);
        void *wake_user;
        struct mailbox *asked, *ran; /* struct reader_work *; NULL in asked: stop */
        size_t n;                    /* on their way */
        pthread_t thread;
        bool running;
};

/* Whether it goes on. */
static bool run_all(struct reader *reader)
{
        struct reader_work *work;

        while (mailbox_take(reader->asked, &work)) {
                if (!work)
                        return false;
                work->run(work);
                (void)!mailbox_put(reader->ran, &work); /* there is room for all */
                if (reader->wake)
                        reader->wake(reader->wake_user);
        }
        return true;
}

static void *reader_main(void *user)
{
        struct reader *reader = user;
        struct pollfd fd = { .fd = mailbox_fd(reader->asked), .events = POLLIN };

        do {
                (void)poll(&fd, 1, -1);
                mailbox_clear(reader->asked);
        } while (run_all(reader));
        return NULL;
}

static int start_thread(struct reader *reader)
{
        int r = thread_start(&reader->thread, reader_main, reader);

        reader->running = r == 0;
        return r;
}

int reader_new(struct reader **ret_reader, void (*wake)(void *user), void *wake_user)
{
        cleanup(reader_freep) struct reader *reader = calloc(1, sizeof(*reader));
        int r;

        if (!reader)
                return -ENOMEM;
        reader->wake = wake;
        reader->wake_user = wake_user;
        /* And the word to stop. */
        r = mailbox_new(&reader->asked, sizeof(struct reader_work *), READER_MAX + 1);
        if (r == 0)
                r = mailbox_new(&reader->ran, sizeof(struct reader_work *), READER_MAX);
        if (r == 0)
                r = start_thread(reader);
        if (r < 0)
                return r;
        *ret_reader = take_ptr(reader);
        return 0;
}

static void drop_all(struct mailbox *box)
{
        struct reader_work *work;

        while (box && mailbox_take(box, &work)) {
                if (work)
                        work->drop(work);
        }
}

/* What was asked for before the word to stop is done first: it is little. */
struct reader *reader_free(struct reader *reader)
{
        struct reader_work *stop = NULL;
        int r;

        if (!reader)
                return NULL;
        if (reader->running) {
                r = mailbox_put(reader->asked, &stop);
                assert(r == 0);
                pthread_join(reader->thread, NULL);
        }
        drop_all(reader->asked);
        drop_all(reader->ran);
        mailbox_free(reader->asked);
        mailbox_free(reader->ran);
        free(reader);
        return NULL;
}

int reader_ask(struct reader *reader, struct reader_work *work)
{
        int r = reader->n < READER_MAX ? mailbox_put(reader->asked, &work) : -EAGAIN;

        reader->n += r == 0;
        return r;
}

void reader_poll(struct reader *reader)
{
        struct reader_work *work;

        while (mailbox_take(reader->ran, &work)) {
                reader->n--;
                work->done(work);
        }
}
