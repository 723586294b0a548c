#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/kafka_clients.hpp"
#include "app/logging.hpp"
#include "app/report.hpp"
#include "app/shop.hpp"
#include "app/shop_json.hpp"
#include "ingest/kafka_producer.hpp"

namespace holdfast::app {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

constexpr std::array kinds{EventKind::purchase, EventKind::complaint, EventKind::visit};

Expected<File> create(const std::filesystem::path& path) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file) return fail(ErrorKind::failed, fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
  return file;
}

Status write_line(std::FILE* file, std::string line) {
  line += '\n';
  if (std::fwrite(line.data(), 1, line.size(), file) == line.size()) return {};
  return fail(ErrorKind::failed, fmt::format("cannot write: {}", std::strerror(errno)));
}

/// Where the events go: the first source of each kind, as files or topics. A kind without a source is left out.
class Destination {
 public:
  static Expected<Destination> open(const Config& config, const GenerateOptions& options) {
    Destination out;
    for (const EventKind kind : kinds) {
      for (const auto& source : config.sources) {
        if (source.kind == kind && out.sources_[index(kind)] == nullptr) out.sources_[index(kind)] = &source;
      }
    }
    if (options.kafka) {
      auto producer = ingest::make_kafka_producer(kafka_settings_of(config), config.partitioner);
      if (!producer) return std::unexpected(producer.error());
      out.producer_ = std::move(*producer);
      return out;
    }
    std::error_code ignored;
    std::filesystem::create_directories(options.out, ignored);
    for (const EventKind kind : kinds) {
      const auto* source = out.sources_[index(kind)];
      if (source == nullptr) continue;
      auto file = create(std::filesystem::path(options.out) / (source->name + ".ndjson"));
      if (!file) return std::unexpected(file.error());
      out.files_[index(kind)] = std::move(*file);
    }
    return out;
  }

  Status send(const ShopEvent& event) {
    const auto* source = sources_[index(event.kind)];
    if (source == nullptr) return {};
    std::string json = shop_event_json(event, *source);
    if (producer_ == nullptr) return write_line(files_[index(event.kind)].get(), std::move(json));
    return producer_->send(source->topic, shop_customer_id(event.customer), json, Timestamp{-1});
  }

  Status finish() {
    if (producer_ != nullptr) return producer_->flush();
    for (const File& file : files_) {
      if (file && std::fflush(file.get()) != 0)
        return fail(ErrorKind::failed, fmt::format("cannot write: {}", std::strerror(errno)));
    }
    return {};
  }

 private:
  static std::size_t index(EventKind kind) { return static_cast<std::size_t>(kind); }

  std::array<const ingest::SourceFormat*, kinds.size()> sources_{};
  std::array<File, kinds.size()> files_;
  std::unique_ptr<ingest::KafkaProducer> producer_;
};

Timestamp now() {
  return {std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

ShopSettings settings_of(const GenerateOptions& options) {
  constexpr std::int64_t day_ms = 86'400'000;
  constexpr Timestamp default_end{1'767'225'600'000};  // 2026-01-01
  ShopSettings out{.events = options.events,
                   .customers = static_cast<std::uint32_t>(options.customers),
                   .seed = options.seed,
                   .from = {},
                   .length = {static_cast<std::int64_t>(options.days.value_or(365) * static_cast<double>(day_ms))}};
  if (options.from && options.to) out.length = *options.to - *options.from;
  out.from = options.from.value_or(options.to.value_or(default_end) - out.length);
  return out;
}

/// Waits until the event with this number is due; from then on it happens now.
class Pace {
 public:
  explicit Pace(double rate) : rate_(rate) {}
  void wait_for(std::uint64_t number) const {
    std::this_thread::sleep_until(started_ + std::chrono::duration<double>(static_cast<double>(number) / rate_));
  }

 private:
  const double rate_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

Status write_truth(const Shop& shop, const std::filesystem::path& path) {
  auto file = create(path);
  if (!file) return std::unexpected(file.error());
  for (std::uint32_t c = 0; c < shop.customers(); ++c) {
    if (shop.truth(c).purchases == 0) continue;
    if (const Status written = write_line(file->get(), shop_truth_json(c, shop.truth(c))); !written) return written;
  }
  if (std::fflush(file->get()) == 0) return {};
  return fail(ErrorKind::failed, fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
}

Status generate(const Config& config, const GenerateOptions& options) {
  auto destination = Destination::open(config, options);
  if (!destination) return std::unexpected(destination.error());
  Shop shop(settings_of(options));
  std::optional<Pace> pace;
  if (options.rate > 0) pace.emplace(options.rate);
  const bool show = isatty(STDERR_FILENO) == 1;
  const auto started = std::chrono::steady_clock::now();
  while (auto event = shop.next()) {
    if (pace) {
      pace->wait_for(event->number);
      event->time = now();
    }
    if (const Status sent = destination->send(*event); !sent) return sent;
    if (show && event->number % 50'000 == 0)
      fmt::print(stderr, "\r{} of {} events, the shop is at {}\x1b[K", event->number, options.events,
                 to_rfc3339(event->time));
  }
  if (const Status done = destination->finish(); !done) return done;
  const std::filesystem::path truth = !options.truth.empty() ? std::filesystem::path(options.truth)
                                      : options.kafka        ? std::filesystem::path()
                                                             : std::filesystem::path(options.out) / "truth.ndjson";
  if (!truth.empty()) {
    if (const Status written = write_truth(shop, truth); !written) return written;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  fmt::print(stderr, "{}{} events of {} customers in {:.1f} s{}\n", show ? "\r\x1b[K" : "", options.events,
             options.customers, seconds, truth.empty() ? "" : "; who left, and when: " + truth.string());
  return {};
}

}  // namespace

int generate_command(const GenerateOptions& options) {
  const auto config = load_config(options.config, options.overrides);
  if (!config) return report(config.error());
  start_logging(config->log);
  if (options.customers > options.events || options.customers > 1'000'000'000)
    return report({ErrorKind::invalid_argument,
                   "--customers: each of them has an event at least: give no more customers than events"});
  if (const Status done = generate(*config, options); !done) return report(done.error());
  return 0;
}

}  // namespace holdfast::app
