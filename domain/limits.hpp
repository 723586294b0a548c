#pragma once

#include <cstddef>

#include "domain/time.hpp"

/// Every bound of the program, with its reason. What is not bounded here is bounded by the configuration.
namespace holdfast::limits {

/// A step carries one offset for each source in a fixed array; sixteen topics are more than any shop was seen to have.
inline constexpr std::size_t sources_max = 16;

/// Ids up to this length: an e-mail address (254) fits. The record key is the id, so longer keys are refused as well.
inline constexpr std::size_t customer_id_bytes_max = 255;

/// Longer event ids are refused: they are copied into alerts.
inline constexpr std::size_t event_id_bytes_max = 255;

/// Longer names of actions are refused: a name is a word or two, and a text in its place is a mistake.
inline constexpr std::size_t action_bytes_max = 64;

/// A larger event is a dead letter (too_large): a purchase is a few hundred bytes, and a batch must fit in memory.
inline constexpr std::size_t event_bytes_max = std::size_t{256} << 10;

/// Records a fetch hands on at once. Large enough to pay for a queue operation, small enough to stay in the cache.
inline constexpr std::size_t batch_records_max = 1000;

/// Bytes of values that a fetch is meant to hand on at most, where records are large.
inline constexpr std::size_t batch_bytes_max = std::size_t{4} << 20;

/// Batches of one source partition on their way to a task before the fetcher stops asking for more of them; small ones
/// may be more, as long as their records do not make up a step.
inline constexpr std::size_t batches_in_flight_max = 16;

/// Events a task applies in one step at most, so that epoch marks and queries never wait long.
inline constexpr std::size_t step_events_max = 4096;

/// Buffers of output that wait for their commit. Each holds what one step led to; while there is no room for another,
/// the next one grows with every step.
inline constexpr std::size_t output_buffers_max = 16;

/// What a growing buffer may hold before its shard has to wait: records, and bytes of them.
inline constexpr std::size_t output_records_max = 1024;
inline constexpr std::size_t output_bytes_max = std::size_t{1} << 20;

/// Memory for texts that a buffer keeps for its next use: what a step leads to, unless it is out of the ordinary.
inline constexpr std::size_t output_bytes_kept = std::size_t{8} << 20;

/// Steps of one task in one epoch, before its shard has to wait for the commit: their journal record stays well below
/// what a topic takes by default, 1 MB.
inline constexpr std::size_t epoch_steps_max = 8192;

/// Journal entries carry their writer's clock, checkpoints that of the machine they were made on: how far apart these
/// may be. Where they are further, the journal is read from its beginning.
inline constexpr Duration clock_skew_max{600'000};

/// A larger model file is refused: one that weighs every feature is some 2 KB. Journal entries and checkpoints carry
/// models as they are; with the largest ones, too, they stay below what a topic takes by default.
inline constexpr std::size_t model_bytes_max = std::size_t{128} << 10;

/// Models that the customers of a task can be under at once, and that its checkpoint names: the next one waits until
/// all have left the first. That many follow each other within minutes only where somebody makes a mistake. A
/// correction of the model in force may be one more.
inline constexpr std::size_t generations_max = 4;

/// A customer's latest event ids, kept as 40-bit fingerprints to recognise duplicates. A new event is falsely taken for
/// a duplicate with probability 6 / 2^40, about 5.5e-12.
inline constexpr std::size_t event_fingerprints = 6;

/// Nobody asks who will buy within more than ten years.
inline constexpr Duration horizon_max{std::int64_t{3650} * 86'400'000};

/// Reasons an alert can carry: every named feature once.
inline constexpr std::size_t reasons_max = 24;

}  // namespace holdfast::limits
