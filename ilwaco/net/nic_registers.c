/* The driver of a NIC that is reached through registers: a dozen accesses per frame; see kernel/abi.ts. */
#include "nic_registers.h"

#include <ilwaco.h>

int nic_registers_present(void) {
  return (DENALI_REGISTERS->features & DENALI_FEATURE_NIC_REGISTERS) != 0;
}

static void set_address(unsigned address) {
  ilwaco_out(DENALI_PORT_NIC_ADDRESS_LOW, address & 0xff);
  ilwaco_out(DENALI_PORT_NIC_ADDRESS_HIGH, address >> 8);
}

int nic_registers_send(const void *frame, size_t length) {
  if (!(ilwaco_in(DENALI_PORT_NIC_FLAGS) & DENALI_NIC_FLAG_ROOM)) return -1;
  ilwaco_out(DENALI_PORT_NIC_COMMAND, DENALI_NIC_COMMAND_PAGE_0);
  set_address(0);
  ilwaco_out(DENALI_PORT_NIC_COUNT_LOW, length & 0xff);
  ilwaco_out(DENALI_PORT_NIC_COUNT_HIGH, (uint32_t)length >> 8);
  ilwaco_out(DENALI_PORT_NIC_COMMAND, DENALI_NIC_COMMAND_WRITE);
  ilwaco_outs(DENALI_PORT_NIC_DATA, frame, length);
  while (!(ilwaco_in(DENALI_PORT_NIC_FLAGS) & DENALI_NIC_FLAG_MOVED)) continue;
  ilwaco_out(DENALI_PORT_NIC_FLAGS, DENALI_NIC_FLAG_MOVED);
  ilwaco_out(DENALI_PORT_NIC_PAGE, 0);
  ilwaco_out(DENALI_PORT_NIC_COMMAND, DENALI_NIC_COMMAND_SEND);
  return 0;
}

size_t nic_registers_receive(void *buffer, size_t capacity) {
  if (!(ilwaco_in(DENALI_PORT_NIC_FLAGS) & DENALI_NIC_FLAG_RECEIVED)) return 0;
  ilwaco_out(DENALI_PORT_NIC_COMMAND, DENALI_NIC_COMMAND_PAGE_1);
  unsigned page = ilwaco_in(DENALI_PORT_NIC_PAGE);
  ilwaco_out(DENALI_PORT_NIC_COMMAND, DENALI_NIC_COMMAND_PAGE_0);
  set_address(page << 8);
  size_t length = ilwaco_in(DENALI_PORT_NIC_COUNT_LOW);
  length |= ilwaco_in(DENALI_PORT_NIC_COUNT_HIGH) << 8;
  ilwaco_out(DENALI_PORT_NIC_COMMAND, DENALI_NIC_COMMAND_READ);
  size_t received = ilwaco_ins(DENALI_PORT_NIC_DATA, buffer, length < capacity ? length : capacity);
  ilwaco_out(DENALI_PORT_NIC_FLAGS, DENALI_NIC_FLAG_MOVED);
  ilwaco_out(DENALI_PORT_NIC_PAGE, page);
  return received;
}
