package marginledger.peers;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** Obeys lines on standard input: package child of the runner says which. */
public final class Main {
    private static final PrintStream OUT = System.out;
    private static KafkaStreams running;

    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.equals("stop")) {
                stop();
                say("stopped");
            } else if (line.startsWith("run ")) {
                stop();
                start(fields(line.substring(4)));
            } else {
                throw new IllegalArgumentException("no such command: " + line);
            }
        }
        stop();
    }

    private static Map<String, String> fields(String line) {
        Map<String, String> m = new HashMap<>();
        for (String field : line.split(" ")) {
            int i = field.indexOf('=');
            m.put(field.substring(0, i), field.substring(i + 1));
        }
        return m;
    }

    private static void start(Map<String, String> job) {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, job.get("group"));
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, job.get("brokers"));
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Integer.parseInt(job.get("intervalMs"))); // also the default of exactly once
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.parseInt(job.get("partitions"))); // default: 1
        p.put(StreamsConfig.STATE_DIR_CONFIG, job.get("dir"));
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20); // default: 10 MiB
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        p.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");

        AtomicBoolean said = new AtomicBoolean();
        Runnable first = () -> {
            if (!said.getPlain() && said.compareAndSet(false, true)) {
                say("first");
            }
        };
        running = new KafkaStreams(Margin.topology(job.get("facts"), job.get("alerts"), first), p);
        running.setUncaughtExceptionHandler(e -> {
            say("failed " + String.valueOf(e).replace('\n', ' '));
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        running.start();
    }

    private static void stop() {
        if (running != null) {
            running.close(Duration.ofSeconds(60));
            running = null;
        }
    }

    private static synchronized void say(String line) {
        OUT.println(line);
        OUT.flush();
    }
}
