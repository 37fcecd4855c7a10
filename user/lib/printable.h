/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Names from outside on a terminal: bytes that could steer it become '?'. */
#ifndef WT_PRINTABLE_H
#define WT_PRINTABLE_H

/* In place; C0, DEL, and C1 as UTF-8 has it. Returns text, which may be NULL. */
char *printable(char *text);

#endif
