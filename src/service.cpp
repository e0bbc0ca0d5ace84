#include "holdfast/service.hpp"
