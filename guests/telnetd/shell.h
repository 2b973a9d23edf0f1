/* A shell with commands to look at the guest from within. */
#ifndef TELNETD_SHELL_H
#define TELNETD_SHELL_H

#include "terminal.h"

/* Greets, and runs commands until `exit` or the end of the input. */
void shell_run(struct terminal *terminal);

#endif
