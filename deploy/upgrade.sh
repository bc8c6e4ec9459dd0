#!/usr/bin/env bash
# Shows that this wacast and an earlier one work on the same streams: builds REVISION and
# the working tree, starts NATS, Redis and the simulator of the Cloud API, which loses some
# answers, and has two workers and a receiver of webhooks send jobs of two numbers at their
# limit, a tenth of them later. All begin as REVISION, are restarted in turn as the working
# tree, then as REVISION again. In the end all must have been sent once, and both builds
# find the accounts closed. Needs Go, git and redis-server.
#     deploy/upgrade.sh REVISION [SECONDS]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
revision=$(git rev-parse --short "${1:?usage: deploy/upgrade.sh REVISION [SECONDS]}^{commit}") seconds=${2:-90}
mps=80 campaign=upgrade dir=$(mktemp -d) base=$((20000 + RANDOM % 9000))
declare -A pids
finish() {
  local code=$?
  kill "${pids[@]}" 2>/dev/null || true
  wait
  if ((code)); then grep -h level=ERROR "$dir"/*.log | tail -n 3 || true; echo "RED: logs are in $dir"; else rm -rf "$dir"; fi
  exit "$code"
}
trap finish EXIT

echo "building $revision and the working tree"
mkdir "$dir/src" "$dir/redis" && git archive "$revision" | tar -x -C "$dir/src"
(cd "$dir/src" && go build -buildvcs=false -o "$dir/old" ./cmd/wacast)
go build -buildvcs=false -o "$dir/new" ./cmd/wacast
go build -buildvcs=false -o "$dir/nats-server" github.com/nats-io/nats-server/v2 # of go.mod

run() { # NAME COMMAND…: starts a process, or ends it and starts it anew
  local name=$1 pid=${pids[$1]:-}
  if [[ $pid ]]; then kill "$pid" && wait "$pid" || true; fi
  "${@:2}" >>"$dir/$name.log" 2>&1 &
  pids[$name]=$!
}
await() { # WHAT COMMAND…: waits until it succeeds
  for ((end = SECONDS + 120; SECONDS < end; )); do
    if "${@:2}" >"$dir/said" 2>&1; then return; fi
    sleep 0.2
  done
  echo "it never came that $1:" && cat "$dir/said" && exit 1
}
must() { "$@" >"$dir/said" 2>&1 || { local code=$?; cat "$dir/said"; exit "$code"; }; }
role() { # NUMBER BUILD COMMAND: a role with an address of its own, until it is ready
  export WACAST_ADMIN_ADDR=127.0.0.1:$((base + 10 + $1))
  run "$3-$1" "$dir/$2" "$3"
  await "$3 $1, $2, is ready" "$dir/new" health --ready
}
# get PATH: what the simulator says; number NAME: its value in JSON
get() { exec 3<>"/dev/tcp/127.0.0.1/$((base + 2))" && printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&3 && cat <&3; }
number() { grep -oE "\"$1\": ?[0-9]+" | head -n 1 | grep -oE '[0-9]+$' || echo 0; }
listens() { true <"/dev/tcp/127.0.0.1/$1"; }
unset "${!WACAST_@}"
export WACAST_NATS_URL=nats://127.0.0.1:$base WACAST_REDIS_URL=redis://127.0.0.1:$((base + 1)) WACAST_API_URL=http://127.0.0.1:$((base + 2)) \
  WACAST_WEBHOOK_ADDR=127.0.0.1:$((base + 3)) WACAST_ACCESS_TOKEN=any WACAST_WABA_ID=102290129340398 WACAST_APP_SECRET=signed WACAST_VERIFY_TOKEN=word \
  WACAST_DEFAULT_MPS=$mps WACAST_SEND_TIMEOUT=2s WACAST_UNKNOWN_DEADLINE=5s WACAST_DRAIN_TIMEOUT=10s
echo '[{"kind": "lost_after", "share": 0.02}, {"kind": "lost_before", "share": 0.01}, {"kind": "html_502", "share": 0.01, "after": true},
  {"kind": "error", "code": 131016, "share": 0.02, "times": 200}]' >"$dir/faults"
run nats "$dir/nats-server" -a 127.0.0.1 -p "$base" -js -sd "$dir/nats"
run redis redis-server --port $((base + 1)) --bind 127.0.0.1 --dir "$dir/redis" --save '' --appendonly no
run simulator "$dir/new" simulator --addr "127.0.0.1:$((base + 2))" --mps $mps --faults "$dir/faults" --webhook-url "http://$WACAST_WEBHOOK_ADDR/webhook" \
  --webhook-delivered 300ms --webhook-read 600ms --webhook-retry-speed 20
for i in 0 1 2; do await "all servers listen" listens $((base + i)); done
role 1 old worker && role 2 old worker && role 3 old webhook

jobs=$((2 * mps * seconds))
awk -v n=$jobs -v c=$campaign -v later="$(date -u -d "+$((seconds / 2)) seconds" +%FT%TZ)" 'BEGIN { for (i = 0; i < n; i++)
  printf "{\"v\":1,\"id\":\"j%d\",\"campaign\":\"%s\",\"from\":\"1065403522429%d\",\"to\":\"+54911%08d\",\"lane\":\"%s\",%s" \
    "\"template\":{\"name\":\"hello\",\"language\":\"es_AR\"}}\n", i, c, 22 + i % 2, i, i % 5 ? "bulk" : "transactional", i % 10 == 3 ? "\"send_at\":\"" later "\"," : "" }' >"$dir/jobs"
must "$dir/old" publish < <(awk 'NR % 8 < 4' "$dir/jobs")
must "$dir/new" publish < <(awk 'NR % 8 >= 4' "$dir/jobs")

phase() { # WHAT [NUMBER BUILD COMMAND]: restarts one, and says how many were accepted a second from then to the next
  local was at now
  was=$(get /_sim/stats | number accepted) at=${EPOCHREALTIME/[.,]/}
  if (($# > 1)); then role "${@:2}"; fi
  sleep $((seconds / 9))
  now=$(get /_sim/stats | number accepted)
  printf '  %-36s %4d a second\n' "$1" $(((now - was) * 1000000 / (${EPOCHREALTIME/[.,]/} - at)))
}
echo "$jobs jobs, at most $((2 * mps)) a second; the workers and the receiver are"
phase "all of $revision"
phase "one worker of this tree" 1 new worker
phase "and the receiver" 3 new webhook
phase "all of this tree" 2 new worker
phase "back: one worker of $revision" 2 old worker
phase "and the receiver" 3 old webhook
phase "all of $revision" 1 old worker
phase "one worker of this tree" 2 new worker

ended() { # whether all have an outcome, and the events have accepted what the API has
  "$dir/new" campaign status $campaign --output json >"$dir/status"
  accepted=$(number accepted <"$dir/status") unknown=$(number unknown <"$dir/status") took=$(get /_sim/stats | number accepted)
  echo "$jobs jobs: $accepted accepted ($took by the API's own count), $unknown unknown and never taken"
  ((accepted == took && accepted + unknown == jobs))
}
await "all have ended" ended && cat "$dir/said"
for build in old new; do must "$dir/$build" campaign close $campaign --expected $jobs && must "$dir/$build" campaign verify $campaign; done
get /_sim/stats >"$dir/stats" && twice=$(number duplicates <"$dir/stats")
echo "$revision beside this tree: 0 lost, $twice twice, $(number 130429 <"$dir/stats") of $(number requests <"$dir/stats") requests refused for the rate"
((twice == 0))
