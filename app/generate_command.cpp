#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
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

/// What the shop has events of; of actions it has none, and their sources stay empty.
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

/// Amounts are in the currency that the model knows, if it names one.
Currency currency_of(const engine::Model& model) {
  constexpr Currency usual{{'E', 'U', 'R'}};
  return model.currency && !model.currency->empty() ? *model.currency : usual;
}

/// Where the events go: to files or topics of the sources of their kind. Several of one kind share the customers among
/// them. A kind without a source is left out and counted.
class Destination {
 public:
  static Expected<Destination> open(const Config& config, const GenerateOptions& options) {
    Destination out;
    for (const auto& source : config.sources) {
      if (std::ranges::find(kinds, source.kind) == kinds.end()) continue;
      out.of_kind_[index(source.kind)].push_back(out.outlets_.size());
      out.outlets_.push_back({&source, ShopJson(source, currency_of(config.model)), nullptr});
    }
    if (options.kafka) {
      auto producer = ingest::make_kafka_producer(kafka_settings_of(config), config.partitioner);
      if (!producer) return std::unexpected(producer.error());
      out.producer_ = std::move(*producer);
      return out;
    }
    std::error_code ignored;
    std::filesystem::create_directories(options.out, ignored);
    for (Outlet& outlet : out.outlets_) {
      auto file = create(std::filesystem::path(options.out) / (outlet.source->name + ".ndjson"));
      if (!file) return std::unexpected(file.error());
      outlet.file = std::move(*file);
    }
    return out;
  }

  Status send(const ShopEvent& event) {
    const auto& of_kind = of_kind_[index(event.kind)];
    if (of_kind.empty()) {
      ++left_out_[index(event.kind)];
      return {};
    }
    ++sent_;
    Outlet& outlet = outlets_[of_kind[event.customer % of_kind.size()]];
    std::string json = outlet.json.event(event);
    if (producer_ == nullptr) return write_line(outlet.file.get(), std::move(json));
    return producer_->send(outlet.source->topic, shop_customer_id(event.customer), json, Timestamp{-1});
  }

  Status finish() {
    if (producer_ != nullptr) return producer_->flush();
    for (const Outlet& outlet : outlets_) {
      if (std::fflush(outlet.file.get()) != 0)
        return fail(ErrorKind::failed, fmt::format("cannot write: {}", std::strerror(errno)));
    }
    return {};
  }

  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  /// A sentence for each kind that has no source.
  [[nodiscard]] std::string left_out() const {
    std::string out;
    for (const EventKind kind : kinds) {
      if (const auto count = left_out_[index(kind)]; count > 0)
        out += fmt::format("{} events were left out: there is no source of kind {}\n", count, name(kind));
    }
    return out;
  }

 private:
  struct Outlet {
    const ingest::SourceFormat* source;
    ShopJson json;
    File file;
  };
  static std::size_t index(EventKind kind) { return static_cast<std::size_t>(kind); }

  std::vector<Outlet> outlets_;
  std::array<std::vector<std::size_t>, kinds.size()> of_kind_;  ///< Of `outlets_`, in the order of the configuration.
  std::array<std::uint64_t, kinds.size()> left_out_{};
  std::uint64_t sent_ = 0;
  std::unique_ptr<ingest::KafkaProducer> producer_;
};

