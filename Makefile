# Few commands, the same for people and for CI.
BUILD := swift build -c release

.PHONY: help setup build demo test lint conformance fuzz browser bench latency constancy soak judge install clean

help: ## Show this list.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## Install the Debian packages that are missing.
	@scripts/setup.sh build

build: setup ## Build the release binary.
	$(BUILD) --product quota-voice

demo: build ## Convert a recording of the repository to another voice.
	@scripts/demo.sh

test: ## Install what is missing, build, and run every check.
	@scripts/setup.sh test
	@Tests/ProviderTests/set-up.sh >/dev/null
	@$(MAKE) --no-print-directory lint
	$(BUILD) --build-tests
	@scripts/test.sh

lint: ## Check the format of all Swift files.
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests Examples

conformance: ## Hold the WebSocket client against Autobahn|Testsuite.
	@scripts/setup.sh build
	Tests/ConformanceTests/run.sh

fuzz: ## Fuzz the parsers with AddressSanitizer, MINUTES (10) each.
	@scripts/setup.sh build
	Tests/Fuzz/run.sh $(or $(MINUTES),10)

browser: ## Click through the local server's pages in Chromium, pictures in .cache/browser.
	@scripts/setup.sh browser
	$(BUILD) --product quota-voice
	Tests/ProviderTests/chromium.sh "$$($(BUILD) --show-bin-path)/quota-voice" .cache/browser

bench: ## Measure beside other libraries, as ratios of one run.
	@scripts/setup.sh bench
	swift run --package-path Benchmarks -c release SignalBench
	swift run --package-path Benchmarks -c release WebSocketBench
	swift run --package-path Benchmarks -c release VoiceBench
	$(BUILD) --product quota-voice
	swift run --package-path Benchmarks -c release RelayLoad "$$($(BUILD) --show-bin-path)/quota-voice"
	swift build --package-path Benchmarks -c release --product BareServer
	swift run --package-path Benchmarks -c release RestLoad "$$($(BUILD) --show-bin-path)/quota-voice" \
		"$$(swift build --package-path Benchmarks -c release --show-bin-path)/BareServer"

latency: ## Measure the delay from microphone to speaker beside other programs, write docs/latency.md.
	@scripts/setup.sh latency
	$(BUILD) --product quota-voice
	Benchmarks/Latency/run.sh "$$($(BUILD) --show-bin-path)/quota-voice"

constancy: ## Watch the delay of one live session for MINUTES (30), draw docs/constancy.svg.
	@scripts/setup.sh latency
	$(BUILD) --product quota-voice
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 Benchmarks/Latency/constancy.py \
		"$$($(BUILD) --show-bin-path)/quota-voice" docs --minutes $(or $(MINUTES),30)

soak: ## Turn every knob of the local voices for an hour of sound, SEED (2026).
	@scripts/setup.sh test
	$(BUILD) --build-tests
	QUOTA_VOICE_SOAK_MINUTES=60 QUOTA_VOICE_SOAK_SEED=$(or $(SEED),2026) swift test -c release --skip-build --disable-xctest \
		--filter RandomChangesTests

judge: ## Judge the local voices beside other converters, write docs/voices.md.
	@scripts/setup.sh judge
	$(BUILD) --product quota-voice
	Tests/Judge/run.sh "$$($(BUILD) --show-bin-path)/quota-voice"

PREFIX ?= /usr/local

install: build ## Install the command and its shell completions below PREFIX (/usr/local).
	scripts/install.sh "$(PREFIX)"

clean: ## Remove what was built.
	rm -rf .build demo-out
