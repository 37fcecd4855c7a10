/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* /v1/flows?bidir=1: what api_flows() hands on. */
#ifndef WT_API_BIDIR_H
#define WT_API_BIDIR_H

#include "user/collector/api.h"

api_endpoint api_bidir;

#endif
