/* descriptors.h - how many descriptors a program may have. */
#ifndef RUN_DESCRIPTORS_H
#define RUN_DESCRIPTORS_H

/* As many as the hard limit allows: the soft one is there for programs that use select(2), which
 * none of these does.  A refusal changes nothing. */
void run_raise_fd_limit(void);

#endif
