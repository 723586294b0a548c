#include "ingest/kafka_properties.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::ingest {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(KafkaProperties, EachFaultIsFoundWithoutAClient) {
  const auto faults = property_faults({{"bogus.prop", "1"},
                                       {"bootstrap.servers", "b:1"},
                                       {"group.id", "mine"},
                                       {"message.max.bytes", "5"},
                                       {"message.timeout.ms", "1000"},
                                       {"security.protocol", "nope"},
                                       {"sasl.password", "secret"}});
  ASSERT_EQ(faults.size(), 4u);
  EXPECT_EQ(faults.at("bogus.prop").why, PropertyFault::Why::unknown);
  EXPECT_THAT(faults.at("bogus.prop").text, HasSubstr("has no such property"));
  EXPECT_EQ(faults.at("group.id").why, PropertyFault::Why::reserved);
  EXPECT_THAT(faults.at("group.id").text, HasSubstr("it is the application_id"));
  EXPECT_EQ(faults.at("message.max.bytes").why, PropertyFault::Why::bad_value);
  EXPECT_THAT(faults.at("message.max.bytes").text, ::testing::EndsWith("outside allowed range 1000..1000000000"));
  EXPECT_EQ(faults.at("security.protocol").why, PropertyFault::Why::bad_value);
}

TEST(KafkaProperties, WhatIsWrongOnlyTogetherIsNotSaid) {
  // A client refuses each: the files are not there, and PLAIN wants a name and a password.
  EXPECT_TRUE(property_faults({{"security.protocol", "sasl_ssl"},
                               {"sasl.mechanism", "PLAIN"},
                               {"ssl.ca.location", "/nowhere"},
                               {"ssl.key.pem", "no key"}})
                  .empty());
}

TEST(KafkaProperties, NamesAreThoseThatATextCanSet) {
  const auto names = property_names();
  for (const char* name : {"bootstrap.servers", "sasl.password", "linger.ms", "message.timeout.ms", "debug"})
    EXPECT_THAT(names, Contains(name));
  for (const char* name : {"group.id", "error_cb", "opaque_cb", "Property", ""})
    EXPECT_THAT(names, Not(Contains(name)));
}

}  // namespace
}  // namespace holdfast::ingest
