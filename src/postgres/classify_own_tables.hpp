#pragma once

#include <array>
#include <string_view>

#include "holdfast/destination.hpp"
#include "postgres/classify_tables.hpp"

/// What a code means that somebody's own SQL has raised. Only classify.cpp includes this.
namespace holdfast::postgres {

/// Where a code out of a user's own statement means something else than out of ours: it is the
/// statement's fault or the entry's, and says nothing of the server that answered. What is not
/// known to be of the surroundings is the entry's: a function raises whatever its author chose.
inline constexpr std::array own_rules{
    CodeRule{"08", DeliveryClass::config},  // Of a foreign server: this one has answered.
    CodeRule{"0A", DeliveryClass::config},
    CodeRule{"20", DeliveryClass::data},  // A CASE of a function without a branch for the value.
    CodeRule{"21", DeliveryClass::data},  // A subquery of several rows, a row touched twice.
    CodeRule{"22023", DeliveryClass::data},
    CodeRule{"22P03", DeliveryClass::data},
    CodeRule{"25", DeliveryClass::config},  // Such as what cannot run inside a transaction.
    CodeRule{"26", DeliveryClass::config},
    CodeRule{"38", DeliveryClass::data},  // A function in another language.
    CodeRule{"39", DeliveryClass::data},
    CodeRule{"40003", DeliveryClass::data},  // Only a function says so before COMMIT.
    // The text was parsed before, so these are of a text inside of it: to_tsquery, EXECUTE, a path.
    CodeRule{"42601", DeliveryClass::data},
    CodeRule{"42602", DeliveryClass::data},
    CodeRule{"42622", DeliveryClass::data},
    CodeRule{"42P05", DeliveryClass::config},
    CodeRule{"55", DeliveryClass::config},  // Such as currval before nextval.
    CodeRule{"55P03", DeliveryClass::contention},
    CodeRule{"57000", DeliveryClass::data},
    CodeRule{"58", DeliveryClass::config},  // A missing library or file.
    CodeRule{"72", DeliveryClass::contention},
    CodeRule{"HV", DeliveryClass::config},
    CodeRule{"XX", DeliveryClass::data},  // Such as of an extension, which refused this value.
    CodeRule{"XX001", DeliveryClass::config},
    CodeRule{"XX002", DeliveryClass::config},
};

/// The classes of codes that PostgreSQL itself has; all others are of somebody's function.
/// Source:   PostgreSQL 17, appendix A.
inline constexpr auto postgres_classes = std::to_array<std::string_view>(
    {"00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21",
     "22", "23", "24", "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D",
     "3F", "40", "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX"});

}  // namespace holdfast::postgres
