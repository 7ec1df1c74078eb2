// What Swift can't reach in OpenSSL: its macros, and a BIO, which has to be C. No policy here: that is SecureStream's.
#ifndef C_OPENSSL_SHIMS_H
#define C_OPENSSL_SHIMS_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

static const uint64_t cossl_op_no_compression = SSL_OP_NO_COMPRESSION;
static const uint64_t cossl_op_no_renegotiation = SSL_OP_NO_RENEGOTIATION;

int cossl_ctx_set_min_version(SSL_CTX *context, int version);
long cossl_ctx_set_session_cache_mode(SSL_CTX *context, long mode);
long cossl_ctx_set_mode(SSL_CTX *context, long mode);
int cossl_set_server_name(SSL *ssl, const char *name);
int cossl_error_reason(unsigned long code);
int cossl_error_library(unsigned long code);

/// A BIO that receives straight from a non-blocking socket and sends into a buffer of `capacity` bytes of its own.
///
/// The owner moves that buffer to the socket (`pending`, `consume`). So a TLS record is taken whole or not at all, and
/// OpenSSL never asks for "the same bytes again"; nothing here can raise SIGPIPE. The descriptor stays the caller's.
/// Returns NULL when there is no memory.
BIO *cossl_bio_new(int descriptor, size_t capacity);

/// The bytes waiting to be sent; `start` is valid until the next call on the BIO or its SSL.
size_t cossl_bio_pending(BIO *bio, const uint8_t **start);

/// Forgets the first `count` waiting bytes; more than there are counts as all.
void cossl_bio_consume(BIO *bio, size_t count);

/// The errno of the receive that failed last, or 0.
int cossl_bio_errno(BIO *bio);

/// The first byte ever received, or -1 when there was none.
int cossl_bio_first_byte(BIO *bio);

#endif
