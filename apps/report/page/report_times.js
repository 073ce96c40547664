// Why a layer takes its time. Layers that are fused run together and have one time, so the reason is that of the group, and what a
// member has of it is estimated by the costs of kernels.
"use strict";
const narrowTimes = (() => {
  const { known, percent, bytes, count, ms, plural, el, table } = narrowPage;
  const { data, layerNamed, layerButton, kernelOf } = narrowReport;

  const membersOf = (layer) => [layer, ...layer.time.followers.map(layerNamed)];
  const macsOf = (layer) => d3.sum(membersOf(layer), (member) => member.macs);
  const isGroup = (layer) => layer.time.followers.length > 0;
  // Few pixels fill few tiles of a kernel. No reason where the layer is as near the peak as the whole network is.
  const fewPixels = (layer) => {
    const pixels = layer.output.height * layer.output.width;
    const isSlow = known(layer.time.peak_share) && layer.time.peak_share < data.profile.peak_share;
    return layer.macs && isSlow && pixels <= 64 && layer.output.height > 1 ? `only ${plural(pixels, "pixel")}, which fill few tiles of a kernel` : "";
  };
  // Slow for what it does, or slow because it does much?
  const paceText = (layer) => {
    const work = macsOf(layer) / data.model.macs;
    if (!(work > 0)) return "";
    return layer.time.share <= 1.1 * work ? "so it has much to do, and is not slow for that" : layer.time.share >= 1.5 * work ? "so it is slow for what it does" : "";
  };
  // A layer on one pixel is a matrix by a vector: no weight is used twice.
  const usesWeightsOnce = (layer) => layer.macs > 0 && layer.weight_bytes > 0 && layer.output.height * layer.output.width === 1;
  const productsOf = (time) => (known(time.products_per_output) ? time.products_per_output.toFixed(0) : "few");

  // What the time of a layer or of its group goes into, as a sentence.
  const boundText = (layer) => {
    const { time } = layer;
    const its = isGroup(layer) ? "the group's" : "its";
    const arithmetic = known(time.peak_share) ? `multiplying at the peak of ${time.instructions} would take ${percent(time.peak_share, 0)} of this time` : "nothing is multiplied";
    const threads = data.model.threads > 1 ? ` on each of ${data.model.threads} threads` : "";
    const memory = `moving ${its} ${bytes(time.bytes)} once, at the ${data.profile.read_gigabytes_per_second.toFixed(0)} GB/s${threads} at which as much as this model is read, ${percent(time.memory_share, 0)}`;
    const few = fewPixels(layer) ? ` The output has ${fewPixels(layer)}.` : "";
    const isShort = time.ms < 0.02;
    const rest = percent(Math.max(0, 1 - (time.peak_share || 0) - time.memory_share), 0);
    return {
      arithmetic: `Mostly multiplying: ${arithmetic}; ${memory}. What is left is loading operands, rounding and writing`,
      memory: `Mostly memory: ${memory}; ${arithmetic}`,
      outputs: `Chiefly what each output costs besides multiplying: there are only ${productsOf(time)} products for each${isGroup(layer) ? ", the mean of its layers" : ""}, so that loading their operands, rounding and writing take up to ${rest}${isShort ? `, of which starting${data.model.threads > 1 ? " the threads" : ""} is a part in so short a layer` : ""}. For comparison, ${arithmetic}; ${memory}`,
      elements: `A pass over all elements, which are read, changed and written and not multiplied; ${memory}`,
      other: usesWeightsOnce(layer)
        ? `Reading weights, and starting: each of the ${bytes(layer.weight_bytes)} is used for one product only, so none stays in a register. ${memory[0].toUpperCase()}${memory.slice(1)}; ${arithmetic}; starting${data.model.threads > 1 ? " the threads" : ""} and waiting for the caches take the rest, about ${rest}`
        : `No single cause: ${arithmetic}; ${memory}; loading operands, edges and rounding share the rest, about ${rest}`,
    }[time.bound] + "." + few;
  };
  // The one reason, for people who do not look at kernels.
  const reasonText = (layer) => {
    const { time } = layer;
    const its = isGroup(layer) ? "the group's" : "its";
    return {
      arithmetic: "multiplying takes most of it",
      memory: `moving ${its} ${bytes(time.bytes)} takes ${percent(time.memory_share, 0)} of it`,
      outputs: `loading, rounding and writing take longer than ${its} ${productsOf(time)} products for each output element`,
      elements: "it multiplies nothing: it reads, changes and writes each element",
      other: usesWeightsOnce(layer) ? `each of its ${bytes(layer.weight_bytes)} of weights is loaded for one product only`
        : fewPixels(layer) ? `the output has ${fewPixels(layer)}` : "loads, edges and rounding share it",
    }[time.bound];
  };
  const whyKernel = (layer) => {
    const candidates = layer.step?.candidates;
    if (!candidates || candidates.length === 0) return "";
    const exact = candidates.filter((of) => of.accepted);
    const refuse = candidates.length - exact.length;
    const next = exact[1] ? `; the next, ${exact[1].kernel}, is estimated at \u00d7${(exact[1].cost_cycles / exact[0].cost_cycles).toFixed(2)}` : "";
    return `It is the cheapest of the ${plural(exact.length, "kernel")} that are exact for this layer${next}.` + (refuse > 0 ? ` ${plural(refuse, "other")} ${refuse === 1 ? "refuses" : "refuse"} it.` : "");
  };

  // What each member has of the group's time, by the costs by which kernels are chosen. Only convolutions have such a cost.
  const costOf = (layer) => layer.step?.candidates?.[0]?.cost_cycles;
  const shareIn = (owner, member) => {
    const all = d3.sum(membersOf(owner), (of) => costOf(of) || 0);
    return known(costOf(member)) && all > 0 ? costOf(member) / all : undefined;
  };
  // A sum in the same kernel as its convolution is added before that rounds.
  const isAddedBeforeRounding = (owner, member) =>
    member.op === "Add" && member.inputs.some((name) => layerNamed(name) && membersOf(owner).includes(layerNamed(name)) && kernelOf(layerNamed(name)) === kernelOf(member));
  const memberText = (owner, member) => {
    const of = shareIn(owner, member);
    if (known(of)) {
      const outputs = member.output.height * member.output.width * member.output.channels;
      return `${member.name} has about ${percent(of, 0)} of the group's time (${ms(of * owner.time.ms)}, estimated by the costs of kernels) for ` +
        `${percent(member.macs / macsOf(owner), 0)} of its multiply-adds: ${(member.macs / outputs).toFixed(0)} products for each output element.`;
    }
    return `${member.name} multiplies nothing and has no time of its own: ` + (isAddedBeforeRounding(owner, member)
      ? "it is added while the results of its convolution are in registers."
      : "it changes the rows that the layer before it has just written, while they are in the cache.");
  };
  const membersTable = (owner, member) => table(`The layers of the group of ${owner.name}`, [["Fused layer", false], ["Multiply-adds", true], ["Share of them", true], ["Time (estimate)", true]],
    membersOf(owner).map((of) => [of === member ? el("strong", { text: of.name }) : layerButton(of.name), of.macs ? count(of.macs) : "none",
      of.macs ? percent(of.macs / macsOf(owner), 0) : "", known(shareIn(owner, of)) ? `${percent(shareIn(owner, of), 0)}` : "none of its own"]));

  const drawTime = (body, layer) => {
    const isHidden = Boolean(layer.step?.fused_with);
    const owner = isHidden ? layerNamed(layer.step.fused_with) : layer;
    if (!owner?.time) return;
    const time = owner.time;
    const sentences = [`${ms(time.ms)}, ${percent(time.share)} of ${ms(data.profile.ms)}, the sum of layers`];
    if (known(time.gops)) sentences.push(`${time.gops.toFixed(1)} billion operations per second`);
    if (macsOf(owner) > 0) sentences.push(`${percent(macsOf(owner) / data.model.macs)} of the multiply-adds${paceText(owner) ? `, ${paceText(owner)}` : ""}`);
    body.append(el("h4", { text: "Time, and why" }));
    if (isGroup(owner)) {
      body.append(el("p", { text: memberText(owner, layer) }),
        el("p", { text: `The group of ${plural(membersOf(owner).length, "fused layer")}, which run together a few rows at a time: ${sentences.join(", ")}.` }));
    } else {
      body.append(el("p", { text: `${sentences.join(", ")}.` }));
    }
    body.append(el("p", { text: boundText(owner) }));
    if (isGroup(owner)) body.append(membersTable(owner, layer));
    body.append(el("p", {}, "Kernel ", el("code", { text: kernelOf(layer) }), `. ${whyKernel(layer)}`));
  };

  return { drawTime, reasonText, paceText, macsOf };
})();
