package holdfast.peers;

import java.nio.ByteBuffer;

/** All that is kept of a customer: the same fields as Holdfast's record, but for the currency and the event ids. */
public final class Customer {
  static final int SIZE = 8 * 8 + 4 * 4 + 4 * 7 + 4 + 4 + 3;
  static final double[] HALF_LIFE_DAYS = {30, 90, 30, 60, 60, 60, 60};
  static final int PURCHASES_30D = 0;
  static final int PURCHASES_90D = 1;
  static final int VISITS_30D = 2;
  static final int COMPLAINTS_OPENED = 3;
  static final int COMPLAINTS_RESOLVED = 4;
  static final int COMPLAINTS_WITHDRAWN = 5;
  static final int RETURNS = 6;

  long first;
  long last;
  long moment;
  long raisedAt;
  /** When it has to be looked at without an event. */
  long due = Mbg.NEVER;
  /** The timer that the engine holds for it, at {@code due} or earlier: one that comes too early is set anew. */
  long scheduled = Mbg.NEVER;
  double spent;
  double firstDaySpent;
  int x;
  int purchases;
  int seq;
  int episode;
  final float[] counters = new float[7];
  float gapSquares;
  int openComplaints;
  byte level;
  boolean lost;
  boolean wonBack;

  byte[] encode() {
    ByteBuffer to = ByteBuffer.allocate(SIZE);
    to.putLong(first).putLong(last).putLong(moment).putLong(raisedAt).putLong(due).putLong(scheduled);
    to.putDouble(spent).putDouble(firstDaySpent).putInt(x).putInt(purchases).putInt(seq).putInt(episode);
    for (float counter : counters) to.putFloat(counter);
    to.putFloat(gapSquares).putInt(openComplaints).put(level);
    to.put((byte) (lost ? 1 : 0)).put((byte) (wonBack ? 1 : 0));
    return to.array();
  }

  static Customer decode(byte[] bytes) {
    Customer c = new Customer();
    ByteBuffer from = ByteBuffer.wrap(bytes);
    c.first = from.getLong();
    c.last = from.getLong();
    c.moment = from.getLong();
    c.raisedAt = from.getLong();
    c.due = from.getLong();
    c.scheduled = from.getLong();
    c.spent = from.getDouble();
    c.firstDaySpent = from.getDouble();
    c.x = from.getInt();
    c.purchases = from.getInt();
    c.seq = from.getInt();
    c.episode = from.getInt();
    for (int i = 0; i < c.counters.length; ++i) c.counters[i] = from.getFloat();
    c.gapSquares = from.getFloat();
    c.openComplaints = from.getInt();
    c.level = from.get();
    c.lost = from.get() != 0;
    c.wonBack = from.get() != 0;
    return c;
  }
}
