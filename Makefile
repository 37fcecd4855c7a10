# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# `make help` lists the targets. V=1 shows the commands. Everything made goes to $(BUILD) and skel/.

BUILD ?= build
V ?= 0
PREFIX ?= /usr/local
DESTDIR ?=

CC ?= gcc
BPF_CLANG ?= clang-19
FUZZ_CLANG ?= clang-19
BPFTOOL ?= bpftool
FUZZ_SECONDS ?= 60

Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2))

DUCKDB := $(BUILD)/deps/duckdb
GEN := $(BUILD)/gen
VERSION := 0.1.0

WARN := -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Wshadow -Wvla \
	-Wmissing-prototypes -Wstrict-prototypes -Wformat=2
ifeq ($(SAN),1)
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif
CPPFLAGS += -D_GNU_SOURCE -DWT_VERSION='"$(VERSION)"' -I. -I$(GEN) -I$(GEN)/otlp -isystem $(DUCKDB)
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 -fno-strict-aliasing $(WARN) $(SANFLAGS)
LDFLAGS += $(SANFLAGS)

# ---- what is built from what ---------------------------------------------------------------

rooms := lib wire metrics exporters sinks agent collector cli
src = $(sort $(wildcard user/$(1)/*.c))
obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

PROTO_OBJ := $(GEN)/proto/wiretally.pb-c.o $(GEN)/proto/prometheus.pb-c.o
BASE_A := $(BUILD)/libwiretally.a
AGENT_A := $(BUILD)/libagent.a
EXPORTERS_A := $(BUILD)/libexporters.a
SINKS_A := $(BUILD)/libsinks.a
METRICS_A := $(BUILD)/libmetrics.a
COLLECTOR_A := $(BUILD)/libcollector.a
CLI_A := $(BUILD)/libcli.a

PROGRAMS := wiretally-agent wiretally-collector wiretally
BIN := $(addprefix $(BUILD)/bin/,$(PROGRAMS))

BPF_SRC := $(sort $(wildcard kern/*.bpf.c))
SKEL := $(patsubst kern/%.bpf.c,skel/%.skel.h,$(BPF_SRC))
TEST_BPF_SRC := $(sort $(wildcard tests/tools/*.bpf.c))
TEST_BPF := $(patsubst %.c,$(BUILD)/%.o,$(TEST_BPF_SRC))

BASE_LIBS := -lprotobuf-c -lzstd -lyaml -lm
AGENT_LIBS := -lmicrohttpd -lxdp -lbpf -lelf -lz -lcurl -lcap -ljansson -lpthread $(BASE_LIBS)
COLLECTOR_LIBS := -lmicrohttpd -lgnutls -ljansson -lz -L$(DUCKDB) -lduckdb -Wl,-rpath,'$$ORIGIN/../lib/wiretally' \
	-Wl,-rpath,$(abspath $(DUCKDB)) -lpthread $(BASE_LIBS)
ifneq ($(shell pkg-config --exists rdkafka 2>/dev/null && echo yes),)
CPPFLAGS += -DWT_HAVE_KAFKA
SINKS_LIBS := -lrdkafka
endif
SINKS_LIBS += -ljansson -lcurl -lgnutls -lz
# sinks write Parquet by it
DUCKDB_LIBS := -L$(DUCKDB) -lduckdb -Wl,-rpath,$(abspath $(DUCKDB))
# OTLP's own schema; protoc-c knows no `optional` of proto3, a oneof of one is the same on the wire
OTLP_FROM := /usr/include/opentelemetry/proto
OTLP_NAMES := common/v1/common resource/v1/resource logs/v1/logs metrics/v1/metrics \
	collector/logs/v1/logs_service collector/metrics/v1/metrics_service
OTLP := $(GEN)/otlp/opentelemetry/proto
OTLP_OBJ := $(OTLP_NAMES:%=$(OTLP)/%.pb-c.o)
COLLECTOR_LIBS += $(SINKS_LIBS)
AGENT_LIBS += $(SINKS_LIBS)
CLI_LIBS := -lncursesw -ltinfo -lcurl -lgnutls -ljansson $(BASE_LIBS)
TOOL_LIBS := -lbpf -lelf -lz -lcurl -ljansson -lm -lpthread $(BASE_LIBS) $(SINKS_LIBS)

UI := $(abspath $(BUILD))/ui

UNIT_SRC := $(sort $(wildcard tests/user/*/test_*.c tests/kern/test_*.c))
UNIT := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
TOOL_SRC := $(sort $(filter-out $(TEST_BPF_SRC),$(wildcard tests/tools/*.c)))
TOOLS := $(patsubst %.c,$(BUILD)/%,$(TOOL_SRC))
TOOL_LIB := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/tools/lib/*.c)))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))
BENCH_BPF_SRC := $(sort $(wildcard bench/*.bpf.c))
BENCH_BPF := $(patsubst %.c,$(BUILD)/%.o,$(BENCH_BPF_SRC))
BENCH_SRC := $(sort $(filter-out $(BENCH_BPF_SRC),$(wildcard bench/*.c)))
BENCH := $(patsubst %.c,$(BUILD)/%,$(BENCH_SRC))
BENCH_LIB := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard bench/lib/*.c)))
VMTEST_BPF := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard vmtests/*.bpf.c)))
VMTEST := $(patsubst %.c,$(BUILD)/%,$(sort $(filter-out $(wildcard vmtests/*.bpf.c),$(wildcard vmtests/*.c))))

.DEFAULT_GOAL := all
.PHONY: all ui help deps run test test-long otelcol test-unit vmtest vmtest-build bench asan fuzz check fresh install uninstall clean format
.SECONDARY:
.DELETE_ON_ERROR:

## all: build the three programs
all: $(BIN)

help:
	$(Q)sed -n 's/^## /  make /p' Makefile

## deps: install what is missing to build and test (Debian packages, DuckDB's library)
deps:
	$(Q)BUILD=$(BUILD) deploy/deps.sh

$(DUCKDB)/duckdb.h $(DUCKDB)/libduckdb.so:
	$(Q)BUILD=$(BUILD) deploy/deps.sh duckdb

# ---- kernel half ---------------------------------------------------------------------------

# Not ':=': in `make deps all` the compiler that is asked comes with deps.
# What bpf_tracing.h calls the machine whose registers kprobes read.
BPF_ARCH = $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
BPF_CFLAGS = -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Wno-unused-parameter \
	-Wno-address-of-packed-member -D__TARGET_ARCH_$(BPF_ARCH) -I. -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)

$(BUILD)/%.bpf.o: %.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -c $< -o $@

skel/%.skel.h: $(BUILD)/kern/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst .,_,$*)_bpf > $@.tmp && mv $@.tmp $@

# ---- user half -----------------------------------------------------------------------------

$(GEN)/proto/%.pb-c.c $(GEN)/proto/%.pb-c.h: proto/%.proto
	$(call say,PROTOC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --c_out=$(GEN) $<

$(GEN)/otlp.stamp: $(OTLP_NAMES:%=$(OTLP_FROM)/%.proto)
	$(call say,PROTOC,OTLP)
	$(Q)rm -rf $(GEN)/otlp && mkdir -p $(GEN)/otlp
	$(Q)set -e; for name in $(OTLP_NAMES); do mkdir -p $$(dirname $(OTLP)/$$name); \
		sed -E 's/^  optional (\w+) (\w+) = ([0-9]+);/  oneof has_\2 { \1 \2 = \3; }/' \
			$(OTLP_FROM)/$$name.proto >$(OTLP)/$$name.proto; done
	$(Q)protoc-c -I$(GEN)/otlp --c_out=$(GEN)/otlp $(OTLP_NAMES:%=$(OTLP)/%.proto)
	$(Q)touch $@
$(OTLP_OBJ:.o=.c): $(GEN)/otlp.stamp ;
$(call obj,$(call src,sinks)): | $(GEN)/otlp.stamp

$(GEN)/%.o: $(GEN)/%.c
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes -MMD -MP -c $< -o $@

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

## ui: build the page that the collector serves (ui/) into $(BUILD)/ui
ui: $(UI)/app.js.gz
ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json
	$(call say,NPM,ui)
	$(Q)cd ui && npm ci --silent && touch node_modules/.package-lock.json
$(UI)/app.js.gz: ui/node_modules/.package-lock.json ui/build.mjs ui/index.html ui/icon.svg $(wildcard ui/src/*)
	$(call say,UI,ui)
	$(Q)mkdir -p $(UI) && node ui/build.mjs $(UI)
$(BUILD)/user/collector/page.o: CPPFLAGS += -DWT_PAGE='"$(UI)"'
$(BUILD)/user/collector/page.o: $(UI)/app.js.gz

$(call obj,$(call src,metrics)): | $(GEN)/proto/prometheus.pb-c.h
$(call obj,$(call src,wire)) $(call obj,$(call src,sinks)) $(call obj,$(call src,collector)): | $(GEN)/proto/wiretally.pb-c.h
$(call obj,$(call src,collector)): | $(DUCKDB)/duckdb.h
$(call obj,$(call src,agent)): | $(SKEL)


$(BASE_A): $(call obj,$(call src,lib) $(call src,wire)) $(PROTO_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(AGENT_A): $(call obj,$(filter-out user/agent/main.c,$(call src,agent)))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(EXPORTERS_A): $(call obj,$(call src,exporters))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(METRICS_A): $(call obj,$(call src,metrics))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(SINKS_A): $(call obj,$(call src,sinks)) $(OTLP_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(COLLECTOR_A): $(call obj,$(filter-out user/collector/main.c,$(call src,collector)))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(CLI_A): $(call obj,$(filter-out user/cli/main.c,$(call src,cli)))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

link = $(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)

$(BUILD)/bin/wiretally-agent: $(BUILD)/user/agent/main.o $(AGENT_A) $(SINKS_A) $(METRICS_A) $(BASE_A)
	$(call say,LD,$@)
	$(link) $(AGENT_LIBS)
$(BUILD)/bin/wiretally-collector: $(BUILD)/user/collector/main.o $(COLLECTOR_A) $(EXPORTERS_A) $(SINKS_A) $(METRICS_A) $(BASE_A) | $(DUCKDB)/libduckdb.so
	$(call say,LD,$@)
	$(link) $(COLLECTOR_LIBS)
$(BUILD)/bin/wiretally: $(BUILD)/user/cli/main.o $(CLI_A) $(BASE_A)
	$(call say,LD,$@)
	$(link) $(CLI_LIBS)

# ---- tests ---------------------------------------------------------------------------------

$(call obj,$(UNIT_SRC) $(BENCH_SRC)) $(BENCH_LIB): | $(GEN)/proto/wiretally.pb-c.h $(SKEL) $(DUCKDB)/duckdb.h
$(call obj,$(TOOL_SRC)): | $(GEN)/proto/wiretally.pb-c.h

$(BUILD)/tests/user/lib/%: $(BUILD)/tests/user/lib/%.o $(BASE_A)
	$(link) -lcriterion -lgnutls $(BASE_LIBS)
$(BUILD)/tests/user/wire/%: $(BUILD)/tests/user/wire/%.o $(BASE_A)
	$(link) -lcriterion $(BASE_LIBS)
$(BUILD)/tests/user/agent/%: $(BUILD)/tests/user/agent/%.o $(AGENT_A) $(SINKS_A) $(METRICS_A) $(BASE_A)
	$(link) -lcriterion $(AGENT_LIBS)
$(BUILD)/tests/user/sinks/%: $(BUILD)/tests/user/sinks/%.o $(SINKS_A) $(METRICS_A) $(EXPORTERS_A) $(BASE_A)
	$(link) -lcriterion $(SINKS_LIBS) $(DUCKDB_LIBS) -lpthread $(BASE_LIBS)
$(BUILD)/tests/user/metrics/%: $(BUILD)/tests/user/metrics/%.o $(METRICS_A) $(BASE_A)
	$(link) -lcriterion -lpthread $(BASE_LIBS)
$(BUILD)/tests/user/exporters/%: $(BUILD)/tests/user/exporters/%.o $(EXPORTERS_A) $(BASE_A)
	$(link) -lcriterion $(BASE_LIBS)
$(BUILD)/tests/user/collector/%: $(BUILD)/tests/user/collector/%.o $(COLLECTOR_A) $(EXPORTERS_A) $(SINKS_A) $(METRICS_A) $(BASE_A) | $(DUCKDB)/libduckdb.so
	$(link) -lcriterion $(COLLECTOR_LIBS)
$(BUILD)/tests/user/cli/%: $(BUILD)/tests/user/cli/%.o $(CLI_A) $(BASE_A)
	$(link) -lcriterion $(CLI_LIBS)
$(BUILD)/tests/kern/%: $(BUILD)/tests/kern/%.o $(AGENT_A) $(SINKS_A) $(METRICS_A) $(BASE_A)
	$(link) -lcriterion $(AGENT_LIBS)
$(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $(TOOL_LIB) $(BASE_A)
	$(link) $(TOOL_LIBS)
$(BUILD)/bench/scrape: $(BUILD)/bench/scrape.o $(METRICS_A) $(BASE_A)
	$(link) -lpthread $(BASE_LIBS)
$(BUILD)/bench/sinks: $(BUILD)/bench/sinks.o $(SINKS_A) $(METRICS_A) $(BASE_A)
	$(link) $(SINKS_LIBS) $(DUCKDB_LIBS) -lpthread $(BASE_LIBS)
$(BUILD)/bench/store $(BUILD)/bench/seal: $(BUILD)/bench/%: $(BUILD)/bench/%.o $(COLLECTOR_A) $(EXPORTERS_A) $(SINKS_A) $(METRICS_A) $(BASE_A) | $(DUCKDB)/libduckdb.so
	$(link) $(COLLECTOR_LIBS) -lm
$(BUILD)/bench/%: $(BUILD)/bench/%.o $(BENCH_LIB) $(TOOL_LIB) $(AGENT_A) $(SINKS_A) $(METRICS_A) $(BASE_A)
	$(link) $(AGENT_LIBS) -lm

# The bench's programs too: they are kept building, and test_collide.py attaches with them.
build-tests: $(UNIT) $(TOOLS) $(TEST_BPF) $(BENCH) $(BENCH_BPF)

## test: everything that must pass before a change lands (needs root); TESTS='pattern' for some
test: deps
	$(Q)$(MAKE) --no-print-directory all build-tests
	$(Q)BUILD=$(BUILD) tests/run.sh $(TESTS)

## test-unit: the tests that need no kernel and no root
test-unit: all $(filter-out $(BUILD)/tests/kern/%,$(UNIT))
	$(Q)BUILD=$(BUILD) tests/run.sh --unit $(TESTS)

$(BUILD)/vmtests/%: $(BUILD)/vmtests/%.o $(TOOL_LIB) $(BASE_A)
	$(link) -lxdp $(TOOL_LIBS)

## vmtest: the same tests on Debian's kernels 5.10, 6.1, 6.12 and newest, in QEMU; KERNELS='6.1,6.12'
vmtest: vmtest-build
	$(Q)BUILD=$(BUILD) vmtests/run.py $(if $(KERNELS),--kernels $(KERNELS)) $(TESTS)
vmtest-build:
	$(Q)BUILD=$(BUILD) deploy/deps.sh vm
	$(Q)$(MAKE) --no-print-directory all $(TOOLS) $(TEST_BPF) $(VMTEST) $(VMTEST_BPF)

## asan: the unit tests under AddressSanitizer and UBSan
asan:
	$(Q)mkdir -p build/asan/deps && ln -sfn $(abspath build/deps/duckdb) build/asan/deps/duckdb
	$(Q)$(MAKE) --no-print-directory BUILD=build/asan SAN=1 CFLAGS='-O1 -g' test-unit

## fuzz: every fuzzer for FUZZ_SECONDS (60) under ASan and UBSan
fuzz: $(FUZZ)
	$(Q)BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh

FUZZ_FLAGS := -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	-Wno-gnu-alignof-expression
# What a fuzzer compiles in: the base library and, for the collector's parsers, its own sources.
fuzz_extra = $(shell sed -n 's/^ \* needs: //p' $(1))
$(BUILD)/fuzz/%: tests/fuzz/%.c $(BASE_A) $(COLLECTOR_A)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -o $@ $< $(call src,lib) $(call src,wire) \
		$(call fuzz_extra,$<) $(if $(findstring otlp,$<),$(OTLP_OBJ:.o=.c)) \
		$(GEN)/proto/wiretally.pb-c.c $(BASE_LIBS) -lgnutls -ljansson -lz -lpthread

## test-long: what takes too long for every run: more kills, more packets, ten minutes away
test-long: all build-tests
	$(Q)KILLS=200 python3 tests/net/test_faults.py killed_under_load
	$(Q)ROUNDS=50 python3 tests/net/test_keep.py
	$(Q)SCALE=5 python3 tests/net/test_exact.py
	$(Q)AWAY=600 python3 tests/net/test_spool.py waits_on_disk

## otelcol: what is sent to OpenTelemetry, read by a Collector built from Debian's Go packages (slow)
otelcol: all
	$(Q)BUILD=$(BUILD) tests/otelcol/build.sh
	$(Q)BUILD=$(BUILD) python3 tests/otelcol/test_otelcol.py

## bench: measure, as ratios in one run (needs root); PEER=file.o:program adds a peer
bench: all build-tests $(BENCH) $(BENCH_BPF)
	$(Q)BUILD=$(BUILD) PEER='$(PEER)' bench/run.sh

## check: format, static analysis, include rules, file and function sizes
check: $(SKEL) $(GEN)/proto/wiretally.pb-c.h
	$(Q)tests/check/run.sh

format: ui/node_modules/.package-lock.json
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format-19 -i
	$(Q)ui/node_modules/.bin/prettier --config ui/.prettierrc.json --log-level warn --write ui/src ui/build.mjs tests/ui

## fresh: prove the two commands in a new Debian root (slow)
fresh:
	$(Q)BUILD=$(BUILD) deploy/deps.sh fresh
	$(Q)tests/fresh/run.sh

# ---- running and installing ----------------------------------------------------------------

## run: install what is missing, build, and start agent and collector on this host (RUN_ARGS=…)
run:
	$(Q)BUILD=$(BUILD) deploy/deps.sh build
	$(Q)$(MAKE) --no-print-directory all
	$(Q)exec $(BUILD)/bin/wiretally run $(RUN_ARGS)

## install: programs to $(PREFIX)/bin, DuckDB's library to $(PREFIX)/lib/wiretally
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/wiretally \
		$(addprefix $(DESTDIR)$(PREFIX)/share/,man/man1 man/man8 bash-completion/completions)
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(DUCKDB)/libduckdb.so $(DESTDIR)$(PREFIX)/lib/wiretally
	$(BUILD)/bin/wiretally --doc=man >$(DESTDIR)$(PREFIX)/share/man/man1/wiretally.1
	for p in $(PROGRAMS); do \
		[ $$p = wiretally ] || $(BUILD)/bin/$$p --doc=man >$(DESTDIR)$(PREFIX)/share/man/man8/$$p.8; \
		$(BUILD)/bin/$$p --doc=completion \
			>$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$p; done

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(PROGRAMS)) $(addprefix \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/,$(PROGRAMS)) \
		$(addprefix $(DESTDIR)$(PREFIX)/share/man/,man1/wiretally.1 man8/wiretally-agent.8 \
		man8/wiretally-collector.8)
	rm -rf $(DESTDIR)$(PREFIX)/lib/wiretally

## clean: remove what was built, keep what was fetched
clean:
	rm -rf skel $(filter-out $(BUILD)/deps,$(wildcard $(BUILD)/*))

-include $(shell find $(BUILD) -type f -name '*.d' -not -path '$(BUILD)/asan/*' 2>/dev/null)
