// The constants by which kernels are chosen, on every CPU: one table is in force, so that the choice depends on the
// model and the instruction set only. kernels/costs/constants.h says what the constants mean, and the other headers of
// that folder are tables for one CPU model each. `./dev fit-costs` measures every kernel on layers of real networks,
// says how far the table in force is from this CPU, and writes a table for it.
//
// The table of Zen 4 is in force. Its choice is close to the best on Zen 3 too (kernels/costs/zen3.h has the numbers).
#pragma once

#include "kernels/costs/zen4.h"

namespace narrow::kernels::costs {

constexpr Table kTable = kZen4;

}  // namespace narrow::kernels::costs
