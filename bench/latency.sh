# From an event to its alert at 5,000 events/s: in peace, while a checkpoint is written, and across SIGKILL. Sourced by
# bench/pipeline.

# Sets `sets`: the settings of application ID of bench/latency.yaml, further ones follow; makes its topics.
latency_settings() {
  local id=$1
  shift
  sets=(-c "$work/latency.yaml" --set "application_id=$id" --set "sources.purchases.topic=$id.purchases"
    --set "sources.visits.topic=$id.visits" --set "topics.alerts=$id.alerts" --set "state.directory=$work/state/$id" "$@")
  "$holdfast" topics "${sets[@]}" --create --partitions 4 > /dev/null
}

# Sends purchases to application ID for so many seconds; the result goes to $work/ID.json. Further options follow.
send() {
  local id=$1 seconds=$2
  shift 2
  "$bin/latency" --bootstrap "$bootstrap" --topic "$id.purchases" --alerts "$id.alerts" --seconds "$seconds" "$@" \
    > "$work/$id.json" ||
    echo "bench/pipeline: $id: only $(seen "$id" alerts) of $(seen "$id" sent) alerts came in time" >&2
}

seen() { field "$2" < "$work/$1.json"; }
percentiles() {
  printf '%.1f / %.1f / %.1f / %.1f ms' "$(seen "$1" p50_ms)" "$(seen "$1" p99_ms)" "$(seen "$1" p999_ms)" "$(seen "$1" max_ms)"
}

measure_latency() {
  local guarantee=$1 interval=$2 id=latency-$1-$2 goal=$3 sets
  latency_settings "$id" --set "guarantee=$guarantee" --set "commit_interval=$interval" --set state.checkpoint_interval=1h
  start_service "$work/$id.log" "${sets[@]}"
  await ready
  send "$id" "$latency_seconds"
  stop_service TERM
  printf 'latency       %s, commit_interval %s: p50 / p99 / p99.9 / max %s\n' "$guarantee" "$interval" "$(percentiles "$id")"
  row "  $guarantee, $interval: p50 / p99 / p99.9 / max" "$(percentiles "$id")" "p99 at most $goal ms"
}

# Starts application ID, which knows so many customers, none of them in a checkpoint yet.
start_with_customers() {
  local id=$1 customers=$2
  "$bin/latency" --bootstrap "$bootstrap" --visits "$id.visits" --send-visits "$customers"
  start_service "$work/$id.log" "${sets[@]}"
  await 'caught up'
}

# The first checkpoint, of all customers, comes in the midst of the purchases.
measure_stalls() {
  local id=$1 customers=$2 written times
  written=$(metric holdfast_checkpoint_bytes_total)
  send "$id" 35
  written=$((($(metric holdfast_checkpoint_bytes_total) - written) / 1048576))
  printf 'stalls        while %d MiB of checkpoints are written: p50 / p99 / p99.9 / max %s\n' "$written" "$(percentiles "$id")"
  times=$(awk -v a="$(seen "$id" p999_ms)" -v b="$(seen latency-exactly_once-100ms p99_ms)" \
    'BEGIN { printf "x %.1f", a / b }')
  row "  exactly_once, 100ms, while $customers customers are written" "$(percentiles "$id")"
  row '  its p99.9 against the p99 without checkpoints' "$times" 'at most x 2'
  row '  its peak memory' "$(peak_mib "$service") MiB"
}

# Kills application ID in the midst of purchases and starts it again at once.
measure_restart() {
  local id=$1 customers=$2 goal=$3 sending killed first
  send "$id" 30 --gap 0.15 &
  sending=$!
  sleep 10
  killed=$(date +%s.%3N)
  stop_service KILL
  start_service "$work/$id-again.log" "${sets[@]}"
  await ready
  wait "$sending"
  # Of each partition the longest silence that ended after the kill: what the killed one had committed may still come.
  first=$(grep -o '"partition":[0-9]*,"from":[0-9.]*,"to":[0-9.]*' "$work/$id.json" | tr ':' ',' |
    awk -F , -v killed="$killed" '$6 > killed && $6 - $4 > silence[$2] { silence[$2] = $6 - $4; ended[$2] = $6 }
      END {
        for (p in ended) if (first == 0 || ended[p] < first) first = ended[p]
        if (first) printf "%.2f s", first - killed; else print "not seen"
      }')
  printf 'restart       %s: first alert after %s; %s\n' "$id" "$first" "$(sed -n 's/.*"message":"\(ready: [^"]*\)".*/\1/p' "$log")"
  row "restart after SIGKILL, $customers customers: to the first new alert" "$first" "$goal"
  row "  of which until ready" "$(difference "$killed" "$(time_of "$log" ready)") s"
}

measure_idle() {
  local customers=$1 seconds=30 before
  # Until each partition has written its customers.
  until [ "$(metric holdfast_checkpoint_seconds_count)" -ge 4 ]; do sleep 1; done
  before=$(cpu_ms "$service")
  sleep "$seconds"
  row "CPU with $customers silent customers" \
    "$(awk -v ms="$(($(cpu_ms "$service") - before))" -v s="$seconds" 'BEGIN { printf "%.2f %% of a core", ms / s / 10 }')" \
    'below 1 %'
  row '  peak memory, a checkpoint of them all included' "$(peak_mib "$service") MiB"
}
