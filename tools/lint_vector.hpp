// Forced in front of every source that clang-tidy reads. Clang instantiates a constexpr function where it
// meets it, GCC at the end of the source: with the constexpr vectors that libstdc++ has had since GCC 12,
// LibTorch's vectors of a class that is still incomplete there are errors to clang alone. Vectors that are
// not constexpr lose these checks nothing.
#include <string>
#if defined(__clang__) && defined(_GLIBCXX20_CONSTEXPR)
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 __fill_a1_of_bits  // declared constexpr before, by what <string> includes
#include <vector>
#undef __fill_a1
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR constexpr
#endif
