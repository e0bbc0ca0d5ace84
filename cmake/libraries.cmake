# The two shared libraries for programs of one's own, their CMake package and their pkg-config files.
# Each is made of the folders that it needs and shows what HOLDFAST_EXPORT marks, nothing else: not
# SQLiteCpp either, which is linked into it.
include(CMakePackageConfigHelpers)

# While the major version is 0, the minor one says what fits.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  set(compatibility SameMinorVersion)
else()
  set(soversion ${PROJECT_VERSION_MAJOR})
  set(compatibility SameMajorVersion)
endif()

# The tree may be moved as a whole, so its folders lie in it.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  message(FATAL_ERROR "CMAKE_INSTALL_LIBDIR and CMAKE_INSTALL_INCLUDEDIR must be relative to the prefix")
endif()
file(RELATIVE_PATH from_pkgconfig_to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)

function(holdfast_library target name exported)
  cmake_parse_arguments(PARSE_ARGV 3 given "" "" "FOLDERS;PUBLIC;PRIVATE")
  set(objects)
  foreach(folder IN LISTS given_FOLDERS)
    list(APPEND objects $<TARGET_OBJECTS:holdfast_${folder}>)
  endforeach()
  add_library(${target} SHARED ${objects})
  add_library(holdfast::${exported} ALIAS ${target})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} EXPORT_NAME ${exported}
    VERSION ${PROJECT_VERSION} SOVERSION ${soversion} LINKER_LANGUAGE CXX
    LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/exports.map)
  target_compile_features(${target} INTERFACE cxx_std_23)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_options(${target} PRIVATE -Wl,--no-undefined
    -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/exports.map)
  target_link_libraries(${target} PUBLIC ${given_PUBLIC} PRIVATE ${given_PRIVATE})
  install(TARGETS ${target} EXPORT holdfast-targets COMPONENT development)
  configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
          COMPONENT development)
endfunction()

holdfast_library(holdfast_outbox_library holdfast holdfast
  FOLDERS base outbox relay postgres embedded
  PRIVATE SQLiteCpp PkgConfig::sqlite3 PkgConfig::libpq simdjson::simdjson OpenSSL::Crypto Threads::Threads)
# Its header brings libpqxx's, so a program that links it gets libpqxx.
holdfast_library(holdfast_postgres_library holdfast-postgres postgres
  FOLDERS base postgres wrapper
  PUBLIC PkgConfig::pqxx
  PRIVATE PkgConfig::libpq simdjson::simdjson OpenSSL::Crypto Threads::Threads)

add_custom_target(libraries DEPENDS holdfast_outbox_library holdfast_postgres_library)

# The daemon's own header is for the daemon.
install(DIRECTORY include/holdfast DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN *.hpp PATTERN service.hpp EXCLUDE)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/holdfast)
install(EXPORT holdfast-targets NAMESPACE holdfast:: DESTINATION ${package} COMPONENT development)
configure_package_config_file(cmake/holdfast-config.cmake.in holdfast-config.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(holdfast-config-version.cmake COMPATIBILITY ${compatibility})
install(FILES ${CMAKE_BINARY_DIR}/holdfast-config.cmake ${CMAKE_BINARY_DIR}/holdfast-config-version.cmake
        DESTINATION ${package} COMPONENT development)
