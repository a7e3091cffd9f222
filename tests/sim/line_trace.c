/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line_trace — prints a scenario as CSV, for scripts/plot-lines; without a name, a
 *              line of figures of each.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sim/line_scenarios.h"

static void print_csv(const struct line_scenario *scenario)
{
        struct line_result result;

        line_run(&scenario->config, &result);
        printf("# %s\n", scenario->title);
        printf("s,capacity,target,sent,received,padding,cross,wait_ms,max_wait_ms,queue_ms,"
               "lost,layer,shown,delay_bps,loss_bps\n");
        for (size_t i = 0; i < result.n_rows; i++) {
                const struct line_row *row = &result.rows[i];

                printf("%.1f,%llu,%llu,%llu,%llu,%llu,%llu,%.1f,%.1f,%.1f,%u,%d,%d,%llu,%llu\n",
                       (double)i / 10, (unsigned long long)row->capacity_bps / 1000,
                       (unsigned long long)row->target_bps / 1000,
                       (unsigned long long)row->sent_bps / 1000,
                       (unsigned long long)row->received_bps / 1000,
                       (unsigned long long)row->padding_bps / 1000,
                       (unsigned long long)row->cross_bps / 1000, row->wait_us / 1e3,
                       row->max_wait_us / 1e3, row->queue_us / 1e3, row->n_lost, row->layer,
                       row->n_shown, (unsigned long long)row->delay_bps / 1000,
                       (unsigned long long)row->loss_bps / 1000);
        }
        line_result_done(&result);
}

static void print_figures(const struct line_scenario *scenario, uint64_t seed)
{
        struct line_config config = scenario->config;
        double to_s = (double)config.for_us / 1e6, from_s = to_s / 3;
        struct line_result result;

        config.seed = seed;
        line_run(&config, &result);
        printf("%-15s received %5llu kbit/s, target %5llu, cross %5llu, wait p50 %3d p95 %3d p99 "
               "%4d ms, %u switches, %llu probes, %llu overuses, loss %d\n",
               scenario->name,
               (unsigned long long)LINE_MEAN(&result, received_bps, from_s, to_s) / 1000,
               (unsigned long long)LINE_MEAN(&result, target_bps, from_s, to_s) / 1000,
               (unsigned long long)LINE_MEAN(&result, cross_bps, from_s, to_s) / 1000,
               line_wait_percentile(&result, from_s, to_s, 50) / 1000,
               line_wait_percentile(&result, from_s, to_s, 95) / 1000,
               line_wait_percentile(&result, from_s, to_s, 99) / 1000, result.n_switches,
               (unsigned long long)result.info.probes, (unsigned long long)result.info.overuses,
               result.info.loss_permille);
        line_result_done(&result);
}

int main(int argc, char **argv)
{
        const struct line_scenario *scenario;

        if (argc == 1) {
                for (size_t i = 0; i < n_line_scenarios; i++)
                        print_figures(&line_scenarios[i], 1);
                return 0;
        }
        scenario = line_scenario_find(argv[1]);
        if (!scenario) {
                fprintf(stderr, "usage: %s [SCENARIO]\n", argv[0]);
                return 2;
        }
        print_csv(scenario);
        return 0;
}
