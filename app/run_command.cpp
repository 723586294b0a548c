#include <memory>
#include <thread>

#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/facts.hpp"
#include "app/logging.hpp"
#include "app/service.hpp"
#include "console/server.hpp"
#include "state/checkpoint_store.hpp"

namespace holdfast::app {
namespace {

int status_of(const Error& error) { return error.kind == ErrorKind::invalid_argument ? 2 : 1; }

int give_up(const Error& error) {
  spdlog::error("{}", error.message);
  return status_of(error);
}

/// Opens the checkpoints; corrupt ones are set aside, never deleted, and rebuilt from the log.
Expected<std::unique_ptr<state::RocksStore>> open_store(const Config& config) {
  const state::StoreOptions options{.directory = config.state.directory, .application_id = config.application_id};
  auto store = state::RocksStore::open(options);
  if (store || store.error().kind != ErrorKind::corrupt) return store;
  const auto moved = state::set_aside(config.state.directory);
  if (!moved) return std::unexpected(moved.error());
  spdlog::warn("{}; it is set aside as {}, the state is rebuilt from the log", store.error().message, moved->string());
  return state::RocksStore::open(options);
}

/// Turns the first SIGTERM or SIGINT into a clean stop; the second one ends the process, which loses nothing either.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    // Before any thread is made: all of them inherit it.
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }

  template <class Stop>
  void watch(Stop stop) {
    thread_ = std::jthread([this, stop](const std::stop_token& token) {
      bool stopping = false;
      while (!token.stop_requested()) {
        const timespec wait{.tv_sec = 0, .tv_nsec = 100'000'000};
        const int signal = sigtimedwait(&signals_, nullptr, &wait);
        if (signal <= 0) continue;
        if (stopping) _exit(1);
        stopping = true;
        spdlog::info("stopping: what was taken is applied and committed; a second signal ends at once");
        stop();
      }
    });
  }

 private:
  sigset_t signals_{};
  std::jthread thread_;
};

}  // namespace

int run_command(const RunOptions& options) {
  StopSignals signals;
  const auto config = load_config(options.config, options.overrides);
  if (!config) {
    fmt::print(stderr, "{}\n", config.error().message);
    return status_of(config.error());
  }
  start_logging(config->log);
  spdlog::info("holdfast {}: application {}, instance {}, model {} ({})", HOLDFAST_VERSION, config->application_id,
               config->instance_id, config->model.name, config->model.id);

  auto store = open_store(*config);
  if (!store) return give_up(store.error());
  ServiceFacts facts(*config);
  auto server = console::Server::start(config->http, facts);
  if (!server) return give_up(server.error());
  spdlog::info("http: listening on {} port {}", config->http.host, (*server)->port());

  Service service(*config, **store, facts);
  signals.watch([&service] { service.stop(); });
  if (const Status ended = service.run(options.exit_at_end); !ended) return give_up(ended.error());
  spdlog::info("stopped: all that was taken is committed");
  return 0;
}

}  // namespace holdfast::app
