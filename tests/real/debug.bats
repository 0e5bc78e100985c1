#!/usr/bin/env bats
# Debuggers and tracers of one's own children work inside.

load lib

setup_file() { real_setup_file c debug; }
teardown_file() { real_teardown_file; }
setup() { real_setup; }
teardown() { real_teardown; }

with_gdb() {
	small_repository
	succeeds wall_sh 'make -s && gdb -batch -nx -ex "break main" -ex run -ex next -ex "print 6 * 7" -ex bt -ex continue ./hello'
	has "Breakpoint 1, main"
	has '$1 = 42'
	has "#0  main ()"
	has "exited normally"
}

@test "gdb breaks, steps, prints a backtrace and continues" {
	with_gdb
}

@test "gdb breaks, steps, prints a backtrace and continues, as root" {
	as_root
	with_gdb
}

@test "gdb sees a crash, and a core's reason" {
	host_sh 'printf "int main(void)\n{\n\tint *volatile p = 0;\n\treturn *p;\n}\n" >crash.c'
	succeeds wall_sh 'cc -g -o crash crash.c && gdb -batch -nx -ex run -ex bt ./crash'
	has "SIGSEGV"
	has "main () at crash.c:4"
}

with_strace() {
	small_repository
	succeeds wall_sh 'strace -f -o "$SCRATCH/trace" sh -c "ls; true" && grep -q execve "$SCRATCH/trace" && strace -c ls >/dev/null && strace -e trace=openat cat README'
	has "hello.c"
	has 'openat(AT_FDCWD, "README"'
	has "+++ exited with 0 +++"
}

@test "strace follows children, counts, and filters" {
	with_strace
}

@test "strace follows children, counts, and filters, as root" {
	as_root
	with_strace
}

@test "gdb attaches to nothing that it didn't start" {
	[ "${WALL:-brattice}" != none ] || skip "nothing stands in the way without a wall"
	run wall_sh 'sleep 60 & gdb -batch -nx -p $! -ex "info registers rip"; kill %1'
	[[ $output != *"rip  "*"0x"* ]]
}
