"""What `narrow` makes of a float network: quantized in a way, and compared with the float network on the test images."""
import hashlib
import json
import pathlib
import subprocess


class Narrow:
    """Runs the command. Results are kept in `folder` by the command lines and the program's own bytes."""

    def __init__(self, program, data, folder, threads):
        self.program, self.data, self.folder, self.threads = program, data, pathlib.Path(folder), str(threads)
        self.version = hashlib.sha256(pathlib.Path(program).read_bytes()).hexdigest()
        self.folder.mkdir(parents=True, exist_ok=True)

    def _run(self, *arguments):
        command = [str(part) for part in (self.program, *arguments, "--threads", self.threads, "--json")]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)

    def result(self, network, width, options=(), calibration=None):
        """width: "4/8", weights/activations, or "4". options: more ones of `narrow quantize`. calibration: images instead
        of the network's own. Returns float_top1, top1 and agreement in %, divergence in nats, and what `narrow quantize`
        says that it prepared."""
        images = calibration or self.data / network.images[0]
        weights, _, activations = width.partition("/")
        quantize = [self.data / "models" / network.file, "--calibrate", images, *network.options, "--weights", weights,
                    "--activations", activations or weights, *options]
        key = hashlib.sha256(" ".join(map(str, [self.version, *quantize])).encode()).hexdigest()[:24]
        kept = self.folder / f"{key}.json"
        if kept.is_file():
            return json.loads(kept.read_text())
        model = self.folder / f"{key}.nrw"
        try:
            report = self._run("quantize", *quantize, "-o", model)
            compared = self._run("evaluate", self.data / "models" / network.file, model, self.data / network.images[1],
                                 *network.options, *network.evaluate_options)
            sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
        finally:
            model.unlink(missing_ok=True)
        result = {
            "network": network.title, "width": width, "options": list(options), "model": sha256,
            "core": compared["model"].get("core", ""),
            "float_top1": compared["reference"]["top1"]["percent"], "top1": compared["model"]["top1"]["percent"],
            "agreement": compared["agreement"]["top1"]["percent"],
            "divergence": compared["agreement"]["kl_divergence"]["nats"],
            "prepared": [event["text"] for event in report["events"] if event["subject"] == "preparation"],
        }
        kept.write_text(json.dumps(result, indent=2))
        return result


def cell(result):
    """Top-1 in %, agreement with the float network in %, divergence from it in nats."""
    return f"{result['top1']:.1f}; {result['agreement']:.1f}; {result['divergence']:.3g}"


def markdown(header, rows):
    """A table; every row is a list of cells as long as the header."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])
