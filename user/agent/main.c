// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* wiretally-agent: parse options, run the attacher. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/agent/attacher.h"
#include "user/lib/log.h"

int main(int argc, char **argv)
{
	struct config config = { 0 };
	int err, status;

	log_init("wiretally-agent", LOG_INFO, false);
	err = config_parse(argc, argv, &config);
	if (err)
		return err < 0 ? 2 : 0;
	log_init("wiretally-agent", config.verbose ? LOG_DEBUG : LOG_INFO, config.log_json);
	if (config.detach)
		return attacher_detach(&config);
	status = attacher_run(&config, argc, argv);
	if (status != ATTACHER_AGAIN)
		return status;
	setenv(CONFIG_AGAIN, "1", 1);
	execv("/proc/self/exe", argv);
	log_error("cannot start again: %s", strerror(errno));
	return 1;
}
