#include "app/config_keys.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace holdfast::app {
namespace {

constexpr std::array keys{
    Key{.name = "application_id",
        .type = KeyType::text,
        .fallback = "",
        .description =
            "Names the application: consumer group, prefix of transactional ids and of the journal topic. The "
            "same on all its instances; another one starts from nothing.",
        .required = true},
    Key{.name = "instance_id",
        .type = KeyType::text,
        .fallback = "",
        .description =
            "Names this instance: stable across restarts, different on every instance. Default: the host name."},
    Key{.name = "kafka.*",
        .type = KeyType::text,
        .fallback = "",
        .description = "Handed to librdkafka as it is: bootstrap.servers (default localhost:9092), security.protocol, "
                       "sasl.*, ssl.*, tuning."},
    Key{.name = "kafka.*.file",
        .type = KeyType::path,
        .fallback = "",
        .description = "The value of the property is what stands in this file, a line break at its end left out: for "
                       "secrets, such as sasl.password.file."},
    Key{.name = "guarantee",
        .type = KeyType::choice,
        .fallback = "exactly_once",
        .description = "exactly_once: one Kafka transaction an epoch. at_least_once: alerts may repeat, with the same "
                       "alert_id.",
        .allowed = "exactly_once | at_least_once"},
    Key{.name = "commit_interval",
        .type = KeyType::duration,
        .fallback = "100ms",
        .description = "How often alerts and positions are committed; most of the time from an event to its alert.",
        .allowed = "1ms .. 30s"},
    Key{.name = "max_rate",
        .type = KeyType::count,
        .fallback = "0",
        .description = "Events per second that an instance takes at most; 0: no limit.",
        .allowed = "0 .. 1000000000"},
    Key{.name = "shards",
        .type = KeyType::count,
        .fallback = "0",
        .description = "Threads that apply events; 0: one less than there are cores, at least one.",
        .allowed = "0 .. 256"},
    Key{.name = "sources.*.topic",
        .type = KeyType::text,
        .fallback = "",
        .description = "The Kafka topic that the source reads. All source topics need the same number of partitions.",
        .required = true},
    Key{.name = "sources.*.kind",
        .type = KeyType::choice,
        .fallback = "",
        .description = "What its records tell of.",
        .allowed = "purchase | complaint | visit | action",
        .required = true},
    Key{.name = "sources.*.fields.*",
        .type = KeyType::text,
        .fallback = "",
        .description =
            "Where a field stands in the record, as a JSON Pointer: `customer_id: /customer/id`. Default: at "
            "the top, under its own name."},
    Key{.name = "sources.*.time_format",
        .type = KeyType::choice,
        .fallback = "any",
        .description = "How `time` is written; any: RFC 3339 if it is a string, epoch milliseconds if it is a number.",
        .allowed = "any | rfc3339 | epoch_ms | epoch_s"},
    Key{.name = "sources.*.defaults.*",
        .type = KeyType::text,
        .fallback = "",
        .description = "The value of a field that a record does not have: `currency: EUR`."},
    Key{.name = "partitioner",
        .type = KeyType::choice,
        .fallback = "murmur2",
        .description = "How the producers of the sources choose partitions: murmur2 (Java's default), consistent "
                       "(librdkafka's CRC-32), none (unknown: misplaced keys go unnoticed).",
        .allowed = "murmur2 | consistent | none"},
    Key{.name = "topics.alerts",
        .type = KeyType::text,
        .fallback = "alerts",
        .description = "The topic that alerts are written to."},
    Key{.name = "topics.dead_letters",
        .type = KeyType::text,
        .fallback = "dead-letters",
        .description = "The topic for records that are no events."},
    Key{.name = "topics.models",
        .type = KeyType::text,
        .fallback = "",
        .description = "A topic of one partition whose newest sound record is the model, in place of risk.model: all "
                       "instances take it from there within seconds. Default: none."},
    Key{.name = "time.clock",
        .type = KeyType::choice,
        .fallback = "wall",
        .description =
            "What moves time on once all sources are read to their end. wall: the clock of the machine. event: "
            "nothing but newer events.",
        .allowed = "wall | event"},
    Key{.name = "time.max_ahead",
        .type = KeyType::duration,
        .fallback = "1h",
        .description = "An event later than its record's timestamp by more than this is a dead letter (too_far_ahead).",
        .allowed = "1ms .. 3650d"},
    Key{.name = "state.directory",
        .type = KeyType::path,
        .fallback = "./state",
        .description = "Where checkpoints are kept. One instance each."},
    Key{.name = "state.memory",
        .type = KeyType::size,
        .fallback = "2GiB",
        .description =
            "Memory for customers: about 192 bytes each. The records of those for whom there is no room, the silent "
            "ones, lie in a scratch file in the state directory; they still take some 40 bytes of it each.",
        .allowed = "1MiB .. 16TiB"},
    Key{.name = "state.checkpoint_interval",
        .type = KeyType::duration,
        .fallback = "30s",
        .description =
            "How often the changed customers are written to the state directory; bounds what is replayed after a "
            "crash.",
        .allowed = "10ms .. 1d"},
    Key{.name = "state.changelog",
        .type = KeyType::choice,
        .fallback = "on",
        .description =
            "Whether checkpoints also go to a compacted topic, from which any instance restores them: without it a "
            "partition that moves, or whose state directory is lost, is rebuilt from its first event.",
        .allowed = "on | off"},
    Key{.name = "state.standbys",
        .type = KeyType::count,
        .fallback = "0",
        .description =
            "On how many other instances each partition is kept warm, ready to be taken over at once. Each needs the "
            "memory of a partition of its own, and reads it too. Needs `guarantee: exactly_once` and the changelog.",
        .allowed = "0 .. 16"},
    Key{.name = "risk.model",
        .type = KeyType::path,
        .fallback = "model.json",
        .description = "The model file; read again on SIGHUP."},
    Key{.name = "risk.horizon",
        .type = KeyType::duration,
        .fallback = "",
        .description =
            "Risk is the probability of no purchase within this time. Default: the horizon of the model. A model "
            "with a `logistic` part has only its own.",
        .allowed = "1ms .. 3650d"},
    Key{.name = "risk.levels.watch",
        .type = KeyType::number,
        .fallback = "0.60",
        .description = "The risk from which a customer is at level watch."},
    Key{.name = "risk.levels.high",
        .type = KeyType::number,
        .fallback = "0.75",
        .description = "The risk from which a customer is at level high."},
    Key{.name = "risk.levels.critical",
        .type = KeyType::number,
        .fallback = "0.90",
        .description = "The risk from which a customer is at level critical."},
    Key{.name = "risk.hysteresis",
        .type = KeyType::number,
        .fallback = "0.05",
        .description = "A level is left once the risk is below its threshold by more than this; at least 0.001 for a "
                       "model with a `logistic` part, and with `calibration.mode: correct`."},
    Key{.name = "risk.min_purchases",
        .type = KeyType::count,
        .fallback = "2",
        .description = "Days with a purchase from which on a customer is alerted on.",
        .allowed = "1 .. 1000000"},
    Key{.name = "risk.expire_after",
        .type = KeyType::duration,
        .fallback = "180d",
        .description =
            "An episode expires, and the customer counts as lost, when this has passed since it began or since "
            "the latest purchase, whichever is later.",
        .allowed = "1ms .. 3650d"},
    Key{.name = "calibration.mode",
        .type = KeyType::choice,
        .fallback = "off",
        .description = "What is done as outcomes arrive. watch: risks are held against them, which metrics tell of. "
                       "correct: the model's score is corrected by them as well, at the begin of a week.",
        .allowed = "off | watch | correct"},
    Key{.name = "calibration.half_life",
        .type = KeyType::duration,
        .fallback = "182d",
        .description = "An outcome counts half as much after this time.",
        .allowed = "7d .. 3650d"},
    Key{.name = "calibration.ece_max",
        .type = KeyType::number,
        .fallback = "0.05",
        .description = "Between 0 and 1, both excluded. An expected calibration error that is above this by more than "
                       "chance is likely to do (`holdfast_calibration_error_by_chance`) raises the alarm, "
                       "`holdfast_calibration_alarm` and a line in the log."},
    Key{.name = "alerts.language",
        .type = KeyType::choice,
        .fallback = "en",
        .description = "Of the sentences in alerts: English or Simplified Chinese.",
        .allowed = "en | zh"},
    Key{.name = "alerts.control_share",
        .type = KeyType::number,
        .fallback = "0",
        .description = "The share of customers, 0 to 1, whose alerts say that they are to be left alone "
                       "(`\"arm\":\"control\"`), so "
                       "that the effect of acting on the others can be told. 0: alerts name no arm."},
    Key{.name = "alerts.control_seed",
        .type = KeyType::count,
        .fallback = "0",
        .description = "Another one draws other customers: for another trial.",
        .allowed = "0 .. 1000000000"},
    Key{.name = "http.listen",
        .type = KeyType::address,
        .fallback = "127.0.0.1:8480",
        .description =
            "Address and port of the HTTP API; port 0: any free one. An address that others can reach needs a "
            "token file."},
    Key{.name = "http.token_file",
        .type = KeyType::path,
        .fallback = "",
        .description =
            "A file with the token that clients must present as `Authorization: Bearer …`. Default: none, and "
            "everybody on this machine may ask."},
    Key{.name = "log.level",
        .type = KeyType::choice,
        .fallback = "info",
        .description = "The least important messages that are written. Customer ids are written at debug only.",
        .allowed = "debug | info | warn | error"},
    Key{.name = "log.format",
        .type = KeyType::choice,
        .fallback = "auto",
        .description = "auto: text on a terminal, one JSON object a line otherwise.",
        .allowed = "auto | text | json"},
};

constexpr std::string_view kafka_prefix = "kafka.";

std::string_view take_segment(std::string_view& path) {
  const std::size_t dot = path.find('.');
  const std::string_view segment = path.substr(0, dot);
  path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  return segment;
}

std::size_t count_segments(std::string_view path) {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '.')) + 1;
}

