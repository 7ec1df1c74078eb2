#include "COpenSSLShims.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int cossl_ctx_set_min_version(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version);
}

long cossl_ctx_set_session_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}

long cossl_ctx_set_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_mode(context, mode); }

int cossl_set_server_name(SSL *ssl, const char *name) { return (int)SSL_set_tlsext_host_name(ssl, name); }

int cossl_error_reason(unsigned long code) { return ERR_GET_REASON(code); }

int cossl_error_library(unsigned long code) { return ERR_GET_LIB(code); }

typedef struct {
    int descriptor;
    int failure;
    int first;
    int ended;
    size_t start;
    size_t end;
    size_t capacity;
    uint8_t bytes[];
} link_state;

static int link_write(BIO *bio, const char *data, size_t count, size_t *written) {
    link_state *link = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (link->start > 0 && link->capacity - link->end < count) {
        memmove(link->bytes, link->bytes + link->start, link->end - link->start);
        link->end -= link->start;
        link->start = 0;
    }
    if (link->capacity - link->end < count) {
        BIO_set_retry_write(bio);
        return 0;
    }
    memcpy(link->bytes + link->end, data, count);
    link->end += count;
    *written = count;
    return 1;
}

static int link_read(BIO *bio, char *data, size_t count, size_t *received) {
    link_state *link = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t got;
    do {
        got = recv(link->descriptor, data, count, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        if (link->first < 0) link->first = (uint8_t)data[0];
        *received = (size_t)got;
        return 1;
    }
    if (got == 0) {
        link->ended = 1;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        BIO_set_retry_read(bio);
    } else {
        link->failure = errno;
    }
    return 0;
}

static long link_control(BIO *bio, int command, long number, void *pointer) {
    (void)number;
    (void)pointer;
    link_state *link = BIO_get_data(bio);
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return link->ended;
    case BIO_CTRL_WPENDING: return (long)(link->end - link->start);
    default: return 0;
    }
}

static int link_destroy(BIO *bio) {
    free(BIO_get_data(bio));
    BIO_set_data(bio, NULL);
    return 1;
}

static BIO_METHOD *link_method;
static pthread_once_t link_method_once = PTHREAD_ONCE_INIT;

static void link_method_make(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream link");
    if (method == NULL) return;
    BIO_meth_set_write_ex(method, link_write);
    BIO_meth_set_read_ex(method, link_read);
    BIO_meth_set_ctrl(method, link_control);
    BIO_meth_set_destroy(method, link_destroy);
    link_method = method;
}

BIO *cossl_bio_new(int descriptor, size_t capacity) {
    pthread_once(&link_method_once, link_method_make);
    if (link_method == NULL) return NULL;
    BIO *bio = BIO_new(link_method);
    if (bio == NULL) return NULL;
    link_state *link = calloc(1, sizeof *link + capacity);
    if (link == NULL) {
        BIO_free(bio);
        return NULL;
    }
    link->descriptor = descriptor;
    link->capacity = capacity;
    link->first = -1;
    BIO_set_data(bio, link);
    BIO_set_init(bio, 1);
    return bio;
}

size_t cossl_bio_pending(BIO *bio, const uint8_t **start) {
    link_state *link = BIO_get_data(bio);
    *start = link->bytes + link->start;
    return link->end - link->start;
}

void cossl_bio_consume(BIO *bio, size_t count) {
    link_state *link = BIO_get_data(bio);
    size_t waiting = link->end - link->start;
    link->start += count < waiting ? count : waiting;
    if (link->start == link->end) link->start = link->end = 0;
}

int cossl_bio_errno(BIO *bio) {
    link_state *link = BIO_get_data(bio);
    return link->failure;
}

int cossl_bio_first_byte(BIO *bio) {
    link_state *link = BIO_get_data(bio);
    return link->first;
}
