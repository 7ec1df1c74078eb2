#define _GNU_SOURCE
#include "CRealtime.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

int crt_eventfd_create(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

void crt_eventfd_signal(int fd) {
    int saved = errno;
    uint64_t one = 1;
    // A full counter (EAGAIN) is readable already: nothing is lost.
    ssize_t unused = write(fd, &one, sizeof one);
    (void)unused;
    errno = saved;
}

void crt_eventfd_drain(int fd) {
    uint64_t count;
    ssize_t unused = read(fd, &count, sizeof count);
    (void)unused;
}

void crt_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }
