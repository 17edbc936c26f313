#pragma once

#include <vector>

#include "lathe/model/chain.h"

/// Small transformers (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; layer norm in front of each part, as in
/// GPT-2): embeddings of tokens and positions, blocks of attention and a GELU network of four times the width, each
/// with a residual sum, a last layer norm. For classification every token sees all, and the mean over the tokens is
/// classified; where each token has a label of its own (language modelling) a token sees those before it, and a linear
/// layer gives the scores of the next one.
namespace lathe::model {

/// Makes 2 blocks of 64 features and 4 heads. 120,706 parameters with 64 tokens of 256 kinds and 2 classes.
std::vector<Layer> transformer_tiny(const ModelRequest& request);
/// Makes 4 blocks of 128 features and 4 heads. 834,562 parameters as above.
std::vector<Layer> transformer_small(const ModelRequest& request);

}  // namespace lathe::model
