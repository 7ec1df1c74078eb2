// Calls that Glibc's Swift module hides. Each is one system call: no logic here.
#ifndef C_REALTIME_H
#define C_REALTIME_H

#include <stdint.h>

/// A non-blocking, close-on-exec eventfd. Returns the descriptor, or -1 with errno set.
int crt_eventfd_create(void);

/// Adds one to the eventfd, which makes it readable. Never blocks; safe from any thread and from a signal handler.
void crt_eventfd_signal(int fd);

/// Reads the eventfd back to zero. Never blocks.
void crt_eventfd_drain(int fd);

/// Names the calling thread for tools such as `top -H` (15 bytes at most).
void crt_thread_name(const char *name);

#endif
