#include "lathe/storage/trial_record.h"

namespace lathe::storage {

std::string to_string(Membership membership) {
  switch (membership) {
    case Membership::kOpen: return "open";
    case Membership::kOn: return "on the front";
    case Membership::kOff: return "off the front";
    case Membership::kTied: return "tied";
  }
  return {};
}

}  // namespace lathe::storage
