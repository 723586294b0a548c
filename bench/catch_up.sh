# A backlog against a bare consumer of the same topics, in turn. Sourced by bench/pipeline.

# What makes a workload of bench/pipeline.yaml: levels of risk that the wanted share of its events crosses.
few=(--set risk.levels.watch=0.80 --set risk.levels.high=0.95 --set risk.levels.critical=0.99)
many=(--set risk.levels.watch=0.65 --set risk.levels.high=0.80 --set risk.levels.critical=0.92)
large=(--set risk.min_purchases=3 --set risk.levels.watch=0.70 --set risk.levels.high=0.85 --set risk.levels.critical=0.95
  --set state.memory=8GiB)

# Sets `sets`: the settings of application ID of a workload.
settings_of() {
  local workload=$1 id=$2 source
  local -n levels=$workload
  sets=(-c "$work/pipeline.yaml" "${levels[@]}" --set "application_id=$id" --set "topics.alerts=$id-alerts"
    --set "state.directory=$work/state/$id")
  for source in purchases complaints visits; do sets+=(--set "sources.$source.topic=$workload.$source"); done
}

# Further options are those of `holdfast generate`.
make_backlog() {
  local workload=$1 events=$2 customers=$3 sets
  shift 3
  settings_of "$workload" "$workload"
  "$holdfast" topics "${sets[@]}" --create --partitions 4 > /dev/null
  "$holdfast" generate "${sets[@]}" --events "$events" --customers "$customers" --seed 1 --kafka "$@" \
    2> "$work/generate.log"
  printf 'backlog       %s: %s\n' "$workload" "$(tail -n 1 "$work/generate.log")"
}

drain() {
  local topics=() source
  for source in purchases complaints visits; do topics+=(--topic "$1.$source"); done
  "$bin/drain" --bootstrap "$bootstrap" "${topics[@]}" "${@:2}"
}

# Each run adds a line to the results of its workload: events/s, CPU of the client and of the broker in ns an event, peak
# of memory in MiB. Of Holdfast time and CPU count from "ready" to "caught up", and memory until then: without the
# checkpoint that follows. Of the bare consumer they count from its first fetch on; only the broker's CPU holds the
# opening of its connections too.
run_bare() {
  local workload=$1 name=${2:-bare} broker_before seen
  broker_before=$(cpu_ms "$broker")
  seen=$(drain "$workload" "${@:3}")
  awk -v n="$(field events <<< "$seen")" -v rate="$(field events_per_second <<< "$seen")" \
    -v cpu="$(field cpu_s <<< "$seen")" -v kib="$(field peak_kib <<< "$seen")" \
    -v broker="$(($(cpu_ms "$broker") - broker_before))" \
    'BEGIN { print rate, cpu * 1e9 / n, broker * 1e6 / n, kib / 1024 }' >> "$work/results/$workload-$name"
}

# A bare consumer that writes, in transactions, as many records of an alert's size as Holdfast has made of this workload:
# what is left to reach for whoever has to write them with the same library.
run_writing() {
  local workload=$1 id=$1-writing-$2 sets every
  settings_of "$workload" "$id"
  "$holdfast" topics "${sets[@]}" --create > /dev/null
  every=$(awk '{ printf "%.0f", 100 / $1 }' "$work/results/$workload")
  run_bare "$workload" writing --write-every "$every" --write-topic "$id-alerts"
}

run_guarantee() {
  local workload=$1 guarantee=$2 id=$1-$2-$3 sets client server events
  settings_of "$workload" "$id"
  "$holdfast" topics "${sets[@]}" --create > /dev/null
  start_service "$work/$id.log" "${sets[@]}" --set "guarantee=$guarantee"
  await ready
  client=$(cpu_ms "$service") server=$(cpu_ms "$broker")
  await 'caught up'
  client=$(($(cpu_ms "$service") - client)) server=$(($(cpu_ms "$broker") - server))
  events=$(metric holdfast_events_total)
  awk -v n="$events" -v s="$(difference "$(time_of "$log" ready)" "$(time_of "$log" 'caught up')")" -v client="$client" \
    -v server="$server" -v mib="$(peak_mib "$service")" \
    'BEGIN { print n / s, client * 1e6 / n, server * 1e6 / n, mib }' >> "$work/results/$workload-$guarantee"
  awk -v n="$events" -v alerts="$(metric holdfast_alerts_total)" -v customers="$(metric holdfast_customers)" \
    -v bytes="$(metric holdfast_state_bytes)" 'BEGIN {
      printf "%.1f %% of %d events alert, %d customers, %.0f bytes each\n", 100 * alerts / n, n, customers, bytes / customers
    }' > "$work/results/$workload"
  stop_service TERM
  rm -rf "$work/state/$id"
}

