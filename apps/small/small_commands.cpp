// The small command (NARROW_BUILD_FULL=OFF): what runs a .nrw, and nothing that makes one.
#include "apps/commands/commands.h"

namespace narrow::cli {
namespace {

constexpr const char* kDescription =
    "narrow - integer inference for image-classification networks on x86 and ARM CPUs\n"
    "\n"
    "Runs .nrw models. This is the small command: the full one (./dev build) also makes them, of float networks "
    "(PyTorch, safetensors, ONNX), on x86 CPUs. How fast models run on ARM was never measured.";

constexpr const char* kFirstSteps =
    "  narrow classify cat.jpg                                    with the built-in CIFAR-10 model\n"
    "  narrow evaluate resnet20.nrw test/\n"
    "  narrow evaluate resnet20_8.nrw resnet20_4.nrw photos/      how close they are, without labels\n"
    "  narrow bench resnet20.nrw --layers\n"
    "  narrow inspect resnet20.nrw\n";

std::vector<Command> add_small(CommandLine& line) {
  return with_about(line, {add_classify(line), add_evaluate(line), add_bench(line), add_inspect(line), add_embed(line),
                           add_bundle(line), add_embed_source(line), add_pack(line)});
}

}  // namespace

BuiltCommands built_commands() {
  return {.description = kDescription,
          .first_steps = kFirstSteps,
          .kind = " (small)",
          .add = add_small,
          .elsewhere = {"quantize", "compare", "sweep", "report", "trace", "convert", "architectures", "operators"}};
}

}  // namespace narrow::cli
