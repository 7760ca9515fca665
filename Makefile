# What is run before every push, and by CI. Tools are pinned here and nowhere else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

GOLANGCI := v2.15.0
BUF      := v1.75.0
BIN      := $(CURDIR)/.cache/bin
# Minimum time of every fuzz target in `make fuzz`.
FUZZTIME ?= 5s
# Packages with goroutines, for the race detector.
RACE := ./internal/eventlog ./internal/pipeline ./internal/api ./internal/repartition ./internal/broker ./snapshot ./cmd/ledger
# Packages whose tests also run against a real Kafka.
KAFKA_TESTS := $(shell git grep -l 'kafkatest[.]Start\b' -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|')

.PHONY: check build vet test race test-kafka lint proto proto-check fuzz crash bench peers peers-build clean

## check: everything that needs no other program than Go and git
check: build vet lint proto-check test

build:
	go build ./...

vet:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt-ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...

test:
	go test ./...

race:
	go test -race $(RACE)

## test-kafka: the same suites against a real Apache Kafka (Java 17 and mvn needed)
test-kafka:
	deploy/kafka/run.sh fetch
	trap 'deploy/kafka/run.sh stop' EXIT; \
	deploy/kafka/run.sh start; \
	MARGINLEDGER_KAFKA=$$(deploy/kafka/run.sh brokers) go test -count=1 -p 1 -timeout 10m $(KAFKA_TESTS)

$(BIN)/golangci-lint-$(GOLANGCI):
	mkdir -p $(BIN)
	GOBIN=$(BIN) GOFLAGS= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	mv $(BIN)/golangci-lint $@

lint: $(BIN)/golangci-lint-$(GOLANGCI)
	$< run ./...

$(BIN)/buf-$(BUF):
	mkdir -p $(BIN)
	GOBIN=$(BIN) GOFLAGS= go install github.com/bufbuild/buf/cmd/buf@$(BUF)
	mv $(BIN)/buf $@

## proto: generate the Go code of the schema
proto: $(BIN)/buf-$(BUF)
	cd events && $< generate

## proto-check: lint the schema, refuse a breaking change, and generated code that is out of date
proto-check: $(BIN)/buf-$(BUF)
	cd events && $< lint
	cd events && $< breaking --against eventspb/baseline.binpb
	cd events && $< generate && git diff --exit-code -- eventspb

## fuzz: every fuzz target for a short while
fuzz:
	@for file in $$(git grep -l '^func Fuzz' -- '*_test.go'); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
	    echo "fuzz $$(dirname $$file) $$target"; \
	    deploy/fuzz.sh ./$$(dirname $$file) $$target $(FUZZTIME); \
	  done; \
	done

## crash: the crash simulation with fresh seeds; a failure is repeated with MARGINLEDGER_SEED
crash:
	@for seed in $(if $(MARGINLEDGER_SEED),$(MARGINLEDGER_SEED),$$RANDOM $$RANDOM $$RANDOM); do \
	  echo "crash simulation, MARGINLEDGER_SEED=$$seed"; \
	  MARGINLEDGER_SEED=$$seed go test -count=1 -run 'Crash|Lost|Kill|Chaos|Zombie' ./internal/pipeline; \
	done

## bench: the numbers to reach, measured: one JSON document on stdout, progress on stderr
bench:
	@go run ./cmd/ledger bench --json

## peers: the reduced task through goka, Kafka Streams and our pipeline (deploy/peers/README.md); Java 17 and mvn needed
peers:
	deploy/peers/run.sh run

## peers-build: compile the engines of `make peers`, and run their tests
peers-build:
	deploy/peers/run.sh build

clean:
	rm -rf .cache/bin
