#include "core.h"

#include <errno.h>

int *ilwaco_errno(void) { return &ilwaco_current->error; }
