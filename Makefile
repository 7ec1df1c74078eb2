# Few commands, the same for people and for CI.
BUILD := swift build -c release

.PHONY: help setup build demo test lint install clean

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
	@$(MAKE) --no-print-directory lint
	$(BUILD) --build-tests
	swift test -c release --skip-build --disable-xctest

lint: ## Check the format of all Swift files.
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests Examples

PREFIX ?= /usr/local

install: build ## Install the command and its shell completions below PREFIX (/usr/local).
	scripts/install.sh "$(PREFIX)"

clean: ## Remove what was built.
	rm -rf .build demo-out
