// What Swift can't reach in libopus: its variadic control calls. No policy here: that is OpusCodec's.
#ifndef C_OPUS_SHIMS_H
#define C_OPUS_SHIMS_H

#include <opus.h>

/// Sets one control of an encoder (`OPUS_SET_…_REQUEST`); OPUS_OK or a negative error.
int copus_encoder_set(OpusEncoder *encoder, int request, opus_int32 value);

/// Reads one control of an encoder (`OPUS_GET_…_REQUEST`) into `value`.
int copus_encoder_get(OpusEncoder *encoder, int request, opus_int32 *value);

/// Back to the state after creation, settings kept.
int copus_encoder_reset(OpusEncoder *encoder);
int copus_decoder_reset(OpusDecoder *decoder);

#endif
