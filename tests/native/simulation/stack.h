/* Included before every file of stack.so: each copy of it has registers of its own. */
#include <ilwaco.h>

unsigned port_interrupts_disable(void);
void port_interrupts_restore(unsigned before);
#define ilwaco_interrupts_disable port_interrupts_disable
#define ilwaco_interrupts_restore port_interrupts_restore

extern struct denali_registers port_registers;
#undef DENALI_REGISTERS
#define DENALI_REGISTERS ((volatile struct denali_registers *)&port_registers)
