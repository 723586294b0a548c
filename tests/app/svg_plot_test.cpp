#include "app/svg_plot.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/xml_check.hpp"

namespace holdfast::app {
namespace {

std::vector<std::string> labels(const std::vector<PlotTick>& ticks) {
  std::vector<std::string> out;
  for (const PlotTick& tick : ticks) out.push_back(tick.label);
  return out;
}

SvgPlot plot() {
  return {"p",
          "A < B",
          "c & d",
          {.title = "x", .least = 0, .most = 10, .ticks = round_ticks(0, 10, 5)},
          {.title = "y", .least = 0, .most = 1, .ticks = percent_ticks({0, 1})},
          200};
}

TEST(SvgPlot, TicksStandAtRoundNumbers) {
  using Labels = std::vector<std::string>;
  EXPECT_EQ(labels(round_ticks(0, 180, 6)), (Labels{"0", "20", "40", "60", "80", "100", "120", "140", "160", "180"}));
  EXPECT_EQ(labels(round_ticks(0.5, 0.8, 5)), (Labels{"0.50", "0.55", "0.60", "0.65", "0.70", "0.75", "0.80"}));
  EXPECT_EQ(labels(round_ticks(-0.4, 1, 5)), (Labels{"−0.4", "−0.2", "0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(labels(round_ticks(0, 1, 2)), (Labels{"0.0", "0.5", "1.0"}));
  EXPECT_EQ(labels(day_ticks(180)), (Labels{"0", "30", "60", "90", "120", "150", "180"}));
  EXPECT_EQ(labels(day_ticks(40)), (Labels{"0", "7", "14", "21", "28", "35"}));
  EXPECT_EQ(labels(day_ticks(4'000)), (Labels{"0", "730", "1460", "2190", "2920", "3650"}));
  EXPECT_EQ(labels(percent_ticks({0, 0.2, 1})), (Labels{"0%", "20%", "100%"}));
}

TEST(SvgPlot, DrawsInTheUnitsOfItsAxes) {
  SvgPlot p = plot();
  p.line({{0, 0}, {10, 1}}, "s0");
  p.bar({0, 0.5}, {5, 0}, "fill");
  const std::string svg = p.svg();
  // From the lower left corner of the drawing to its upper right one.
  EXPECT_NE(svg.find("<path d=\"M58.0 156.0L426.0 12.0\" class=\"line s0\"/>"), std::string::npos) << svg;
  EXPECT_NE(svg.find("<rect x=\"58.0\" y=\"84.0\" width=\"184.0\" height=\"72.0\" class=\"fill\"/>"), std::string::npos)
      << svg;
}

TEST(SvgPlot, IsWellFormedAndLeavesOutWhatIsNotFinite) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  SvgPlot p = plot();
  p.line({{0, nan}, {1, 0.1}, {nan, 0.2}, {3, 0.4}}, "s0");
  p.line({{nan, nan}}, "s9");
  p.dot({nan, 0}, 3, "gone");
  p.diamond({0, nan}, 3, "gone");
  p.bar({0, 0}, {nan, 1}, "gone");
  p.label({5, 0.5}, "<&>", Anchor::middle, "note");
  const std::string svg = p.svg();
  EXPECT_EQ(support::check_xml(svg).fault, "");
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("gone"), std::string::npos);
  EXPECT_EQ(svg.find("s9"), std::string::npos);
  EXPECT_NE(svg.find(">&lt;&amp;&gt;</text>"), std::string::npos);
  EXPECT_NE(svg.find("<title id=\"p-title\">A &lt; B</title>"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::app
