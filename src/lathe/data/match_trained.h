#pragma once

#include "lathe/data/prepare.h"
#include "lathe/data/preprocessing.h"

namespace lathe::data {

/// Brings rows, before they are split and scaled, to what trained weights know: columns of features and targets to
/// the order of training by name (others are left out), labels to the places of the classes of those names. Where names
/// differ, or the rows' file has none, columns are taken by their place, and numbered labels are places of classes.
/// Says in one line each what it changed, and what it had to assume (of images: which of both were bytes). Throws
/// UserError for a class that the weights do not know where `request.keep_classes` is set; else a warning says so, and
/// the rows keep their classes.
void match_trained(RawDataset& raw, const Preprocessing& trained, bool keep_classes);

}  // namespace lathe::data
