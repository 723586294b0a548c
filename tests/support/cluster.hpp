#pragma once

#include <array>
#include <filesystem>
#include <string>

#include "tests/support/broker.hpp"

namespace holdfast::testing {

/// A Kafka cluster of its own: three nodes, each of them broker and controller, in a temporary folder. Topics have
/// three copies, and a write counts once two of them have it, so one node at a time can be away. The nodes are 1, 2 and
/// 3; they end with the object.
///
/// What asks for a node (leader, coordinator, controller) waits until there is one, and throws std::runtime_error after
/// a minute. By the time it returns the answer may be another.
class Cluster : public Kafka {
 public:
  static constexpr std::array nodes{1, 2, 3};

  /// `settings`: lines of server.properties, for each node.
  explicit Cluster(const std::string& settings = "");
  ~Cluster();

  void kill9(int node);
  /// SIGTERM: the node hands over what it leads. Returns once it is gone.
  void stop(int node);
  /// Starts it again on the same data and port, after kill9() or stop(). Returns once it takes part.
  void restart(int node);
  /// Waits until all partitions have a leader and all copies are up to date.
  void wait_until_in_sync();

  [[nodiscard]] int leader_of(const std::string& topic, std::int32_t partition);
  [[nodiscard]] int transaction_coordinator(const std::string& transactional_id);
  [[nodiscard]] int group_coordinator(const std::string& group);
  /// The leader of the quorum that holds the metadata.
  [[nodiscard]] int controller();

  /// Where this node keeps its copies of the partitions.
  [[nodiscard]] std::filesystem::path data_of(int node) const { return home_of(node) / "data"; }

 private:
  [[nodiscard]] std::filesystem::path home_of(int node) const;
  void end() noexcept;

  std::filesystem::path directory_;
  std::string settings_;
};

}  // namespace holdfast::testing
