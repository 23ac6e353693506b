#!/usr/bin/env bats
# hardening.bats - what the compiler and the linker do to make an error in a program harmless.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	need readelf
	is_sanitized && skip "the sanitizers are instead of it"
	# What this compiler takes is in the makefile.
	sku_flags=$(sed -nE 's/^SKU_(C|LD)FLAGS = //p' "$SOCKUTILS_BUILD/Makefile" | tr '\n' ' ')
	[[ $sku_flags == *-fstack-protector-strong* ]] || skip "this build is without it"
}

@test "each program is position-independent, its relocations are read-only, its stack has no code" {
	for program in $SOCKUTILS_PROGRAMS; do
		readelf -hlW "$SOCKUTILS_BUILD/$program" >said
		readelf -dW "$SOCKUTILS_BUILD/$program" >>said
		grep -qE 'Type: +DYN' said || fail "$program is not position-independent"
		grep -q GNU_RELRO said || fail "$program has no read-only relocations"
		grep -qE 'FLAGS.*(BIND_NOW|NOW)' said || fail "$program binds its functions late"
		grep -qE 'GNU_STACK .* RW ' said || fail "code on the stack of $program can be run"
		run grep -E 'LOAD .* RWE ' said
		assert_output ""
	done
}

@test "the stack, copies of a known size and variables without a value are guarded" {
	for program in $SOCKUTILS_PROGRAMS; do
		readelf -sW "$SOCKUTILS_BUILD/$program" >symbols
		grep -q __stack_chk_fail symbols || fail "$program does not guard its stack"
		[[ $sku_flags != *-D_FORTIFY_SOURCE* ]] || grep -qE '__[a-z]+_chk' symbols ||
			fail "$program does not check its copies"
	done
	# The probe asks for a program as configure does: a variable that is never set is 0.
	[[ $sku_flags == *-ftrivial-auto-var-init=zero* ]] || skip "this compiler fills no variables"
	cat >zero.c <<-'C'
		__attribute__((noinline)) static int
		dirty(void)
		{
			volatile char bytes[4096];

			for (int i = 0; i < 4096; i++)
				bytes[i] = 1;
			return bytes[17];
		}

		__attribute__((noinline)) static int
		sum(void)
		{
			volatile char bytes[4096];
			int all = 0;

			for (int i = 0; i < 4096; i++)
				all += bytes[i];
			return all;
		}

		int
		main(void)
		{
			return dirty() == 1 && sum() == 0 ? 0 : 1;
		}
	C
	# shellcheck disable=SC2046 # words are meant
	$(sed -n 's/^CC = //p' "$SOCKUTILS_BUILD/Makefile") -O2 $(tr ' ' '\n' <<<"$sku_flags" | grep -E '^-f(trivial|PIE)') zero.c -o zero
	./zero
}
