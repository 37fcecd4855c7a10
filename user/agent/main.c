// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* wiretally-agent: parse options, run the attacher. */
#include "user/agent/attacher.h"
#include "user/lib/log.h"

int main(int argc, char **argv)
{
	struct config config = { 0 };
	int err = config_parse(argc, argv, &config);

	if (err)
		return err < 0 ? 2 : 0;
	log_init("wiretally-agent", config.verbose ? LOG_DEBUG : LOG_INFO, config.log_json);
	return config.detach ? attacher_detach(&config) : attacher_run(&config);
}
