#include <csignal>
#include <memory>
#include <thread>

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/facts.hpp"
#include "app/logging.hpp"
#include "app/model_keeper.hpp"
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

sigset_t awaited_signals() {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

/// Turns SIGHUP into a look at the model file, the first SIGTERM or SIGINT into a clean stop; the second one ends the
/// process, which loses nothing either. REQUIRES: the signals are blocked in every thread.
std::jthread watch_signals(Service& service, ModelKeeper& models) {
  return std::jthread([&service, &models](const std::stop_token& token) {
    const sigset_t signals = awaited_signals();
    bool stopping = false;
    while (!token.stop_requested()) {
      const timespec wait{.tv_sec = 0, .tv_nsec = 100'000'000};
      const int signal = sigtimedwait(&signals, nullptr, &wait);
      if (signal <= 0) continue;
      if (signal == SIGHUP) {
        (void)models.read_file();
        continue;
      }
      if (stopping) _exit(1);
      stopping = true;
      spdlog::info("stopping: what was taken is applied and committed; a second signal ends at once");
      service.stop();
    }
  });
}

}  // namespace

int run_command(const RunOptions& options) {
  // Before any thread is made: all of them inherit it.
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);  // A file that may not grow is an error like a full disk.
  const auto config = load_config(options.config, options.overrides);
  if (!config) {
    fmt::print(stderr, "{}\n", config.error().message);
    return status_of(config.error());
  }
  if (const Status token = check_token_file(*config); !token) {
    fmt::print(stderr, "{}\n", token.error().message);
    return status_of(token.error());
  }
  start_logging(config->log);
  spdlog::info("holdfast {}: application {}, instance {}, model {} ({})", HOLDFAST_VERSION, config->application_id,
               config->instance_id, config->model.name, config->model.id);
  for (const std::string& warning : config->warnings) spdlog::warn("{}: {}", options.config, warning);

  auto store = open_store(*config);
  if (!store) return give_up(store.error());
  const SystemClock clock;
  ModelKeeper models(*config, clock);
  ServiceFacts facts(*config, models);
  auto server = console::Server::start(config->http, facts);
  if (!server) return give_up(server.error());
  spdlog::info("http: listening on {} port {}", config->http.host, (*server)->port());

  Service service(*config, **store, models, facts);
  const std::jthread watching = watch_signals(service, models);
  if (const Status ended = service.run(options.exit_at_end); !ended) return give_up(ended.error());
  spdlog::info("stopped: all that was taken is committed");
  return 0;
}

}  // namespace holdfast::app
