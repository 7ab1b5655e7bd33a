#!/usr/bin/env bash
# What a packet costs on its way between two WireGuards: on a plain route, through a C hop at each end (generators/udphop, recvmmsg and sendmmsg),
# and through relay-node at each end, direct and by relay. Each way has two network namespaces of its own, behind one router with a relay;
# all are open at once and take turns, so that only runs under the same load are compared. TCP, then 200 Mbit/s of UDP, then pings.
#
#   path.sh              five rounds (3 minutes), then the table of medians
#   path.sh round [N]    N rounds more, added to artifacts/bench/path.log
#   path.sh table        the table of what is in there
#
# WAYS="plain hop direct relayed" chooses. A way NAME=PROGRAM is with another build of relay-node, to compare builds:
# relayed where its name begins so, otherwise direct.
# Build first: dotnet publish src/Relay.Server -c Release -o artifacts/publish/relay-server; the same with Node.Agent and relay-node.
# Needs root, iproute2, nftables, wireguard-go, wireguard-tools, iperf3, openssl, gcc; and nobody else on the machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PATH:/usr/sbin:/sbin" DOTNET_NOLOGO=1
bench=$PWD/artifacts/bench
log=$bench/path.log
publish=${RELAY_PUBLISH_DIR:-$PWD/artifacts/publish}
relay_node=${RELAY_NODE:-$publish/relay-node/relay-node}
declare -A build=()
ways=()
for way in ${WAYS:-plain hop direct relayed}; do
  ways+=("${way%%=*}")
  build[${way%%=*}]=$relay_node
  [ "$way" = "${way%%=*}" ] || build[${way%%=*}]=${way#*=}
done
seconds=${SECONDS_EACH:-3}
rate=200M
payload=1300 # One packet of the tunnel each.
udp_port=41000
wg_port=51820
tunnel_b=10.99.0.2 # In every tunnel.

id=path$$
router=$id-r
work=
pids=()
declare -A hops=()

inside() { local where=$1; shift; ip netns exec "$id-$where" "$@"; }

cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  ip netns list | cut -d' ' -f1 | { grep "^$id-" || true; } | while read -r name; do ip netns delete "$name"; done
  rm -f /var/run/wireguard/p$$*.sock
  [ -z "$work" ] || rm -rf "$work"
}

# start WHERE NAME COMMAND...: in the background; its words go to a file, its process id to started.
start() {
  local where=$1 name=$2
  shift 2
  ip netns exec "$id-$where" "$@" >"$work/$name.out" 2>"$work/$name.err" &
  started=$!
  pids+=("$started")
}

