package marginledger.peers;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * The reduced task, as ../../../../../../../task/task.go has it: cash and positions of an account, and whether equity
 * covers a maintenance of 5 % after a fill. Prices have 2 digits after the point, sizes 3, money 6; what does not fit a
 * long is an ArithmeticException.
 */
final class Account {
    static final int PRICE_SCALE = 2;
    static final int SIZE_SCALE = 3;
    static final int CASH_SCALE = 6;
    private static final long PER_UNIT = 10; // of money, in one unit of price · size
    private static final long MAINTENANCE_DIVISOR = 20;

    private record Position(long size, long last) {}

    /** Equity below maintenance; maintenance is rounded up. */
    record Alert(long equity, long maintenance) {}

    private long cash;
    private final TreeMap<String, Position> positions = new TreeMap<>();

    void deposit(long amount) {
        cash = Math.addExact(cash, amount);
    }

    /** Applies a fill; a size above zero was bought. Null: no alert. */
    Alert fill(String market, long size, long price, long fee) {
        cash = Math.subtractExact(cash, value(size, price));
        cash = Math.subtractExact(cash, fee);
        Position held = positions.get(market);
        long now = held == null ? size : Math.addExact(held.size, size);
        if (now == 0) {
            positions.remove(market);
        } else {
            positions.put(market, new Position(now, price));
        }
        long equity = cash;
        long gross = 0;
        for (Position p : positions.values()) {
            long v = value(p.size, p.last);
            equity = Math.addExact(equity, v);
            gross = Math.addExact(gross, Math.abs(v));
        }
        if (Math.multiplyExact(equity, MAINTENANCE_DIVISOR) >= gross) {
            return null;
        }
        return new Alert(equity, gross / MAINTENANCE_DIVISOR + (gross % MAINTENANCE_DIVISOR != 0 ? 1 : 0));
    }

    private static long value(long size, long price) {
        return Math.multiplyExact(Math.multiplyExact(size, price), PER_UNIT);
    }

    /** The bytes of task.AppendState: cash; per position the length of its market's name, the name, size, last price. */
    byte[] bytes() {
        int length = 8;
        for (String market : positions.keySet()) {
            length += 1 + market.length() + 16; // names are ASCII
        }
        ByteBuffer b = ByteBuffer.allocate(length).putLong(cash);
        for (Map.Entry<String, Position> e : positions.entrySet()) {
            byte[] market = e.getKey().getBytes(StandardCharsets.US_ASCII);
            b.put((byte) market.length).put(market).putLong(e.getValue().size).putLong(e.getValue().last);
        }
        return b.array();
    }

    static Account parse(byte[] bytes) {
        Account a = new Account();
        ByteBuffer b = ByteBuffer.wrap(bytes);
        a.cash = b.getLong();
        while (b.hasRemaining()) {
            byte[] market = new byte[b.get() & 0xff];
            b.get(market);
            a.positions.put(new String(market, StandardCharsets.US_ASCII), new Position(b.getLong(), b.getLong()));
        }
        return a;
    }

    /** Reads a decimal as an integer at a scale; more digits after the point than that are an error. */
    static long decimal(String text, int scale) {
        int i = 0;
        boolean negative = text.startsWith("-");
        if (negative) {
            i++;
        }
        long v = 0;
        int digits = 0;
        int after = -1;
        for (; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '.' && after < 0 && digits > 0) {
                after = 0;
            } else if (c >= '0' && c <= '9') {
                v = Math.addExact(Math.multiplyExact(v, 10L), c - '0');
                digits++;
                if (after >= 0) {
                    after++;
                }
            } else {
                throw new ArithmeticException("no decimal: " + text);
            }
        }
        if (digits == 0 || after == 0 || after > scale) {
            throw new ArithmeticException("no decimal of " + scale + " digits after the point: " + text);
        }
        for (int n = Math.max(after, 0); n < scale; n++) {
            v = Math.multiplyExact(v, 10L);
        }
        return negative ? -v : v;
    }
}
