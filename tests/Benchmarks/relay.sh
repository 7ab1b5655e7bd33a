#!/usr/bin/env bash
# relay.sh [ROW...]: what a packet costs relay-server, beside the least a C program needs for the same work (generators/tlsrelay).
# TLS 1.3, servers on core 0, load on core 1, everything interleaved, medians of ROUNDS (5). Prints one line a row: figures, ratio, target.
#   rows: recs10 recs100 small10 small100 rec10 rec10-off spread scale echo login shards pauses idle    (none given: all but idle)
# Build first: dotnet build src/Relay.Server -c Release; make -C tests/Benchmarks/generators. Needs openssl, and nobody else on the machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-1.5}
IDLE=${IDLE:-1000,5000,10000}
BENCH=${BENCH:-artifacts/bench}
RELAY=${RELAY:-artifacts/bin/Relay.Server/release/relay-server}
LOAD_CORE=1
[ -x "$RELAY" ] && [ -x "$BENCH/derpload" ] || { echo "build first: see the head of this file"; exit 2; }
[ "$(nproc)" -ge 2 ] || { echo "this needs two cores: one for the server, one for the load"; exit 2; }

work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap cleanup EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 2 -subj /CN=localhost 2>/dev/null

# relay NAME CORES OPTION...: starts a relay; sets NAME_pid, NAME_port and NAME_admin.
relay() {
  local name=$1 cores=$2 line
  shift 2
  taskset -c "$cores" "$RELAY" --listen 127.0.0.1:0 --stun off --admin 127.0.0.1:0 --tls-cert "$work/cert.pem" --tls-key "$work/key.pem" "$@" >"$work/$name.out" 2>"$work/$name.err" &
  pids+=($!)
  for _ in $(seq 100); do [ -s "$work/$name.out" ] && break; sleep 0.1; done
  line=$(cat "$work/$name.out")
  [ -n "$line" ] || { cat "$work/$name.err"; exit 1; }
  printf -v "${name}_pid" %s "${pids[-1]}"
  printf -v "${name}_port" %s "$(sed -E 's/.*tcp:\/\/127.0.0.1:([0-9]+)","tcp.*/\1/' <<<"$line")"
  printf -v "${name}_admin" %s "$(sed -E 's/.*tcp:\/\/127.0.0.1:([0-9]+)"\].*/\1/' <<<"$line")"
}

# limit NAME MODE: starts tlsrelay; sets NAME_pid and NAME_port.
next_port=$((20000 + $$ % 10000))
limit() {
  local name=$1
  next_port=$((next_port + 1))
  taskset -c 0 "$BENCH/tlsrelay" -l "$next_port" -m "$2" -c "$work/cert.pem" -k "$work/key.pem" 2>"$work/$name.err" &
  pids+=($!)
  printf -v "${name}_pid" %s "${pids[-1]}"
  printf -v "${name}_port" %s "$next_port"
}

# load ROW SERVER ARGUMENT...: one run; its figures go to ROW.SERVER, one line a round.
load() {
  local row=$1 server=$2 pid=$2_pid port=$2_port raw=()
  shift 2
  case $server in merged | single) raw=(-x) ;; esac
  taskset -c $LOAD_CORE "$BENCH/derpload" -W 0.5 -d "$SECONDS_EACH" -p "${!port}" -P "${!pid}" "${raw[@]}" "$@" | tee -a "$work/log" | tail -1 >>"$work/$row.$server"
}

# median ROW SERVER FIELD
median() {
  grep -oE "(^| )$3=[0-9.]+" "$work/$1.$2" | sed 's/.*=//' | sort -g | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}'
}

# compare ROW FIELD UNIT OURS REFERENCE TARGET
compare() {
  local ours reference
  ours=$(median "$1" "$4" "$2")
  reference=$(median "$1" "$5" "$2")
  awk -v row="$1" -v unit="$3" -v o="$ours" -v r="$reference" -v who="$5" -v t="$6" 'BEGIN {printf "%-10s %9.2f %s, %s %9.2f: ratio %.2f (target %s)\n", row, o, unit, who, r, o / r, t}'
}

