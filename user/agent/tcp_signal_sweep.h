/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* iter/tcp sees one network namespace, the reader's: a thread goes through all of them. */
#ifndef WT_TCP_SIGNAL_SWEEP_H
#define WT_TCP_SIGNAL_SWEEP_H

#define TCP_SWEEP_NETNS_MAX 1024 /* namespaces a sweep; what is beyond is not swept, and logged */

/* Runs an iterator (a link's descriptor) to its end. 0 or -errno. */
int tcp_sweep_run(int link_fd);

/* The same in every network namespace of this host. 0 or -errno of the first that failed. */
int tcp_sweep_everywhere(int link_fd);

#endif
