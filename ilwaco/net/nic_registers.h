/*
 * The NIC as a PC would have it (DENALI_FEATURE_NIC_REGISTERS), for comparison with one operation per
 * frame. Rules for callers: as in nic.h.
 */
#ifndef ILWACO_NET_NIC_REGISTERS_H
#define ILWACO_NET_NIC_REGISTERS_H

#include <stddef.h>

int nic_registers_present(void);

/* 0: taken; -1: no room, DENALI_INTERRUPT_NIC_TRANSMIT will come. */
int nic_registers_send(const void *frame, size_t length);

/* Bytes of the frame that was taken; 0: none waits. */
size_t nic_registers_receive(void *buffer, size_t capacity);

#endif
