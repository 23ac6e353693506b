dnl sockutils.m4 - checks for compiler flags and libraries.

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
dnl without a warning, if optimisation is on and the user has not set it.
AC_DEFUN([SKU_CHECK_FORTIFY], [
	AC_MSG_CHECKING([for the level of _FORTIFY_SOURCE])
	sku_saved=$CFLAGS
	sku_level=none
	for sku_try in 3 2; do
		CFLAGS="$sku_saved -Werror"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#if !defined(__OPTIMIZE__) || defined(_FORTIFY_SOURCE)
#error no
#endif
#define _FORTIFY_SOURCE $sku_try
#include <string.h>
]], [])], [sku_level=$sku_try; break])
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
