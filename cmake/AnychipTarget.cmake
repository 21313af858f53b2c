# Flags every target of the project shares. Bits are only the same when the compiler neither contracts nor reorders
# floating point, so these are not a matter of taste (docs/numerics.md).
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # POSIX functions
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(anychip_flags INTERFACE)
target_compile_definitions(anychip_flags INTERFACE _GNU_SOURCE)
target_compile_options(anychip_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
  -ffp-contract=off -fno-fast-math -fno-strict-aliasing
  $<$<BOOL:${AC_WERROR}>:-Werror>)
if(AC_SANITIZE)
  target_compile_options(anychip_flags INTERFACE -fsanitize=${AC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(anychip_flags INTERFACE -fsanitize=${AC_SANITIZE})
  if(AC_SANITIZE MATCHES address)
    target_sources(anychip_flags INTERFACE
      $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:${CMAKE_CURRENT_LIST_DIR}/sanitize.c>)
    target_link_options(anychip_flags INTERFACE
      $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:LINKER:--export-dynamic-symbol=dlclose,--export-dynamic-symbol=__lsan_default_suppressions,--export-dynamic-symbol=__lsan_default_options>)
  endif()
endif()
