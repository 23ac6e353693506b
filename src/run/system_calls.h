/* system_calls.h - system calls that an older C library does not declare, musl before 1.2.5 among
 * them. */
#ifndef RUN_SYSTEM_CALLS_H
#define RUN_SYSTEM_CALLS_H

#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef STATX_TYPE
#include <linux/stat.h>
#endif
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif
static inline int
call_renameat2(int old_fd, const char *old_name, int new_fd, const char *new_name, unsigned flags)
{
	return (int)syscall(SYS_renameat2, old_fd, old_name, new_fd, new_name, flags);
}

static inline int
call_statx(int dir_fd, const char *name, int flags, unsigned mask, struct statx *result)
{
	return (int)syscall(SYS_statx, dir_fd, name, flags, mask, result);
}

static inline ssize_t
call_preadv2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	/* The kernel wants the offset in two halves, whatever a long is. */
	return (ssize_t)syscall(SYS_preadv2, fd, pieces, (long)count, (long)offset,
	    sizeof(long) == 4 ? (long)((int64_t)offset >> 32) : 0L, flags);
}

/* offset -1: at the file's own. */
static inline ssize_t
call_pwritev2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	return (ssize_t)syscall(SYS_pwritev2, fd, pieces, (long)count, (long)offset,
	    sizeof(long) == 4 ? (long)((int64_t)offset >> 32) : 0L, flags);
}

/* musl's ioctl(3) takes the request as an int. */
static inline int
call_ioctl(int fd, unsigned long request, void *arg)
{
#ifdef __GLIBC__
	return ioctl(fd, request, arg);
#else
	return ioctl(fd, (int)request, arg);
#endif
}

#endif
