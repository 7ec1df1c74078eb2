// libasound_module_pcm_rig.so: a sound card for tests, made of a timer, with the faults of real ones.
//
//   pcm.x { type rig  state "/folder"  record "/file"  formats "s16 float"  accesses "rw mmap"
//           rate_min 48000  rate_max 48000  channels_min 1  channels_max 2  period_min 32  buffer_max 96000 }
//
// Its clock is CLOCK_MONOTONIC. Capture hears a ramp: frame k since the start of the opening is (k mod 30000) + 1 steps
// of 1/32768 in channel 0 and 1000 x c steps in channel c, so each lost or doubled frame shows. Playback appends what
// its channel 0 played to `record`, as 16 bit; what it had to wait for is not recorded.
//
// Files in the state folder are faults while they exist:
//   unplugged   -ENODEV and POLLERR, at once and when opened (as when a USB plug is pulled)
//   dead        every opening that runs gets -EPIPE for ever, though prepare succeeds; new ones get -EHOSTDOWN (a sound
//               daemon that died)
//   busy        opening fails with -EBUSY
//   suspended   -ESTRPIPE; resume answers -EAGAIN; once the file is gone -ENOSYS, as most drivers do
//   stopped     the clock stands still, nothing is reported
//   zeros       capture hears silence
//   faint       capture hears what a resampler leaves behind: -240 dB, in the format float
//   hungry      playback runs dry at once unless 2,048 frames wait at its start (a sound server with long cycles)
//   starving    it runs dry at once in any case, though new openings succeed; with a number in it, it goes away at the
//               opening for playback behind so many
//   fast        the clock runs 5 % faster than the rate says
//   xrun        one xrun; the device removes the file
//   speech      no fault: what the microphone plays instead of its ramp, over and over, 16 bit
#define _GNU_SOURCE
#define PIC 1
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct rig {
    snd_pcm_ioplug_t io;
    char state[256];
    int recorder;
    int timer;
    int running;
    /// Clock reading up to which `played` was counted, in nanoseconds.
    uint64_t counted_at;
    /// Frames that the hardware has gone through since the start, and the rest of a frame, in frame-nanoseconds.
    uint64_t played, rest;
    /// Frames that the program has given or taken since prepare.
    uint64_t moved;
    /// Frames of 16 bit that wait to be played, so that the recording holds only what was played.
    int16_t *queue;
    /// What the microphone plays instead of its ramp.
    const int16_t *speech;
    size_t speech_frames;
};

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int has(const struct rig *rig, const char *fault) {
    char path[320];
    snprintf(path, sizeof path, "%s/%s", rig->state, fault);
    return access(path, F_OK) == 0;
}

static void load_speech(struct rig *rig) {
    char path[320];
    snprintf(path, sizeof path, "%s/speech", rig->state);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file >= 0 && fstat(file, &status) == 0 && status.st_size >= 2) {
        void *place = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (place != MAP_FAILED) {
            rig->speech = place;
            rig->speech_frames = (size_t)status.st_size / 2;
        }
    }
    if (file >= 0) close(file);
}

static int took(const struct rig *rig, const char *fault) {
    char path[320];
    snprintf(path, sizeof path, "%s/%s", rig->state, fault);
    return unlink(path) == 0;
}

/// Counts an opening for playback in `starving`, where a number of them stands in it.
static void count_starving(const struct rig *rig) {
    char path[320], next[340], text[16] = "";
    snprintf(path, sizeof path, "%s/starving", rig->state);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    if (size <= 0) return;
    int left = atoi(text);
    if (left <= 0) {
        unlink(path);
        return;
    }
    snprintf(next, sizeof next, "%s.next", path);
    FILE *target = fopen(next, "we");
    if (!target) return;
    fprintf(target, "%d", left - 1);
    fclose(target);
    rename(next, path);
}

static void arm(struct rig *rig, int running) {
    // Wakes four times a period; `revents` decides what is worth a wake-up.
    uint64_t step = running ? rig->io.period_size * 250000000ull / rig->io.rate : 0;
    if (running && step < 100000) step = 100000;
    struct timespec pause = {.tv_sec = (time_t)(step / 1000000000u), .tv_nsec = (long)(step % 1000000000u)};
    struct itimerspec times = {.it_interval = pause, .it_value = pause};
    timerfd_settime(rig->timer, 0, &times, NULL);
}

static void forget_ticks(struct rig *rig) {
    uint64_t ticks;
    ssize_t unused = read(rig->timer, &ticks, sizeof ticks);
    (void)unused;
}

