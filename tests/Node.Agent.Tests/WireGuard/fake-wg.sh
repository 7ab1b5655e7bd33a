#!/bin/sh
# Stands in for wg(8): an interface is a file of that name beside the link by which this is called, as "wg show IF dump" prints it.
set -eu
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
        while [ $# -gt 0 ]; do # peer KEY endpoint ADDRESS
            awk -F '\t' -v OFS='\t' -v key="$2" -v endpoint="$4" 'NF == 8 && $1 == key { $3 = endpoint } { print }' "$interface" > "$interface.new"
            mv "$interface.new" "$interface"
            shift 4
        done
        ;;
    *) sleep 60 ;; # Hangs, as nothing should.
esac
