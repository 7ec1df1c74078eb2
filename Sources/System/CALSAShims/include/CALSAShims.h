// What Swift can't reach in alsa-lib: a variadic error handler, and a setting that it reads once. No policy here.
#ifndef C_ALSA_SHIMS_H
#define C_ALSA_SHIMS_H

#include <alsa/asoundlib.h>

/// Keeps alsa-lib's complaints off standard error; each thread's last one is kept for `cas_last_message`.
void cas_quiet(void);

/// What alsa-lib said last on this thread since `cas_forget_message`; "" when it said nothing. Valid until it speaks
/// again on this thread.
const char *cas_last_message(void);

void cas_forget_message(void);

#endif
