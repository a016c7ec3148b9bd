// Where the stack of the running thread lies, which Swift's view of libc does not tell.
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__APPLE__)
// A GNU extension: the header shows it only to those who ask before anything else is included.
extern int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes);
#endif

/// The lowest address and the size; false where the system does not say.
static inline _Bool summand_stack(uintptr_t *bottom, size_t *size) {
#if defined(__APPLE__)
  *size = pthread_get_stacksize_np(pthread_self());
  *bottom = (uintptr_t)pthread_get_stackaddr_np(pthread_self()) - *size;
  return 1;
#else
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
  void *start = 0;
  int code = pthread_attr_getstack(&attributes, &start, size);
  pthread_attr_destroy(&attributes);
  *bottom = (uintptr_t)start;
  return code == 0;
#endif
}

/// How far down the stack has come.
static inline uintptr_t summand_stack_pointer(void) {
  return (uintptr_t)__builtin_frame_address(0);
}
