/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What a cgroup's path says of a container: kubelet puts pods at …/pod<UID> or, by systemd, at
 * …-pod<UID with underscores>.slice (kubernetes, pkg/kubelet/cm/cgroup_manager_linux.go); runtimes
 * put the container's 64 hexadecimal digits behind, alone or as cri-containerd-<ID>.scope,
 * crio-<ID>.scope, docker-<ID>.scope, libpod-<ID>.scope.
 */
#ifndef WT_CONTAINER_H
#define WT_CONTAINER_H

#define CONTAINER_POD_MAX 37 /* a UUID, with NUL */
#define CONTAINER_ID_MAX 65

struct container {
	char pod_uid[CONTAINER_POD_MAX]; /* "" is none; with dashes, as the API has it */
	char id[CONTAINER_ID_MAX]; /* "" is none, or the path was cut before its end */
};

void container_of_cgroup(const char *path, struct container *ret);

#endif
