#include "tests/support/simulated_files.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstring>
#include <utility>

namespace holdfast::testing {
namespace {

using rocksdb::IOStatus;

constexpr std::size_t page = 512;
constexpr std::int64_t now_seconds = 1'700'000'000;

/// Without doubled and trailing slashes.
std::string plain(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c != '/' || !out.ends_with('/')) out += c;
  }
  if (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

std::string folder_of(const std::string& name) { return name.substr(0, name.rfind('/')); }

IOStatus missing(const std::string& name) { return IOStatus::PathNotFound(name, "No such file or directory"); }

IOStatus process_ended() { return IOStatus::IOError("the process has ended"); }

class NoLogger final : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char* /*format*/, std::va_list /*arguments*/) override {}
};

class Lock final : public rocksdb::FileLock {};

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::string bytes) : bytes_(std::move(bytes)) {}
  IOStatus Read(std::size_t count, const rocksdb::IOOptions& /*options*/, rocksdb::Slice* result, char* scratch,
                rocksdb::IODebugContext* /*debug*/) override {
    const std::size_t read = std::min(count, bytes_.size() - at_);
    std::memcpy(scratch, bytes_.data() + at_, read);
    *result = rocksdb::Slice(scratch, read);
    at_ += read;
    return IOStatus::OK();
  }
  IOStatus Skip(std::uint64_t count) override {
    at_ = std::min(bytes_.size(), at_ + static_cast<std::size_t>(count));
    return IOStatus::OK();
  }

 private:
  const std::string bytes_;
  std::size_t at_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::string bytes) : bytes_(std::move(bytes)) {}
  IOStatus Read(std::uint64_t offset, std::size_t count, const rocksdb::IOOptions& /*options*/, rocksdb::Slice* result,
                char* scratch, rocksdb::IODebugContext* /*debug*/) const override {
    const std::size_t at = std::min<std::size_t>(offset, bytes_.size());
    const std::size_t read = std::min(count, bytes_.size() - at);
    std::memcpy(scratch, bytes_.data() + at, read);
    *result = rocksdb::Slice(scratch, read);
    return IOStatus::OK();
  }

 private:
  const std::string bytes_;
};

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
// The files

void SimulatedFiles::set_full(bool full) {
  const std::scoped_lock lock(mutex_);
  full_ = full;
}

bool SimulatedFiles::full() const {
  const std::scoped_lock lock(mutex_);
  return full_;
}

void SimulatedFiles::change(const std::string& name, std::shared_ptr<File> file) {
  changes_.push_back({name, file});
  if (file) {
    names_[name] = std::move(file);
  } else {
    names_.erase(name);
  }
}

void SimulatedFiles::sync_folder(const std::string& folder) {
  if (lies_) return;
  std::erase_if(changes_, [&](Change& change) {
    if (folder_of(change.name) != folder) return false;
    if (change.file) {
      durable_names_[change.name] = std::move(change.file);
    } else {
      durable_names_.erase(change.name);
    }
    return true;
  });
}

void SimulatedFiles::lose_power(std::mt19937_64& random) {
  const std::scoped_lock lock(mutex_);
  changes_.resize(random() % (changes_.size() + 1));
  for (Change& change : changes_) {
    if (change.file) {
      durable_names_[change.name] = std::move(change.file);
    } else {
      durable_names_.erase(change.name);
    }
  }
  changes_.clear();
  for (auto& [name, file] : durable_names_) {
    const std::size_t more = file->bytes.size() - file->durable;
    if (more == 0) continue;
    const std::size_t size = file->durable + random() % (more + 1);
    const std::size_t torn = std::min({page, size - file->durable, static_cast<std::size_t>(random() % (2 * page))});
    // Nobody changes a file that another one may still read.
    auto left = std::make_shared<File>(File{file->bytes.substr(0, size), size});
    for (std::size_t i = size - torn; i < size; ++i) left->bytes[i] = static_cast<char>(random());
    file = std::move(left);
  }
  names_ = durable_names_;
}

void SimulatedFiles::flip_bit(std::mt19937_64& random) {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, file] : names_) {
    if (!file->bytes.empty()) names.push_back(name);
  }
  if (names.empty()) return;
  const std::string& name = names[random() % names.size()];
  auto file = std::make_shared<File>(*names_[name]);
  file->bytes[random() % file->bytes.size()] ^= static_cast<char>(1 << random() % 8);
  names_[name] = file;
  durable_names_[name] = file;
}

void SimulatedFiles::clear() {
  const std::scoped_lock lock(mutex_);
  folders_.clear();
  names_.clear();
  durable_names_.clear();
  changes_.clear();
}

