/* The file system of a binaryfs library behind two functions, for hosts that catch file calls by themselves: a library OS, an enclave's libc, a test. Public interface.
 *
 * No signal handler, filter or thread is involved: attach makes the file system (image, writable overlay, host paths and volumes that the image declares), syscall answers one call
 * with the semantics of the Linux system call of that number. Descriptors that it returns are the process's own numbers; everything done with them must come through
 * binaryfs_syscall again. Pointers are checked as the kernel would (−EFAULT).
 */
#ifndef BINARYFS_H
#define BINARYFS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BINARYFS_HERMETIC 1u

struct binaryfs_options {
	size_t size;                      /* sizeof(struct binaryfs_options): later versions append fields */
	unsigned flags;                   /* BINARYFS_HERMETIC or 0 */
	unsigned reserved;                /* 0 */
	const char *library;              /* path of the library; NULL: the one that holds this function */
	unsigned long long overlay_bytes; /* limit of the writable overlay; 0: half of the memory */
	const char *const *volumes;       /* NULL-terminated pairs guest, host, guest, host …; NULL: none */
	const char *const *host_paths;    /* NULL-terminated; NULL: none */
};

/* Attaches the library's file system to this process. OPTIONS may be NULL. Once a process. 0, −EALREADY, −EINVAL, −ENOEXEC (no library with an image), −ENOMEM or what opening gave.
 * The reason of a failure is in binaryfs_error(). */
long binaryfs_attach(const struct binaryfs_options *options);

/* Performs file system call NR (x86-64 number) with up to six arguments. Returns its result or −errno; −ENOSYS for calls that are no file system's, −ENOTCONN before attach.
 * Calls on descriptors that are not the file system's own (sockets, pipes) are handed to the kernel. May be used from several threads at once; block signals whose handlers call it. */
long binaryfs_syscall(long nr, long a0, long a1, long a2, long a3, long a4, long a5);

/* One line on why attach failed; "" before. */
const char *binaryfs_error(void);

#ifdef __cplusplus
}
#endif

#endif
