#define _GNU_SOURCE
#include "CRealtime.h"

#include <sys/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
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

int crt_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

void crt_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

int crt_thread_realtime(pthread_t thread, int priority) {
    struct sched_param parameters = {.sched_priority = priority};
    return pthread_setschedparam(thread, SCHED_FIFO, &parameters);
}

int crt_realtime_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_RTPRIO, &limit) != 0) return 0;
    return limit.rlim_cur > 99 ? 99 : (int)limit.rlim_cur;
}

void crt_block_signals(void) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}

int crt_poll(struct pollfd *entries, uint32_t count, int64_t nanoseconds) {
    struct timespec timeout = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    return ppoll(entries, count, &timeout, NULL);
}

intptr_t crt_random(void *bytes, size_t count) { return getrandom(bytes, count, 0); }

void crt_refuse_dumps(void) {
    // The signals that Swift's runtime answers with a report of registers and the memory behind them.
    static const int crashes[] = {SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
    for (size_t index = 0; index < sizeof crashes / sizeof *crashes; index++) (void)signal(crashes[index], SIG_DFL);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
