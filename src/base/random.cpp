#include "manifill/base/random.hpp"

#include <cmath>
#include <numbers>

namespace manifill {
namespace {

constexpr std::uint32_t kMul0 = 0xD2511F53U;
constexpr std::uint32_t kMul1 = 0xCD9E8D57U;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9U;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85U;

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace

RandomStream::RandomStream(const RandomKey& k) {
  // The key words hold seed and purpose; the upper counter words hold time and member, so that streams of one
  // run can never overlap (2^32 blocks each would be needed).
  const std::uint64_t s = mix(k.seed + 0x9E3779B97F4A7C15ULL * (static_cast<std::uint64_t>(k.purpose) + 1));
  key_ = {static_cast<std::uint32_t>(s), static_cast<std::uint32_t>(s >> 32)};
  const std::uint64_t t = static_cast<std::uint64_t>(k.time);
  counter_ = {0U, static_cast<std::uint32_t>(t), k.member, static_cast<std::uint32_t>(t >> 32)};
}

void RandomStream::refill() {
  auto x = counter_;
  auto k = key_;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = static_cast<std::uint64_t>(kMul0) * x[0];
    const std::uint64_t p1 = static_cast<std::uint64_t>(kMul1) * x[2];
    x = {static_cast<std::uint32_t>(p1 >> 32) ^ x[1] ^ k[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ x[3] ^ k[1], static_cast<std::uint32_t>(p0)};
    k[0] += kWeyl0;
    k[1] += kWeyl1;
  }
  block_ = x;
  used_ = 0;
  ++counter_[0];
}

std::uint32_t RandomStream::next_u32() {
  if (used_ == 4) refill();
  return block_[static_cast<std::size_t>(used_++)];
}

double RandomStream::uniform() { return (next_u32() + 0.5) * 0x1p-32; }

double RandomStream::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2.0 * std::log(uniform()));
  const double angle = 2.0 * std::numbers::pi * uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

std::int64_t RandomStream::integer(std::int64_t low, std::int64_t high) {
  const auto width = static_cast<std::uint64_t>(high - low) + 1;
  const std::uint64_t wide = (static_cast<std::uint64_t>(next_u32()) << 32) | next_u32();
  return low + static_cast<std::int64_t>(wide % width);
}

void RandomStream::fill_normal(std::span<float> out) {
  for (auto& v : out) v = static_cast<float>(normal());
}

void RandomStream::fill_normal(std::span<double> out) {
  for (auto& v : out) v = normal();
}

std::uint64_t hash_bytes(const void* data, std::size_t size, std::uint64_t seed) {
  const auto* p = static_cast<const unsigned char*>(data);
  std::uint64_t h = seed;
  for (std::size_t i = 0; i < size; ++i) h = (h ^ p[i]) * 1099511628211ULL;
  return h;
}

}  // namespace manifill
