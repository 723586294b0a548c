package holdfast.peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.time.LocalDate;
import java.util.Locale;

/** What a customer did, as the topics have it. */
public final class Event {
  public enum Kind {
    PURCHASE, COMPLAINT, VISIT;

    final String word = name().toLowerCase(Locale.ROOT);
    final String topic = word + "s";
  }

  private static final JsonFactory FACTORY = new JsonFactory();

  public Kind kind;
  public String customer;
  public long time;
  public double amount;
  public String status = "opened";
  public boolean isReturn;

  public static Event parse(Kind kind, byte[] json) {
    Event event = new Event();
    event.kind = kind;
    try (JsonParser parser = FACTORY.createParser(json)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        switch (name) {
          case "customer_id" -> event.customer = parser.getText();
          case "time" -> event.time = millis(parser.getText());
          case "amount" -> event.amount = parser.getDoubleValue();
          case "status" -> event.status = parser.getText();
          case "category" -> event.isReturn = parser.getText().equals("return");
          default -> parser.skipChildren();
        }
      }
    } catch (IOException e) {
      throw new IllegalArgumentException(e);
    }
    return event;
  }

  /** Of "2025-01-31T12:34:56.789Z", the only form that the generator writes: several times quicker than Instant. */
  private static long millis(String text) {
    long day = LocalDate.of(number(text, 0, 4), number(text, 5, 7), number(text, 8, 10)).toEpochDay();
    long seconds = day * 86_400 + number(text, 11, 13) * 3600L + number(text, 14, 16) * 60L + number(text, 17, 19);
    return seconds * 1000 + (text.length() == 24 ? number(text, 20, 23) : 0);
  }

  private static int number(String text, int from, int to) {
    int value = 0;
    for (int i = from; i < to; ++i) value = value * 10 + text.charAt(i) - '0';
    return value;
  }
}