/// The state that a fault puts the device into, or -1.
static int fault_state(struct rig *rig) {
    if (has(rig, "unplugged")) return SND_PCM_STATE_DISCONNECTED;
    if (has(rig, "suspended")) return SND_PCM_STATE_SUSPENDED;
    return -1;
}

/// Lets the hardware go on to the present; what playback played is recorded.
static void advance(struct rig *rig) {
    uint64_t time = now(), before = rig->played;
    uint64_t rate = rig->io.rate;
    if (has(rig, "fast")) rate += rate / 20;
    if (rig->running && !has(rig, "stopped")) {
        uint64_t units = (time - rig->counted_at) * rate + rig->rest;
        rig->played += units / 1000000000u;
        rig->rest = units % 1000000000u;
    }
    rig->counted_at = time;
    if (rig->recorder < 0 || !rig->queue) return;
    uint64_t end = rig->played < rig->moved ? rig->played : rig->moved;
    for (uint64_t frame = before; frame < end; frame++) {
        ssize_t unused = write(rig->recorder, &rig->queue[frame % rig->io.buffer_size], sizeof(int16_t));
        (void)unused;
    }
}

static int rig_start(snd_pcm_ioplug_t *io) {
    struct rig *rig = io->private_data;
    if (has(rig, "unplugged")) return -ENODEV;
    rig->counted_at = now();
    rig->running = 1;
    arm(rig, 1);
    return 0;
}

static int rig_stop(snd_pcm_ioplug_t *io) {
    struct rig *rig = io->private_data;
    rig->running = 0;
    arm(rig, 0);
    forget_ticks(rig);
    return 0;
}

static int rig_prepare(snd_pcm_ioplug_t *io) {
    struct rig *rig = io->private_data;
    if (has(rig, "unplugged")) return -ENODEV;
    rig_stop(io);
    rig->played = rig->moved = rig->rest = 0;
    // Once per opening: a device of the kernel allocates nothing when it is prepared again.
    if (!rig->queue) rig->queue = calloc(io->buffer_size, sizeof(int16_t));
    return rig->queue ? 0 : -ENOMEM;
}

static int rig_resume(snd_pcm_ioplug_t *io) { return has(io->private_data, "suspended") ? -EAGAIN : -ENOSYS; }

static snd_pcm_sframes_t rig_pointer(snd_pcm_ioplug_t *io) {
    struct rig *rig = io->private_data;
    snd_pcm_sframes_t before = (snd_pcm_sframes_t)(rig->played % io->buffer_size);
    int state = fault_state(rig);
    if (state >= 0) {
        snd_pcm_ioplug_set_state(io, (snd_pcm_state_t)state);
        return before;
    }
    if (!rig->running) return before;
    if (has(rig, "dead") || took(rig, "xrun")) return -EPIPE;
    if (io->stream == SND_PCM_STREAM_PLAYBACK && (has(rig, "starving") || (has(rig, "hungry") && rig->moved < 2048)))
        return -EPIPE;
    advance(rig);
    uint64_t limit = io->stream == SND_PCM_STREAM_CAPTURE ? rig->moved + io->buffer_size : rig->moved;
    if (rig->played > limit) {
        if (io->state != SND_PCM_STATE_DRAINING) return -EPIPE;
        rig->played = limit;
    }
    return (snd_pcm_sframes_t)(rig->played % io->buffer_size);
}

static void put_sample(snd_pcm_format_t format, uint8_t *target, int32_t step) {
    float value = (float)step / 32768.0f;
    int32_t word = step * 65536;
    switch (format) {
    case SND_PCM_FORMAT_U8: *target = (uint8_t)(128 + step / 256); break;
    case SND_PCM_FORMAT_S16_LE: memcpy(target, (uint8_t *)&word + 2, 2); break;
    case SND_PCM_FORMAT_S24_3LE: memcpy(target, (uint8_t *)&word + 1, 3); break;
    case SND_PCM_FORMAT_S24_LE: word >>= 8; memcpy(target, &word, 4); break;
    case SND_PCM_FORMAT_S32_LE: memcpy(target, &word, 4); break;
    default: memcpy(target, &value, 4); break;
    }
}

