/* May be included again with another NDEBUG, as ISO C asks. */
#undef assert
#ifdef NDEBUG
#define assert(expression) ((void)0)
#else
#define assert(expression) \
  ((expression) ? (void)0 : ilwaco_assert_failed(#expression, __FILE__, __LINE__, __func__))
#endif

#ifndef ILWACO_ASSERT_H
#define ILWACO_ASSERT_H

#if !defined(__cplusplus) && __STDC_VERSION__ < 202311L
#define static_assert _Static_assert
#endif

void ilwaco_assert_failed(const char *expression, const char *file, int line, const char *function)
    __attribute__((noreturn));

#endif
