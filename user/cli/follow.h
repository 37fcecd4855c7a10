/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * --follow: a question asked every interval until SIGINT, SIGTERM or nobody reads. Answers go to
 * stdout; that the collector does not answer, and that it does again, is said once each on stderr.
 */
#ifndef WT_FOLLOW_H
#define WT_FOLLOW_H

struct ask;

/*
 * settings as ask_options() left them, filter may be NULL. EXIT_DONE at its end; what the first
 * question failed with; EXIT_USAGE when a later one is refused.
 */
int follow_run(const struct ask *ask, void *settings, const char *filter);

#endif
