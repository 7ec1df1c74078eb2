// The masking loop of RFC 6455 §5.3, for whatever vectors the processor has.
#ifndef C_WEBSOCKET_KERNELS_H
#define C_WEBSOCKET_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/// Copies `count` bytes from `source` to `target`, every byte XORed with the byte of `key` (in memory order) that its
/// index modulo four names. `target` is `source` itself or does not overlap it.
void cws_mask(uint8_t *target, const uint8_t *source, size_t count, uint32_t key);

#endif
