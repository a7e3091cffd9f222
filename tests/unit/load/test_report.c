/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "load/report.h"

/* What may be the matter with a run; some at a time. */
enum fault {
        DEAD = 1,
        LOST = 2,
        LATE = 4,
        NARROW = 8,
        BREATHLESS = 16, /* the generator sends late */
        SERVER_WAITED = 32,
        WE_WAITED = 64,
        ALL = 127,
};

static enum report_limit limit_with(unsigned faults)
{
        static struct tally steady;
        struct report report = { .steady = &steady, .seconds = 10 };
        struct histogram *sound = &steady.latency[TALLY_SOUND];

        steady = (struct tally){ 0 };
        report.dead = faults & DEAD;
        report.watchers.ok = 3;
        report.watchers.lost = faults & LOST ? 3 : 0;
        histogram_add(sound, faults & LATE ? 400 * 1000 : 1000);
        report.watchers.without[TALLY_PICTURE] = faults & NARROW ? 1 : 0;
        histogram_add(&steady.lateness, faults & BREATHLESS ? 100 * 1000 : 100);
        report.server.end.waited_ns = faults & SERVER_WAITED ? 5000000000 : 0;
        report.own_waited_ns = faults & WE_WAITED ? 5000000000 : 0;
        return report_limit(&report);
}

static void each_fault_has_its_verdict(void **state)
{
        static const struct {
                unsigned faults;
                enum report_limit limit;
        } cases[] = {
                { 0, REPORT_NO_LIMIT },
                { DEAD, REPORT_DEAD },
                { LOST, REPORT_JOINS },
                { LATE, REPORT_SERVER },
                { NARROW, REPORT_NARROW },
                { BREATHLESS, REPORT_GENERATOR },
                { SERVER_WAITED, REPORT_NO_LIMIT }, /* and yet all was well */
                { WE_WAITED, REPORT_NO_LIMIT },
                { LATE | SERVER_WAITED, REPORT_CROWDED },
                { NARROW | WE_WAITED, REPORT_CROWDED },
                { BREATHLESS | WE_WAITED, REPORT_CROWDED },
                { BREATHLESS | LOST, REPORT_GENERATOR },
                { LATE | NARROW, REPORT_SERVER },
                { LATE | LOST | WE_WAITED, REPORT_JOINS },
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_int_equal(limit_with(cases[i].faults), cases[i].limit);
}

static void a_dead_server_is_named_whatever_else_is_the_matter(void **state)
{
        (void)state;
        for (unsigned others = 0; others <= ALL; others++) {
                assert_int_equal(limit_with(others | DEAD), REPORT_DEAD);
                assert_int_not_equal(limit_with(others & ~(unsigned)DEAD), REPORT_DEAD);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_fault_has_its_verdict),
                cmocka_unit_test(a_dead_server_is_named_whatever_else_is_the_matter),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
