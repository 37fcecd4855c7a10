/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The log thread: groups of batches in, one fdatasync each, waiters told. */
#ifndef WT_LOGWRITER_H
#define WT_LOGWRITER_H

#include <pthread.h>

struct pipeline;
struct seglog;

struct logwriter {
	struct pipeline *pipeline; /* borrowed */
	struct seglog *log; /* borrowed */
	pthread_t thread;
};

/* w must stay until logwriter_join(), which is called after pipeline_stop_log(). 0 or -errno. */
int logwriter_start(struct logwriter *w);
void logwriter_join(struct logwriter *w);

#endif
