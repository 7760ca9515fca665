package marginledger.peers;

import com.google.protobuf.InvalidProtocolBufferException;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import marginledger.events.v1.Events.Event;
import marginledger.events.v1.Events.Fill;

/** The topology: one source, one processor with a RocksDB store that has a changelog and a write cache, one sink. */
final class Margin implements Processor<String, Event, String, byte[]> {
    static final String STORE = "accounts";

    private final Runnable first;
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, Account> accounts;

    private Margin(Runnable first) {
        this.first = first;
    }

    static Topology topology(String facts, String alerts, Runnable first) {
        Topology t = new Topology();
        t.addSource("facts", Serdes.String().deserializer(), FACT, facts);
        t.addProcessor("margin", () -> new Margin(first), "facts");
        t.addStateStore(
            Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.String(), ACCOUNT).withCachingEnabled(),
            "margin");
        t.addSink("alerts", alerts, Serdes.String().serializer(), Serdes.ByteArray().serializer(), "margin");
        return t;
    }

    private static final Deserializer<Event> FACT = (topic, data) -> {
        try {
            return Event.parseFrom(data);
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalArgumentException(e);
        }
    };

    private static final Serde<Account> ACCOUNT = Serdes.serdeFrom(
        (Serializer<Account>) (topic, account) -> account == null ? null : account.bytes(),
        (Deserializer<Account>) (topic, bytes) -> bytes == null ? null : Account.parse(bytes));

    @Override
    public void init(ProcessorContext<String, byte[]> context) {
        this.context = context;
        accounts = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<String, Event> record) {
        first.run();
        Event e = record.value();
        Account account = accounts.get(record.key());
        if (account == null) {
            account = new Account();
        }
        Account.Alert alert = null;
        switch (e.getBodyCase()) {
            case DEPOSIT -> account.deposit(Account.decimal(e.getDeposit().getAmount(), Account.CASH_SCALE));
            case FILL -> alert = fill(account, e.getFill());
            default -> throw new IllegalArgumentException(e.getBodyCase() + " is not of this task");
        }
        accounts.put(record.key(), account);
        if (alert != null) {
            context.forward(record.withValue(json(record.key(), e.getId(), alert)));
        }
    }

    private static Account.Alert fill(Account account, Fill f) {
        long size = Account.decimal(f.getSize(), Account.SIZE_SCALE);
        long fee = f.getFee().isEmpty() ? 0 : Account.decimal(f.getFee(), Account.CASH_SCALE);
        switch (f.getSide()) {
            case SIDE_BUY -> { }
            case SIDE_SELL -> size = -size;
            default -> throw new IllegalArgumentException("side " + f.getSide());
        }
        return account.fill(f.getMarket(), size, Account.decimal(f.getPrice(), Account.PRICE_SCALE), fee);
    }

    /** The bytes of task.AppendAlert. */
    private static byte[] json(String owner, String id, Account.Alert alert) {
        return ("{\"owner\":\"" + owner + "\",\"id\":\"" + id + "\",\"equity\":" + alert.equity() + ",\"maintenance\":"
            + alert.maintenance() + "}").getBytes(StandardCharsets.UTF_8);
    }
}
