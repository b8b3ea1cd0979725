import java.util.Map;
import java.util.Properties;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** The counting stage on Kafka Streams, exactly once: BOOTSTRAP GROUP SOURCE OUT STATE_DIR. */
public final class KafkaStreamsCount {
    static final ObjectMapper JSON = new ObjectMapper();

    static final class Counting implements Processor<byte[], byte[], byte[], byte[]> {
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<String, byte[]> sums;

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            this.sums = context.getStateStore("sums");
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            try {
                JsonNode event = JSON.readTree(record.value());
                String key = event.get("key").asText();
                byte[] known = sums.get(key);
                long count = 0;
                long total = 0;
                if (known != null) {
                    JsonNode sum = JSON.readTree(known);
                    count = sum.get("count").asLong();
                    total = sum.get("total").asLong();
                }
                ObjectNode sum = JSON.createObjectNode();
                sum.put("count", count + 1).put("total", total + event.get("seq").asLong());
                sums.put(key, JSON.writeValueAsBytes(sum));
                ObjectNode told = JSON.createObjectNode();
                told.put("id", event.get("event_id").asText()).put("count", count + 1);
                context.forward(record.withValue(JSON.writeValueAsBytes(told)));
            } catch (java.io.IOException error) {
                throw new IllegalStateException(error);
            }
        }
    }

    public static void main(String[] arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put("consumer.auto.offset.reset", "earliest");
        settings.put("consumer.max.poll.records", 2000);
        Topology topology = new Topology();
        topology.addSource("source", arguments[2])
            .addProcessor("counting", Counting::new, "source")
            .addStateStore(
                // with the cache a key that changes twice between commits is logged once, as in our delivery
                Stores.keyValueStoreBuilder(
                    Stores.inMemoryKeyValueStore("sums"), Serdes.String(), Serdes.ByteArray())
                    .withCachingEnabled()
                    .withLoggingEnabled(Map.of()),
                "counting")
            .addSink("sink", arguments[3], "counting");
        KafkaStreams streams = new KafkaStreams(topology, settings);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
