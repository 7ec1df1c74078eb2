#define _GNU_SOURCE
#include "DeviceCalls.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

uint64_t cas_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void cas_sleep(uint64_t nanoseconds) {
    struct timespec time;
    time.tv_sec = (time_t)(nanoseconds / 1000000000u);
    time.tv_nsec = (long)(nanoseconds % 1000000000u);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

void cas_signal(int event_descriptor) {
    uint64_t one = 1;
    // A full counter (EAGAIN) is readable already: nothing is lost.
    ssize_t unused = write(event_descriptor, &one, sizeof one);
    (void)unused;
}

void cas_await(int event_descriptor, int milliseconds) {
    struct pollfd entry = {.fd = event_descriptor, .events = POLLIN};
    uint64_t count;
    if (poll(&entry, 1, milliseconds) > 0) {
        ssize_t unused = read(event_descriptor, &count, sizeof count);
        (void)unused;
    }
}

// What the device's state says about a poll that reported an error.
static int state_error(snd_pcm_t *pcm) {
    switch (snd_pcm_state(pcm)) {
    case SND_PCM_STATE_XRUN: return -EPIPE;
    case SND_PCM_STATE_SUSPENDED: return -ESTRPIPE;
    case SND_PCM_STATE_DISCONNECTED: return -ENODEV;
    default: break;
    }
    // A card that is being taken away may still show the state before; asking the driver tells.
    snd_pcm_sframes_t available = snd_pcm_avail_update(pcm);
    if (available < 0) return (int)available;
    int code = snd_pcm_hwsync(pcm);
    return code < 0 ? code : -EIO;
}

// Not snd_pcm_wait: that begins its time-out again at each event that means nothing, and so never returns from a
// plugin with a timer whose sound stands still.
int cas_wait(snd_pcm_t *pcm, int milliseconds) {
    struct pollfd entries[16];
    int count = snd_pcm_poll_descriptors(pcm, entries, sizeof entries / sizeof *entries);
    if (count <= 0) return count < 0 ? count : -EIO;
    uint64_t end = cas_now() + (uint64_t)milliseconds * 1000000u;
    for (;;) {
        uint64_t now = cas_now();
        int left = now < end ? (int)((end - now + 999999u) / 1000000u) : 0;
        int ready = poll(entries, (nfds_t)count, left);
        if (ready < 0 && errno != EINTR) return -errno;
        if (ready > 0) {
            unsigned short events = 0;
            int code = snd_pcm_poll_descriptors_revents(pcm, entries, (unsigned)count, &events);
            if (code < 0) return code;
            if (events & (POLLERR | POLLNVAL | POLLHUP)) return state_error(pcm);
            if (events & (POLLIN | POLLOUT)) return 1;
        }
        if (left == 0) return 0;
    }
}

long cas_available(snd_pcm_t *pcm) { return snd_pcm_avail_update(pcm); }

long cas_delay(snd_pcm_t *pcm) {
    snd_pcm_sframes_t delay = 0;
    int code = snd_pcm_delay(pcm, &delay);
    return code < 0 ? code : delay;
}

int cas_state(snd_pcm_t *pcm) { return (int)snd_pcm_state(pcm); }

long cas_read(snd_pcm_t *pcm, int is_mapped, void *frames, long count) {
    snd_pcm_uframes_t wanted = (snd_pcm_uframes_t)count;
    return is_mapped ? snd_pcm_mmap_readi(pcm, frames, wanted) : snd_pcm_readi(pcm, frames, wanted);
}

long cas_write(snd_pcm_t *pcm, int is_mapped, const void *frames, long count) {
    snd_pcm_uframes_t wanted = (snd_pcm_uframes_t)count;
    return is_mapped ? snd_pcm_mmap_writei(pcm, frames, wanted) : snd_pcm_writei(pcm, frames, wanted);
}

int cas_prepare(snd_pcm_t *pcm) { return snd_pcm_prepare(pcm); }

int cas_start(snd_pcm_t *pcm) { return snd_pcm_start(pcm); }

int cas_drop(snd_pcm_t *pcm) { return snd_pcm_drop(pcm); }

int cas_resume(snd_pcm_t *pcm) { return snd_pcm_resume(pcm); }
