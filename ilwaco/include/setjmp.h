#ifndef ILWACO_SETJMP_H
#define ILWACO_SETJMP_H

/* EBX ESI EDI EBP ESP EIP */
typedef unsigned long jmp_buf[6];

int setjmp(jmp_buf environment) __attribute__((returns_twice));
void longjmp(jmp_buf environment, int value) __attribute__((noreturn));
#define setjmp setjmp

/* There are no signals, so there is no mask to save. */
typedef jmp_buf sigjmp_buf;
#define _setjmp setjmp
#define _longjmp longjmp
#define sigsetjmp(environment, save) setjmp(environment)
#define siglongjmp longjmp

#endif
