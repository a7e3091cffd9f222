/* SPDX-License-Identifier: Apache-2.0 */
/* commands — `dinh serve`, `dinh meeting create`, `dinh token`, `dinh load`:
 * each takes the words after its name and returns the exit code. */
#ifndef SIGNALING_COMMANDS_H
#define SIGNALING_COMMANDS_H

enum { EXIT_USAGE = 2 };

int command_serve(int argc, char **argv);
int command_meeting_create(int argc, char **argv);
int command_token(int argc, char **argv);
int command_load(int argc, char **argv);

/* One line on stderr; returns code. */
int command_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
