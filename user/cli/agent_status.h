/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the agent of this host says about itself on its Unix socket. */
#ifndef WT_AGENT_STATUS_H
#define WT_AGENT_STATUS_H

#include <jansson.h>

#define AGENT_SOCKET "/run/wiretally/agent.sock"
#define AGENT_STATUS_MAX (1u << 20) /* bytes */
#define AGENT_STATUS_MS 5000

/* 0 and its JSON object in *ret (owned); -errno, -EBADMSG for what is no JSON or too long. */
int agent_status(const char *path, json_t **ret);

#endif