/// Whether the first segments of `pattern` match all of `path`, which has no empty one.
bool begins_with(std::string_view pattern, std::string_view path) {
  while (!path.empty()) {
    if (pattern.empty()) return false;
    const std::string_view expected = take_segment(pattern);
    if (const std::string_view got = take_segment(path); expected != "*" && expected != got) return false;
  }
  return true;
}

std::string_view first_segment(std::string_view path) { return path.substr(0, path.find('.')); }
std::string_view last_segment(std::string_view path) { return path.substr(path.rfind('.') + 1); }

/// The pattern's first segments, as many as the path has, with the path's own names for its wildcards.
std::string instance_of(std::string_view pattern, std::string_view path) {
  std::string out;
  while (!path.empty() && !pattern.empty()) {
    const std::string_view expected = take_segment(pattern);
    const std::string_view got = take_segment(path);
    if (!out.empty()) out += '.';
    out += expected == "*" ? got : expected;
  }
  return out;
}

}  // namespace

std::span<const Key> config_keys() { return keys; }

bool has_empty_segment(std::string_view path) {
  return path.empty() || path.starts_with('.') || path.ends_with('.') || path.find("..") != std::string_view::npos;
}

const Key* find_key(std::string_view path) {
  if (has_empty_segment(path)) return nullptr;
  if (path.starts_with(kafka_prefix)) {
    const std::string_view wanted = path.ends_with(".file") ? "kafka.*.file" : "kafka.*";
    return std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.name == wanted; });
  }
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& key) {
    return count_segments(key.name) == count_segments(path) && begins_with(key.name, path);
  });
  return found == keys.end() ? nullptr : &*found;
}

