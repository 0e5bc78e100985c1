#!/usr/bin/env bats
# Real builds: an autotools package from Debian's sources, make, Cargo, Go, Java.

load lib

setup_file() { real_setup_file c rust go java; }
teardown_file() { real_teardown_file; }
setup() { real_setup; LIMIT=300; }
teardown() { real_teardown; }

autotools_package() {
	host_sh "cp -r --preserve=timestamps '$CACHE/c/hello/.' . && git init -q && git add -A && git commit -qm import"
	succeeds wall_sh './configure --quiet && make -j2 >/dev/null && make check 2>&1 && ./hello --greeting="built inside" && make install DESTDIR="$SCRATCH/inst" >/dev/null && "$SCRATCH"/inst/usr/local/bin/hello'
	has "built inside"
	has "Hello, world!"
	has "# FAIL:  0"
	# What the host finds runs there, too.
	same "Hello, world!" "$(as "$PROJ/hello")"
}

@test "a Debian source package: configure, make -j2, make check, make install" {
	autotools_package
}

@test "a Debian source package: configure, make -j2, make check, make install, as root" {
	as_root
	autotools_package
}

@test "make rebuilds only what changed, between runs inside and outside" {
	small_repository
	succeeds wall make
	succeeds wall make
	has "up to date"
	succeeds as make
	has "up to date"
	as touch hello.c
	succeeds wall make
	has "cc -g"
	clean_repository
}

cargo_project() {
	host_sh '
		mkdir -p app/src dep/src
		printf "[package]\nname = \"dep\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" >dep/Cargo.toml
		printf "pub fn answer() -> u32 {\n    42\n}\n" >dep/src/lib.rs
		printf "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\nbuild = \"build.rs\"\n[dependencies]\ndep = { path = \"../dep\" }\n" >app/Cargo.toml
		printf "fn main() {\n    println!(\"cargo:rustc-env=BUILT=by build.rs\");\n}\n" >app/build.rs
		printf "fn main() {\n    println!(\"{} {}\", dep::answer(), env!(\"BUILT\"));\n}\n#[test]\nfn answers() {\n    assert_eq!(dep::answer(), 42);\n}\n" >app/src/main.rs'
	wall_options=(--profile rust)
	succeeds wall_sh 'cd app && cargo build --offline && cargo test --offline && cargo run --offline --release'
	has "42 by build.rs"
	has "1 passed"
	[ -x "$PROJ/app/target/debug/app" ]
}

@test "cargo build, test and run, with a build script and a path dependency" {
	cargo_project
}

@test "a toolchain in the home runs; its credentials stay outside" {
	# The layout of rustup's home: proxies in .cargo/bin, toolchains in .rustup.
	host_sh '
		mkdir -p ~/.cargo/bin ~/.rustup/toolchains/stable/bin
		printf "#!/bin/sh\necho a tool of the home\n" >~/.rustup/toolchains/stable/bin/tool
		chmod +x ~/.rustup/toolchains/stable/bin/tool
		ln -s ~/.rustup/toolchains/stable/bin/tool ~/.cargo/bin/tool'
	wall_options=(--profile rust)
	succeeds wall_sh '
		"$HOME/.cargo/bin/tool"
		cat "$HOME/.cargo/credentials.toml" "$HOME/.npmrc" "$HOME/.ssh/id_ed25519" 2>/dev/null || true'
	has "a tool of the home"
	[ "${WALL:-brattice}" = none ] || [[ $output != *planted-secret* ]]
}

@test "a rustup toolchain in root's own home builds" {
	as_root
	[ -x /root/.cargo/bin/cargo ] && [ -d /root/.rustup/toolchains ] || skip "root has no rustup"
	real_path=/root/.cargo/bin:$real_path
	as rm -rf "$WORK/home/.cargo" "$WORK/home/.rustup"
	as ln -s /root/.rustup "$WORK/home/.rustup"
	as cp -r /root/.cargo "$WORK/home/.cargo"
	cargo_project
}

go_project() {
	host_sh '
		mkdir lib
		printf "module example.org/app\n\ngo 1.18\n" >go.mod
		printf "package lib\n\nfunc Answer() int { return 42 }\n" >lib/lib.go
		printf "package lib\n\nimport \"testing\"\n\nfunc TestAnswer(t *testing.T) {\n\tif Answer() != 42 {\n\t\tt.Fatal()\n\t}\n}\n" >lib/lib_test.go
		printf "package main\n\nimport (\n\t\"fmt\"\n\t\"os/exec\"\n\n\t\"example.org/app/lib\"\n)\n\nfunc main() {\n\tout, err := exec.Command(\"echo\", \"child\").Output()\n\tfmt.Print(lib.Answer(), string(out), err)\n}\n" >main.go'
	wall_options=(--profile go --env=GOFLAGS=-mod=mod --env=GOPROXY=off --env=GOTOOLCHAIN=local)
	succeeds wall_sh 'go build ./... && go vet ./... && go test ./... && go build -o app . && ./app'
	has "ok  	example.org/app/lib"
	has "42"
	has "child"
	[ -x "$PROJ/app" ]
}

@test "go build, vet, test and run" {
	go_project
}

@test "javac, jar and java, with threads, a child process and a socket" {
	put "$PROJ/App.java" <<-'EOF'
		import java.net.*;
		import java.util.concurrent.*;

		public class App {
			public static void main(String[] args) throws Exception {
				ExecutorService pool = Executors.newFixedThreadPool(4);
				int sum = 0;
				for (Future<Integer> f : pool.invokeAll(java.util.List.<Callable<Integer>>of(() -> 40, () -> 2)))
					sum += f.get();
				pool.shutdown();
				int child = new ProcessBuilder("true").start().waitFor();
				ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
				Socket socket = new Socket(server.getInetAddress(), server.getLocalPort());
				System.out.println(sum + " child " + child + " connected " + socket.isConnected());
			}
		}
	EOF
	wall_options=(--profile java)
	succeeds wall_sh 'javac App.java && jar cfe app.jar App *.class && java -jar app.jar'
	has "42 child 0 connected true"
}
