"""Publishes a job and reads what became of it. pip install nats-py; publish.py [JOB_ID]"""
import asyncio, json, os, sys

import nats
from nats.errors import TimeoutError
from nats.js.errors import APIError

FULL = 10077  # what a stream that is full answers


async def publish(js, job):
    """Returns once the job is stored. Repeating it is safe: the message id is that of the job."""
    subject = f"wacast.jobs.{job['from']}.{job.get('lane', 'bulk')}.{job['campaign']}"
    headers = {"Nats-Msg-Id": f"{job['campaign']}/{job['id']}"}
    for pause in (1, 2, 4, 8, 15, 30, 30, 30):
        try:
            return await js.publish(subject, json.dumps(job).encode(), timeout=5, headers=headers)
        except (APIError, TimeoutError) as err:
            if isinstance(err, APIError) and err.err_code != FULL:
                raise
            print(f"{err}; again in {pause} s", file=sys.stderr)
            await asyncio.sleep(pause)
    raise RuntimeError("not stored after two minutes: do workers run? wacast status tells")


async def main(job_id="appt-8812"):
    nc = await nats.connect(os.getenv("WACAST_NATS_URL", "nats://127.0.0.1:4222"))
    js = nc.jetstream()
    job = {"v": 1, "id": job_id, "campaign": "reminders", "from": "106540352242922", "to": "+5491155550100",
           "template": {"name": "hello_world", "language": "en_US"}}
    print("stored:", await publish(js, job))
    events = await js.pull_subscribe("wacast.events.*.*.reminders.*", durable="crm", stream="WACAST_EVENTS")
    while True:  # goes on where the last run ended; ends with a TimeoutError when nothing came for a minute
        for message in await events.fetch(100, timeout=60):
            event = json.loads(message.data)
            print(event["subject"], event["data"]["kind"], event["data"].get("reason", ""))
            await message.ack()  # after it was dealt with: else it comes again


asyncio.run(main(*sys.argv[1:]))
