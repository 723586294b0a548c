#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/task.hpp"
#include "ingest/alert_json.hpp"
#include "ingest/dead_letter.hpp"
#include "ingest/decoder.hpp"
#include "state/hot_table.hpp"
#include "tests/reference/naive_engine.hpp"
#include "tests/simulation/simulation.hpp"
#include "tests/support/history.hpp"
#include "tests/support/memory_batch.hpp"

namespace holdfast::testing {
namespace {

using Records = std::map<std::string, std::string>;

std::string text_of(const std::vector<Header>& headers) {
  std::string out;
  for (const Header& h : headers) out += '\n' + h.name + (h.has_value ? ": " + h.value : "");
  return out;
}

std::string line_of(const LoggedRecord& record) {
  return record.key.value_or("(none)") + '\n' + record.value.value_or("(none)") + text_of(record.headers);
}

/// What a task's steps led to.
struct Told {
  std::map<std::string, std::vector<std::string>> alerts;  // By customer.
  std::vector<std::string> dead_letters;
  std::uint64_t silences = 0;
  std::uint64_t by_model = 0;
};

/// Alerts and dead letters of one task as its shard would send them.
class Teller final : public engine::Output {
 public:
  /// `lists`: keeps the alerts as they came as well.
  Teller(const app::ShardSettings& settings, Partition partition, Told& told, bool lists = false)
      : settings_(settings),
        encoder_(
            settings.application_id,
            [&] {
              std::vector<std::string> names;
              for (const auto& source : settings.sources) names.push_back(source.name);
              return names;
            }(),
            settings.horizon),
        partition_(partition),
        told_(told),
        lists_(lists) {}

  void alert(const Alert& alert) override {
    const std::string id(alert.customer.id);
    ingest::TextArena text;
    const auto encoded = encoder_.encode(alert, partition_, text);
    told_.alerts[id].push_back(std::string(encoded.json) +
                               text_of({encoded.headers().begin(), encoded.headers().end()}));
    if (lists_) list_.alert(alert);
    told_.silences += alert.trigger.type == TriggerType::silence ? 1 : 0;
    told_.by_model += alert.trigger.type == TriggerType::model ? 1 : 0;
  }
  void rejected(SourceIndex source, const Rejection& rejection) override {
    const auto& format = settings_.sources[source.value];
    LoggedRecord record;
    if (rejection.has_key) record.key = rejection.key;
    if (rejection.has_value) record.value = rejection.value;
    record.headers = ingest::dead_letter_headers(rejection, format.name, format.topic, partition_);
    told_.dead_letters.push_back(line_of(record));
  }

  [[nodiscard]] const std::vector<AlertList::Item>& items() const { return list_.items; }

 private:
  const app::ShardSettings& settings_;
  ingest::AlertEncoder encoder_;
  const Partition partition_;
  Told& told_;
  const bool lists_;
  AlertList list_;
};

/// The events of a partition for the naive engine, which counts them where the log has offsets.
class Naive {
 public:
  Naive(const Plan& plan, std::vector<std::vector<reference::NaiveEvent>> sources,
        std::vector<std::vector<std::int64_t>> offsets)
      : engine_(*plan.models.front(), plan.policy, std::move(sources)),
        known_(plan.known),
        offsets_(std::move(offsets)) {}

  void take(const Step& step) {
    std::vector<std::size_t> ends;
    for (std::uint8_t s = 0; s < step.end.sources; ++s) {
      const auto end = std::ranges::lower_bound(offsets_[s], step.end.next[s].value);
      ends.push_back(static_cast<std::size_t>(end - offsets_[s].begin()));
    }
    if (step.swap != nullptr) (void)engine_.swap(**known_->read(step.swap->model), step.swap->from);
    engine_.step(ends, step.clock == before_all_time ? std::nullopt : std::optional(step.clock));
  }

