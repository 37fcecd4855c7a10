/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Log lines on stderr: "<program>: <level>: <message>", or one JSON object a line with
 * log_init(..., true). Levels below the threshold cost a compare. Never log secrets.
 */
#ifndef WT_LOG_H
#define WT_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_init(const char *program, enum log_level threshold, bool json);
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
