# Writes every file of FOLDER, in name order, and then those of ALSO (separated by |), into OUT as one
# constexpr array VARIABLE of {name, text}.
file(GLOB files ${FOLDER}/*)
list(SORT files COMPARE NATURAL)
if(ALSO)
  string(REPLACE "|" ";" also "${ALSO}")
  list(APPEND files ${also})
endif()
list(LENGTH files count)
# A system header: the text of a library is longer than what clang calls a portable literal.
set(text "#pragma once\n#pragma GCC system_header\n\n#include <array>\n#include <string_view>\n\n")
string(APPEND text "struct EmbeddedFile {\n  std::string_view name;\n  std::string_view text;\n};\n\n")
string(APPEND text "inline constexpr std::array<EmbeddedFile, ${count}> ${VARIABLE}{{\n")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME)
  file(READ ${file} content)
  # With its length: to count it would take more steps than a constant may.
  file(SIZE ${file} bytes)
  string(APPEND text "    {\"${name}\", {R\"embedded(${content})embedded\", ${bytes}}},\n")
endforeach()
string(APPEND text "}};\n")
file(WRITE ${OUT} "${text}")
