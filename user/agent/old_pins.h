/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Pins of another version of this agent: its hooks go, what they held unsent gets a name. */
#ifndef WT_OLD_PINS_H
#define WT_OLD_PINS_H

#include <stdbool.h>

#include "user/agent/crashlog.h"
#include "user/agent/pins.h"

/*
 * Other versions' pins under dir, and with own_too those of this version (a state nobody can
 * read): hooks are detached, then the ledgers that the crash record f (or NULL) speaks of are
 * mapped into left, then the pins are removed. How many versions were there, or -errno.
 */
int old_pins_take(const char *dir, const struct pins *own, bool own_too, const struct crash_file *f,
		  struct crash_left *left);

#endif