  /// Two ways to compute a risk differ in the last bits, and so may the millisecond at which it is reached; and with it
  /// the order of alerts, but for those of one customer.
  [[nodiscard]] bool agrees(const std::vector<AlertList::Item>& items) const {
    std::vector<reference::NaiveAlert> made;
    for (const AlertList::Item& item : items) made.push_back(item.alert);
    std::vector<reference::NaiveAlert> wanted = engine_.alerts();
    std::ranges::stable_sort(made, {}, &reference::NaiveAlert::customer);
    std::ranges::stable_sort(wanted, {}, &reference::NaiveAlert::customer);
    return std::ranges::equal(made, wanted, [&](const reference::NaiveAlert& got, const reference::NaiveAlert& want) {
      const bool of_event = want.trigger != TriggerType::silence && want.trigger != TriggerType::model;
      return got.customer == want.customer && got.model == want.model && got.seq == want.seq &&
             got.episode == want.episode && got.change == want.change && got.level == want.level &&
             got.previous_level == want.previous_level && got.trigger == want.trigger && got.state == want.state &&
             got.purchases == want.purchases && std::abs((got.time - want.time).ms) <= 1 &&
             std::abs(got.risk - want.risk) <= 1e-9 &&
             (!of_event || (got.source == want.source &&
                            got.offset == offsets_[want.source][static_cast<std::size_t>(want.offset)]));
    });
  }

 private:
  reference::NaiveEngine engine_;
  const std::shared_ptr<NamedModels> known_;
  const std::vector<std::vector<std::int64_t>> offsets_;
};

reference::NaiveEvent naive_event(const Event& event) {
  reference::NaiveEvent out;
  out.logged_at = event.logged_at;
  out.rejected = event.rejection != nullptr;
  if (out.rejected) return out;
  out.customer = event.customer.id;
  out.time = event.time;
  out.kind = event.kind;
  out.event_id = event.event_id;
  if (event.has_amount) out.amount = event.amount;
  out.currency = event.currency.text();
  out.status = event.status;
  out.is_return = event.is_return;
  out.erases = event.erases;
  return out;
}

Records records_of(const state::HotTable& table) {
  Records out;
  for (Slot slot{0}; slot < table.slots_end(); ++slot.value) {
    if (!table.is_used(slot)) continue;
    out[std::string(table.key(slot).id)] =
        std::string(reinterpret_cast<const char*>(table.read(slot)), sizeof(engine::Customer));
  }
  return out;
}

bool is_same(const ModelGeneration& a, const ModelGeneration& b) {
  return a.model == b.model && a.from == b.from && a.spread == b.spread;
}

/// A checkpoint that somebody has kept.
struct Kept {
  std::string where;
  Marker marker;
  Records records;
};

/// What the changelog holds for a partition.
std::optional<Kept> changelog_of(Simulation& simulation, std::int32_t partition) {
  std::optional<Kept> kept;
  Records records;
  for (const LoggedRecord& record : simulation.history("changelog", partition)) {
    if (*record.key == std::string(1, '\0')) {
      kept.emplace(Kept{"the changelog", *decode_marker(*record.value), records});
    } else if (record.value) {
      records[record.key->substr(1)] = *record.value;
    } else {
      records.erase(record.key->substr(1));
    }
  }
  return kept;
}

/// One partition, from its journal and its sources alone.
class Retold {
 public:
  Retold(Simulation& simulation, Partition partition, Told& told, Outcome& outcome)
      : simulation_(simulation),
        plan_(simulation.plan()),
        settings_(plan_.settings()),
        partition_(partition),
        outcome_(outcome),
        told_(told),
        teller_(settings_.shard, partition, told, plan_.naive),
        table_(sizeof(engine::Customer)),
        task_(partition, plan_.models.front(), plan_.policy, table_,
              {.next = {}, .sources = static_cast<std::uint8_t>(plan_.sources)}, plan_.known.get()) {}

