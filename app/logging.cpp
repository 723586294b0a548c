#include "app/logging.hpp"

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "domain/time.hpp"

namespace holdfast::app {
namespace {

Timestamp time_of(const spdlog::details::log_msg& message) {
  return {std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch()).count()};
}

/// {"time":"2026-01-31T12:00:00.000Z","level":"info","message":"…"}
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const nlohmann::ordered_json line{{"time", to_rfc3339(time_of(message))},
                                      {"level", level_name(message.level)},
                                      {"message", std::string(message.payload.data(), message.payload.size())}};
    // Messages may quote bytes of records that are no UTF-8.
    const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }

 private:
  static const char* level_name(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::trace:
      case spdlog::level::debug: return "debug";
      case spdlog::level::info: return "info";
      case spdlog::level::warn: return "warn";
      default: return "error";
    }
  }
};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  return isatty(STDERR_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

}  // namespace

void start_logging(const LogSettings& settings) {
  auto sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(wants_colour() ? spdlog::color_mode::always
                                                                                       : spdlog::color_mode::never);
  auto logger = std::make_shared<spdlog::logger>("holdfast", std::move(sink));
  const bool json =
      settings.format == LogFormat::json || (settings.format == LogFormat::automatic && isatty(STDERR_FILENO) != 1);
  if (json) {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v", spdlog::pattern_time_type::utc);
  }
  logger->set_level(to_spdlog(settings.level));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace holdfast::app
