// A JSON pointer, a line end, a document: against nlohmann's own parser and tree.

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "base/json_pointer.hpp"
#include "fuzz/target.hpp"

namespace holdfast::fuzz {
namespace {

using nlohmann::json;

/// RFC 6901 section 4 on a tree.
const json* walk(const json& document, const base::JsonPointer& pointer) {
  const json* at = &document;
  for (const auto& token : pointer) {
    if (at->is_object()) {
      const auto found = at->find(token);
      if (found == at->end()) return nullptr;
      at = &*found;
    } else if (at->is_array()) {
      std::size_t index = 0;
      const auto* const end = token.data() + token.size();
      const auto read = std::from_chars(token.data(), end, index);
      const bool plain = token == "0" || !token.starts_with('0');
      if (read.ec != std::errc() || read.ptr != end || !plain || index >= at->size())
        return nullptr;
      at = &(*at)[index];
    } else {
      return nullptr;
    }
  }
  return at;
}

void check_against_tree(std::string_view document, const base::JsonPointer& pointer) {
  const auto tree = json::parse(document);
  const auto* theirs = walk(tree, pointer);
  const auto ours = base::json_text_at(document, pointer);
  HOLDFAST_CHECK(ours.has_value() == (theirs != nullptr), "both find a value, or neither");
  if (!ours) return;
  HOLDFAST_CHECK(json::parse(*ours) == *theirs, "both find the same value");
  const auto scalar = base::json_scalar(*ours);
  HOLDFAST_CHECK(scalar.has_value() == (theirs->is_string() || theirs->is_number()), "scalars");
  if (theirs->is_string()) HOLDFAST_CHECK(*scalar == theirs->get<std::string>(), "its content");
  if (theirs->is_number()) HOLDFAST_CHECK(*scalar == *ours, "its source text");
  HOLDFAST_CHECK(base::json_scalar_at(document, pointer) == scalar, "one answer");
}

/// What nlohmann refuses of JSON: half a surrogate pair, and a number beyond a double.
bool may_differ(std::string_view document) {
  return document.contains("\\u") || document.contains('e') || document.contains('E') ||
         document.size() > 300;
}

void check_json_pointer(std::string_view input) {
  const auto text = take_until(input, '\n');
  const auto document = input;
  const auto pointer = base::parse_json_pointer(text);
  const bool valid = base::is_json(document);
  const bool nul = document.contains('\0');
  const bool theirs = !nul && json::accept(document);
  if (theirs) HOLDFAST_CHECK(valid, "what their parser takes is JSON");
  if (valid && !theirs) HOLDFAST_CHECK(may_differ(document), "nothing else is JSON");
  if (!pointer) {
    HOLDFAST_CHECK(!text.starts_with('/') || text.contains('~'), "a pointer begins with /");
    return;
  }
  HOLDFAST_CHECK(text.empty() == pointer->empty(), "one token a slash");
  HOLDFAST_CHECK(static_cast<std::size_t>(std::ranges::count(text, '/')) == pointer->size(),
                 "one token a slash");
  if (theirs) check_against_tree(document, *pointer);
  // Outside of its promise it must still stay inside of its text.
  const auto found = base::json_text_at(document, *pointer);
  if (found) HOLDFAST_CHECK(document.contains(*found), "what is found is a part of the document");
  if (!valid) return;
  if (found)
    if (const auto content = base::json_string(*found))
      HOLDFAST_CHECK(base::is_utf8(*content), "content is UTF-8");
  if (pointer->size() != 1) return;
  const auto members = base::json_members(document, pointer->front());
  const auto last = base::json_text_at(document, *pointer);
  if (!members.empty()) HOLDFAST_CHECK(last == members.back(), "of repeated names the last counts");
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("json_pointer", holdfast::fuzz::check_json_pointer);
