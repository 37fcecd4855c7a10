/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* `wiretally import [--socket PATH] [--name NAME] [--inner] [--print] FILE…` */
#ifndef WT_IMPORT_H
#define WT_IMPORT_H

/*
 * Capture files to the collector, or with --print to stdout. argv[0] is "import". Exit status:
 * 0; 1 when a file could not be read to its end or not be sent (said on stderr); 2 for bad usage.
 */
int cmd_import(int argc, char **argv);

#endif
