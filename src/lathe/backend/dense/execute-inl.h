// Runs a program over the rows of a call.
#if defined(LATHE_DENSE_EXECUTE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_EXECUTE_INL_H
#undef LATHE_DENSE_EXECUTE_INL_H
#else
#define LATHE_DENSE_EXECUTE_INL_H
#endif

#include <cstring>

#include "hwy/cache_control.h"
#include "lathe/backend/dense/activations-inl.h"
#include "lathe/backend/dense/batch_norm-inl.h"
#include "lathe/backend/dense/dropout_mask.h"
#include "lathe/backend/dense/elementwise-inl.h"
#include "lathe/backend/dense/formula-inl.h"
#include "lathe/backend/dense/linear_stage-inl.h"
#include "lathe/backend/dense/loss-inl.h"
#include "lathe/data/dataset.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

constexpr std::size_t kGroup = data::kBlockRows;  // rows of a tile that may come as one block
static_assert(kTile % kGroup == 0 && kGroup % kLanes == 0);

// Tells whether the kGroup rows from position `first` are one whole block of the samples.
HWY_INLINE bool IsBlock(const Rows& rows, std::size_t first) {
  if (rows.blocks == nullptr || first + kGroup > rows.count) return false;
  if (rows.order == nullptr) return (rows.first + first) % kGroup == 0;
  const hn::ScalableTag<std::uint32_t> d;
  const std::uint32_t row = rows.order[first];
  if (row % kGroup != 0 || row + kGroup > rows.total) return false;
  auto difference = hn::Zero(d);
  for (std::size_t i = 0; i < kGroup; i += kLanes) {
    const auto expected = hn::Iota(d, row + static_cast<std::uint32_t>(i));
    difference = hn::Or(difference, hn::Xor(hn::LoadU(d, rows.order + first + i), expected));
  }
  return hn::AllTrue(d, hn::Eq(difference, hn::Zero(d)));
}

HWY_INLINE const float* Block(const Rows& rows, std::size_t first) {
  return rows.blocks + rows[first] / kGroup * rows.width * kGroup;
}

// Fetches rows [first, first + kGroup) that will be gathered soon. Rows need not begin at a cache line.
HWY_INLINE void PrefetchGroup(const Rows& rows, std::size_t first) {
  if (IsBlock(rows, first)) {
    const float* block = Block(rows, first);
    for (std::size_t f = 0; f < rows.width; ++f) hwy::Prefetch(block + f * kGroup);
    if (rows.labels == nullptr) return;
    hwy::Prefetch(rows.labels + rows[first]);
    return hwy::Prefetch(rows.labels + rows[first] + kGroup - 1);
  }
  const std::size_t end = first + kGroup < rows.count ? first + kGroup : rows.count;
  for (std::size_t i = first; i < end; ++i) {
    const float* row = rows.features + rows[i] * rows.width;
    for (std::size_t f = 0; f + 1 < rows.width; f += 16) hwy::Prefetch(row + f);
    hwy::Prefetch(row + rows.width - 1);
    if (rows.labels != nullptr) hwy::Prefetch(rows.labels + rows[i]);
  }
}

// Fetches quarter `part` of a tile of the rows that the next call is to read: a tile at once would wait for the memory.
HWY_INLINE void PrefetchPart(const Rows& rows, std::size_t tile, std::size_t part) {
  const std::size_t first = tile * kTile + part * kGroup;
  if (first < rows.count) PrefetchGroup(rows, first);
}
static_assert(kTile == 4 * kGroup);

HWY_INLINE void CopyBlock(const float* block, std::size_t width, float* x) {
  const D d;
  for (std::size_t f = 0; f < width; ++f, block += kGroup, x += kTile)
    for (std::size_t i = 0; i < kGroup; i += kLanes) hn::Store(hn::Load(d, block + i), d, x + i);
}

// Turns up to kGroup rows from position `first` feature-major, absent ones as zeros. Returns false when a row number is
// out of range.
HWY_INLINE bool TurnRows(const Rows& rows, const Memory& memory, std::size_t first, float* x, CallResult& result) {
  const float* pointers[kGroup];
  for (std::size_t i = 0; i < kGroup; ++i) {
    pointers[i] = memory.zeros;
    if (first + i >= rows.count) continue;
    const std::size_t row = rows[first + i];
    if (row >= rows.total) {
      result.row_out_of_range = first + i;
      return false;
    }
    pointers[i] = rows.features + row * rows.width;
  }
  const std::size_t present = rows.count - first < kGroup ? rows.count - first : kGroup;
  Transpose(pointers, (present + kLanes - 1) / kLanes * kLanes, rows.width, x, kTile);
  return true;
}

