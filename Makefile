# The face of the build: thin names over tool/ and meson. `make` alone lists them.
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-print-directory --no-builtin-rules

# Settings a user may give: make test JOBS=4
JOBS         ?= $(shell nproc)
WERROR       ?= $(if $(CI),true,false)
PREFIX       ?= /usr/local
DESTDIR      ?=
DEMO_FLAGS   ?=
WEB          ?= yes
TEST_FLAGS   ?=
BENCH_EVENTS ?= 20000000
BENCH_FLAGS  ?=
FUZZ_SECONDS ?= 20
FUZZ_FLAGS   ?=
ONLY         ?=
COVERAGE_FLAGS ?=

# The tools of this tree come first; the compilers may be set by the user (CC, CXX).
export PATH := $(CURDIR)/build/node/bin:$(PATH)

configure = @tool/configure $(1) -Dwerror=$(WERROR) $(2)
ninja = @ninja -j$(JOBS) -C build/$(1) --quiet $(2)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

build: setup-build ## the command, at build/tenure (WEB=no leaves the dashboard out)
	@[ $(WEB) = no ] || tool/web
	$(call configure,c)
	$(call ninja,c,src/app/tenure)
	@ln -sfn c/src/app/tenure build/tenure

demo: build ## a simulated company, its findings, and a dashboard to look at
	@build/tenure demo $(DEMO_FLAGS)

test: setup-test build ## everything that is checked; the last line counts
	$(call configure,c,-Dtests=enabled)
	$(call ninja,c)
	@tool/test $(TEST_FLAGS)

coverage: setup-test ## lines and branches of src/store that unit tests and rigs reach
	$(call configure,cov,-Dtests=enabled -Db_coverage=true -Doptimization=0 \
	  '-Dc_args=-Dalways_inline=noinline -Wno-attributes')
	$(call ninja,cov)
	@tool/coverage $(COVERAGE_FLAGS)

bench: setup-bench build ## Tenure beside DuckDB and ClickHouse; writes docs/benchmarks.md
	@BENCH_EVENTS=$(BENCH_EVENTS) bench/run $(BENCH_FLAGS)

lint: setup-lint build ## layout, lengths, and a static reader
	@tool/lint

sanitize: setup-sanitize ## unit tests under ASan+UBSan, then under TSan
	$(call configure,asan,-Db_sanitize=address$(comma)undefined -Db_lundef=false)
	$(call ninja,asan)
	$(call configure,tsan,-Db_sanitize=thread -Db_lundef=false)
	$(call ninja,tsan)
	@tool/test --build build/asan --only unit
	@tool/test --build build/tsan --only unit

fuzz: setup-fuzz ## replay and a short run of each fuzzer (FUZZ_SECONDS=20)
	$(call configure,fuzz,-Dfuzz=true -Db_sanitize=address$(comma)undefined -Db_lundef=false \
	  -Dc_args=-fsanitize=fuzzer-no-link -Dcpp_args=-fsanitize=fuzzer-no-link)
	$(call ninja,fuzz)
	@tool/fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_FLAGS)

campaign: setup-test build ## the rigs with large counts, into TESTLOG.csv (ONLY=kill,power)
	$(call configure,c,-Dtests=enabled)
	$(call ninja,c)
	@tool/campaign --only '$(ONLY)'

fresh: ## proves `make demo` and `make test` in a bare Debian 12 tree (root)
	@tool/fresh

install: build ## to DESTDIR and PREFIX
	install -D -m 755 build/tenure $(DESTDIR)$(PREFIX)/bin/tenure
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/tenure/LICENSE
	install -D -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/tenure/README.md

clean: ## everything that was built or brought by npm
	rm -rf build web/dist web/node_modules bench/node_modules test/browser/node_modules sdk/node_modules

setup-%:
	@tool/setup $*

comma := ,
fuzz: export CC = clang
fuzz: export CXX = clang++

.PHONY: help build demo test coverage bench lint sanitize fuzz campaign fresh install clean
.NOTPARALLEL:
