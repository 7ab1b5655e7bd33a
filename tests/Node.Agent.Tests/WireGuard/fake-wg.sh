#!/bin/sh
# Stands in for wg(8): an interface is a file of that name beside the link by which this is called, as "wg show IF dump" prints it.
set -eu
hold="$(dirname "$0")/hold"
while [ -f "$hold" ]; do
    touch "$hold.reached"
    sleep 0.02
done
interface="$(dirname "$0")/$2"
if [ ! -f "$interface" ]; then
    echo "Unable to access interface $2: No such device" >&2
    exit 1
fi
case "$1 ${3:-}" in
    "show dump") cat "$interface" ;;
    "show private-key") head -n 1 "$interface" | cut -f 1 ;;
    "set peer")
        shift 2
        if [ "${3:-}" = remove ]; then # peer KEY remove peer KEY [preshared-key FILE] endpoint ADDRESS [...]: what is put in again is kept as it was said.
            echo "$* $(cat)" >> "$interface.anew"
            awk -F '\t' -v key="$2" 'NF != 8 || $1 != key' "$interface" > "$interface.new"
            shift 3
            psk="(none)"
            allowed="(none)"
            keepalive="off"
            while [ $# -gt 0 ]; do
                case "$1" in
                    peer) key="$2" ;;
                    preshared-key) psk="$(tail -n 1 "$interface.anew" | awk '{ print $NF }')" ;;
                    endpoint) endpoint="$2" ;;
                    persistent-keepalive) keepalive="$2" ;;
                    allowed-ips) allowed="$2" ;;
                esac
                shift 2
            done
            printf '%s\t%s\t%s\t%s\t0\t0\t0\t%s\n' "$key" "$psk" "$endpoint" "$allowed" "$keepalive" >> "$interface.new"
            mv "$interface.new" "$interface"
        fi
        while [ $# -gt 0 ]; do # peer KEY endpoint ADDRESS
            awk -F '\t' -v OFS='\t' -v key="$2" -v endpoint="$4" 'NF == 8 && $1 == key { $3 = endpoint } { print }' "$interface" > "$interface.new"
            mv "$interface.new" "$interface"
            shift 4
        done
        ;;
    *) sleep 60 ;; # Hangs, as nothing should.
esac
