// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A cgroup's path in, the ids of its pod and its container out. */
#include "user/lib/container.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define POD "pod"
#define UUID_LEN (CONTAINER_POD_MAX - 1)
#define ID_LEN (CONTAINER_ID_MAX - 1)

/* 8-4-4-4-12 hexadecimal digits, with dashes or what systemd's names have for them. */
static bool is_uuid(const char *text, size_t len)
{
	if (len != UUID_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? text[i] != '-' && text[i] != '_' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

static bool is_id(const char *text, size_t len)
{
	return len == ID_LEN && strspn(text, "0123456789abcdef") >= ID_LEN;
}

static size_t without(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && !strncmp(text + len - n, end, n) ? len - n : len;
}

/* "kubepods-burstable-pod<UID>" and "pod<UID>" */
static void take_pod(const char *name, size_t len, struct container *ret)
{
	const char *uid = name + len - UUID_LEN;

	if (len < UUID_LEN + strlen(POD) || !is_uuid(uid, UUID_LEN) ||
	    strncmp(uid - strlen(POD), POD, strlen(POD)) != 0)
		return;
	for (size_t i = 0; i < UUID_LEN; i++)
		ret->pod_uid[i] = uid[i] == '_' ? '-' : uid[i];
	ret->pod_uid[UUID_LEN] = '\0';
}

/* "cri-containerd-<ID>" and "<ID>"; of several the innermost */
static void take_id(const char *name, size_t len, struct container *ret)
{
	const char *id = name + len - ID_LEN;

	if (len < ID_LEN || !is_id(id, ID_LEN) || (id > name && id[-1] != '-'))
		return;
	memcpy(ret->id, id, ID_LEN);
	ret->id[ID_LEN] = '\0';
}

void container_of_cgroup(const char *path, struct container *ret)
{
	*ret = (struct container){ "", "" };
	for (const char *at = path; *at; at += *at == '/') {
		size_t len = strcspn(at, "/"), name = without(at, len, ".slice");

		name = without(at, name, ".scope");
		take_pod(at, name, ret);
		take_id(at, name, ret);
		at += len;
	}
}
