package holdfast.peers;

/** The MBG/NBD of bench/model.json: risk of no purchase within 91 days, in weeks. */
final class Mbg {
  private static final double R = 0.525;
  private static final double ALPHA = 6.183;
  private static final double A = 0.891;
  private static final double B = 1.614;
  private static final double WEEK = 7 * 86_400_000.0;
  private static final double HORIZON = 13;
  private static final long REACH = 3650L * 86_400_000;
  static final long NEVER = Long.MAX_VALUE;

  private final double k;
  private final double ageAtLast;
  private final double oddsAtLast;
  private final long last;

  Mbg(Customer c) {
    k = R + c.x;
    ageAtLast = ALPHA + (c.last - c.first) / WEEK;
    oddsAtLast = Math.log(A / (B + c.x));
    last = c.last;
  }

  private double logOdds(double silence) {
    return oddsAtLast + k * Math.log1p(silence / ageAtLast);
  }

  double alive(long t) {
    return 1 / (1 + Math.exp(logOdds((t - last) / WEEK)));
  }

  double risk(long t) {
    double silence = (t - last) / WEEK;
    double staysAway = Math.exp(-k * Math.log1p(HORIZON / (ageAtLast + silence)));
    double odds = logOdds(silence);
    double lesser = Math.exp(-Math.abs(odds));
    return odds >= 0 ? (1 + lesser * staysAway) / (1 + lesser) : (lesser + staysAway) / (1 + lesser);
  }

  double logit(long t) {
    double risk = risk(t);
    return Math.log(risk / (1 - risk));
  }

  /** The first moment behind {@code after} at which the risk has reached the threshold: regula falsi (Illinois). */
  long reaches(double threshold, long after) {
    double byDropOutAlone = ageAtLast * Math.expm1((Math.log(threshold / (1 - threshold)) - oddsAtLast) / k);
    long high = (long) Math.min(last + byDropOutAlone * WEEK + 2, (double) after + REACH + 1);
    long low = after;
    if (high <= low || risk(low + 1) >= threshold) return low + 1;
    double atLow = risk(low) - threshold;
    double atHigh = risk(high) - threshold;
    if (atHigh < 0) return NEVER;
    for (int side = 0; high - low > 1;) {
      long middle = low + (long) ((high - low) * (-atLow / (atHigh - atLow)));
      middle = Math.min(Math.max(middle, low + 1), high - 1);
      double there = risk(middle) - threshold;
      if (there >= 0) {
        high = middle;
        atHigh = there;
        if (side == 1) atLow /= 2;
        side = 1;
      } else {
        low = middle;
        atLow = there;
        if (side == -1) atHigh /= 2;
        side = -1;
      }
    }
    return high;
  }
}
