// The C interface of SoundTouch. Debian ships its library but no header for it; these are the functions used here.
typedef void *SoundTouchHandle;

SoundTouchHandle soundtouch_createInstance(void);
void soundtouch_destroyInstance(SoundTouchHandle handle);
void soundtouch_setSampleRate(SoundTouchHandle handle, unsigned int hertz);
void soundtouch_setChannels(SoundTouchHandle handle, unsigned int count);
void soundtouch_setPitch(SoundTouchHandle handle, float ratio);
void soundtouch_putSamples(SoundTouchHandle handle, const float *samples, unsigned int frames);
unsigned int soundtouch_receiveSamples(SoundTouchHandle handle, float *samples, unsigned int framesMax);
