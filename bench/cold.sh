# Customers who take four times the memory they are given, against the same with memory for all. Sourced by
# bench/pipeline.
#
# The system's page cache would hold the scratch files of a machine with memory to spare, and nothing would be measured.
# So the process that is given a quarter runs in a memory group with a limit: as much as the process with memory for all
# took at its peak, without its customers' records (160 bytes each), and the quarter. Page cache counts towards it.

cold=("${few[@]}" --set state.checkpoint_interval=1h)

# Makes a memory group with a limit of BYTES; fails where there can be none.
make_group() {
  local root=/sys/fs/cgroup file=memory.max
  if [ -d "$root/memory" ]; then root=$root/memory file=memory.limit_in_bytes; fi
  group=$root/holdfast-bench-$$
  mkdir "$group" 2> /dev/null && echo "$1" 2> /dev/null > "$group/$file" && return
  remove_group
  return 1
}
remove_group() {
  [ -z "${group:-}" ] || rmdir "$group" 2> /dev/null || true
  group=
}

# Its result: events/s, CPU in ns an event, peak of memory in MiB, state in bytes, customers, and those in the scratch
# file. Ends without a last checkpoint.
run_cold() {
  local id=$1 sets events cpu
  shift
  settings_of cold "$id"
  "$holdfast" topics "${sets[@]}" --create > /dev/null
  start_service "$work/$id.log" "${sets[@]}" "$@"
  [ -z "${group:-}" ] || echo "$service" > "$group/cgroup.procs"
  await ready
  cpu=$(cpu_ms "$service")
  await 'caught up'
  cpu=$(($(cpu_ms "$service") - cpu))
  events=$(metric holdfast_events_total)
  awk -v n="$events" -v s="$(difference "$(time_of "$log" ready)" "$(time_of "$log" 'caught up')")" -v cpu="$cpu" \
    -v mib="$(peak_mib "$service")" -v bytes="$(metric holdfast_state_bytes)" \
    -v customers="$(metric holdfast_customers)" -v cold="$(metric holdfast_cold_customers)" \
    'BEGIN { printf "%d %d %d %d %d %d\n", n / s, cpu * 1e6 / n, mib, bytes, customers, cold }' > "$work/results/$id"
  stop_service KILL
  rm -rf "$work/state/$id"
}

measure_cold() {
  local events=$1 customers=$2 all less quarter limit
  if ! make_group $((1 << 30)); then
    row 'a quarter of the memory: skipped, it needs root and a memory group'
    printf 'cold          skipped: no memory group can be made in /sys/fs/cgroup (are you root?)\n'
    return
  fi
  remove_group
  make_backlog cold "$events" "$customers" --zipf 1
  run_cold cold-all --set state.memory=64GiB
  read -r -a all < "$work/results/cold-all"
  printf 'cold          all in memory: %d events/s, %d ns of CPU each, %d customers in %d MiB, peak %d MiB\n' \
    "${all[0]}" "${all[1]}" "${all[4]}" $((all[3] >> 20)) "${all[2]}"
  quarter=$((all[3] / 4))
  limit=$(((all[2] << 20) - all[4] * 160 + quarter))
  make_group "$limit"
  run_cold cold-quarter --set "state.memory=$((quarter >> 10))KiB"
  read -r -a less < "$work/results/cold-quarter"
  remove_group
  printf 'cold          a quarter: %d events/s, %d ns of CPU each, %d of %d customers in the scratch file, limit %d MiB\n' \
    "${less[0]}" "${less[1]}" "${less[5]}" "${less[4]}" $((limit >> 20))
  row "customers by Zipf's law (exponent 1), ${all[4]} of them in $((all[3] >> 20)) MiB"
  row '  memory for all: k events/s' "$(awk -v n="${all[0]}" 'BEGIN { printf "%.0f", n / 1000 }')"
  row '  memory for a quarter: k events/s' "$(awk -v n="${less[0]}" 'BEGIN { printf "%.0f", n / 1000 }')"
  row '    rate, of that with memory for all' \
    "$(awk -v a="${less[0]}" -v b="${all[0]}" 'BEGIN { printf "%.0f %%", 100 * a / b }')" 'at least 30 %'
  row '    customers in the scratch file' "$(awk -v a="${less[5]}" -v b="${less[4]}" 'BEGIN { printf "%.0f %%", 100 * a / b }')"
}
