/* aside.h - static variables that are hardly ever touched.
 *
 * A page costs the program that touches it two microseconds, so that what is used stands together:
 * the linker puts these behind all others (configure.ac). */
#ifndef RUN_ASIDE_H
#define RUN_ASIDE_H

#define ASIDE __attribute__((section(".bss.zz.aside")))

#endif
