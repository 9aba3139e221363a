// Training killed with SIGKILL at random moments, fifty times for each model, and resumed each time
// from what is on the disk, with another number of threads: it ends in the bits of one that nobody
// disturbed. This program is the trained one too: it calls itself with the arguments
// "train <model> <folder> <threads>".
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "experiments/vision/trainer.hpp"
#include "promise_figure.hpp"
#include "small_models.hpp"
#include "study_data.hpp"
#include "temp_folder.hpp"
#include "tensor/parallel.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t steps = 42, save_every = 3;  // an epoch has 7 steps
constexpr int kills = 50;

// Trains from the folder's last checkpoint to the end, and writes "end.safetensors" there. One byte
// on standard output tells that training begins.
void train(const std::string& model, const fs::path& folder, int thread_count) {
  set_threads(thread_count);
  const ImageSet data = striped_images(200, 4, 1);  // the last batch is short
  const auto module = small_model(model, {5, 0});
  Trainer trainer(*module, data,
                  {.batch = 32,
                   .lr = 3e-3,
                   .schedule = optim::warm_up(10, optim::cosine_annealing_lr(steps - 10)),
                   .augment = compose({random_crop(1), random_horizontal_flip()}),
                   .key = {7, 0}});
  CheckpointFiles files(folder);
  if (const auto found = files.read()) trainer.restore(found->checkpoint, "");
  if (::write(STDOUT_FILENO, "!", 1) != 1) throw std::runtime_error("standard output is closed");
  while (trainer.steps() < steps) {
    trainer.step();
    if (trainer.steps() % save_every != 0) continue;
    Checkpoint state;
    trainer.save(state, "");
    files.write(state);
  }
  Checkpoint end;
  trainer.save(end, "");
  save_safetensors(folder / "end.safetensors", end.tensors, {{"state", end.state.dump()}});
}

// A training process; it is killed and reaped at the latest when this goes.
class Training {
 public:
  Training(const std::string& model, const fs::path& folder, int thread_count) {
    const std::string count = std::to_string(thread_count), place = folder.string();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execl("/proc/self/exe", "test_killed", "train", model.c_str(), place.c_str(), count.c_str(),
              static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(ends[1]);
    begun_ = ends[0];
  }
  ~Training() {
    if (pid_ > 0) kill();
    ::close(begun_);
  }
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  /// Waits until training begins; false if the process ends before.
  bool wait_until_begun() const {
    char byte = 0;
    return ::read(begun_, &byte, 1) == 1;
  }
  /// Its status after SIGKILL, which may come too late.
  int kill() {
    ::kill(pid_, SIGKILL);
    return wait();
  }
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  pid_t pid_ = -1;
  int begun_ = -1;
};

bool finished(int status) {
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class Killed : public ::testing::TestWithParam<const char*> {};

TEST_P(Killed, EndsInTheBitsOfAnUndisturbedRun) {
  TempFolder whole;
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(finished(Training(GetParam(), whole.path(), 1).wait()));
  const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - start;
  const std::string expected = read_bytes(whole / "end.safetensors");
  ASSERT_FALSE(expected.empty());

  std::uint64_t draw = 0;
  int killed = 0, runs = 0;
  while (killed < kills) {
    TempFolder folder;
    for (int attempt = 0;; ++attempt) {
      ASSERT_LT(attempt, 1000) << "a resumed run does not come to its end";
      Training training(GetParam(), folder.path(), 1 + attempt % 3);
      if (killed == kills) {
        ASSERT_TRUE(finished(training.wait()));
        break;
      }
      ASSERT_TRUE(training.wait_until_begun());
      std::this_thread::sleep_for(duration * 0.2 * philox::unit(philox::bits({11, 0}, draw++)));
      const int status = training.kill();
      if (finished(status)) break;
      ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
      ++killed;
    }
    ++runs;
    ASSERT_EQ(read_bytes(folder / "end.safetensors"), expected) << "after " << killed << " kills";
  }
  promise_figure("{}: {} kills in {} runs, each resumed to the same bits", GetParam(), killed,
                 runs);
}

INSTANTIATE_TEST_SUITE_P(Models, Killed, ::testing::ValuesIn(small_models),
                         [](const auto& name) { return std::string(name.param); });

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  if (argc == 5 && std::string_view(argv[1]) == "train") {
    sonde::experiments::train(argv[2], argv[3], std::atoi(argv[4]));
    return 0;
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
