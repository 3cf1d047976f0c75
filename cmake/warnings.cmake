add_library(manifill_warnings INTERFACE)
target_compile_options(manifill_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                                   -Woverloaded-virtual -Wcast-align=strict -Wformat=2)
# GCC 12 sees overflows in std::string's own concatenation (GCC bugs 105329 and 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(manifill_warnings INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
if(MANIFILL_WARNINGS_AS_ERRORS)
  target_compile_options(manifill_warnings INTERFACE -Werror)
endif()
