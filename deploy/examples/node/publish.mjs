// Publishes a job and reads what became of it.
// npm install @nats-io/transport-node @nats-io/jetstream; node publish.mjs [JOB_ID]
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";

const FULL = 10077; // what a stream that is full answers

// Returns once the job is stored. Repeating it is safe: the message id is that of the job.
async function publish(js, job) {
  const subject = `wacast.jobs.${job.from}.${job.lane ?? "bulk"}.${job.campaign}`;
  for (const seconds of [1, 2, 4, 8, 15, 30, 30, 30]) {
    try {
      return await js.publish(subject, JSON.stringify(job), { msgID: `${job.campaign}/${job.id}`, timeout: 5000 });
    } catch (err) {
      if (err.code !== FULL && err.name !== "TimeoutError") throw err;
      console.error(`${err.message}; again in ${seconds} s`);
      await sleep(seconds * 1000);
    }
  }
  throw new Error("not stored after two minutes: do workers run? wacast status tells");
}

const nc = await connect({ servers: process.env.WACAST_NATS_URL ?? "nats://127.0.0.1:4222" });
const js = jetstream(nc);
console.log("stored:", await publish(js, {
  v: 1, id: process.argv[2] ?? "appt-8812", campaign: "reminders", from: "106540352242922", to: "+5491155550100",
  template: { name: "hello_world", language: "en_US" },
}));
await (await jetstreamManager(nc)).consumers.add("WACAST_EVENTS", {
  durable_name: "crm", ack_policy: AckPolicy.Explicit, filter_subject: "wacast.events.*.*.reminders.*",
});
const events = await js.consumers.get("WACAST_EVENTS", "crm"); // goes on where the last run ended
for (let m; (m = await events.next({ expires: 60_000 })); m.ack()) { // acked after it was dealt with: else it comes again
  const { subject, data } = m.json();
  console.log(subject, data.kind, data.reason ?? "");
}
await nc.drain();