  void tell() {
    push_sources(task_);
    std::optional<Naive> naive;
    if (plan_.naive) naive.emplace(plan_, std::move(naive_events_), std::move(naive_offsets_));
    collect_checkpoints();
    compare_checkpoints();
    std::vector<JournalEntry> entries;
    for (std::int32_t p = 0; p < plan_.journal_partitions; ++p) {
      for (const LoggedRecord& record : simulation_.history("journal", p)) {
        auto entry = decode_journal_entry(*record.value);
        if (!entry) return problem("an entry of the journal is damaged: " + entry.error().message);
        if (entry->partition == partition_) entries.push_back(std::move(*entry));
      }
    }
    std::ranges::stable_sort(entries, {}, [](const JournalEntry& e) { return e.steps.front().number; });
    for (const JournalEntry& entry : entries) {
      if (entry.start != task_.position()) return problem("an entry of the journal begins where none ended");
      for (const Step& step : entry.steps) {
        if (step.number != task_.steps() + 1)
          return problem("step " + std::to_string(step.number) + " follows step " + std::to_string(task_.steps()));
        if (!task_.ready_for(step)) return problem("a step goes beyond the log");
        task_.apply(step, teller_);
        if (naive) naive->take(step);
        outcome_.ticks += step.clock == before_all_time ? 0 : 1;
        outcome_.swaps += step.swap != nullptr && step.swap->from != before_all_time ? 1 : 0;
        compare_checkpoints();
      }
    }
    if (naive && !naive->agrees(teller_.items())) problem("the naive engine makes other alerts of the same steps");
    outcome_.naive_alerts += naive ? teller_.items().size() : 0;
    if (outcome_.refusals > 0) return;
    compare_positions();
    if (!checkpoints_.empty())
      problem(checkpoints_.front().where + " has a checkpoint of step " +
              std::to_string(checkpoints_.front().marker.step) + ", the journal ends with " +
              std::to_string(task_.steps()));
    if (plan_.at_rest) compare_undisturbed();
  }

 private:
  void problem(const std::string& text) { outcome_.problems.push_back(to_string(partition_) + ": " + text); }

  void push_sources(engine::Task& task) {
    naive_events_.assign(plan_.sources, {});
    naive_offsets_.assign(plan_.sources, {});
    for (std::uint8_t s = 0; s < plan_.sources; ++s) {
      const std::string topic = plan_.source_topic(s);
      ingest::Decoder decoder(settings_.shard.sources[s], partition_, settings_.shard.partitioner, plan_.partitions);
      for (const LoggedRecord& record : simulation_.history(topic, partition_.value)) {
        EventBatch batch;
        std::vector<MemoryBatch::Given> given;
        given.push_back({record.key, record.value, record.timestamp, record.headers});
        decoder.decode(MemoryBatch(std::move(given), Offset{record.offset}), batch);
        if (plan_.naive) {
          naive_events_[s].push_back(naive_event(batch.events.front()));
          naive_offsets_[s].push_back(record.offset);
        }
        task.push(SourceIndex{s}, std::move(batch));
      }
      task.reached_end(SourceIndex{s}, Offset{simulation_.log().at(topic, partition_.value).stable_end()});
    }
  }

  void collect_checkpoints() {
    if (plan_.changelog) {
      if (auto kept = changelog_of(simulation_, partition_.value)) checkpoints_.push_back(std::move(*kept));
    }
    int number = 0;
    for (const auto& disk : simulation_.disks()) {
      const auto found = disk->checkpoints();
      ++number;
      const auto own = found.find(partition_);
      if (own == found.end()) continue;
      checkpoints_.push_back({"disk " + std::to_string(number), own->second.marker, own->second.records});
    }
  }

  /// Those that stand where the task is now hold what it has.
  void compare_checkpoints() {
    for (auto it = checkpoints_.begin(); it != checkpoints_.end();) {
      if (it->marker.step != task_.steps()) {
        ++it;
        continue;
      }
      ++outcome_.checkpoints;
      const std::string where = it->where + " at step " + std::to_string(it->marker.step);
      if (it->records != records_of(table_)) problem(where + " holds other records than its steps lead to");
      if (it->marker.customers != table_.size()) problem(where + " counts other customers than it holds");
      if (it->marker.position != task_.position()) problem(where + " has another position");
      if (it->marker.stream_time != task_.stream_time()) problem(where + " has another stream time");
      const Marker now = task_.marker(it->marker.policy, it->marker.taken_at);
      if (!std::ranges::equal(it->marker.models, now.models, is_same)) problem(where + " names other models");
      outcome_.between += now.models.size() > 1 ? 1 : 0;
      it = checkpoints_.erase(it);
    }
  }

