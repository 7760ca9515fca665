#!/usr/bin/env bash
# A real Apache Kafka (KRaft, no container) for tests, from Maven Central. Needs Java 17 and mvn.
#
#   run.sh fetch         download the jars (once; about 45 MB)
#   run.sh start [1|3]   format on first use, start that many nodes on 127.0.0.1, wait until they answer
#   run.sh stop          stop all nodes cleanly
#   run.sh kill N        kill -9 node N
#   run.sh restart N     start node N again
#   run.sh status        which nodes run
#   run.sh brokers       the addresses, for MARGINLEDGER_KAFKA
#   run.sh wipe          stop, and delete all data (the jars stay)
#
# Environment: KAFKA_CACHE   jars and data           (default: .cache/kafka in the repository)
#              KAFKA_PORT    of node 1; 2 and 3 follow, controllers are 100 above   (default: 19092)
#              KAFKA_VERSION, KAFKA_HEAP              (default: 4.1.1; -Xms256m -Xmx512m)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${KAFKA_CACHE:-$here/../../.cache/kafka}
port=${KAFKA_PORT:-19092}
version=${KAFKA_VERSION:-4.1.1}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
libs=$cache/libs-$version
data=$cache/data-$port
# Word splitting of the heap options is wanted.
java=(java ${KAFKA_HEAP:--Xms256m -Xmx512m} -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -Djava.awt.headless=true
  "-Dlog4j2.configurationFile=file:$here/log4j2.properties" -cp "$libs/*")

die() { echo "run.sh: $*" >&2; exit 1; }

# The number of nodes that the data was formatted for; 0 if it was not.
nodes() { cat "$data/nodes" 2>/dev/null || echo 0; }

started() { [[ -f $data/nodes ]] || die "no data in $data: run.sh start"; }

brokers() {
  local i list=""
  for i in $(seq 1 "$(nodes)"); do list+="${list:+,}127.0.0.1:$((port + i - 1))"; done
  echo "$list"
}

# running N: whether node N's process is alive, and ours.
running() {
  local pid
  pid=$(cat "$data/n$1.pid" 2>/dev/null) || return 1
  [[ -r /proc/$pid/cmdline ]] || { kill -0 "$pid" 2>/dev/null; return; }
  tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | grep -qF "$data/n$1.properties"
}

write_config() { # node, number of nodes
  local i=$1 n=$2 replicas=1 insync=1 voters="" k
  if [[ $n == 3 ]]; then replicas=3 insync=2; fi
  for k in $(seq 1 "$n"); do voters+="${voters:+,}$k@127.0.0.1:$((port + 99 + k))"; done
  cat > "$data/n$i.properties" <<CONFIG
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$((port + i - 1)),CONTROLLER://127.0.0.1:$((port + 99 + i))
advertised.listeners=PLAINTEXT://127.0.0.1:$((port + i - 1))
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$data/n$i
num.partitions=1
default.replication.factor=$replicas
min.insync.replicas=$insync
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$replicas
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$insync
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$insync
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
message.max.bytes=16777216
replica.fetch.max.bytes=16777216
log.retention.ms=-1
broker.session.timeout.ms=6000
CONFIG
}

launch() { # node
  running "$1" && return
  nohup "${java[@]}" kafka.Kafka "$data/n$1.properties" >> "$data/n$1.log" 2>&1 < /dev/null &
  echo $! > "$data/n$1.pid"
}

await() { # node: until its port answers
  local _
  for _ in $(seq 1 240); do
    running "$1" || { tail -20 "$data/n$1.log" >&2; die "node $1 has ended; see $data/n$1.log"; }
    if (exec 3<> "/dev/tcp/127.0.0.1/$((port + $1 - 1))") 2>/dev/null; then return; fi
    sleep 0.25
  done
  die "node $1 does not answer; see $data/n$1.log"
}

start() { # number of nodes
  local n=$1 i
  [[ $n == 1 || $n == 3 ]] || die "start 1 or start 3"
  [[ -d $libs ]] || die "no jars in $libs: run.sh fetch"
  mkdir -p "$data"
  if [[ -f $data/nodes && $(nodes) != "$n" ]]; then die "formatted for $(nodes) nodes: run.sh wipe first"; fi
  if [[ ! -f $data/nodes ]]; then
    "${java[@]}" kafka.tools.StorageTool random-uuid | tail -1 > "$data/cluster.id"
    for i in $(seq 1 "$n"); do
      write_config "$i" "$n"
      "${java[@]}" kafka.tools.StorageTool format -t "$(cat "$data/cluster.id")" -c "$data/n$i.properties" --ignore-formatted > "$data/format.log" 2>&1 ||
        { cat "$data/format.log" >&2; die "formatting node $i failed"; }
    done
    echo "$n" > "$data/nodes"
  fi
  for i in $(seq 1 "$n"); do launch "$i"; done
  for i in $(seq 1 "$n"); do await "$i"; done
  brokers
}

stop() {
  local i _
  [[ -f $data/nodes ]] || return 0
  for i in $(seq 1 "$(nodes)"); do if running "$i"; then kill "$(cat "$data/n$i.pid")"; fi; done
  for i in $(seq 1 "$(nodes)"); do
    for _ in $(seq 1 120); do running "$i" || break; sleep 0.25; done
    if running "$i"; then kill -9 "$(cat "$data/n$i.pid")"; fi # With the quorum gone, the last ones wait in vain.
    rm -f "$data/n$i.pid"
  done
}

node() { # checks an argument
  started
  [[ ${1:-} =~ ^[1-3]$ && $1 -le $(nodes) ]] || die "which node? 1 to $(nodes)"
}

case "${1:-}" in
fetch)
  if [[ ! -d $libs ]]; then
    rm -rf "$libs.part"
    mvn -q -B -f "$here/pom.xml" -Dkafka.version="$version" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$libs.part"
    mv "$libs.part" "$libs"
  fi
  echo "$(find "$libs" -name '*.jar' | wc -l) jars in $libs" ;;
start) start "${2:-1}" ;;
stop) stop ;;
kill) node "${2:-}"; running "$2" || die "node $2 does not run"; kill -9 "$(cat "$data/n$2.pid")"; rm -f "$data/n$2.pid" ;;
restart) node "${2:-}"; launch "$2"; await "$2" ;;
status) started; for i in $(seq 1 "$(nodes)"); do if running "$i"; then echo "node $i runs"; else echo "node $i is down"; fi; done ;;
brokers) started; brokers ;;
wipe) stop; rm -rf "$data" ;;
*) sed -n '2,17p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
esac
