#include "manifill/posterior/flow_options.hpp"

namespace manifill::posterior {

std::vector<OptionSpec> FlowNetworkOptions::specs() {
  const FlowNetworkOptions d;
  return {
      {.key = "flow.network",
       .help = "architecture of the flow",
       .fallback = d.network,
       .choices = {"conv", "unet", "realnvp"}},
      {.key = "flow.width",
       .help = "channels (conv) or hidden units (realnvp; 0: points / 8)",
       .fallback = d.width,
       .lowest = 0,
       .highest = 1024},
      {.key = "flow.dilations",
       .help = "dilations of the condition network's residual blocks, cells",
       .fallback = d.dilations},
      {.key = "flow.widths",
       .help = "channels of the condition network's grids, each of half the rows of the one before; unet",
       .fallback = d.widths},
      {.key = "flow.blocks",
       .help = "residual blocks of each grid of the condition network, down and up; unet",
       .fallback = d.blocks,
       .lowest = 1,
       .highest = 8},
      {.key = "flow.attention",
       .help = "blocks of self-attention on the coarsest grid of the condition network, by which each of its "
               "cells sees all others; unet",
       .fallback = d.attention,
       .lowest = 0,
       .highest = 16},
      {.key = "flow.bands",
       .help = "bands of detail of the base's mean, in units of its spread, that the condition network sees "
               "beside it; where points come in rows",
       .fallback = d.bands,
       .lowest = 0,
       .highest = 8},
      {.key = "flow.dropout",
       .help = "dropout of the condition network",
       .fallback = d.dropout,
       .lowest = 0,
       .highest = 0.9},
      {.key = "flow.vecchia",
       .help = "whether members pass a layer of predictions from coarser to finer points, whose weights and "
               "scales the condition network tells; where points come in rows",
       .fallback = d.vecchia},
      {.key = "flow.couplings",
       .help = "coupling layers",
       .fallback = d.couplings,
       .lowest = 0,
       .highest = 64},
      {.key = "flow.coupling_width",
       .help = "channels of a coupling's network",
       .fallback = d.coupling_width,
       .lowest = 1,
       .highest = 256},
      {.key = "flow.coupling_widths",
       .help = "channels of the grids of a coupling's network; unet",
       .fallback = d.coupling_widths},
      {.key = "flow.context",
       .help = "channels of the condition that couplings see",
       .fallback = d.context,
       .lowest = 1,
       .highest = 256},
      {.key = "flow.prior_sweep",
       .help = "whether members end in a sweep of draws by the prior's denoiser, either half of the cells "
               "given the other; needs a score network and points in rows",
       .fallback = d.prior_sweep},
      {.key = "flow.prior_level",
       .help = "log-SNR of the denoiser in that sweep",
       .fallback = d.prior_level,
       .lowest = -9,
       .highest = 9},
      {.key = "flow.affine",
       .help = "whether the affine layer conditioned on the measurement is there",
       .fallback = d.affine},
      {.key = "flow.scale_share",
       .help = "share of the affine layer's log-scales that is used; lowered where held-out intervals cover "
               "too little",
       .fallback = d.scale_share,
       .lowest = 0,
       .highest = 1},
  };
}

FlowNetworkOptions FlowNetworkOptions::from(const Config& c) {
  FlowNetworkOptions o;
  o.network = c.text("flow.network");
  o.width = c.integer("flow.width");
  o.dilations = c.list("flow.dilations");
  o.widths = c.list("flow.widths");
  o.blocks = c.integer("flow.blocks");
  o.attention = c.integer("flow.attention");
  o.bands = c.integer("flow.bands");
  o.dropout = c.real("flow.dropout");
  o.vecchia = c.flag("flow.vecchia");
  o.couplings = c.integer("flow.couplings");
  o.coupling_width = c.integer("flow.coupling_width");
  o.coupling_widths = c.list("flow.coupling_widths");
  o.context = c.integer("flow.context");
  o.prior_sweep = c.flag("flow.prior_sweep");
  o.prior_level = c.real("flow.prior_level");
  o.affine = c.flag("flow.affine");
  o.scale_share = c.real("flow.scale_share");
  return o;
}

Config FlowNetworkOptions::to_config() const {
  Config c(specs());
  c.set("flow.network", network);
  c.set("flow.width", width);
  c.set("flow.dilations", dilations);
  c.set("flow.widths", widths);
  c.set("flow.blocks", blocks);
  c.set("flow.attention", attention);
  c.set("flow.bands", bands);
  c.set("flow.dropout", dropout);
  c.set("flow.vecchia", vecchia);
  c.set("flow.couplings", couplings);
  c.set("flow.coupling_width", coupling_width);
  c.set("flow.coupling_widths", coupling_widths);
  c.set("flow.context", context);
  c.set("flow.prior_sweep", prior_sweep);
  c.set("flow.prior_level", prior_level);
  c.set("flow.affine", affine);
  c.set("flow.scale_share", scale_share);
  return c;
}

}  // namespace manifill::posterior
