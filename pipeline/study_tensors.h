// The integers and the real numbers of the tensors that layers write, for study_network().
#pragma once

#include "pipeline/study_networks.h"

namespace narrow {
inline namespace v0 {

// Fills LayerStudy::output and cumulative_db, over all images. Errors: those of the images and of running the networks.
[[nodiscard]] Status count_tensors(const StudiedNetworks& networks, NetworkStudy& study);

}  // namespace v0
}  // namespace narrow