static int16_t take_sample(snd_pcm_format_t format, const uint8_t *source) {
    int32_t word = 0;
    float value = 0;
    switch (format) {
    case SND_PCM_FORMAT_U8: word = (*source - 128) * 16777216; break;
    case SND_PCM_FORMAT_S16_LE: memcpy((uint8_t *)&word + 2, source, 2); break;
    case SND_PCM_FORMAT_S24_3LE: memcpy((uint8_t *)&word + 1, source, 3); break;
    case SND_PCM_FORMAT_S24_LE: memcpy(&word, source, 4); word = (int32_t)((uint32_t)word << 8); break;
    case SND_PCM_FORMAT_S32_LE: memcpy(&word, source, 4); break;
    default:
        memcpy(&value, source, 4);
        return (int16_t)(value * 32768.0f);
    }
    return (int16_t)(word >> 16);
}

static snd_pcm_sframes_t rig_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                      snd_pcm_uframes_t offset, snd_pcm_uframes_t count) {
    struct rig *rig = io->private_data;
    if (has(rig, "unplugged")) return -ENODEV;
    int silent = has(rig, "zeros");
    int faint = has(rig, "faint") && io->format == SND_PCM_FORMAT_FLOAT_LE;
    const float residue = 1e-12f;
    for (snd_pcm_uframes_t frame = 0; frame < count; frame++) {
        uint64_t number = rig->moved + frame;
        for (unsigned channel = 0; channel < io->channels; channel++) {
            const snd_pcm_channel_area_t *area = &areas[channel];
            uint8_t *place = (uint8_t *)area->addr + (area->first + area->step * (offset + frame)) / 8;
            if (io->stream == SND_PCM_STREAM_CAPTURE) {
                int32_t step = channel == 0 ? (int32_t)(number % 30000) + 1 : 1000 * (int32_t)channel;
                if (rig->speech) step = rig->speech[number % rig->speech_frames];
                put_sample(io->format, place, silent ? 0 : step);
                if (faint) memcpy(place, &residue, 4);
            } else if (channel == 0) {
                rig->queue[number % io->buffer_size] = take_sample(io->format, place);
            }
        }
    }
    rig->moved += count;
    return (snd_pcm_sframes_t)count;
}

static int rig_revents(snd_pcm_ioplug_t *io, struct pollfd *entries, unsigned count, unsigned short *events) {
    struct rig *rig = io->private_data;
    (void)entries, (void)count;
    unsigned short ready = io->stream == SND_PCM_STREAM_CAPTURE ? POLLIN : POLLOUT;
    snd_pcm_sframes_t available = snd_pcm_avail_update(io->pcm);
    *events = 0;
    if (fault_state(rig) >= 0 || available < 0) {
        *events = POLLERR | ready;
        return 0;
    }
    forget_ticks(rig);
    if ((snd_pcm_uframes_t)available >= rig->io.period_size) *events = ready;
    return 0;
}

static int rig_delay(snd_pcm_ioplug_t *io, snd_pcm_sframes_t *delay) {
    struct rig *rig = io->private_data;
    if (fault_state(rig) >= 0) return -ENODEV;
    advance(rig);
    int64_t difference = (int64_t)(rig->played - rig->moved);
    *delay = io->stream == SND_PCM_STREAM_CAPTURE ? difference : -difference;
    return 0;
}

static int rig_close(snd_pcm_ioplug_t *io) {
    struct rig *rig = io->private_data;
    close(rig->timer);
    if (rig->recorder >= 0) close(rig->recorder);
    free(rig->queue);
    free(rig);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = rig_start, .stop = rig_stop, .pointer = rig_pointer, .transfer = rig_transfer, .close = rig_close,
    .prepare = rig_prepare, .resume = rig_resume, .poll_revents = rig_revents, .delay = rig_delay,
};

struct limits {
    const char *formats, *accesses;
    long rate_min, rate_max, channels_min, channels_max, period_min, buffer_max;
};

