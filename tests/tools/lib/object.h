/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* BPF objects of test tools: build/tests/tools/x uses build/tests/tools/x.bpf.o beside it. */
#ifndef WT_TEST_OBJECT_H
#define WT_TEST_OBJECT_H

#include <stdint.h>

struct bpf_object;

/* Opens, does not load. 0 or -errno; the caller closes it. */
int object_open_beside(struct bpf_object **ret);

/* Sets a variable of .rodata (by its BTF; longer ones in their first four bytes) before load. */
int object_set_constant(struct bpf_object *obj, const char *name, uint32_t value);

#endif