  void compare_positions() {
    for (std::uint8_t s = 0; s < plan_.sources; ++s) {
      const std::string topic = plan_.source_topic(s);
      const std::int64_t end = simulation_.log().at(topic, partition_.value).stable_end();
      const std::int64_t at = task_.position().next[s].value;
      if (at != end) problem(topic + " is applied to " + std::to_string(at) + ", and ends at " + std::to_string(end));
      const auto committed = simulation_.log().group.committed({topic, partition_.value});
      // A log without records makes no step.
      if (task_.steps() > 0 && (!committed || committed->offset != at))
        problem(topic + " has another offset committed");
      if (s == 0 && committed && committed->metadata != "step " + std::to_string(task_.steps()))
        problem("the committed offset says '" + committed->metadata + "' after " + std::to_string(task_.steps()));
    }
  }

  /// A log at rest gives the same however it is read.
  void compare_undisturbed() {
    Told told;
    Teller teller(settings_.shard, partition_, told);
    state::HotTable table(sizeof(engine::Customer));
    engine::Task task(partition_, plan_.models.front(), plan_.policy, table,
                      {.next = {}, .sources = static_cast<std::uint8_t>(plan_.sources)});
    push_sources(task);
    while (task.advance(before_all_time, 1'000'000, teller)) {
    }
    for (const auto& [customer, alerts] : told.alerts) {
      if (told_.alerts[customer] != alerts) problem("an undisturbed run gives other alerts of " + customer);
    }
    if (records_of(table) != records_of(table_)) problem("an undisturbed run gives other records");
  }

  Simulation& simulation_;
  const Plan& plan_;
  const app::PipelineSettings settings_;
  const Partition partition_;
  Outcome& outcome_;
  Told& told_;
  Teller teller_;
  state::HotTable table_;
  engine::Task task_;
  std::vector<Kept> checkpoints_;
  std::vector<std::vector<reference::NaiveEvent>> naive_events_;
  std::vector<std::vector<std::int64_t>> naive_offsets_;
};

}  // namespace

void verify(Simulation& simulation, Outcome& outcome) {
  const auto problem = [&](const std::string& text) { outcome.problems.push_back(text); };
  simulation.log().settle();
  Told told;
  for (std::int32_t p = 0; p < simulation.plan().partitions; ++p)
    Retold(simulation, Partition{p}, told, outcome).tell();

  std::map<std::string, std::vector<std::string>> sent;
  for (const LoggedRecord& record : simulation.log().visible("alerts"))
    sent[*record.key].push_back(*record.value + text_of(record.headers));
  for (const auto& [customer, alerts] : sent) {
    outcome.alerts += alerts.size();
    std::uint64_t seq = 0;  // Begins anew for who was erased.
    for (const std::string& alert : alerts) {
      if (alert.find("\"seq\":" + std::to_string(++seq) + ',') == std::string::npos)
        problem("alert " + std::to_string(seq) + " of " + customer + " has another number: " + alert);
      if (alert.find(R"("change":"erased")") == std::string::npos) continue;
      ++outcome.erasures;
      seq = 0;
    }
  }
  for (const auto& [customer, alerts] : told.alerts) {
    if (sent[customer] != alerts)
      problem(customer + " has " + std::to_string(sent[customer].size()) + " alerts, its steps lead to " +
              std::to_string(alerts.size()));
  }
  for (const auto& [customer, alerts] : sent) {
    if (!alerts.empty() && !told.alerts.contains(customer)) problem(customer + " has alerts that no step leads to");
  }

  std::vector<std::string> letters;
  for (const LoggedRecord& record : simulation.log().visible("dead")) letters.push_back(line_of(record));
  std::ranges::sort(letters);
  std::ranges::sort(told.dead_letters);
  outcome.dead_letters += letters.size();
  if (letters != told.dead_letters)
    problem("there are " + std::to_string(letters.size()) + " dead letters, the steps lead to " +
            std::to_string(told.dead_letters.size()) + ", or others");
  outcome.silences += told.silences;
  outcome.by_model += told.by_model;
  // One of a changelog may be: it ends when its writer writes again, or at its time-out.
  for (const char* topic : {"alerts", "dead", "journal"}) {
    for (std::int32_t p = 0; p < simulation.log().partitions(topic); ++p) {
      if (!simulation.log().at(topic, p).open.empty()) problem(std::string("a transaction is still open in ") + topic);
    }
  }
}

}  // namespace holdfast::testing
