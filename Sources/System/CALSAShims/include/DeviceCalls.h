// The complete list of foreign calls that the two device threads may make, beside the arithmetic of CSignalKernels.
//
// A declaration marked with CAS_AUDIO_THREAD may be called from Swift functions marked `@_noLocks @_noAllocation`; the
// compiler believes the mark and checks nothing behind it. What stands here neither allocates nor locks. It may make
// system calls: a device is one. alsa-lib's own mutex around each PCM is switched off (CALSAShims.c). What a plugin of
// alsa-lib does inside (PipeWire's, PulseAudio's) is not ours to promise; the kernel's devices need no plugin.
#ifndef C_ALSA_DEVICE_CALLS_H
#define C_ALSA_DEVICE_CALLS_H

#include <alsa/asoundlib.h>
#include <stdint.h>

#if defined(__has_attribute) && __has_attribute(swift_attr)
#define CAS_AUDIO_THREAD __attribute__((swift_attr("@_noLocks"))) __attribute__((swift_attr("@_noAllocation")))
#else
#define CAS_AUDIO_THREAD
#endif

/// CLOCK_MONOTONIC in nanoseconds.
CAS_AUDIO_THREAD
uint64_t cas_now(void);

/// Sleeps so long. `cas_wait` and `cas_await` wait as well, no other call here.
CAS_AUDIO_THREAD
void cas_sleep(uint64_t nanoseconds);

/// Adds one to an eventfd; never blocks.
CAS_AUDIO_THREAD
void cas_signal(int event_descriptor);

/// Waits until an eventfd is signalled, so many milliseconds at most, and clears it.
CAS_AUDIO_THREAD
void cas_await(int event_descriptor, int milliseconds);

/// Waits until the device wants service: 1; 0 after so many milliseconds; a negative errno.
CAS_AUDIO_THREAD
int cas_wait(snd_pcm_t *pcm, int milliseconds);

/// Frames that can be read or written now; a negative errno.
CAS_AUDIO_THREAD
long cas_available(snd_pcm_t *pcm);

/// Frames between the speaker or microphone and the reader or writer; a negative errno.
CAS_AUDIO_THREAD
long cas_delay(snd_pcm_t *pcm);

/// The `snd_pcm_state_t` of the device.
CAS_AUDIO_THREAD
int cas_state(snd_pcm_t *pcm);

/// Moves interleaved frames, through the mapped buffer or by `readi`/`writei`. Returns how many; a negative errno.
CAS_AUDIO_THREAD
long cas_read(snd_pcm_t *pcm, int is_mapped, void *frames, long count);
CAS_AUDIO_THREAD
long cas_write(snd_pcm_t *pcm, int is_mapped, const void *frames, long count);

CAS_AUDIO_THREAD
int cas_prepare(snd_pcm_t *pcm);
CAS_AUDIO_THREAD
int cas_start(snd_pcm_t *pcm);
CAS_AUDIO_THREAD
int cas_drop(snd_pcm_t *pcm);
CAS_AUDIO_THREAD
int cas_resume(snd_pcm_t *pcm);

#endif