static int restrict_to(struct rig *rig, const struct limits *limits) {
    static const struct { const char *name; unsigned value; } formats[] = {
        {"s16", SND_PCM_FORMAT_S16_LE}, {"s24_3", SND_PCM_FORMAT_S24_3LE}, {"s24", SND_PCM_FORMAT_S24_LE},
        {"s32", SND_PCM_FORMAT_S32_LE}, {"float", SND_PCM_FORMAT_FLOAT_LE}, {"u8", SND_PCM_FORMAT_U8},
    }, accesses[] = {{"rw", SND_PCM_ACCESS_RW_INTERLEAVED}, {"mmap", SND_PCM_ACCESS_MMAP_INTERLEAVED}};
    unsigned chosen[8], count = 0;
    char word[16];
    const char *text = limits->formats;
    int used = 0;
    for (; sscanf(text, "%15s%n", word, &used) == 1; text += used)
        for (unsigned i = 0; i < 6; i++)
            if (!strcmp(word, formats[i].name) && count < 8) chosen[count++] = formats[i].value;
    int code = snd_pcm_ioplug_set_param_list(&rig->io, SND_PCM_IOPLUG_HW_FORMAT, count, chosen);
    count = 0;
    for (text = limits->accesses; code >= 0 && sscanf(text, "%15s%n", word, &used) == 1; text += used)
        for (unsigned i = 0; i < 2; i++)
            if (!strcmp(word, accesses[i].name)) chosen[count++] = accesses[i].value;
    if (code >= 0) code = snd_pcm_ioplug_set_param_list(&rig->io, SND_PCM_IOPLUG_HW_ACCESS, count, chosen);
    struct { int type; long low, high; } ranges[] = {
        {SND_PCM_IOPLUG_HW_CHANNELS, limits->channels_min, limits->channels_max},
        {SND_PCM_IOPLUG_HW_RATE, limits->rate_min, limits->rate_max},
        {SND_PCM_IOPLUG_HW_PERIOD_BYTES, limits->period_min * 2, limits->buffer_max * 4},
        {SND_PCM_IOPLUG_HW_BUFFER_BYTES, limits->period_min * 4, limits->buffer_max * 8},
        {SND_PCM_IOPLUG_HW_PERIODS, 2, 1024},
    };
    for (unsigned i = 0; code >= 0 && i < 5; i++)
        code = snd_pcm_ioplug_set_param_minmax(&rig->io, ranges[i].type, (unsigned)ranges[i].low,
                                               (unsigned)ranges[i].high);
    return code;
}

SND_PCM_PLUGIN_DEFINE_FUNC(rig) {
    (void)root;
    struct limits limits = {"s16", "rw mmap", 48000, 48000, 1, 2, 32, 96000};
    const char *state = "", *record = NULL;
    snd_config_iterator_t position, next;
    snd_config_for_each(position, next, conf) {
        snd_config_t *entry = snd_config_iterator_entry(position);
        const char *id;
        if (snd_config_get_id(entry, &id) < 0) continue;
        if (!strcmp(id, "state")) snd_config_get_string(entry, &state);
        if (!strcmp(id, "record")) snd_config_get_string(entry, &record);
        if (!strcmp(id, "formats")) snd_config_get_string(entry, &limits.formats);
        if (!strcmp(id, "accesses")) snd_config_get_string(entry, &limits.accesses);
        if (!strcmp(id, "rate_min")) snd_config_get_integer(entry, &limits.rate_min);
        if (!strcmp(id, "rate_max")) snd_config_get_integer(entry, &limits.rate_max);
        if (!strcmp(id, "channels_min")) snd_config_get_integer(entry, &limits.channels_min);
        if (!strcmp(id, "channels_max")) snd_config_get_integer(entry, &limits.channels_max);
        if (!strcmp(id, "period_min")) snd_config_get_integer(entry, &limits.period_min);
        if (!strcmp(id, "buffer_max")) snd_config_get_integer(entry, &limits.buffer_max);
    }
    struct rig *rig = calloc(1, sizeof *rig);
    if (!rig) return -ENOMEM;
    snprintf(rig->state, sizeof rig->state, "%s", state);
    int code = has(rig, "unplugged") ? -ENODEV : has(rig, "busy") ? -EBUSY : has(rig, "dead") ? -EHOSTDOWN : 0;
    if (code < 0) {
        free(rig);
        return code;
    }
    if (stream == SND_PCM_STREAM_CAPTURE) load_speech(rig);
    if (stream == SND_PCM_STREAM_PLAYBACK) count_starving(rig);
    rig->recorder = -1;
    if (record && stream == SND_PCM_STREAM_PLAYBACK)
        rig->recorder = open(record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    rig->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    rig->io.version = SND_PCM_IOPLUG_VERSION;
    rig->io.name = "quota-voice test card";
    rig->io.callback = &callbacks;
    rig->io.private_data = rig;
    rig->io.poll_fd = rig->timer;
    rig->io.poll_events = POLLIN;
    rig->io.flags = SND_PCM_IOPLUG_FLAG_MONOTONIC;
    code = snd_pcm_ioplug_create(&rig->io, name, stream, mode);
    if (code < 0) {
        close(rig->timer);
        free(rig);
        return code;
    }
    code = restrict_to(rig, &limits);
    if (code < 0) {
        snd_pcm_ioplug_delete(&rig->io);
        return code;
    }
    *pcmp = rig->io.pcm;
    return 0;
}
SND_PCM_PLUGIN_SYMBOL(rig);
