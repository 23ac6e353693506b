#!/usr/bin/env bats
# fuzz.bats - the corpus of the fuzz targets, replayed; `make fuzz` looks for more.

load helpers

@test "what the fuzz targets have been given before breaks nothing" {
	for target in wire channel text services values access faults match target; do
		run timeout 60 "$SOCKUTILS_BUILD/tests/fuzz/fuzz_$target" "$SOCKUTILS_SOURCE/tests/fuzz/corpus/$target/"*
		assert_success
		assert_output --partial " inputs"
	done
}
