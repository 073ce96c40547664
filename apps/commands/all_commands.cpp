// The full command: every subcommand, in the order of --help.
#include "apps/commands/commands.h"

namespace narrow::cli {
namespace {

constexpr const char* kDescription =
    "narrow - integer inference for image-classification networks on x86 and ARM CPUs\n"
    "\n"
    "Takes float networks (PyTorch, safetensors, ONNX), makes an integer network of 8 down to 2 bits from them and "
    "runs it. On 64-bit ARM the small command runs such networks, with NEON; how fast was never measured.";

constexpr const char* kFirstSteps =
    "  narrow classify cat.jpg                                    with the built-in CIFAR-10 model\n"
    "  narrow quantize resnet20.pth --calibrate train/ -o resnet20.nrw\n"
    "  narrow evaluate resnet20.nrw test/\n"
    "  narrow evaluate resnet20.pth resnet20.nrw photos/          how close they are, without labels\n"
    "  narrow compare resnet20.pth resnet20.nrw photos/ --layers  which layers lose what\n"
    "  narrow report resnet20.nrw --against resnet20.pth --pictures photos/ -o report.html\n"
    "  narrow sweep resnet20.pth --calibrate train/ --evaluate test/ -o study/\n"
    "  narrow bench resnet20.nrw --layers\n"
    "  narrow inspect resnet20.nrw\n"
    "  narrow convert net.qdq.onnx -o net.nrw                     pre-quantized, kept as it is\n";

std::vector<Command> add_all(CommandLine& line) {
  return with_about(
      line, {add_classify(line), add_quantize(line), add_evaluate(line), add_compare(line), add_report(line),
             add_sweep(line), add_bench(line), add_inspect(line), add_trace(line), add_embed(line), add_convert(line),
             add_bundle(line), add_embed_source(line), add_pack(line), add_architectures(line), add_operators(line)});
}

}  // namespace

BuiltCommands built_commands() {
  return {.description = kDescription, .first_steps = kFirstSteps, .kind = "", .add = add_all};
}

}  // namespace narrow::cli
