#pragma once

namespace holdfast::base {

/// What operators see of the calling thread in `top -H` and `ps -L`; threads that it starts later
/// take the name over. At most 15 characters, or it stays nameless.
void name_this_thread(const char* name);

}  // namespace holdfast::base
