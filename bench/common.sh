# What the benchmarks' scripts share. Sourced from the project's root.

build_release() {
  cmake --preset release --log-level=WARNING -DHOLDFAST_TESTS=OFF -DHOLDFAST_BENCH=ON > /dev/null
  cmake --build --preset release --target "$@" > /dev/null
}

# The heap and the collector of Kafka's own start script. The one that deploy/kafka takes, for its small size, stands still
# for 50 ms every few seconds, which would be most of the latency's p99.
tune_broker() {
  export KAFKA_HEAP=1g
  export KAFKA_OPTS='-XX:-UseSerialGC -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35'
}

print_machine() {
  printf 'machine       %s, %s cores, %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
    "$(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
  printf 'program       %s\n' "$("$holdfast" --version | tr '\n' ' ')"
}

# Seconds since 1970 of the first log line of FILE that holds TEXT; waits for it.
time_of() {
  local file=$1 text=$2 line
  for _ in $(seq 3000); do
    if line=$(grep -m1 -F "\"message\":\"$text" "$file" 2> /dev/null); then
      date -d "$(sed 's/.*"time":"\([^"]*\)".*/\1/' <<< "$line")" +%s.%3N
      return
    fi
    sleep 0.1
  done
  echo "$0: $file never said \"$text\"" >&2
  return 1
}
difference() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", b - a }'; }
field() { sed "s/.*\"$1\":\([0-9.e+]*\).*/\1/"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# Numbers of stdin as "MEDIAN UNIT (LEAST-MOST)"; FORMAT is printf's.
spread() {
  sort -g | awk -v f="$1" -v unit="${2:-}" \
    '{ v[NR] = $1 } END { printf f "%s", v[int((NR + 1) / 2)], unit; if (NR > 1) printf " (" f "-" f ")", v[1], v[NR] }'
}

# One service at a time: `service` is its process, `log` what it says.
start_service() {
  log=$1
  shift
  : > "$log"
  "$holdfast" run "$@" 2>> "$log" &
  service=$!
}
stop_service() {
  kill "-$1" "$service"
  wait "$service" 2> /dev/null || true
  service=
}
# Returns in the moment in which the service says TEXT.
await() {
  grep -q -F "\"message\":\"$1" < <(tail -n +1 -f --pid="$service" "$log" 2> /dev/null) && return
  echo "$0: $log never said \"$1\"" >&2
  return 1
}
# The sum of a metric of the service over all its labels.
metric() {
  local port
  port=$(sed -n 's/.*http: listening on .* port \([0-9]*\).*/\1/p' "$log")
  curl -s "127.0.0.1:$port/metrics" |
    awk -v name="$1" '{ split($1, m, "{") } m[1] == name { sum += $2 } END { printf "%.0f", sum }'
}

# CPU time so far, user and system, in ms: of a process, of the machine, of this script with all that it has started and
# that has ended.
cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.0f", ($12 + $13) * 1000 / hz }' "/proc/$1/stat"; }
machine_ms() { awk -v hz="$(getconf CLK_TCK)" '/^cpu / { printf "%.0f", ($2 + $3 + $4 + $7 + $8 + $9) * 1000 / hz }' /proc/stat; }
own_ms() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.0f", ($12 + $13 + $14 + $15) * 1000 / hz }' "/proc/$$/stat"; }
peak_mib() { awk '/VmHWM/ { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }
