// Publishes a job and reads what became of it. With io.nats:jnats: java -cp 'lib/*' Publish.java [JOB_ID]
import io.nats.client.*;
import io.nats.client.api.*;
import java.io.IOException;
import java.time.Duration;

class Publish {
    static final int FULL = 10077; // what a stream that is full answers

    /** Returns once the job is stored. Repeating it is safe: the message id is that of the job. */
    static PublishAck publish(JetStream js, String subject, String key, byte[] job) throws Exception {
        PublishOptions id = PublishOptions.builder().messageId(key).build();
        for (int seconds : new int[] {1, 2, 4, 8, 15, 30, 30, 30}) {
            try {
                return js.publish(subject, job, id);
            } catch (JetStreamApiException e) {
                if (e.getApiErrorCode() != FULL) throw e;
            } catch (IOException e) {
                System.err.println("no ack: " + e.getMessage()); // it may be stored
            }
            Thread.sleep(seconds * 1000L);
        }
        throw new IllegalStateException("not stored after two minutes: do workers run? wacast status tells");
    }

    public static void main(String[] args) throws Exception {
        String url = System.getenv().getOrDefault("WACAST_NATS_URL", Options.DEFAULT_URL);
        String id = args.length > 0 ? args[0] : "appt-8812";
        String job = "{\"v\": 1, \"id\": \"" + id + "\", \"campaign\": \"reminders\", \"from\": \"106540352242922\","
            + "\"to\": \"+5491155550100\", \"template\": {\"name\": \"hello_world\", \"language\": \"en_US\"}}";
        try (Connection nc = Nats.connect(url)) {
            publish(nc.jetStream(), "wacast.jobs.106540352242922.bulk.reminders", "reminders/" + id, job.getBytes());
            ConsumerContext events = nc.getStreamContext("WACAST_EVENTS").createOrUpdateConsumer(ConsumerConfiguration.builder()
                .durable("crm").filterSubject("wacast.events.*.*.reminders.*").build()); // goes on where the last run ended
            for (Message m; (m = events.next(Duration.ofMinutes(1))) != null; m.ack()) // acked last: else it comes again
                System.out.println(m.getSubject()); // m.getData() is the event, JSON
        }
    }
}
