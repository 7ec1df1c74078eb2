// Calls that Glibc's Swift module hides, or that Swift can't make as they must be made: no logic here.
#ifndef C_REALTIME_H
#define C_REALTIME_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// A non-blocking, close-on-exec eventfd. Returns the descriptor, or -1 with errno set.
int crt_eventfd_create(void);

/// Adds one to the eventfd, which makes it readable. Never blocks; safe from any thread and from a signal handler.
void crt_eventfd_signal(int fd);

/// Reads the eventfd back to zero. Never blocks.
void crt_eventfd_drain(int fd);

/// A close-on-exec pipe: the reading end, then the writing end. Returns 0, or -1 with errno set.
int crt_pipe(int ends[2]);

/// Starts a detached thread to which no signal is ever delivered but those of its own crash: they are the host
/// program's. Returns 0, or an errno and then `body` is never called.
int crt_thread_start(void *(*body)(void *), void *context);

/// Names the calling thread for tools such as `top -H` (15 bytes at most).
void crt_thread_name(const char *name);

/// Gives a thread SCHED_FIFO with this priority (1...99). Returns 0 or an errno: EPERM without the right to it.
int crt_thread_realtime(pthread_t thread, int priority);

/// The highest SCHED_FIFO priority that an unprivileged user may take; 0 for none.
int crt_realtime_limit(void);

/// Leaves signals that are sent to the process to its other threads.
void crt_block_signals(void);

/// A program to be started.
struct crt_child {
    /// The program, looked for in PATH unless it has a slash, and its arguments; NULL at the end.
    char *const *words;
    /// NULL at the end.
    char *const *environment;
    /// What becomes its standard input, output and error; -1 for nothing. No other descriptor gets to it.
    int descriptors[3];
    /// The folder it starts in, or NULL.
    const char *folder;
    /// Out of the reach of the terminal's keys.
    bool has_own_group;
};

/// Starts a program with no signal blocked. Returns 0 or an errno.
int crt_spawn(const struct crt_child *child, pid_t *process);

/// `ppoll` without a signal mask: waits at most so many nanoseconds (0 or more). Returns as `poll` does.
int crt_poll(struct pollfd *entries, uint32_t count, int64_t nanoseconds);

/// `getrandom` without flags: bytes of the kernel's CSPRNG. Returns how many, or -1 with errno set.
intptr_t crt_random(void *bytes, size_t count);

/// Keeps this process out of core files and crash reports, and its memory from other processes of the same user, for as
/// long as it runs.
void crt_refuse_dumps(void);

#endif
