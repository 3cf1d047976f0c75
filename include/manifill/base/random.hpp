#pragma once
/// \file
/// \brief Counter-based random numbers: the stream depends on its key only, never on the order of calls.
///
/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11). A draw for
/// (seed, purpose, time, member) is the same whatever the shard, batch or number of threads.

#include <array>
#include <cstdint>
#include <span>

namespace manifill {

/// \brief What a stream of random numbers is for; keeps streams of one (seed, time, member) apart.
enum class RandomPurpose : std::uint32_t {
  prior_innovation = 1,
  prior_residual = 2,
  observation_noise = 3,
  flow_latent = 4,
  mask = 5,
  training = 6,
  diffusion = 7,
  bootstrap = 8,
  importance = 9,
  representativeness = 10,
  posterior = 11,
};

/// \brief Key of a random stream.
struct RandomKey {
  std::uint64_t seed = 1;
  RandomPurpose purpose = RandomPurpose::training;
  std::int64_t time = 0;     ///< absolute time index of the step
  std::uint32_t member = 0;  ///< realization, or any other running number
};

/// \brief Random stream over one key. Copyable; copying forks nothing (the copy repeats the stream).
class RandomStream {
 public:
  explicit RandomStream(const RandomKey& key);
  std::uint32_t next_u32();
  double uniform();                                           ///< in (0, 1)
  double normal();                                            ///< N(0, 1), Box-Muller
  std::int64_t integer(std::int64_t low, std::int64_t high);  ///< uniform in [low, high]
  void fill_normal(std::span<float> out);
  void fill_normal(std::span<double> out);

 private:
  void refill();
  std::array<std::uint32_t, 2> key_{};
  std::array<std::uint32_t, 4> counter_{};
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0.0;
};

/// \brief FNV-1a, 64 bits: content hashes of domains, masks and model files. Not cryptographic.
std::uint64_t hash_bytes(const void* data, std::size_t size, std::uint64_t seed = 14695981039346656037ULL);

}  // namespace manifill
