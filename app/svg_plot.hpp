#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::app {

/// A point in the plot's own units.
struct PlotPoint {
  double x = 0;
  double y = 0;
};

struct PlotTick {
  double at = 0;
  std::string label;
};

struct PlotAxis {
  std::string title;
  double least = 0;
  double most = 1;  ///< > least
  std::vector<PlotTick> ticks;
};

enum class Anchor { start, middle, end };

/// A plot as an inline SVG element. What is drawn has CSS classes and no colours: the page's style sheet gives them, so
/// that light, dark and paper need one drawing. Texts are escaped here; what is not finite is not drawn.
class SvgPlot {
 public:
  /// `id` is unique in the page and a valid XML name; title and description are for those who cannot see the plot.
  /// `height` is in the units of width, of which there are plot_width.
  SvgPlot(std::string_view id, std::string_view title, std::string_view description, PlotAxis x, PlotAxis y,
          double height);

  void line(const std::vector<PlotPoint>& points, std::string_view css_class);
  /// From one corner to the opposite one.
  void bar(PlotPoint from, PlotPoint to, std::string_view css_class);
  void dot(PlotPoint at, double radius, std::string_view css_class);
  void diamond(PlotPoint at, double radius, std::string_view css_class);
  void label(PlotPoint at, std::string_view text, Anchor anchor, std::string_view css_class);

  [[nodiscard]] std::string svg() const;

  static constexpr double plot_width = 440;

 private:
  [[nodiscard]] double left() const { return y_.ticks.empty() ? 20 : 58; }
  [[nodiscard]] double bottom() const { return height_ - (x_.ticks.empty() ? 10 : 44); }
  [[nodiscard]] double x_at(double value) const;
  [[nodiscard]] double y_at(double value) const;
  [[nodiscard]] std::string axes() const;

  std::string id_;
  std::string title_;
  std::string description_;
  PlotAxis x_;
  PlotAxis y_;
  double height_;
  std::string marks_;
};

/// Ticks at round numbers (1, 2 or 5 times a power of ten) that lie within the bounds, about `count` of them.
[[nodiscard]] std::vector<PlotTick> round_ticks(double least, double most, int count);
/// From day 0 on, at whole weeks, months, quarters or years of days, at most eight of them. REQUIRES: last > 0.
[[nodiscard]] std::vector<PlotTick> day_ticks(double last);
/// At these shares, labelled as percentages.
[[nodiscard]] std::vector<PlotTick> percent_ticks(const std::vector<double>& shares);

}  // namespace holdfast::app
