// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "user/lib/container.h"

#include <criterion/criterion.h>

#include "user/lib/cleanup.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define UID_ "0f1c2b3a_1111_2222_3333_444455556666"
#define UID "0f1c2b3a-1111-2222-3333-444455556666"

Test(container, of_cgroups)
{
	static const struct {
		const char *path, *pod, *id;
	} cases[] = {
		{ "", "", "" },
		{ "/", "", "" },
		{ "/system.slice/nginx.service", "", "" },
		{ "/kubepods/burstable/pod" UID "/" ID, UID, ID },
		{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
		  ".slice/cri-containerd-" ID ".scope",
		  UID, ID },
		{ "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_
		  ".slice/crio-" ID ".scope",
		  UID, ID },
		{ "/kubepods/pod" UID, UID, "" },
		{ "/docker/" ID, "", ID },
		{ "/system.slice/docker-" ID ".scope", "", ID },
		{ "/machine.slice/libpod-" ID ".scope/container", "", ID },
		/* a node that is a container itself: the inner one */
		{ "/docker/" OTHER "/kubepods/pod" UID "/" ID, UID, ID },
		/* cut at its beginning */
		{ "1111_2222_3333_444455556666.slice/cri-containerd-" ID ".scope", "", ID },
		/* no ids */
		{ "/kubepods/pod" UID "0/" ID "0", "", "" },
		{ "/kubepods/xod" UID "/x" ID, "", "" },
		{ "/kubepods/pod0f1c2b3a-1111-2222-3333-44445555666g/" ID ".service", "", "" },
		{ "/pod", "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct container c;

		container_of_cgroup(cases[i].path, &c);
		cr_expect_str_eq(c.pod_uid, cases[i].pod, "%s: pod %s", cases[i].path, c.pod_uid);
		cr_expect_str_eq(c.id, cases[i].id, "%s: id %s", cases[i].path, c.id);
	}
}
