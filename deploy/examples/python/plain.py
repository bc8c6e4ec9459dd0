"""Publishes a job and reads what became of it with nothing but a socket: what a client library does
on the wire, for where there is none. Where there is one, take publish.py. Usage: plain.py [JOB_ID]"""
import json, os, secrets, socket, sys, time
from urllib.parse import urlsplit

url, prefix = urlsplit(os.getenv("WACAST_NATS_URL", "nats://127.0.0.1:4222")), os.getenv("WACAST_NAMESPACE", "wacast")
job = {"v": 1, "id": sys.argv[1] if sys.argv[1:] else "appt-8812", "campaign": "reminders", "from": "106540352242922",
       "to": "+5491155550100", "template": {"name": "hello_world", "language": "en_US"}}
sock = socket.create_connection((url.hostname, url.port or 4222), timeout=60)
wire, inbox = sock.makefile("rb"), "_INBOX." + secrets.token_hex(11)
hello = {"verbose": False, "headers": True, "no_responders": True, "user": url.username, "pass": url.password}
sock.sendall(f"CONNECT {json.dumps(hello)}\r\nSUB {inbox} 1\r\n".encode())

def request(subject, body, header=""):
    """Publishes with a reply subject, and returns the answer and where that can be acked."""
    head, body = f"NATS/1.0\r\n{header}\r\n".encode(), json.dumps(body).encode()
    sock.sendall(f"HPUB {subject} {inbox} {len(head)} {len(head + body)}\r\n".encode() + head + body + b"\r\n")
    while (line := wire.readline().decode().split() or ["-ERR"])[0] != "-ERR":
        if line[0] == "PING":
            sock.sendall(b"PONG\r\n")
        elif line[0] in ("MSG", "HMSG"):  # subject, subscription, [reply,] [length of the headers,] length
            body = wire.read(int(line[-1]) + 2)[int(line[-2]) if line[0] == "HMSG" else 0:-2]
            return json.loads(body or '{"error": {"description": "no stream takes it, or no event came"}}'), line[3]
    sys.exit("NATS ended the connection: " + " ".join(line))

for pause in (1, 2, 4, 8, 15, 30, 30, 30):
    ack, _ = request(f"{prefix}.jobs.{job['from']}.bulk.reminders", job, f"Nats-Msg-Id: reminders/{job['id']}\r\n")
    print("ack", ack, flush=True)
    if ack.get("error", {}).get("err_code") != 10077:  # the stream is full until workers have sent some
        break
    time.sleep(pause)
stream, config = f"{prefix}_EVENTS".upper(), {"ack_policy": "explicit", "filter_subject": f"{prefix}.events.*.*.reminders.*"}
request(f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.crm", {"stream_name": stream, "config": {"durable_name": "crm", **config}})
event = ack
while "error" not in event and event.get("subject") != f"reminders/{job['id']}":
    event, reply = request(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.crm", {"batch": 1, "expires": 30_000_000_000})
    if "error" not in event:
        print("event", event["subject"], event["data"]["kind"], event["data"].get("reason", ""), flush=True)
        sock.sendall(f"PUB {reply} 4\r\n+ACK\r\n".encode())  # the consumer never gets it again
sys.exit("error" in event)
