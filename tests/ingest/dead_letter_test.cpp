#include "ingest/dead_letter.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::FieldsAre;

TEST(DeadLetter, SaysWhatWasWrongAfterTheRecordsOwnHeaders) {
  Rejection rejection;
  rejection.code = RejectionCode::bad_time;
  rejection.message = "time: 'soon' is no time";
  rejection.offset = Offset{9'000'000'000};
  rejection.headers = {{"trace", "1", true}, {"trace", "2", true}, {"none", "", false}};
  EXPECT_THAT(dead_letter_headers(rejection, "shop", "shop.orders", Partition{7}),
              ElementsAre(FieldsAre("trace", "1", true), FieldsAre("trace", "2", true), FieldsAre("none", "", false),
                          FieldsAre("__holdfast.errors.code", "bad_time", true),
                          FieldsAre("__holdfast.errors.message", "time: 'soon' is no time", true),
                          FieldsAre("__holdfast.errors.source", "shop", true),
                          FieldsAre("__holdfast.errors.topic", "shop.orders", true),
                          FieldsAre("__holdfast.errors.partition", "7", true),
                          FieldsAre("__holdfast.errors.offset", "9000000000", true)));
}

}  // namespace
}  // namespace holdfast::ingest
