#pragma once
/// \file
/// \brief How the program's memory is handed out.

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace manifill {

/// \brief Memory that begins with a cache line, so that no vector of a loop lies across two; blocks of
/// megabytes on huge pages where the system has them, because strides of a page would miss the translation
/// buffer at each step. \throws std::bad_alloc
void* allocate_aligned(std::size_t bytes);
void free_aligned(void* memory) noexcept;

/// \brief Of containers whose memory `allocate_aligned` gives.
template <typename T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <typename U>
  explicit AlignedAllocator(const AlignedAllocator<U>& /*other*/) noexcept {}
  T* allocate(std::size_t count) { return static_cast<T*>(allocate_aligned(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t /*count*/) noexcept { free_aligned(memory); }
  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) noexcept { return true; }
};
template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

struct AlignedFree {
  void operator()(void* memory) const noexcept { free_aligned(memory); }
};
/// \brief Numbers that are not set. \throws std::bad_alloc
inline std::unique_ptr<double[], AlignedFree> aligned_numbers(std::size_t count) {
  return std::unique_ptr<double[], AlignedFree>(
      static_cast<double*>(allocate_aligned(count * sizeof(double))));
}

/// \brief Keeps freed blocks of up to 256 MiB for the next matrices instead of returning each to the system,
/// which would have to clear its pages anew: a quarter of a field's time otherwise. Call first thing in main.
/// No effect where the C library is not glibc.
void keep_freed_memory();

}  // namespace manifill