# await WHAT COMMAND...: until the command succeeds, 20 s at most.
await() {
  local what=$1
  shift
  for ((SECONDS = 0; SECONDS < 20; )); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "not so after 20 s: $what" >&2
  tail -n 5 "$work"/*.err >&2
  exit 1
}

add_namespace() {
  ip netns add "$id-$1"
  ip -n "$id-$1" link set dev lo up
}

build_router() {
  add_namespace r
  inside r sysctl -qw net.ipv4.ip_forward=1
  for address in 198.19.1.10 198.19.1.11; do ip -n "$router" addr add $address/32 dev lo; done
}

# host NAME NETWORK: an end, at 198.18.NETWORK.2 behind the router.
host() {
  add_namespace "$1"
  ip link add wan netns "$id-$1" type veth peer name "$1" netns "$router"
  ip -n "$id-$1" addr add "198.18.$2.2/24" dev wan
  ip -n "$router" addr add "198.18.$2.1/24" dev "$1"
  ip -n "$id-$1" link set dev wan up
  ip -n "$router" link set dev "$1" up
  ip -n "$id-$1" route add default via "198.18.$2.1"
}

start_relay() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 2 -subj /CN=relay 2>/dev/null
  local pin
  pin=$(openssl x509 -in "$work/cert.pem" -outform der | sha256sum | cut -d' ' -f1)
  cat >"$work/map.json" <<MAP
{"Regions":{"900":{"RegionID":900,"RegionCode":"path","RegionName":"Path","Nodes":[
{"Name":"900a","RegionID":900,"HostName":"198.19.1.10","IPv4":"198.19.1.10","DERPPort":443,"STUNPort":3478,"CertName":"sha256-raw:$pin"},
{"Name":"900b","RegionID":900,"HostName":"198.19.1.11","IPv4":"198.19.1.11","STUNPort":3478,"STUNOnly":true}]}}}
MAP
  start r relay "$publish/relay-server/relay-server" --listen 198.19.1.10:443 --tls-cert "$work/cert.pem" --tls-key "$work/key.pem" \
    --key-file "$work/relay.json" --admission open --stun 198.19.1.10:3478 --stun 198.19.1.11:3478
  relay=$started
  await "the relay listens" test -s "$work/relay.out"
}

# wireguard HOST SELF OTHER PEER [ENDPOINT]: one end of a tunnel, with the address 10.99.0.SELF. Its socket is a file, so its name is its own.
wireguard() {
  local host=$1 self=$2 other=$3 peer=$4 endpoint=${5:-} name=p$$$1
  WG_PROCESS_FOREGROUND=1 LOG_LEVEL=error start "$host" "$name" wireguard-go -f "$name"
  await "$name is there" test -S "/var/run/wireguard/$name.sock"
  {
    printf '[Interface]\nPrivateKey = %s\nListenPort = %s\n[Peer]\nPublicKey = %s\nAllowedIPs = 10.99.0.%s/32\n' "$(cat "$work/$host.key")" $wg_port "$(cat "$work/$peer.pub")" "$other"
    [ -z "$endpoint" ] || echo "Endpoint = $endpoint"
  } >"$work/$name.conf"
  inside "$host" wg setconf "$name" "$work/$name.conf"
  ip -n "$id-$host" addr add "10.99.0.$self/24" dev "$name"
  ip -n "$id-$host" link set dev "$name" mtu 1420 up
}

# open_way WAY NUMBER: its ends are aNUMBER and bNUMBER.
open_way() {
  local way=$1 a=a$2 b=b$2 at_a=198.18.$((2 * $2)).2 at_b=198.18.$((2 * $2 + 1)).2 node=${build[$1]} end
  host "$a" $((2 * $2))
  host "$b" $((2 * $2 + 1))
  for end in "$a" "$b"; do
    wg genkey >"$work/$end.key"
    wg pubkey <"$work/$end.key" >"$work/$end.pub"
  done
  case $way in
    plain)
      wireguard "$a" 1 2 "$b" "$at_b:$wg_port"
      wireguard "$b" 2 1 "$a" "$at_a:$wg_port"
      ;;
    hop)
      wireguard "$a" 1 2 "$b" "127.0.0.1:$udp_port"
      wireguard "$b" 2 1 "$a" "127.0.0.1:$udp_port"
      start "$a" "hop-$a" "$bench/udphop" $udp_port $((udp_port + 1)) "$at_b" $((udp_port + 1)) 32 $wg_port
      hops[$way]=$started
      start "$b" "hop-$b" "$bench/udphop" $udp_port $((udp_port + 1)) "$at_a" $((udp_port + 1)) 32 $wg_port
      hops[$way]+=" $started"
      ;;
    *)
      wireguard "$a" 1 2 "$b"
      wireguard "$b" 2 1 "$a"
      [[ $way != relayed* ]] || inside r nft "add table ip cut; add chain ip cut forward { type filter hook forward priority 0; }; add rule ip cut forward iifname { $a, $b } meta l4proto udp drop"
      for end in "$b" "$a"; do
        STATE_DIRECTORY=$work/state-$end start "$end" "agent-$end" "$node" up "$work/p$$$end.conf" \
          --relay-map "$work/map.json" --port $udp_port --port-mapping off --socket "$work/$end.sock"
        hops[$way]+=" $started"
      done
      ;;
  esac
  await "$way answers" inside "$a" ping -c 1 -W 1 $tunnel_b
}

# is_on NUMBER PATH: both agents say so.
is_on() {
  for end in a b; do "$relay_node" status --json --socket "$work/$end$1.sock" | grep -q "\"path\":\"$2\"" || return; done
}

expect_path() {
  case $1 in
    plain | hop) ;;
    relayed*) await "$1 is relayed" is_on "$2" relay ;;
    *) await "$1 is direct" is_on "$2" direct ;;
  esac
}

# each COMMAND...: for every way, its name and number appended.
each() {
  local number
  for number in "${!ways[@]}"; do "$@" "${ways[number]}" "$number"; done
}

open_all() {
  [ "$(id -u)" -eq 0 ] || { echo "this needs root, for network namespaces" >&2; exit 2; }
  for program in ip nft wg wireguard-go iperf3 openssl ping; do
    command -v $program >/dev/null || { echo "$program is missing: scripts/install-dependencies.sh installs it" >&2; exit 2; }
  done
  local program
  for program in "${build[@]}" "$publish/relay-server/relay-server"; do
    [ -x "$program" ] || { echo "there is no $program: build first, see the head of this file" >&2; exit 2; }
  done
  make -s -C tests/Benchmarks/generators "$bench/udphop"
  umask 077
  work=$(mktemp -d)
  trap cleanup EXIT
  build_router
  start_relay
  each open_way
  each expect_path
  each serve
  each warm
}

serve() { start "b$2" "iperf3-$1" iperf3 --server; }

# Until the compiler is done.
warm() {
  await "iperf3 answers" inside "a$2" iperf3 --client $tunnel_b --time 1
  inside "a$2" iperf3 --client $tunnel_b --time 2 >/dev/null
  inside "a$2" iperf3 --client $tunnel_b --time 1 --udp --bitrate $rate --length $payload >/dev/null
}

# spent PID...: the run time of all their threads, ended ones too, in nanoseconds. The kernel counts it exactly and shows hundredths of a second.
spent() {
  local total=0 pid
  for pid in "$@"; do total=$((total + $(sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }'))); done
  echo $((total * 10000000))
}

# sum NAME: a number of the report's closing sum.
sum() { sed -n '/"end":[[:space:]]*{/,$p' "$work/report" | sed -n '/"sum":/,/}/p' | grep -m1 "\"$1\":" | sed -E 's/.*:[[:space:]]*([0-9.e+-]+).*/\1/'; }

measure_tcp() {
  local way=$1 host=a$2 before after rate_bits
  before=$(spent ${hops[$way]:-})
  inside "$host" iperf3 --client $tunnel_b --time "$seconds" --json >"$work/report"
  after=$(spent ${hops[$way]:-})
  rate_bits=$(sed -n '/"sum_received":/,/}/p' "$work/report" | grep -m1 '"bits_per_second"' | sed -E 's/.*:[[:space:]]*([0-9.e+]+).*/\1/')
  awk -v w="$way" -v r="$rate_bits" -v c=$((after - before)) -v s="$seconds" 'BEGIN { printf "%s tcp mbit=%.1f cores=%.3f\n", w, r / 1e6, c / 1e9 / s }' | tee -a "$log"
}

measure_udp() {
  local way=$1 host=a$2 before after packets lost
  before=$(spent ${hops[$way]:-})
  inside "$host" iperf3 --client $tunnel_b --time "$seconds" --udp --bitrate $rate --length $payload --json >"$work/report"
  after=$(spent ${hops[$way]:-})
  packets=$(sum packets)
  lost=$(sum lost_packets)
  # Two hops carry each packet.
  awk -v w="$way" -v p="$packets" -v l="$lost" -v c=$((after - before)) 'BEGIN { printf "%s udp packets=%d lost=%.3f hop_us=%.2f\n", w, p, 100 * l / p, c / 1000 / p / 2 }' | tee -a "$log"
}

measure_ping() {
  local way=$1 host=a$2
  inside "$host" ping -c 150 -i 0.01 $tunnel_b | grep -oE 'time=[0-9.]+' | cut -d= -f2 | sort -g |
    awk -v w="$way" '{ v[NR] = $1 } END { printf "%s ping p50=%.3f p90=%.3f\n", w, v[int((NR + 1) / 2)], v[int(NR * 0.9)] }' | tee -a "$log"
}

round() {
  each measure_tcp
  each measure_udp
  each measure_ping
  each expect_path # What was measured is what it was to be.
}

# value WAY WHAT FIELD: the median of a field.
value() { { grep "^$1 $2 " "$log" || true; } | sed -E "s|.* $3=([0-9.]+).*|\1|" | sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.6g", (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2 }'; }
ratio() { awk -v a="${1:-0}" -v b="${2:-0}" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "–" }'; }

table() {
  [ -s "$log" ] || { echo "nothing is measured yet: run $0" >&2; exit 1; }
  local plain hop
  plain=$(value plain tcp mbit) hop=$(value hop udp hop_us)
  echo "| way | TCP, Mbit/s | of plain | cores of both hops | 200 Mbit/s of UDP: lost, % | µs a packet and hop | × C hop | ping, ms p50 / p90 |"
  echo "|---|---|---|---|---|---|---|---|"
  for way in $(cut -d' ' -f1 "$log" | awk '!seen[$0]++'); do
    echo "| $way | $(value $way tcp mbit) | $(ratio "$(value $way tcp mbit)" "$plain") | $(value $way tcp cores) | $(value $way udp lost) | $(value $way udp hop_us) | $(ratio "$(value $way udp hop_us)" "$hop") | $(value $way ping p50) / $(value $way ping p90) |"
  done
}

case ${1:-all} in
  all)
    mkdir -p "$bench"
    rm -f "$log"
    open_all
    for _ in 1 2 3 4 5; do round; done
    table
    ;;
  round)
    mkdir -p "$bench"
    open_all
    for _ in $(seq "${2:-1}"); do round; done
    ;;
  table) table ;;
  *) sed -n '2,14s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