rows=("$@")
[ ${#rows[@]} -gt 0 ] || rows=(recs10 recs100 small10 small100 rec10 rec10-off spread scale echo login shards pauses)
relay relay 0 --shards 1
relay still 0 --shards 1 --gather off
relay two 0,1 --shards 2
limit merged m
limit single r
sleep 0.3
for server in relay still two merged single; do load warm-up $server -n 10 -R -b 16; done # Compiled, and with buffers.

for _ in $(seq "$ROUNDS"); do
  for row in "${rows[@]}"; do
    case $row in
      recs10) for s in relay merged; do load "$row" $s -n 10 -R -b 16; done ;;
      recs100) for s in relay merged; do load "$row" $s -n 100 -R -b 16; done ;;
      small10) for s in relay merged; do load "$row" $s -n 10 -s 100 -R -b 16; done ;;
      small100) for s in relay merged; do load "$row" $s -n 100 -s 100 -R -b 16; done ;;
      rec10) for s in relay single; do load "$row" $s -n 10; done ;;
      rec10-off) for s in still single; do load "$row" $s -n 10; done ;;
      spread) for s in relay merged; do load "$row" $s -n 100 -r 100000; done ;;
      scale) load scale-10 relay -n 10 -R -b 16; load scale-1000 relay -n 1000 -R -b 16 ;;
      echo) for s in relay merged; do load "$row" $s -M echo -n 1 -w 1 -s 100; done ;;
      login) load "$row" relay -M connect -f -c 8; load "$row" merged -M connect -c 8 ;;
      shards) for s in relay two; do load "$row" $s -n 10 -R -b 16; load "$row-100" $s -n 100 -R -b 16; done ;;
      pauses) load "$row" relay -n 100 -R -b 16 ;;
      idle) ;;
      *) echo "no such row: $row"; exit 2 ;;
    esac
  done
done

for row in "${rows[@]}"; do
  case $row in
    recs10 | recs100) compare "$row" srv_us/pkt "µs a packet" relay merged "1.0" ;;
    small10 | small100) compare "$row" srv_us/pkt "µs a packet" relay merged "0.95" ;;
    rec10) compare "$row" srv_us/pkt "µs a packet" relay single "0.65" ;;
    rec10-off) compare "$row" srv_us/pkt "µs a packet" still single "0.95" ;;
    spread) compare "$row" srv_us/pkt "µs a packet" relay merged "1.1" ;;
    scale)
      cp "$work/scale-1000.relay" "$work/scale.relay"
      cp "$work/scale-10.relay" "$work/scale.with-10-pairs"
      compare scale rcvd/s "packets a second with 1000 pairs" relay with-10-pairs "at least 0.85"
      ;;
    echo)
      compare "$row" p50 "µs p50" relay merged "1.1"
      compare "$row" p99 "µs p99" relay merged "1.1"
      ;;
    login) compare "$row" srv_us/conn "µs a login" relay merged "1.6" ;;
    shards)
      compare "$row" srv_us/pkt "µs a packet, two shards" two relay "1.25"
      compare "$row-100" srv_us/pkt "µs a packet, two shards" two relay "1.25"
      ;;
    pauses)
      echo "pauses: rounds of all these runs by how long they took"
      { exec 3<>"/dev/tcp/127.0.0.1/$relay_admin" && printf 'GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3 && grep -E '^relay_shard_rounds' <&3; } || true
      ;;
    idle)
      relay fresh 0 --shards 1
      ulimit -n 65536 2>/dev/null || true
      taskset -c $LOAD_CORE "$BENCH/derpload" -M idle -f -c 64 -I "$IDLE" -Y "${HOLD:-5}" -p "$fresh_port" -P "$fresh_pid"
      ;;
  esac
done
grep -oE 'lost=[0-9]+' "$work/log" | awk -F= '{lost += $2} END {print "packets lost in all runs: " lost + 0}'
