/* SPDX-License-Identifier: Apache-2.0 */
/* line_scenarios — the lines that the tests judge and the plots show. */
#ifndef TESTS_SIM_LINE_SCENARIOS_H
#define TESTS_SIM_LINE_SCENARIOS_H

#include "tests/sim/line.h"

struct line_scenario {
        const char *name, *title; /* the title is read on plots */
        struct line_config config;
};

extern const struct line_scenario line_scenarios[];
extern const size_t n_line_scenarios;

/* NULL: no such one. */
const struct line_scenario *line_scenario_find(const char *name);

#endif
