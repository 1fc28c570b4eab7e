#ifndef SHARED_BASE_MACROS_H
#define SHARED_BASE_MACROS_H
/* The few macros that every file may use. */
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NORETURN          __attribute__((noreturn))

#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define BIT(n)                          (1u << (n))
#define MIN_OF(a, b)                    ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)                    ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