Timestamp now() {
  return {std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

/// The period that the flags describe. Of beginning, end and length two are enough, and each has a default.
Expected<ShopSettings> settings_of(const GenerateOptions& options) {
  constexpr std::int64_t day_ms = 86'400'000;
  constexpr Timestamp default_end{1'767'225'600'000};  // 2026-01-01
  constexpr double default_days = 365;
  constexpr Timestamp year_10000{253'402'300'800'000};
  if (options.from && options.to && options.days)
    return fail(ErrorKind::invalid_argument,
                "--days: --from and --to say already how long the shop runs: leave one out");
  ShopSettings out{.events = options.events,
                   .customers = static_cast<std::uint32_t>(options.customers),
                   .seed = options.seed,
                   .from = {},
                   .length = {static_cast<std::int64_t>(options.days.value_or(default_days) * day_ms)},
                   .fitted = options.rate == 0,
                   .zipf = options.zipf};
  if (options.from && options.to) out.length = *options.to - *options.from;
  if (out.length.ms < 1)
    return fail(ErrorKind::invalid_argument, options.days
                                                 ? "--days: the shop has to run for a millisecond at least"
                                                 : fmt::format("--from {} is not before --to {}",
                                                               to_rfc3339(*options.from), to_rfc3339(*options.to)));
  out.from = options.from.value_or(options.to.value_or(default_end) - out.length);
  if (out.from < Timestamp{0} || out.from + out.length > year_10000)
    return fail(ErrorKind::invalid_argument,
                "the shop has to run between the years 1970 and 9999: change --from, --to "
                "or --days");
  return out;
}

/// What was sent when, of a shop whose events happen as they are sent: the truth has to tell of that time.
class SentTimes {
 public:
  explicit SentTimes(std::uint32_t customers) : joined_(customers), last_purchase_(customers) {}

  void note(const ShopEvent& event, Timestamp of_shop) {
    if (!begun_) begun_ = Moment{of_shop, event.time};
    reached_ = {of_shop, event.time};
    if (event.kind != EventKind::purchase) return;
    Timestamp& joined = joined_[event.customer];
    if (joined.ms == 0) joined = event.time;
    last_purchase_[event.customer] = event.time;
  }
  /// REQUIRES: the customer has bought.
  [[nodiscard]] ShopTruth in_sent_time(ShopTruth truth, std::uint32_t customer) const {
    truth.joined = joined_[customer];
    if (truth.left) truth.left = last_purchase_[customer];
    const auto sent_ms = static_cast<double>(std::max<std::int64_t>(1, (reached_.sent - begun_->sent).ms));
    truth.events_per_day *= static_cast<double>((reached_.of_shop - begun_->of_shop).ms) / sent_ms;
    return truth;
  }

 private:
  struct Moment {
    Timestamp of_shop;
    Timestamp sent;
  };
  std::vector<Timestamp> joined_;  ///< 0: not yet.
  std::vector<Timestamp> last_purchase_;
  std::optional<Moment> begun_;
  Moment reached_;
};

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

/// `sent`: of a shop whose events happen as they are sent; null: of any other.
Status write_truth(const Shop& shop, const SentTimes* sent, const std::filesystem::path& path) {
  auto file = create(path);
  if (!file) return std::unexpected(file.error());
  for (std::uint32_t c = 0; c < shop.customers(); ++c) {
    ShopTruth truth = shop.truth(c);
    if (truth.purchases == 0) continue;
    if (sent != nullptr) truth = sent->in_sent_time(truth, c);
    if (const Status written = write_line(file->get(), shop_truth_json(c, truth)); !written) return written;
  }
  if (std::fflush(file->get()) == 0) return {};
  return fail(ErrorKind::failed, fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
}

Status generate(const Config& config, const GenerateOptions& options, const ShopSettings& settings) {
  auto destination = Destination::open(config, options);
  if (!destination) return std::unexpected(destination.error());
  Shop shop(settings);
  std::optional<Pace> pace;
  std::optional<SentTimes> sent_times;
  if (options.rate > 0) {
    pace.emplace(options.rate);
    sent_times.emplace(settings.customers);
  }
  const bool show = isatty(STDERR_FILENO) == 1;
  const auto started = std::chrono::steady_clock::now();
  while (auto event = shop.next()) {
    if (pace) {
      pace->wait_for(event->number);
      const Timestamp of_shop = std::exchange(event->time, now());
      sent_times->note(*event, of_shop);
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
    const Status written = write_truth(shop, sent_times ? &*sent_times : nullptr, truth);
    if (!written) return written;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  fmt::print(stderr, "{}{} events of {} customers in {:.1f} s{}\n{}", show ? "\r\x1b[K" : "", destination->sent(),
             options.customers, seconds, truth.empty() ? "" : "; who left, and when: " + truth.string(),
             destination->left_out());
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
  const auto settings = settings_of(options);
  if (!settings) return report(settings.error());
  if (const Status done = generate(*config, options, *settings); !done) return report(done.error());
  return 0;
}

}  // namespace holdfast::app
