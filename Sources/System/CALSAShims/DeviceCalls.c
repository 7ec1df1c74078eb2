#define _GNU_SOURCE
#include "DeviceCalls.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

uint64_t cas_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void cas_sleep(uint64_t nanoseconds) {
    struct timespec time = {.tv_sec = (time_t)(nanoseconds / 1000000000u), .tv_nsec = (long)(nanoseconds % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

void cas_signal(int event_descriptor) {
    uint64_t one = 1;
    // A full counter (EAGAIN) is readable already: nothing is lost.
    ssize_t unused = write(event_descriptor, &one, sizeof one);
    (void)unused;
}

int cas_wait(snd_pcm_t *pcm, int milliseconds) { return snd_pcm_wait(pcm, milliseconds); }

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
