/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Owned locals. AUTO(x_free) runs x_free on the variable when its scope ends; TAKE() hands the
 * value on and leaves NULL behind; AUTO_FD closes a descriptor, TAKE_FD hands it on.
 * Every x_free used with AUTO needs DEFINE_AUTO(x_free, struct x *) once, in x's header.
 */
#ifndef WT_CLEANUP_H
#define WT_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFINE_AUTO(fn, type)                 \
	static inline void fn##_auto(type *p) \
	{                                     \
		fn(*p);                       \
	}                                     \
	_Static_assert(1, "")
#define AUTO(fn) __attribute__((cleanup(fn##_auto)))

#define TAKE(p)                             \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})
#define TAKE_FD(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

static inline void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static inline void close_file(FILE *f)
{
	if (f)
		fclose(f);
}

static inline void free_auto(void *p)
{
	free(*(void **)p);
}

DEFINE_AUTO(close_fd, int);
DEFINE_AUTO(close_file, FILE *);

#define AUTO_FREE __attribute__((cleanup(free_auto)))
#define AUTO_FD AUTO(close_fd)
#define AUTO_FILE AUTO(close_file)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
