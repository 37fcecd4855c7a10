// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Any text in, the same without control characters out. */
#include "user/lib/printable.h"

char *printable(char *text)
{
	for (char *c = text; c && *c; c++) {
		unsigned char u = (unsigned char)*c, next = (unsigned char)c[1];

		if (u < 0x20 || u == 0x7f)
			*c = '?';
		else if (u == 0xc2 && next >= 0x80 && next < 0xa0) /* U+0080 to U+009F */
			c[0] = c[1] = '?';
	}
	return text;
}
