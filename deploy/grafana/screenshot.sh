#!/bin/sh
# Takes the picture of the dashboard for docs/images, from a running Grafana and the last MINUTES of its data.
#   deploy/grafana/screenshot.sh http://127.0.0.1:3000 docs/images/dashboard.png [MINUTES] [HEIGHT]
# Needs Chromium (CHROMIUM names another command) and fonts.
set -eu
url=${1:?Grafana address}; file=${2:?picture}; minutes=${3:-10}; height=${4:-5380}
now=$(date +%s)
# The end is fixed and refreshing is off: the browser runs on virtual time, its own "now" would lie ahead of the data.
timeout 180 "${CHROMIUM:-chromium}" --headless=new --no-sandbox --disable-gpu --hide-scrollbars \
  --window-size="1680,$height" --virtual-time-budget=30000 --screenshot="$file" \
  "$url/d/sstl-lanes/sstl-lanes?kiosk&refresh=&from=$((now - minutes * 60))000&to=${now}000" 2>/dev/null
test -s "$file"