// Brings the rows of a tile feature-major. Returns false when a row number is out of range.
HWY_NOINLINE bool GatherRows(const Rows& rows, const Memory& memory, const Tile& tile, float* x, CallResult& result) {
  for (std::size_t group = 0; group < tile.count; group += kGroup) {
    const std::size_t first = tile.first + group;
    if (IsBlock(rows, first))
      CopyBlock(Block(rows, first), rows.width, x + group);
    else if (!TurnRows(rows, memory, first, x + group, result))
      return false;
  }
  return true;
}

// Collects the labels of a tile; those of absent samples are -1. Returns false when one is no class.
HWY_INLINE bool GatherLabels(const Rows& rows, const Tile& tile, std::size_t classes, std::int32_t* labels,
                             CallResult& result) {
  const DI di;
  const hn::ScalableTag<std::uint32_t> du;
  for (std::size_t group = 0; group < tile.count; group += kGroup) {
    const std::size_t end = group + kGroup < tile.count ? group + kGroup : tile.count;
    if (IsBlock(rows, tile.first + group)) {
      const std::int32_t* from = rows.labels + rows[tile.first + group];
      for (std::size_t i = 0; i < kGroup; i += kLanes) hn::Store(hn::LoadU(di, from + i), di, labels + group + i);
    } else {
      for (std::size_t i = group; i < end; ++i) labels[i] = rows.labels[rows[tile.first + i]];
    }
  }
  for (std::size_t i = tile.count; i < tile.vectors * kLanes; ++i) labels[i] = -1;
  auto highest = hn::Zero(du);
  for (std::size_t v = 0; v < tile.vectors; ++v) {
    const auto label = hn::BitCast(du, hn::Load(di, labels + v * kLanes));
    highest = hn::Max(highest, hn::IfThenElseZero(hn::RebindMask(du, Alive(tile, v)), label));
  }
  if (hn::AllTrue(du, hn::Lt(highest, hn::Set(du, static_cast<std::uint32_t>(classes))))) return true;
  for (std::size_t i = tile.count; i-- > 0;)
    if (static_cast<std::uint32_t>(labels[i]) >= classes) result.label_out_of_range = tile.first + i;
  return false;
}

// Brings what is learned of a tile: labels, or targets into memory.targets.
HWY_INLINE bool GatherTruth(const Program& program, const Memory& memory, const Rows& rows, const Tile& tile,
                            std::int32_t* labels, CallResult& result) {
  if (!program.loss.regression) [[likely]]
    return GatherLabels(rows, tile, program.classes, labels, result);
  GatherTargets(rows, tile, program.classes, memory.targets);
  return true;
}

// Sums from the first operand to the last; the output may lie on one of the first two.
HWY_INLINE void AddForward(const Program& program, const Memory& memory, const Stage& stage, const Tile& tile,
                           std::size_t memory_tile, float* y) {
  const float* sum = At(program, memory, program.operands[stage.first_operand], memory_tile);
  for (std::size_t k = stage.first_operand + 1; k < stage.end_operand; ++k, sum = y)
    AddRows(stage.in_width, tile.vectors, sum, At(program, memory, program.operands[k], memory_tile), y);
}

// The forward pass of one stage; in training dropout draws its mask.
HWY_INLINE void Forward(const Program& program, const Memory& memory, const Stage& stage, const Tile& tile,
                        std::size_t memory_tile, const TrainingCall* training) {
  const float* x = At(program, memory, stage.input, memory_tile);
  float* y = At(program, memory, stage.output, memory_tile);
  const std::size_t width = stage.in_width, vectors = tile.vectors;
  switch (stage.kind) {
    case StageKind::kLinear: return LinearForward(stage, memory, tile, x, y);
    case StageKind::kBatchNorm: return BatchNormForward(stage, memory, tile, x, y);
    case StageKind::kRelu: return MapForward(ReluMap{}, width, vectors, x, y);
    case StageKind::kActivation:
      return WithActivation(stage.activation, stage.numbers.data(),
                            [&](const auto& map) { MapForward(map, width, vectors, x, y); });
    case StageKind::kQuantize: return MapForward(QuantizeMap{stage.quantizer}, width, vectors, x, y);
    case StageKind::kFormat: return FormatForward(*stage.format, width, vectors, x, y);
    case StageKind::kAdd: return AddForward(program, memory, stage, tile, memory_tile, y);
    case StageKind::kDropout:
      if (training == nullptr) {
        if (x != y) std::memcpy(y, x, width * kTile * sizeof(float));
        return;
      }
      float* mask = At(program, memory, stage.mask, memory_tile);
      fill_dropout_mask(stage, training->dropout_seed, tile.first, tile.count, mask);
      return MultiplyByMask(width, vectors, mask, x, y);
  }
}

HWY_INLINE void BackwardLinear(const Program& program, const Memory& memory, const Stage& stage, const Tile& tile,
                               float* dy, float* dx) {
  if (stage.relu && !stage.already_masked)
    MapBackward(ReluMap{}, stage.out_width, tile.vectors, At(program, memory, stage.output, tile.index), dy);
  const float* x = At(program, memory, stage.input, tile.index);
  LinearAddGradients(stage, memory, tile, x, dy);
  if (dx != nullptr) LinearBackward(stage, memory, tile, x, dy, dx);
}

// The backward pass of an activation, in place.
HWY_INLINE void BackwardMap(const Program& program, const Memory& memory, const Stage& stage, const Tile& tile,
                            float* dy) {
  const float* x = At(program, memory, stage.input, tile.index);
  const float* y = At(program, memory, stage.output, tile.index);
  const std::size_t width = stage.in_width, vectors = tile.vectors;
  switch (stage.kind) {
    case StageKind::kRelu:
      if (!stage.already_masked) MapBackward(ReluMap{}, width, vectors, y, dy);
      return;
    case StageKind::kActivation:
      return WithActivation(stage.activation, stage.numbers.data(),
                            [&](const auto& map) { MapBackward(map, width, vectors, stage.keeps_output ? y : x, dy); });
    case StageKind::kFormat: return FormatBackward(*stage.format, width, vectors, x, dy);
    case StageKind::kDropout:
      return MultiplyByMask(width, vectors, At(program, memory, stage.mask, tile.index), dy, dy);
    default: return;  // fixed point's gradient is straight through, a sum's goes to its operands as it is
  }
}

// Hands gradients on to values that several stages read.
HWY_INLINE void RunTransfers(const Program& program, const Memory& memory, const Stage& stage, const Tile& tile) {
  for (std::size_t k = stage.first_transfer; k < stage.end_transfer; ++k) {
    const Transfer& transfer = program.transfers[k];
    const float* from = GradientAt(program, memory, transfer.from, tile.index);
    float* to = GradientAt(program, memory, transfer.to, tile.index);
    if (transfer.adds)
      AddRows(transfer.width, tile.vectors, to, from, to);
    else
      CopyRows(transfer.width, tile.vectors, from, to);
  }
}

// The backward pass of a segment over one tile, where the gradients of its results lie in their places. Ends at the
// segment's batch norm, whose sums it adds to.
HWY_NOINLINE void BackwardSegment(const Program& program, const Memory& memory, const Segment& segment,
                                  const Tile& tile) {
  for (std::size_t i = segment.end; i-- > segment.first && i >= program.first_trainable;) {
    const Stage& stage = program.stages[i];
    if (!stage.takes_gradient) continue;
    float* dy = GradientAt(program, memory, stage.output_gradient, tile.index);
    if (stage.kind == StageKind::kBatchNorm) {
      const auto collect = stage.relu && !stage.already_masked ? CollectGradients<true> : CollectGradients<false>;
      collect(stage, memory, tile, At(program, memory, stage.input, tile.index),
              At(program, memory, stage.output, tile.index), dy,
              stage.passes_gradient ? At(program, memory, stage.gradient, tile.index) : nullptr);
      continue;  // the second half comes when the sums are complete
    }
    if (stage.kind == StageKind::kLinear) {
      float* dx = GradientAt(program, memory, stage.input_gradient, tile.index);
      BackwardLinear(program, memory, stage, tile, dy, stage.passes_gradient ? dx : nullptr);
    } else {
      BackwardMap(program, memory, stage, tile, dy);
    }
    RunTransfers(program, memory, stage, tile);
  }
}

// The second half of a batch norm's backward pass over one tile.
HWY_INLINE void BackwardBatchNorm(const Program& program, const Memory& memory, const Stage& norm, const Tile& tile) {
  BatchNormBackward(norm, memory, tile, At(program, memory, norm.input, tile.index),
                    At(program, memory, norm.gradient, tile.index),
                    GradientAt(program, memory, norm.input_gradient, tile.index));
  RunTransfers(program, memory, norm, tile);
}

