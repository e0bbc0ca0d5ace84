#pragma once

/// What `./dev check doc` must find fault with: every symbol that says so in its name.
namespace holdfast {

inline constexpr int undocumented_constant = 1;
using UndocumentedAlias = int;
enum class UndocumentedEnum { some };
struct UndocumentedStruct {
  int field = 0;  ///< One that is documented.
};
void undocumented_function();
template <class T>
void undocumented_template(T value);

/// An enumeration.
enum class Kind {
  known,  ///< One that is documented.
  undocumented_value,
};

/// A class.
class Part {
 public:
  void undocumented_member();
  int undocumented_field = 0;
  struct UndocumentedNested {
    int field = 0;  ///< One that is documented.
  };
};

}  // namespace holdfast
