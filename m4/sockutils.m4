dnl sockutils.m4 - checks for compiler flags and libraries.

dnl SKU_SYS_TIME64: a time_t of 64 bits where one of 32 is the default.
AC_DEFUN([SKU_SYS_TIME64], [
	AC_MSG_CHECKING([what makes time_t a number of 64 bits])
	sku_time=unknown
	for sku_try in 0 64; do
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#if $sku_try
#define _TIME_BITS $sku_try
#endif
#include <time.h>
]], [[static char large[sizeof(time_t) == 8 ? 1 : -1]; return large[0]]])],
			[sku_time=$sku_try; break])
	done
	AS_CASE([$sku_time],
		[0], [AC_MSG_RESULT([nothing])],
		[64], [AC_MSG_RESULT([_TIME_BITS=64]); AC_DEFINE([_TIME_BITS], [64])],
		[AC_MSG_RESULT([nothing does])])
])

dnl SKU_CHECK_CFLAGS(VARIABLE, FLAGS): append the flags that the compiler accepts.
AC_DEFUN([SKU_CHECK_CFLAGS], [
	for sku_flag in $2; do
		AC_MSG_CHECKING([whether $CC takes $sku_flag])
		sku_saved=$CFLAGS
		CFLAGS="$CFLAGS $sku_flag -Werror"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
			[AC_MSG_RESULT([yes]); $1="[$]$1 $sku_flag"], [AC_MSG_RESULT([no])])
		CFLAGS=$sku_saved
	done
])

dnl SKU_CHECK_LDFLAGS(VARIABLE, FLAGS): the same for the linker.
AC_DEFUN([SKU_CHECK_LDFLAGS], [
	for sku_flag in $2; do
		AC_MSG_CHECKING([whether the linker takes $sku_flag])
		sku_saved=$LDFLAGS
		LDFLAGS="$LDFLAGS $sku_flag"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
			[AC_MSG_RESULT([yes]); $1="[$]$1 $sku_flag"], [AC_MSG_RESULT([no])])
		LDFLAGS=$sku_saved
	done
])

dnl SKU_CHECK_FORTIFY(VARIABLE): append the highest _FORTIFY_SOURCE that the C library takes
dnl without a warning, if optimisation is on and the user has not set it.  With _TIME_BITS=64 the
dnl checked ppoll(3) of glibc 2.36 is the one for a time_t of 32 bits: such a library gets none.
AC_DEFUN([SKU_CHECK_FORTIFY], [
	AC_MSG_CHECKING([for the level of _FORTIFY_SOURCE])
	sku_saved=$CFLAGS
	sku_level=none
	for sku_try in 3 2; do
		CFLAGS="$sku_saved -Werror -g0"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#if !defined(__OPTIMIZE__) || defined(_FORTIFY_SOURCE)
#error no
#endif
#define _FORTIFY_SOURCE $sku_try
#include <poll.h>
#include <time.h>
]], [[struct pollfd p; struct timespec t = { 0, 0 }; return ppoll(&p, 1, &t, 0)]])],
			[AS_IF([test "x$sku_time" != x64 || grep __ppoll64 conftest.$OBJEXT >/dev/null],
				[sku_level=$sku_try; break])])
	done
	CFLAGS=$sku_saved
	AC_MSG_RESULT([$sku_level])
	AS_IF([test $sku_level != none], [$1="[$]$1 -D_FORTIFY_SOURCE=$sku_level"])
])

dnl SKU_CHECK_PIE(CFLAGS, LDFLAGS): append what makes a position-independent program.
AC_DEFUN([SKU_CHECK_PIE], [
	AC_MSG_CHECKING([whether programs can be position-independent])
	sku_saved_cflags=$CFLAGS
	sku_saved_ldflags=$LDFLAGS
	CFLAGS="$CFLAGS -fPIE -Werror"
	LDFLAGS="$LDFLAGS -pie"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
		[AC_MSG_RESULT([yes]); $1="[$]$1 -fPIE"; $2="[$]$2 -pie"], [AC_MSG_RESULT([no])])
	CFLAGS=$sku_saved_cflags
	LDFLAGS=$sku_saved_ldflags
])

dnl SKU_CHECK_STATIC(LDFLAGS): append what makes a static program, a position-independent one where
dnl the compiler can.
AC_DEFUN([SKU_CHECK_STATIC], [
	AC_MSG_CHECKING([how to link static programs])
	sku_saved=$LDFLAGS
	sku_static=none
	for sku_try in -static-pie -static; do
		LDFLAGS="$sku_saved [$]$1 $sku_try"
		dnl A compiler that does not know -static-pie may link a program that wants a loader.
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdlib.h>]], [[return abs(0)]])],
			[AS_IF([LC_ALL=C grep /lib.*/ld- conftest$EXEEXT >/dev/null], [], [sku_static=$sku_try; break])])
	done
	LDFLAGS=$sku_saved
	AC_MSG_RESULT([$sku_static])
	AS_IF([test "x$sku_static" = xnone], [AC_MSG_ERROR([this compiler links no static programs])])
	$1="[$]$1 $sku_static"
])

dnl SKU_CHECK_LIBRARY(PREFIX, MODULE, NAME, INCLUDES, BODY): flags from pkg-config.  libNAME.a
dnl replaces the shared library if it links and --with-static-NAME is not "no".
AC_DEFUN([SKU_CHECK_LIBRARY], [
	PKG_CHECK_MODULES([$1], [$2])
	AC_ARG_WITH([static-$3],
		[AS_HELP_STRING([--without-static-$3], [link the shared lib$3 even if there is an archive])],
		[], [with_static_$3=yes])
	AS_IF([test "x$with_static_$3" != xno], [
		AC_MSG_CHECKING([for lib$3.a])
		sku_saved_cflags=$CFLAGS
		sku_saved_libs=$LIBS
		CFLAGS="$CFLAGS [$]$1_CFLAGS"
		LIBS="-l:lib$3.a $LIBS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([$4], [$5])],
			[AC_MSG_RESULT([yes]); $1_LIBS="-l:lib$3.a"], [AC_MSG_RESULT([no])])
		CFLAGS=$sku_saved_cflags
		LIBS=$sku_saved_libs
	])
])
