package holdfast.peers;

/**
 * The job, whatever runs it: what events and due timers do to a customer (docs/semantics.md), under the settings of
 * bench/pipeline.yaml.
 */
public final class Churn {
  /** Takes alerts. */
  public interface Out {
    void alert(String customer, String json);
  }

  private static final double[] THRESHOLDS = {0.60, 0.75, 0.90};
  private static final String[] LEVELS = {"none", "watch", "high", "critical"};
  private static final double HYSTERESIS = 0.05;
  private static final int MIN_PURCHASES = 2;
  private static final double DAY = 86_400_000.0;
  private static final long EXPIRE_AFTER = 180L * 86_400_000;

  private Churn() {}

  public static void apply(String id, Customer c, Event e, Out out) {
    fire(id, c, e.time, out);
    boolean known = c.moment != 0;
    long now = known ? Math.max(e.time, c.moment) : e.time;
    long first = c.first;
    long last = c.last;
    int x = c.x;
    int level = c.level;
    boolean lost = c.lost;
    count(c, known ? now - c.moment : 0, e, now);
    c.moment = now;
    if (e.kind == Event.Kind.PURCHASE) purchase(c, e);
    judge(id, c, now, e.kind.word, out);
    boolean same = first == c.first && last == c.last && x == c.x && level == c.level && lost == c.lost;
    if (!same || c.due == Mbg.NEVER) c.due = nextTimer(c);
  }

  /** Fires what is due at {@code t} or before. */
  public static void fire(String id, Customer c, long t, Out out) {
    while (c.due <= t) {
      long now = c.due;
      if (c.level > 0 && Math.max(c.raisedAt, c.last) + EXPIRE_AFTER <= now) {
        int before = c.level;
        c.level = 0;
        c.lost = true;
        emit(id, c, "expired", before, now, "silence", out);
      } else {
        judge(id, c, now, "silence", out);
      }
      count(c, now - c.moment, null, now);
      c.moment = now;
      c.due = nextTimer(c);
    }
  }

  private static void count(Customer c, long elapsed, Event e, long now) {
    for (int i = 0; i < c.counters.length; ++i) {
      if (c.counters[i] != 0 && elapsed != 0)
        c.counters[i] *= (float) Math.pow(2, -elapsed / DAY / Customer.HALF_LIFE_DAYS[i]);
    }
    if (e == null) return;
    switch (e.kind) {
      case PURCHASE -> {
        add(c, Customer.PURCHASES_30D, now - e.time);
        add(c, Customer.PURCHASES_90D, now - e.time);
      }
      case VISIT -> add(c, Customer.VISITS_30D, now - e.time);
      case COMPLAINT -> complain(c, e, now);
    }
  }

  private static void complain(Customer c, Event e, long now) {
    if (e.isReturn) {
      add(c, Customer.RETURNS, now - e.time);
      return;
    }
    switch (e.status) {
      case "opened", "reopened" -> {
        add(c, Customer.COMPLAINTS_OPENED, now - e.time);
        ++c.openComplaints;
      }
      case "resolved" -> {
        add(c, Customer.COMPLAINTS_RESOLVED, now - e.time);
        c.openComplaints = Math.max(0, c.openComplaints - 1);
      }
      case "withdrawn" -> {
        add(c, Customer.COMPLAINTS_WITHDRAWN, now - e.time);
        c.openComplaints = Math.max(0, c.openComplaints - 1);
      }
      default -> { }
    }
  }

  private static void add(Customer c, int counter, long age) {
    c.counters[counter] += age == 0 ? 1 : (float) Math.pow(2, -age / DAY / Customer.HALF_LIFE_DAYS[counter]);
  }

  private static long day(long t) {
    return Math.floorDiv(t, 86_400_000L);
  }

  private static void purchase(Customer c, Event e) {
    boolean endsSilence = e.time > c.last;
    boolean repeat = false;
    if (c.purchases == 0) {
      c.first = e.time;
      c.last = e.time;
    } else {
      repeat = day(e.time) != day(c.first) && day(e.time) != day(c.last);
      if (e.time >= c.last) {
        if (repeat) c.gapSquares += (float) Math.pow((e.time - c.last) / DAY, 2);
        c.last = e.time;
      } else if (e.time < c.first) {
        if (repeat) {
          c.gapSquares += (float) Math.pow((c.first - e.time) / DAY, 2);
          c.firstDaySpent = 0;
        }
        c.first = e.time;
      }
      if (repeat) ++c.x;
    }
    ++c.purchases;
    c.spent += e.amount;
    if (day(e.time) == day(c.first)) c.firstDaySpent += e.amount;
    if (c.lost) {
      if (endsSilence) {
        c.lost = false;
        c.wonBack = true;
      }
    } else if (repeat) {
      c.wonBack = false;
    }
  }

  private static boolean judged(Customer c) {
    return c.purchases > 0 && c.x + 1 >= MIN_PURCHASES && !c.lost;
  }

  private static void judge(String id, Customer c, long t, String trigger, Out out) {
    if (!judged(c)) return;
    double risk = new Mbg(c).risk(t);
    int best = 0;
    while (best < THRESHOLDS.length && risk >= THRESHOLDS[best]) ++best;
    int before = c.level;
    if (best == before || (best < before && risk >= THRESHOLDS[before - 1] - HYSTERESIS)) return;
    c.level = (byte) best;
    if (before == 0) {
      ++c.episode;
      c.raisedAt = t;
    }
    emit(id, c, before == 0 ? "raised" : best == 0 ? "resolved" : best > before ? "escalated" : "eased", before, t,
        trigger, out);
  }

  private static long nextTimer(Customer c) {
    long due = Mbg.NEVER;
    if (c.level > 0) due = Math.max(Math.max(c.raisedAt, c.last) + EXPIRE_AFTER, c.moment + 1);
    if (judged(c) && c.level < THRESHOLDS.length) {
      due = Math.min(due, new Mbg(c).reaches(THRESHOLDS[c.level], c.moment));
    }
    return due;
  }

  private static void emit(String id, Customer c, String change, int before, long t, String trigger, Out out) {
    ++c.seq;
    Mbg mbg = new Mbg(c);
    double history = mbg.logit(c.last);
    double now = mbg.logit(t);
    StringBuilder json = new StringBuilder(640);
    json.append("{\"customer_id\":\"").append(id).append("\",\"seq\":").append(c.seq).append(",\"episode\":")
        .append(c.episode).append(",\"change\":\"").append(change).append("\",\"level\":\"").append(LEVELS[c.level])
        .append("\",\"previous_level\":\"").append(LEVELS[before]).append("\",\"time\":").append(t)
        .append(",\"risk\":").append(mbg.risk(t)).append(",\"p_alive\":").append(mbg.alive(t))
        .append(",\"reasons\":[{\"feature\":\"purchase_history\",\"value\":").append(c.x + 1)
        .append(",\"contribution\":").append(history).append("},{\"feature\":\"days_since_purchase\",\"value\":")
        .append((t - c.last) / DAY).append(",\"contribution\":").append(now - history)
        .append("}],\"trigger\":\"").append(trigger).append("\",\"purchases\":").append(c.purchases)
        .append(",\"first_purchase\":").append(c.first).append(",\"last_purchase\":").append(c.last)
        .append(",\"open_complaints\":").append(c.openComplaints).append(",\"spent\":").append(c.spent).append('}');
    out.alert(id, json.toString());
  }
}
