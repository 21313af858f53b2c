# Builds for 64-bit Arm on another machine: -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake, or the preset aarch64.
# The libraries (PCRE2, xxhash, cJSON) are Debian's for arm64, installed or unpacked under AC_CROSS_ROOT.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
if(NOT CMAKE_C_COMPILER)
  set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
endif()
set(AC_CROSS_ROOT "" CACHE PATH "Folder with arm64 packages unpacked under it (empty: they are installed)")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES AC_CROSS_ROOT)

set(ENV{PKG_CONFIG_LIBDIR} ${AC_CROSS_ROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${AC_CROSS_ROOT}/usr/share/pkgconfig)
if(AC_CROSS_ROOT)
  set(ENV{PKG_CONFIG_SYSROOT_DIR} ${AC_CROSS_ROOT})
endif()
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu ${AC_CROSS_ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)

# What is built runs under qemu, where it is installed; ctest uses this. AC_QEMU_CPU: as in qemu-aarch64 -cpu help.
find_program(AC_QEMU qemu-aarch64)
set(AC_QEMU_CPU max CACHE STRING "Processor to emulate")
if(AC_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${AC_QEMU} -cpu ${AC_QEMU_CPU} -L /usr/aarch64-linux-gnu)
  if(AC_CROSS_ROOT)
    list(APPEND CMAKE_CROSSCOMPILING_EMULATOR -E LD_LIBRARY_PATH=${AC_CROSS_ROOT}/usr/lib/aarch64-linux-gnu)
  endif()
endif()