// ---------------------------------------------------------------------------------------------------------------------
// Files and folders that are open

class SimulatedWritableFile final : public rocksdb::FSWritableFile {
 public:
  SimulatedWritableFile(SimulatedFileSystem& system, std::shared_ptr<SimulatedFiles::File> file)
      : system_(system), file_(std::move(file)) {}

  using FSWritableFile::Append;
  IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& /*options*/,
                  rocksdb::IODebugContext* /*debug*/) override {
    const std::scoped_lock lock(system_.files_.mutex_);
    if (auto s = system_.may_change(); !s.ok()) return s;
    if (system_.files_.full_) return IOStatus::NoSpace("No space left on device");
    file_->bytes.append(data.data(), data.size());
    return IOStatus::OK();
  }
  IOStatus Truncate(std::uint64_t size, const rocksdb::IOOptions& /*options*/,
                    rocksdb::IODebugContext* /*debug*/) override {
    const std::scoped_lock lock(system_.files_.mutex_);
    if (auto s = system_.may_change(); !s.ok()) return s;
    file_->bytes.resize(size);
    file_->durable = std::min<std::size_t>(file_->durable, size);
    return IOStatus::OK();
  }
  IOStatus Sync(const rocksdb::IOOptions& /*options*/, rocksdb::IODebugContext* /*debug*/) override {
    const std::scoped_lock lock(system_.files_.mutex_);
    if (auto s = system_.may_change(); !s.ok()) return s;
    if (!system_.files_.lies_) file_->durable = file_->bytes.size();
    return IOStatus::OK();
  }
  IOStatus Close(const rocksdb::IOOptions& /*options*/, rocksdb::IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }
  IOStatus Flush(const rocksdb::IOOptions& /*options*/, rocksdb::IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }
  std::uint64_t GetFileSize(const rocksdb::IOOptions& /*options*/, rocksdb::IODebugContext* /*debug*/) override {
    const std::scoped_lock lock(system_.files_.mutex_);
    return file_->bytes.size();
  }

 private:
  SimulatedFileSystem& system_;
  const std::shared_ptr<SimulatedFiles::File> file_;
};

class SimulatedFolder final : public rocksdb::FSDirectory {
 public:
  SimulatedFolder(SimulatedFileSystem& system, std::string name) : system_(system), name_(std::move(name)) {}
  IOStatus Fsync(const rocksdb::IOOptions& /*options*/, rocksdb::IODebugContext* /*debug*/) override {
    const std::scoped_lock lock(system_.files_.mutex_);
    if (auto s = system_.may_change(); !s.ok()) return s;
    system_.files_.sync_folder(name_);
    return IOStatus::OK();
  }

 private:
  SimulatedFileSystem& system_;
  const std::string name_;
};

// ---------------------------------------------------------------------------------------------------------------------
// The file system

void SimulatedFileSystem::stop_after(std::uint64_t changes) {
  const std::scoped_lock lock(files_.mutex_);
  changes_left_ = changes;
}

void SimulatedFileSystem::go_on() {
  const std::scoped_lock lock(files_.mutex_);
  changes_left_ = UINT64_MAX;
}

bool SimulatedFileSystem::stopped() const {
  const std::scoped_lock lock(files_.mutex_);
  return stopped_;
}