bool is_group(std::string_view path) {
  if (has_empty_segment(path)) return false;
  if (path == "kafka" || path.starts_with(kafka_prefix)) return true;
  return std::any_of(keys.begin(), keys.end(), [&](const Key& key) {
    return count_segments(key.name) > count_segments(path) && begins_with(key.name, path);
  });
}

std::string nearest_key(std::string_view path) {
  std::string best;
  std::size_t best_distance = std::numeric_limits<std::size_t>::max();
  for (const Key& key : keys) {
    // A wildcard takes over the path's own name, which makes it near to anything: its group must be meant.
    if (key.name.find('*') != std::string_view::npos && edit_distance(first_segment(key.name), first_segment(path)) > 2)
      continue;
    std::string candidate = instance_of(key.name, path);
    std::size_t distance = edit_distance(candidate, path);
    // The right name in the wrong group.
    if (last_segment(key.name) == last_segment(path) && distance > 1 && key.name.find('*') == std::string_view::npos) {
      candidate = key.name;
      distance = 1;
    }
    if (distance < best_distance) {
      best_distance = distance;
      best = std::move(candidate);
    }
  }
  return best;
}

bool is_secret(std::string_view path) {
  if (!path.starts_with(kafka_prefix) || path.ends_with(".file") || path.ends_with(".location")) return false;
  constexpr std::array<std::string_view, 5> words{"password", "secret", "ssl.key.pem", "oauthbearer.config", "token"};
  return path != "kafka.sasl.oauthbearer.token.endpoint.url" &&
         std::any_of(words.begin(), words.end(), [&](std::string_view word) { return path.contains(word); });
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string_view name(KeyType type) {
  switch (type) {
    case KeyType::text: return "text";
    case KeyType::path: return "path";
    case KeyType::choice: return "choice";
    case KeyType::count: return "whole number";
    case KeyType::number: return "number";
    case KeyType::duration: return "duration";
    case KeyType::size: return "size";
    case KeyType::address: return "address";
  }
  return "";
}

}  // namespace holdfast::app
