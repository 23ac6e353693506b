/* databases.h - from where names of hosts, services and users come. */
#ifndef SKU_DATABASES_H
#define SKU_DATABASES_H

/* To be called before the C library is asked for a name.  In a static program of the GNU C library
 * it leaves the modules of nsswitch.conf(5) out: they are shared libraries, and want the C library
 * that they were built with, so that the program could crash in one.  The files and DNS stay.
 * Elsewhere it does nothing. */
#ifdef STATIC_BINARIES
void sku_leave_out_modules(void);
#else
static inline void
sku_leave_out_modules(void)
{
}
#endif

#endif
