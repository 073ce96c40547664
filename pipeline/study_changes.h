// Other bits and ranges of the layers that hurt most, for study_network().
#pragma once

#include "pipeline/study_networks.h"

namespace narrow {
inline namespace v0 {

// Fills LayerStudy::trials of the layers with the largest effects, whose score_noise is known. Errors: those of running
// the networks.
[[nodiscard]] Status try_changes(const StudiedNetworks& networks, NetworkStudy& study);

}  // namespace v0
}  // namespace narrow
