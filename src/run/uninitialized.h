/* uninitialized.h - a large local variable that the compiler's hardening does not fill with zeros.
 *
 * Programs are built with -ftrivial-auto-var-init=zero.  For a buffer of many pages that a system
 * call fills, and of which only what was filled is read, that would cost more than the call. */
#ifndef RUN_UNINITIALIZED_H
#define RUN_UNINITIALIZED_H

#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define UNINITIALIZED __attribute__((uninitialized))
#endif
#endif
#ifndef UNINITIALIZED
#define UNINITIALIZED
#endif

#endif
