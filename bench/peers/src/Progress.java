package holdfast.peers;

import java.util.concurrent.atomic.AtomicLong;

/** The time from the first event to the last one that is expected. */
final class Progress {
  private static final AtomicLong EVENTS = new AtomicLong();
  private static volatile long expected = Long.MAX_VALUE;
  private static volatile long began;
  private static volatile long ended;

  private Progress() {}

  static void expect(long events) {
    expected = events;
  }

  static void event() {
    long count = EVENTS.incrementAndGet();
    if (count == 1) began = System.nanoTime();
    if (count == expected) ended = System.nanoTime();
  }

  static boolean done() {
    return ended != 0;
  }

  static void print() {
    if (EVENTS.get() != expected) throw new IllegalStateException(EVENTS + " events instead of " + expected);
    double seconds = (ended - began) / 1e9;
    System.out.printf("{\"events\":%d,\"seconds\":%.3f,\"events_per_second\":%.0f}%n", expected, seconds,
        expected / seconds);
  }
}
