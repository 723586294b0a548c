#include "app/svg_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "app/markup.hpp"

namespace holdfast::app {
namespace {

constexpr double top = 12;
constexpr double right_margin = 14;

std::string_view anchor_name(Anchor anchor) {
  switch (anchor) {
    case Anchor::start: return "start";
    case Anchor::middle: return "middle";
    case Anchor::end: return "end";
  }
  return "start";
}

std::string text_at(double x, double y, std::string_view text, Anchor anchor, std::string_view css_class) {
  return fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>)", x, y, anchor_name(anchor),
                     css_class, escaped(text)) +
         "\n";
}

bool finite(PlotPoint point) { return std::isfinite(point.x) && std::isfinite(point.y); }

}  // namespace

SvgPlot::SvgPlot(std::string_view id, std::string_view title, std::string_view description, PlotAxis x, PlotAxis y,
                 double height)
    : id_(id), title_(title), description_(description), x_(std::move(x)), y_(std::move(y)), height_(height) {}

double SvgPlot::x_at(double value) const {
  return left() + (value - x_.least) / (x_.most - x_.least) * (plot_width - right_margin - left());
}

double SvgPlot::y_at(double value) const {
  return bottom() - (value - y_.least) / (y_.most - y_.least) * (bottom() - top);
}

void SvgPlot::line(const std::vector<PlotPoint>& points, std::string_view css_class) {
  std::string path;
  for (const PlotPoint& point : points) {
    if (finite(point)) path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x_at(point.x), y_at(point.y));
  }
  if (!path.empty()) marks_ += fmt::format("<path d=\"{}\" class=\"line {}\"/>\n", path, css_class);
}

void SvgPlot::bar(PlotPoint from, PlotPoint to, std::string_view css_class) {
  if (!finite(from) || !finite(to)) return;
  const auto [x, x_end] = std::minmax({x_at(from.x), x_at(to.x)});
  const auto [y, y_end] = std::minmax({y_at(from.y), y_at(to.y)});
  marks_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"/>\n", x, y,
                        x_end - x, y_end - y, css_class);
}

void SvgPlot::dot(PlotPoint at, double radius, std::string_view css_class) {
  if (!finite(at)) return;
  marks_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"{}\"/>\n", x_at(at.x), y_at(at.y),
                        radius, css_class);
}

void SvgPlot::diamond(PlotPoint at, double radius, std::string_view css_class) {
  if (!finite(at)) return;
  const double x = x_at(at.x);
  const double y = y_at(at.y);
  marks_ += fmt::format("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}Z\" class=\"{}\"/>\n",
                        x - radius, y, x, y - radius, x + radius, y, x, y + radius, css_class);
}

void SvgPlot::label(PlotPoint at, std::string_view text, Anchor anchor, std::string_view css_class) {
  if (finite(at)) marks_ += text_at(x_at(at.x), y_at(at.y), text, anchor, css_class);
}

std::string SvgPlot::axes() const {
  std::string out;
  const double right = plot_width - right_margin;
  for (const PlotTick& tick : x_.ticks) {
    const double x = x_at(tick.at);
    out += fmt::format("<path d=\"M{0:.1f} {1:.1f}V{2:.1f}\" class=\"grid\"/>\n", x, top, bottom());
    // The last label would stick out of the picture if it stood below its tick's middle.
    const bool at_end = tick.at == x_.most;
    out += text_at(at_end ? right + 8 : x, bottom() + 16, tick.label, at_end ? Anchor::end : Anchor::middle, "tick");
  }
  for (const PlotTick& tick : y_.ticks) {
    const double y = y_at(tick.at);
    out += fmt::format("<path d=\"M{0:.1f} {1:.1f}H{2:.1f}\" class=\"grid\"/>\n", left(), y, right);
    out += text_at(left() - 7, y + 4, tick.label, Anchor::end, "tick");
  }
  if (!x_.ticks.empty()) {
    out += fmt::format("<path d=\"M{:.1f} {:.1f}H{:.1f}\" class=\"axis\"/>\n", left(), bottom(), right);
    out += text_at((left() + right) / 2, height_ - 8, x_.title, Anchor::middle, "axis-title");
  }
  if (!y_.title.empty()) {
    out += fmt::format(
        "<text transform=\"translate(12 {:.1f}) rotate(-90)\" text-anchor=\"middle\" "
        "class=\"axis-title\">{}</text>\n",
        (top + bottom()) / 2, escaped(y_.title));
  }
  return out;
}

std::string SvgPlot::svg() const {
  return fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-labelledby=\"{}-title {}-description\">\n"
      "<title id=\"{}-title\">{}</title>\n<desc id=\"{}-description\">{}</desc>\n{}{}</svg>\n",
      plot_width, height_, id_, id_, id_, escaped(title_), id_, escaped(description_), axes(), marks_);
}

std::vector<PlotTick> round_ticks(double least, double most, int count) {
  const double rough = (most - least) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double digit = rough / power;
  const double step = power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
  const int digits = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  std::vector<PlotTick> ticks;
  const double slack = step * 1e-9;
  for (double i = std::ceil((least - slack) / step); i * step <= most + slack; ++i) {
    const double at = i == 0 ? 0 : i * step;
    std::string label = fmt::format("{:.{}f}", std::abs(at), digits);
    if (at < 0) label.insert(0, "\xe2\x88\x92");
    ticks.push_back({.at = std::clamp(at, least, most), .label = std::move(label)});
  }
  return ticks;
}

std::vector<PlotTick> day_ticks(double last) {
  constexpr std::array steps{1.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0};
  constexpr double ticks_max = 7;
  double step = steps.back() * std::ceil(last / (steps.back() * ticks_max));
  for (const double one : steps) {
    if (last / one > ticks_max) continue;
    step = one;
    break;
  }
  std::vector<PlotTick> ticks;
  const int count = static_cast<int>(last / step) + 1;
  for (int i = 0; i < count; ++i) ticks.push_back({.at = i * step, .label = fmt::format("{:.0f}", i * step)});
  return ticks;
}

std::vector<PlotTick> percent_ticks(const std::vector<double>& shares) {
  std::vector<PlotTick> ticks;
  for (const double share : shares) ticks.push_back({.at = share, .label = fmt::format("{:.0f}%", 100 * share)});
  return ticks;
}

}  // namespace holdfast::app