IOStatus SimulatedFileSystem::may_change() {
  stopped_ = stopped_ || changes_left_ == 0;
  if (stopped_) return process_ended();
  --changes_left_;
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::find(const std::string& name, std::shared_ptr<SimulatedFiles::File>& file) {
  if (stopped_) return process_ended();
  const auto found = files_.names_.find(plain(name));
  if (found == files_.names_.end()) return missing(name);
  file = found->second;
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::NewSequentialFile(const std::string& name, const rocksdb::FileOptions& /*options*/,
                                                std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                                rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  std::shared_ptr<SimulatedFiles::File> found;
  if (auto s = find(name, found); !s.ok()) return s;
  *file = std::make_unique<SequentialFile>(found->bytes);
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions& /*options*/,
                                                  std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                                  rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  std::shared_ptr<SimulatedFiles::File> found;
  if (auto s = find(name, found); !s.ok()) return s;
  *file = std::make_unique<RandomAccessFile>(found->bytes);
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::NewWritableFile(const std::string& name, const rocksdb::FileOptions& /*options*/,
                                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                                              rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  if (auto s = may_change(); !s.ok()) return s;
  const std::string path = plain(name);
  if (!files_.folders_.contains(folder_of(path))) return missing(name);
  if (files_.full_) return IOStatus::NoSpace("No space left on device");
  auto made = std::make_shared<SimulatedFiles::File>();
  files_.change(path, made);
  *file = std::make_unique<SimulatedWritableFile>(*this, std::move(made));
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                 std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                 rocksdb::IODebugContext* debug) {
  {
    const std::scoped_lock lock(files_.mutex_);
    std::shared_ptr<SimulatedFiles::File> found;
    if (const auto s = find(name, found); s.ok()) {
      *file = std::make_unique<SimulatedWritableFile>(*this, std::move(found));
      return s;
    }
  }
  return NewWritableFile(name, options, file, debug);
}

IOStatus SimulatedFileSystem::NewDirectory(const std::string& name, const rocksdb::IOOptions& /*options*/,
                                           std::unique_ptr<rocksdb::FSDirectory>* folder,
                                           rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  if (stopped_) return process_ended();
  if (!files_.folders_.contains(plain(name))) return missing(name);
  *folder = std::make_unique<SimulatedFolder>(*this, plain(name));
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::FileExists(const std::string& name, const rocksdb::IOOptions& /*options*/,
                                         rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  if (stopped_) return process_ended();
  const bool is_there = files_.names_.contains(plain(name)) || files_.folders_.contains(plain(name));
  return is_there ? IOStatus::OK() : IOStatus::NotFound(name);
}

IOStatus SimulatedFileSystem::GetChildren(const std::string& folder, const rocksdb::IOOptions& /*options*/,
                                          std::vector<std::string>* names, rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  if (stopped_) return process_ended();
  names->clear();
  const std::string path = plain(folder);
  if (!files_.folders_.contains(path)) return missing(folder);
  for (const auto& [name, file] : files_.names_) {
    if (folder_of(name) == path) names->push_back(name.substr(path.size() + 1));
  }
  for (const std::string& name : files_.folders_) {
    if (folder_of(name) == path) names->push_back(name.substr(path.size() + 1));
  }
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::DeleteFile(const std::string& name, const rocksdb::IOOptions& /*options*/,
                                         rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  std::shared_ptr<SimulatedFiles::File> found;
  if (auto s = may_change(); !s.ok()) return s;
  if (auto s = find(name, found); !s.ok()) return s;
  files_.change(plain(name), nullptr);
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::CreateDir(const std::string& name, const rocksdb::IOOptions& options,
                                        rocksdb::IODebugContext* debug) {
  return CreateDirIfMissing(name, options, debug);
}

// Folders are durable at once: those of a state are made once, and without them there is no state to lose.
IOStatus SimulatedFileSystem::CreateDirIfMissing(const std::string& name, const rocksdb::IOOptions& /*options*/,
                                                 rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  if (auto s = may_change(); !s.ok()) return s;
  files_.folders_.insert(plain(name));
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::DeleteDir(const std::string& name, const rocksdb::IOOptions& /*options*/,
                                        rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  if (auto s = may_change(); !s.ok()) return s;
  return files_.folders_.erase(plain(name)) > 0 ? IOStatus::OK() : missing(name);
}

IOStatus SimulatedFileSystem::GetFileSize(const std::string& name, const rocksdb::IOOptions& /*options*/,
                                          std::uint64_t* size, rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  std::shared_ptr<SimulatedFiles::File> found;
  if (auto s = find(name, found); !s.ok()) return s;
  *size = found->bytes.size();
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::GetFileModificationTime(const std::string& name, const rocksdb::IOOptions& /*options*/,
                                                      std::uint64_t* time, rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  std::shared_ptr<SimulatedFiles::File> found;
  if (auto s = find(name, found); !s.ok()) return s;
  *time = now_seconds;
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::RenameFile(const std::string& from, const std::string& to,
                                         const rocksdb::IOOptions& /*options*/, rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  std::shared_ptr<SimulatedFiles::File> found;
  if (auto s = may_change(); !s.ok()) return s;
  if (auto s = find(from, found); !s.ok()) return s;
  files_.change(plain(to), std::move(found));
  files_.change(plain(from), nullptr);
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::LinkFile(const std::string& from, const std::string& to,
                                       const rocksdb::IOOptions& /*options*/, rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  std::shared_ptr<SimulatedFiles::File> found;
  if (auto s = may_change(); !s.ok()) return s;
  if (auto s = find(from, found); !s.ok()) return s;
  files_.change(plain(to), std::move(found));
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::LockFile(const std::string& /*name*/, const rocksdb::IOOptions& /*options*/,
                                       rocksdb::FileLock** lock, rocksdb::IODebugContext* /*debug*/) {
  *lock = new Lock;  // RocksDB gives it back to UnlockFile.
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::UnlockFile(rocksdb::FileLock* lock, const rocksdb::IOOptions& /*options*/,
                                         rocksdb::IODebugContext* /*debug*/) {
  delete lock;
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::GetTestDirectory(const rocksdb::IOOptions& /*options*/, std::string* path,
                                               rocksdb::IODebugContext* /*debug*/) {
  *path = "/test";
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::NewLogger(const std::string& /*name*/, const rocksdb::IOOptions& /*options*/,
                                        std::shared_ptr<rocksdb::Logger>* logger, rocksdb::IODebugContext* /*debug*/) {
  *logger = std::make_shared<NoLogger>();
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::GetAbsolutePath(const std::string& path, const rocksdb::IOOptions& /*options*/,
                                              std::string* absolute, rocksdb::IODebugContext* /*debug*/) {
  *absolute = plain(path);
  return IOStatus::OK();
}

IOStatus SimulatedFileSystem::IsDirectory(const std::string& name, const rocksdb::IOOptions& /*options*/,
                                          bool* is_folder, rocksdb::IODebugContext* /*debug*/) {
  const std::scoped_lock lock(files_.mutex_);
  if (stopped_) return process_ended();
  *is_folder = files_.folders_.contains(plain(name));
  return IOStatus::OK();
}

// ---------------------------------------------------------------------------------------------------------------------
// The surroundings

SimulatedEnv::SimulatedEnv(SimulatedFiles& files) : SimulatedEnv(std::make_shared<SimulatedFileSystem>(files), {}) {}

SimulatedEnv::SimulatedEnv(std::shared_ptr<SimulatedFileSystem> files, std::unique_ptr<rocksdb::Env> env)
    : EnvWrapper((env = rocksdb::NewCompositeEnv(files)).get()), files_(std::move(files)), env_(std::move(env)) {}

SimulatedEnv::~SimulatedEnv() {
  {
    const std::scoped_lock lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  if (worker_.joinable()) worker_.join();
}

void SimulatedEnv::work_in_background(bool works) {
  std::unique_lock lock(mutex_);
  works_ = works;
  changed_.notify_all();
  if (!works) changed_.wait(lock, [&] { return !busy_; });
}

void SimulatedEnv::settle() {
  std::unique_lock lock(mutex_);
  const bool worked = std::exchange(works_, true);
  changed_.notify_all();
  changed_.wait(lock, [&] { return !busy_ && jobs_.empty(); });
  works_ = worked;
}

void SimulatedEnv::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ends_ || (works_ && !jobs_.empty()); });
    if (ends_) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    lock.unlock();
    job.work();
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

void SimulatedEnv::Schedule(void (*work)(void*), void* argument, Priority /*priority*/, void* tag,
                            void (*unscheduled)(void*)) {
  const std::scoped_lock lock(mutex_);
  jobs_.push_back({[=] { work(argument); },
                   [=] {
                     if (unscheduled != nullptr) unscheduled(argument);
                   },
                   tag});
  if (!worker_.joinable()) worker_ = std::thread([this] { run(); });
  changed_.notify_all();
}

int SimulatedEnv::UnSchedule(void* tag, Priority /*priority*/) {
  std::vector<Job> removed;
  {
    const std::scoped_lock lock(mutex_);
    for (auto it = jobs_.begin(); it != jobs_.end();) {
      if (it->tag == tag) {
        removed.push_back(std::move(*it));
        it = jobs_.erase(it);
      } else {
        ++it;
      }
    }
  }
  for (const Job& job : removed) job.unscheduled();
  changed_.notify_all();
  return static_cast<int>(removed.size());
}

void SimulatedEnv::SetBackgroundThreads(int /*count*/, Priority /*priority*/) {}

void SimulatedEnv::IncBackgroundThreadsIfNeeded(int /*count*/, Priority /*priority*/) {}

int SimulatedEnv::GetBackgroundThreads(Priority /*priority*/) { return 1; }

unsigned int SimulatedEnv::GetThreadPoolQueueLen(Priority /*priority*/) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<unsigned int>(jobs_.size());
}

std::uint64_t SimulatedEnv::NowMicros() { return static_cast<std::uint64_t>(now_seconds) * 1'000'000; }

std::uint64_t SimulatedEnv::NowNanos() { return NowMicros() * 1'000; }

// What it waits for is done in the background; what is done there waits for nothing.
void SimulatedEnv::SleepForMicroseconds(int /*time*/) {
  if (std::this_thread::get_id() != worker_.get_id()) settle();
}

rocksdb::Status SimulatedEnv::GetCurrentTime(std::int64_t* seconds) {
  *seconds = now_seconds;
  return rocksdb::Status::OK();
}

}  // namespace holdfast::testing