print_last() {
  tail -n 1 "$work/results/$1-$2" | awk -v what="$2" '{
    printf "  %-14s%.0f events/s; CPU s per million events: %.2f, broker %.2f; peak %.0f MiB\n", what, $1, $2 / 1000, $3 / 1000, $4
  }'
}

catch_up() {
  local workload=$1 runs=$2 i guarantee
  for ((i = 1; i <= runs; ++i)); do
    run_bare "$workload"
    for guarantee in exactly_once at_least_once; do run_guarantee "$workload" "$guarantee" "$i"; done
    run_writing "$workload" "$i"
    printf 'catch-up %d    %s: %s\n' "$i" "$workload" "$(cat "$work/results/$workload")"
    for guarantee in bare writing exactly_once at_least_once; do print_last "$workload" "$guarantee"; done
  done
}

# A broker that has just started is busy compiling itself, on up to half a core, and again for each kind of request that
# is new to it: nothing of this counts.
warm_up() {
  local until=$((SECONDS + $1)) guarantee round
  for ((round = 0; round == 0 || SECONDS < until; ++round)); do
    drain few > /dev/null
    for guarantee in exactly_once at_least_once; do run_guarantee few "$guarantee" "warm-up$round"; done
  done
  rm "$work/results"/*
  printf 'warm-up       done\n'
}

# Column N of the results of every run of a workload.
column() { awk -v n="$3" '{ print $n }' "$work/results/$1-$2"; }

# Column N of the results of a guarantee and of a bare consumer, round by round.
beside_bare() { paste <(column "$1" "$2" "$3") <(column "$1" "${4:-bare}" "$3"); }
rate_of() { beside_bare "$1" "$2" 1 "${3:-bare}" | awk '{ print 100 * $1 / $2 }' | spread %.0f ' %'; }

# The part of the table about WORKLOAD, as NAME; goals: of the ratio to the bare consumer, of CPU, of memory.
catch_up_rows() {
  local workload=$1 name=$2 ratio_goal=$3 cpu_goal=${4:-} memory_goal=${5:-} guarantee
  row "catch-up, $name: $(cat "$work/results/$workload")"
  for guarantee in bare writing exactly_once at_least_once; do
    row "  $guarantee: k events/s" "$(column "$workload" "$guarantee" 1 | awk '{ print $1 / 1000 }' | spread %.0f)"
    row '    CPU s per million events' "$(column "$workload" "$guarantee" 2 | awk '{ print $1 / 1000 }' | spread %.2f)"
    row "    the broker's" "$(column "$workload" "$guarantee" 3 | awk '{ print $1 / 1000 }' | spread %.2f)"
    if [ "$guarantee" = bare ]; then
      row '    peak memory' "$(column "$workload" bare 4 | spread %.0f ' MiB')"
      continue
    fi
    if [ "$guarantee" = writing ]; then
      row '    rate, of bare' "$(rate_of "$workload" writing)"
      continue
    fi
    row '    rate, of bare' "$(rate_of "$workload" "$guarantee")" "$ratio_goal"
    row '    rate, of bare that writes as much' "$(rate_of "$workload" "$guarantee" writing)"
    row '    CPU an event, above bare' "$(beside_bare "$workload" "$guarantee" 2 | awk '{ print $1 - $2 }' | spread %.0f ' ns')" \
      "$cpu_goal"
    row '    peak memory' "$(column "$workload" "$guarantee" 4 | spread %.0f ' MiB')" "$memory_goal"
  done
}

large_rows() {
  row "catch-up, 10 M customers: $(cat "$work/results/large")"
  row '  exactly_once, k events/s' "$(column large exactly_once 1 | awk '{ print $1 / 1000 }' | spread %.0f)"
  row '  exactly_once, time an event against the one with few alerts' \
    "$(awk -v a="$(column few exactly_once 1 | median)" -v b="$(column large exactly_once 1 | median)" \
      'BEGIN { printf "x %.2f", a / b }')" 'at most x 2'
  row '  exactly_once, peak memory' "$(column large exactly_once 4 | spread %.0f ' MiB')"
}
