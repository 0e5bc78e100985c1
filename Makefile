# A thin front for meson, ninja and the scripts in tools/. `make help` lists the targets.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
SHELL = /bin/sh
NINJA = ninja -C
.DEFAULT_GOAL := build

# BRATTICE_NO_DEPS=1 skips the look for missing packages.
deps = $(if $(BRATTICE_NO_DEPS),true,tools/install-deps.sh)

.PHONY: help build run test test-real test-kill bench lint analyzer asan clang fuzz docs format install clean

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## /  make \1|/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

build: ## build/brattice and its helpers
	@$(deps) build
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD)
	@$(NINJA) $(BUILD)

run: build ## the demo: an agent works, then attacks; or CMD='…' runs your own command in the demo project
	@tools/demo/demo.sh $(BUILD)/brattice

test: ## every test; the last line is the count
	@$(deps) test
	@BUILD=$(BUILD) tools/run-tests.sh

test-real: build ## the tests with real tools and package managers (network)
	@$(deps) real
	@BUILD=$(BUILD) tools/run-tests.sh real

test-kill: build ## SIGKILL in every phase, and each system call failing once, for a long time (ROUNDS=…)
	@$(deps) test
	@BUILD=$(BUILD) tools/run-tests.sh kill

bench: build ## the benchmarks, against the peers that are installed; writes bench/RESULTS.md
	@$(deps) bench
	@bench/peers.sh
	@BUILD=$(BUILD) bench/run.py $(BENCH_ARGS)

lint: ## who includes whom, clang-tidy, gcc's -fanalyzer, shellcheck
	@$(deps) test
	@tools/lint.sh

analyzer: ## only gcc's -fanalyzer
	@$(deps) test
	@tools/lint.sh analyzer

asan: ## unit tests under AddressSanitizer and UBSan
	@$(deps) test
	@tools/run-tests.sh asan

clang: ## the same code by clang
	@$(deps) test
	@tools/run-tests.sh clang

fuzz: ## every fuzz target for SECONDS_EACH (5) seconds
	@$(deps) test
	@tools/run-tests.sh fuzz

docs: build ## the recording in docs/, the man pages, the generated part of docs/policy.md
	@$(deps) test
	@tools/docs/policy.sh $(BUILD)
	@tools/docs/record.sh $(BUILD)/brattice

format: ## clang-format over the C files
	@$(deps) test
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: build ## into PREFIX (/usr/local), below DESTDIR
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@$(NINJA) $(BUILD)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

clean: ## removes the build directories
	rm -rf $(BUILD) build-asan build-clang build-fuzz build-analyzer
