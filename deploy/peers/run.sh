#!/usr/bin/env bash
# Builds the engines and runs them against a real Kafka; README.md says what is measured. Needs Go, Java 17, Maven, Linux.
#
#   run.sh build            compile everything
#   run.sh run [flag…]      build, start Kafka, measure, stop Kafka; flags are those of `peers -h`
#   run.sh page             put the last figures into docs/performance.md
#
# The figures go to standard output, .cache/peers/peers.json and .cache/peers/peers.md. `--quick` as the first flag is a
# look: few facts, one lap.
#
# Environment: KAFKA_PORT, KAFKA_HEAP and KAFKA_CACHE, as ../kafka/run.sh has them (default here: port 19392)
#              PEERS_JAVA_OPTS   of the Streams process   (default: -Xms1g -Xmx1g)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=$root/.cache/peers
export KAFKA_PORT=${KAFKA_PORT:-19392}
export KAFKA_HEAP=${KAFKA_HEAP:--Xms1g -Xmx1g}
export KAFKA_CACHE=${KAFKA_CACHE:-$root/.cache/kafka}
mkdir -p "$cache"

kafka_version() { sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$1"; }

build() {
  if [[ $(kafka_version "$here/streams/pom.xml") != "$(kafka_version "$root/deploy/kafka/pom.xml")" ]]; then
    echo "run.sh: the Streams topology and the broker are of different versions of Kafka" >&2
    exit 1
  fi
  (cd "$root" && go build -o "$cache/ledger" ./cmd/ledger)
  (cd "$here" && go vet ./... && go test ./... && go build -o "$cache/peers" .)
  mvn -q -B -f "$here/streams/pom.xml" compile
}

run() {
  local flags=()
  if [[ ${1:-} == --quick ]]; then
    shift
    flags=(-facts 60000 -accounts 2000 -laps 1)
  fi
  build
  "$root/deploy/kafka/run.sh" fetch
  trap '"$root/deploy/kafka/run.sh" wipe' EXIT
  "$root/deploy/kafka/run.sh" wipe
  "$root/deploy/kafka/run.sh" start
  # Streams logs every setting it was given; a failure is said by the process itself.
  PEERS_LEDGER_VERSION=$(git -C "$root" describe --always --dirty=+ --abbrev=12) \
    PEERS_STREAMS_VERSION="$(kafka_version "$here/streams/pom.xml"), RocksDB $(basename "$here"/streams/target/libs/rocksdbjni-*.jar .jar | sed 's/.*-//')" \
    "$cache/peers" -broker-pid "$(cat "$KAFKA_CACHE/data-$KAFKA_PORT/n1.pid")" \
    -brokers "$("$root/deploy/kafka/run.sh" brokers)" -ledger "$cache/ledger" -dir "$cache" \
    -java "java ${PEERS_JAVA_OPTS:--Xms1g -Xmx1g} -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp $here/streams/target/classes:$here/streams/target/libs/* marginledger.peers.Main" \
    -json "$cache/peers.json" -markdown "$cache/peers.md" ${flags[@]+"${flags[@]}"} "$@"
}

# page puts the last figures between the marks in docs/performance.md.
page() {
  local page=$root/docs/performance.md
  [[ -s $cache/peers.md ]] || { echo "run.sh: no figures: run.sh run" >&2; exit 1; }
  [[ $(grep -c '^<!-- peers: ' "$page") == 2 ]] || { echo "run.sh: $page lacks its two marks" >&2; exit 1; }
  awk -v figures="$cache/peers.md" '
    /^<!-- peers: begin/ { print; print ""; while ((getline line < figures) > 0) print line; print ""; skip = 1 }
    /^<!-- peers: end/ { skip = 0 }
    !skip' "$page" > "$cache/page.md"
  cat "$cache/page.md" > "$page"
}

case "${1:-}" in
build) build ;;
page) page ;;
run) shift; run "$@" ;;
*) sed -n '2,13p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
esac
