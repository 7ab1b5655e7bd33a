#!/usr/bin/env bash
# Installs, by name, what the lab, the demo and the interoperability tests need beyond the .NET SDK. Starts no daemon.
# Without root it installs nothing and says what is missing: the tests that need it are skipped and say so.
set -euo pipefail

declare -A package_of=(
  [ip]=iproute2 [nft]=nftables [ping]=iputils-ping [wg]=wireguard-tools [wireguard-go]=wireguard-go
  [iperf3]=iperf3 [conntrack]=conntrack [openssl]=openssl [ps]=procps
  [promtool]=prometheus [turnserver]=coturn [stun]=stun-client [stund]=stun-server
  [miniupnpd]=miniupnpd-nftables [tayga]=tayga [faketime]=faketime
  [nginx]="nginx-light libnginx-mod-stream" [chromium]=chromium [tinyproxy]=tinyproxy-bin
)

missing=()
for program in "${!package_of[@]}"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null && continue
  read -ra packages <<<"${package_of[$program]}"
  missing+=("${packages[@]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "Not root, so not installed: ${missing[*]}. What needs them is skipped."
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "There is no apt-get here, so not installed: ${missing[*]}. What needs them is skipped."
  exit 0
fi

# Debian starts a daemon when its package comes in, unless this file says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi

echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
# The package lists of a fresh machine are empty or old, and a mirror may stumble once.
apt-get update -qq || { sleep 5 && apt-get update -qq; } || true
install "${missing[@]}" && exit 0

# One that this distribution lacks must not cost the others.
for package in "${missing[@]}"; do
  install "$package" || echo "Not installed: $package. What needs it is skipped."
done
