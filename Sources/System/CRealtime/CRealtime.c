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

/// The signals by which a crash is told.
static const int crash_signals[] = {SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
enum { CRASH_SIGNALS = sizeof crash_signals / sizeof *crash_signals };

/// All signals but those by which a thread's own crash is told: blocked, they would end the process without a word.
static sigset_t signals_of_others(void) {
    sigset_t set;
    sigfillset(&set);
    for (size_t index = 0; index < CRASH_SIGNALS; index++)
        if (crash_signals[index] != SIGQUIT) sigdelset(&set, crash_signals[index]);
    return set;
}

int crt_thread_start(void *(*body)(void *), void *context) {
    // The thread inherits the mask, so that it has it from its first instruction on.
    sigset_t others = signals_of_others(), before;
    pthread_sigmask(SIG_SETMASK, &others, &before);
    pthread_t thread;
    int code = pthread_create(&thread, NULL, body, context);
    if (code == 0) pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

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
    sigset_t others = signals_of_others();
    pthread_sigmask(SIG_BLOCK, &others, NULL);
}

int crt_poll(struct pollfd *entries, uint32_t count, int64_t nanoseconds) {
    struct timespec timeout = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    return ppoll(entries, count, &timeout, NULL);
}

intptr_t crt_random(void *bytes, size_t count) { return getrandom(bytes, count, 0); }

void crt_refuse_dumps(void) {
    // Swift's runtime answers these with a report of registers and the memory behind them.
    for (size_t index = 0; index < CRASH_SIGNALS; index++) (void)signal(crash_signals[index], SIG_DFL);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
