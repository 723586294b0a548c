#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

namespace holdfast::testing {

/// The files of one machine, in memory: they outlive the processes that use them, and know what has become durable.
/// What is in a file is durable up to where it was synced; that a file is there under a name, once its folder was.
class SimulatedFiles {
 public:
  /// `lies`: syncing does nothing, and says that it did.
  explicit SimulatedFiles(bool lies) : lies_(lies) {}

  /// Full: nothing can be appended.
  void set_full(bool full);
  [[nodiscard]] bool full() const;
  /// Keeps what is durable and, of the rest, what had reached the disk by chance: changes of names in their order, and
  /// the beginnings of files; the last page may be torn.
  void lose_power(std::mt19937_64& random);
  /// Flips a bit in one of the files.
  void flip_bit(std::mt19937_64& random);
  void clear();

 private:
  friend class SimulatedFileSystem;
  friend class SimulatedWritableFile;
  friend class SimulatedFolder;

  struct File {
    std::string bytes;
    std::size_t durable = 0;
  };
  using Names = std::map<std::string, std::shared_ptr<File>>;
  struct Change {
    std::string name;
    std::shared_ptr<File> file;  ///< None: it was removed.
  };

  void change(const std::string& name, std::shared_ptr<File> file);
  void sync_folder(const std::string& folder);

  const bool lies_;
  mutable std::mutex mutex_;  ///< Of what follows: RocksDB has a thread of its own.
  bool full_ = false;
  std::set<std::string> folders_;
  Names names_;
  Names durable_names_;
  std::vector<Change> changes_;  ///< Not durable yet.
};

/// A process's view of the files. Once it has been stopped it does nothing but fail.
class SimulatedFileSystem final : public rocksdb::FileSystem {
 public:
  explicit SimulatedFileSystem(SimulatedFiles& files) : files_(files) {}

  /// So many changes still happen; with the next one the process ends.
  void stop_after(std::uint64_t changes);
  void go_on();
  [[nodiscard]] bool stopped() const;

  [[nodiscard]] const char* Name() const override { return "SimulatedFileSystem"; }
  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* folder,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus FileExists(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetChildren(const std::string& folder, const rocksdb::IOOptions& options,
                                std::vector<std::string>* names, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDir(const std::string& name, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& name, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteDir(const std::string& name, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options, std::uint64_t* size,
                                rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFileModificationTime(const std::string& name, const rocksdb::IOOptions& options,
                                            std::uint64_t* time, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LockFile(const std::string& name, const rocksdb::IOOptions& options, rocksdb::FileLock** lock,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus UnlockFile(rocksdb::FileLock* lock, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetTestDirectory(const rocksdb::IOOptions& options, std::string* path,
                                     rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewLogger(const std::string& name, const rocksdb::IOOptions& options,
                              std::shared_ptr<rocksdb::Logger>* logger, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetAbsolutePath(const std::string& path, const rocksdb::IOOptions& options, std::string* absolute,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus IsDirectory(const std::string& name, const rocksdb::IOOptions& options, bool* is_folder,
                                rocksdb::IODebugContext* debug) override;

 private:
  friend class SimulatedWritableFile;
  friend class SimulatedFolder;

  /// Under the lock, before each change.
  rocksdb::IOStatus may_change();
  rocksdb::IOStatus find(const std::string& name, std::shared_ptr<SimulatedFiles::File>& file);

  SimulatedFiles& files_;
  std::uint64_t changes_left_ = UINT64_MAX;
  bool stopped_ = false;
};

/// RocksDB's surroundings in a process: its files, a clock that stands still, and one thread for what it does in the
/// background, which works only while it is let: so the order of changes does not depend on the scheduling of threads.
class SimulatedEnv final : public rocksdb::EnvWrapper {
 public:
  explicit SimulatedEnv(SimulatedFiles& files);
  ~SimulatedEnv() override;

  [[nodiscard]] SimulatedFileSystem& files() { return *files_; }
  /// Whether it works in the background from now on; what it is at is finished first.
  void work_in_background(bool works);
  /// Returns when nothing is left to be done in the background.
  void settle();

  void Schedule(void (*work)(void*), void* argument, Priority priority, void* tag, void (*unscheduled)(void*)) override;
  int UnSchedule(void* tag, Priority priority) override;
  void SetBackgroundThreads(int count, Priority priority) override;
  void IncBackgroundThreadsIfNeeded(int count, Priority priority) override;
  int GetBackgroundThreads(Priority priority) override;
  [[nodiscard]] unsigned int GetThreadPoolQueueLen(Priority priority) const override;
  std::uint64_t NowMicros() override;
  std::uint64_t NowNanos() override;
  void SleepForMicroseconds(int time) override;
  rocksdb::Status GetCurrentTime(std::int64_t* seconds) override;

 private:
  struct Job {
    std::function<void()> work;
    std::function<void()> unscheduled;
    void* tag;
  };

  SimulatedEnv(std::shared_ptr<SimulatedFileSystem> files, std::unique_ptr<rocksdb::Env> env);
  void run();

  std::shared_ptr<SimulatedFileSystem> files_;
  std::unique_ptr<rocksdb::Env> env_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool works_ = true;
  bool busy_ = false;
  bool ends_ = false;
  std::thread worker_;
};

}  // namespace holdfast::testing
