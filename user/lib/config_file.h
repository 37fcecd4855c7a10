/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * A file with the values of option rows (options.h), in YAML: the names of options without "--", one
 * level deep.
 *
 *   listen: 127.0.0.1:9101
 *   keep: { raw: 6h, minute: 7d }          # text: as raw=6h,minute=7d
 *   exporters: [ "0.0.0.0:2055", "[::]:6343" ]   # text: with commas
 *   sink:                                  # an option that may be given several times
 *     - ipfix://10.0.0.5:4739
 *   log-json: yes
 */
#ifndef WT_CONFIG_FILE_H
#define WT_CONFIG_FILE_H

#include <stdio.h>

#include "user/lib/options.h"

#define CONFIG_FILE_MAX (1u << 20) /* octets */

/*
 * Over what is in *settings. Texts it points to are kept until the process ends. 0; -EINVAL with
 * "NAME:LINE:COLUMN: what" in *error; -EFBIG; -errno of reading, with *error.
 */
int config_file_read(FILE *f, const char *name, const struct option_row *rows, size_t len,
		     void *settings, struct option_error *error);
int config_file_load(const char *path, const struct option_row *rows, size_t len, void *settings,
		     struct option_error *error);

#endif
