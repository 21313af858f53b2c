# What `cmake --install` puts where, and the two ways to find it: pkg-config and find_package(anychip).
# The package files are relocatable: they find the library beside themselves.
include(CMakePackageConfigHelpers)

install(TARGETS anychip_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS anychip_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
file(GLOB public_headers CONFIGURE_DEPENDS engine/include/anychip/*.h engine/include/anychip/*.def loader/include/anychip/*.h loader/include/anychip/*.def)
install(FILES ${public_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/anychip)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# What a program that links libanychip.a needs besides: compiler flags, and Debian's packages by pkg-config name.
set(AC_PRIVATE_REQUIRES "libpcre2-8 libxxhash")
set(AC_PRIVATE_LIBS "-lm -lpthread -ldl")
if(HWLOC_FOUND)
  string(APPEND AC_PRIVATE_LIBS " -lhwloc") # its pkg-config file asks for more than its shared library needs
endif()

file(RELATIVE_PATH AC_PREFIX_FROM_PC ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" AC_PREFIX_FROM_PC "${AC_PREFIX_FROM_PC}")
configure_file(cmake/anychip.pc.in ${PROJECT_BINARY_DIR}/anychip.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/anychip.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/anychip)
configure_package_config_file(cmake/anychipConfig.cmake.in ${PROJECT_BINARY_DIR}/anychipConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/anychipConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/anychipConfig.cmake ${PROJECT_BINARY_DIR}/anychipConfigVersion.cmake DESTINATION ${package_dir})