HWY_INLINE void ForwardSegment(const Program& program, const Memory& memory, const Segment& segment, const Tile& tile,
                               const TrainingCall& call) {
  for (std::size_t i = segment.first; i < segment.end; ++i)
    Forward(program, memory, program.stages[i], tile, tile.index, &call);
}

// Forward passes of all segments but the last, each followed by the statistics of the batch norm behind it.
HWY_INLINE bool ForwardToLastSegment(const Program& program, const Memory& memory, const TrainingCall& call,
                                     CallResult& result) {
  const std::size_t tiles = TileCount(call.rows.count);
  for (std::size_t s = 0; s + 1 < program.segments.size(); ++s) {
    const Stage& norm = program.stages[program.segments[s + 1].first];
    for (std::size_t t = 0; t < tiles; ++t) {
      const Tile tile = MakeTile(t, call.rows.count);
      if (s == 0 && !GatherRows(call.rows, memory, tile, At(program, memory, program.input, t), result)) return false;
      ForwardSegment(program, memory, program.segments[s], tile, call);
      CollectStatistics(norm, memory, tile, At(program, memory, norm.input, t));
    }
    FinishStatistics(norm, memory, call.rows.count);
  }
  return true;
}

HWY_INLINE bool RunLastSegment(const Program& program, const Memory& memory, const TrainingCall& call,
                               CallResult& result) {
  HWY_ALIGN std::int32_t labels[kTile];
  const bool gathers = program.segments.size() == 1;
  for (std::size_t t = 0; t < TileCount(call.rows.count); ++t) {
    const Tile tile = MakeTile(t, call.rows.count);
    if (gathers && !GatherRows(call.rows, memory, tile, At(program, memory, program.input, t), result)) return false;
    if (!GatherTruth(program, memory, call.rows, tile, labels, result)) return false;
    PrefetchPart(call.next, t, 0);
    ForwardSegment(program, memory, program.segments.back(), tile, call);
    PrefetchPart(call.next, t, 1);
    TrainingLoss(program, memory, tile, At(program, memory, program.logits, t), labels, call.loss_scale, result);
    PrefetchPart(call.next, t, 2);
    BackwardSegment(program, memory, program.segments.back(), tile);
    PrefetchPart(call.next, t, 3);
  }
  return true;
}

HWY_NOINLINE void Accumulate(const Program& program, const Memory& memory, const TrainingCall& call,
                             CallResult& result) {
  if (!ForwardToLastSegment(program, memory, call, result)) return;
  if (!RunLastSegment(program, memory, call, result)) return;
  for (std::size_t s = program.segments.size() - 1; s-- > 0;) {
    const std::size_t index = program.segments[s + 1].first;
    const Stage& norm = program.stages[index];
    FinishGradients(norm, memory, call.rows.count);
    if (index <= program.first_trainable) return;
    for (std::size_t t = 0; t < TileCount(call.rows.count); ++t) {
      const Tile tile = MakeTile(t, call.rows.count);
      if (norm.passes_gradient) BackwardBatchNorm(program, memory, norm, tile);
      BackwardSegment(program, memory, program.segments[s], tile);
    }
  }
}

HWY_NOINLINE void PrepareEvaluation(const Program& program, const Memory& memory) {
  for (const Stage& stage : program.stages)
    if (stage.kind == StageKind::kBatchNorm) UseRunningStatistics(stage, memory);
}

HWY_NOINLINE void Evaluate(const Program& program, const Memory& memory, const Rows& rows, float* outputs,
                           const EvaluationSums& sums, CallResult& result) {
  HWY_ALIGN std::int32_t labels[kTile];
  const float* logits = At(program, memory, program.logits, 0);
  for (std::size_t t = 0; t < TileCount(rows.count); ++t) {
    const Tile tile = MakeTile(t, rows.count);
    if (!GatherRows(rows, memory, tile, At(program, memory, program.input, 0), result)) return;
    for (const Stage& stage : program.stages) Forward(program, memory, stage, tile, 0, nullptr);
    if (outputs != nullptr)
      for (std::size_t i = 0; i < tile.count; ++i)
        for (std::size_t j = 0; j < program.classes; ++j)
          outputs[(tile.first + i) * program.classes + j] = logits[j * kTile + i] + 0.0f;  // -0 is 0 to users
    if (rows.labels == nullptr && rows.targets == nullptr) continue;
    if (!GatherTruth(program, memory, rows, tile, labels, result)) return;
    EvaluationLoss(program, memory, tile, logits, labels, sums, result);
  }
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
