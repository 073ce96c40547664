// The constants by which kernels are chosen. One table is compiled in and in force on every CPU, so that the choice
// depends on the model and the instruction set only. kernels/costs/constants.h says what the constants mean, and the
// other headers of that folder are tables, each fitted to one CPU model.
//
// `./dev fit-costs` measures every kernel on layers of real networks and says how far the table in force is from this
// CPU. With --write NAME it writes kernels/costs/NAME.h and its measurements, kernels/costs/data/NAME.csv. A new table
// is included in tests/kernels/cost_tables_test.cpp. It is in force once this file includes it and kTable is it.
//
// The table of Zen 4 is in force. Its choice is close to the best on Zen 3 too (kernels/costs/zen3.h has the numbers).
#pragma once

#include "kernels/costs/zen4.h"

namespace narrow::kernels::costs {

constexpr Table kTable = kZen4;

}  // namespace narrow::kernels::costs
