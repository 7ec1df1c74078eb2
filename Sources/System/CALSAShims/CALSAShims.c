#define _GNU_SOURCE
#include "CALSAShims.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// alsa-lib locks a mutex around every call on a PCM unless told not to. It reads this when the first PCM is opened, and
// changing the environment is safe only while no other thread can read it: so before main. Each PCM here is used by one
// thread at a time. Whoever has set the variable keeps his value.
__attribute__((constructor)) static void lock_nothing(void) { setenv("LIBASOUND_THREAD_SAFE", "0", 0); }

static __thread char last_message[256];

static void keep_message(const char *file, int line, const char *function, int code, const char *format, ...) {
    (void)file, (void)line, (void)function, (void)code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last_message, sizeof last_message, format, arguments);
    va_end(arguments);
}

void cas_quiet(void) { snd_lib_error_set_handler(keep_message); }

const char *cas_last_message(void) { return last_message; }

void cas_forget_message(void) { last_message[0] = 0; }
