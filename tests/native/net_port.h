/* Included before every file of the native port that is compiled with Ilwaco's headers: "interrupts
 * disabled" is a mutex there (net_port.c), because Linux threads run at the same time. */
#include <ilwaco.h>

unsigned port_interrupts_disable(void);
void port_interrupts_restore(unsigned before);
#define ilwaco_interrupts_disable port_interrupts_disable
#define ilwaco_interrupts_restore port_interrupts_restore
