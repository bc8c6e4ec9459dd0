#!/usr/bin/env python3
"""Checks the dashboards and alert rules against a real Prometheus.

First it reads them: each alert has a severity, a text, a test and a section of the
runbook that begins with a command; each panel has a unit, a legend and a description.
Then it starts wacast with everything in one process, the simulator of the Cloud API and
a Prometheus that scrapes them, sends two campaigns through, and asks Prometheus every
query of every dashboard, which must return data, and for every metric of every alert,
which must exist with the labels that the rule names. Needs go, prometheus and Python 3.

    deploy/prometheus/verify.py
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "deploy/helm/wacast/files"
NUMBER = "106540352242922"
# Functions and words of PromQL, which are no metrics.
WORDS = set("""sum rate increase max min avg count absent by without or and unless on ignoring delta
histogram_quantile min_over_time max_over_time vector time le bool offset group_left group_right""".split())
# What every worker tells of all of them: a sum would count it once a worker.
SHARED = """wacast_queue_jobs wacast_queue_oldest_seconds wacast_unknown_jobs wacast_stopped wacast_rate_limit wacast_rate_effective
wacast_workers_useful wacast_campaign_eta_seconds wacast_ledger_parts wacast_ledger_replay_records wacast_ledger_replayed_records
wacast_ledger_incomplete_seconds wacast_token_valid wacast_token_expires_timestamp_seconds wacast_stream_messages wacast_stream_bytes
wacast_stream_max_bytes wacast_webhooks_waiting""".split()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fetch(url, data=None, method=None):
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def await_url(url, seconds=90):
    for _ in range(seconds * 5):
        try:
            return fetch(url)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    sys.exit(f"{url} does not answer")


class Servers:
    """Processes that end with the script."""

    def __init__(self):
        self.all = []

    def start(self, name, args, **more):
        log = open(f"{name}.log", "wb")
        process = subprocess.Popen([str(a) for a in args], stdout=log, stderr=log, **more)
        self.all.append((name, process))

    def stop(self):
        for _, process in reversed(self.all):
            process.send_signal(signal.SIGTERM)
        for _, process in self.all:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()


def send_campaigns(wacast, env, sim):
    """Sends messages of which some fail, some are never answered and some come twice."""
    rows = "".join(f"+4915112{i:06d},Person {i},24 November,09:30\n" for i in range(600))
    Path("rows.csv").write_text("phone,name,day,time\n" + rows)
    args = [wacast, "send", "--from", NUMBER, "--template", "appointment_confirmation", "--language", "es_AR", "--file", "rows.csv",
            "--to", "{{.phone}}", "--param", "body.1={{.name}}", "--param", "body.2={{.day}}, {{.time}}", "--yes"]
    # Some answers are lost: their outcome is unknown until a status comes.
    faults = [{"kind": "html_502", "after": True, "share": 0.02}, {"kind": "error", "code": 131026, "share": 0.02}]
    fetch(f"{sim}/_sim/faults", json.dumps(faults).encode(), "POST")
    for campaign, more in (("spring", []), ("autumn", ["--lane", "transactional", "--wait"]), ("spring", [])):
        run = subprocess.run([*args, "--campaign", campaign, *more], env=env, capture_output=True, text=True, timeout=180)
        if run.returncode not in (0, 3):
            sys.exit(f"wacast send: {run.stdout}{run.stderr}")
    # What is stopped is seen on a dashboard.
    subprocess.run([wacast, "pause", "--template", "hello_world", "--reason", "to be seen"], env=env, check=True, capture_output=True, timeout=30)


class Prometheus:
    def __init__(self, address):
        self.address, self.began = address, time.time()

    def query(self, expression):
        """The series of an expression that had a value at any time of the run, as a dashboard would show them."""
        span = {"query": expression, "start": self.began, "end": time.time(), "step": 2}
        try:
            answer = json.loads(fetch(f"{self.address}/api/v1/query_range?" + urllib.parse.urlencode(span)))
        except urllib.error.HTTPError as e:
            return None, json.loads(e.read()).get("error", str(e))
        return [s for s in answer["data"]["result"] if any(value != "NaN" for _, value in s["values"])], ""


def dashboards():
    for path in sorted((FILES / "dashboards").glob("*.json")):
        yield path.name, json.loads(path.read_text())


def filled(expression):
    """An expression with Grafana's variables as they are when everything is chosen."""
    return re.sub(r"\$\w+", ".*", expression.replace("$__rate_interval", "10s"))


def dashboard_queries():
    for name, board in dashboards():
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield f"{name}: {panel['title']}", filled(target["expr"])
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                metric, matchers, label = re.match(r"label_values\((\w+)(?:\{(.*)\})?, (\w+)\)", variable["definition"]).groups()
                matchers = ",".join(filter(None, [matchers, f'{label}!=""']))
                yield f"{name}: variable {variable['name']}", filled(f"count by ({label}) ({metric}{{{matchers}}})")


def selectors(expression):
    """The metrics of an expression, each with the names of the labels it is selected by."""
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", expression)
    for metric, labels in re.findall(r"\b([a-z_][a-zA-Z0-9_:]*)\s*(\{[^}]*\})?", re.sub(r'"[^"]*"', '""', bare)):
        if metric not in WORDS and ":" not in metric and not re.fullmatch(r"[smhd]|[0-9]+[smhd]", metric) and metric.startswith("wacast_"):
            yield metric, sorted(re.findall(r"(\w+)\s*[=!]", labels or ""))


def alert_expressions():
    name = None
    lines = (FILES / "rules.yaml").read_text().splitlines()
    i = 0
    while i < len(lines):
        line = lines[i].strip()
        if found := re.match(r"- (?:alert|record): (\S+)", line):
            name = found.group(1)
        if line.startswith("expr:"):
            expression = line.removeprefix("expr:").strip()
            if expression == "|":
                indent = len(lines[i]) - len(lines[i].lstrip())
                block = []
                while i + 1 < len(lines) and len(lines[i + 1]) - len(lines[i + 1].lstrip()) > indent:
                    i += 1
                    block.append(lines[i].strip())
                expression = "\n".join(block)
            yield name, expression
        i += 1


def summed(expression):
    """The shared metrics that an expression adds up over the workers."""
    return [m for m in SHARED if re.search(rf"\bsum\b(\s*by\s*\([^)]*\))?\s*\(\s*{m}\b", expression)]


def read_dashboards():
    for name, board in dashboards():
        if not any(v["type"] == "datasource" for v in board["templating"]["list"]):
            yield f"{name}: the data source is no variable"
        for panel in board["panels"]:
            where = f"{name}: {panel['title']}"
            if panel["type"] == "row":
                continue
            if not panel.get("description") or not panel["fieldConfig"]["defaults"].get("unit"):
                yield f"{where}: no description or no unit"
            for target in panel["targets"]:
                if not target.get("legendFormat") or target["datasource"]["uid"] != "${datasource}":
                    yield f"{where}: no legend, or a data source of its own"
                for metric in set(re.findall(r"wacast_\w+", target["expr"])):
                    if not re.search(metric + r"\{[^}]*namespace=~", target["expr"]):
                        yield f"{where}: {metric} of every namespace"
                yield from (f"{where}: {m} is a sum over workers" for m in summed(target["expr"]))


def read_alerts():
    """What a person who is called needs of each alert."""
    runbook, tests = (ROOT / "deploy/runbook.md").read_text(), (FILES / "rules_test.yaml").read_text()
    begins = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-"): text for title, text in re.findall(r"^## (.+)\n\n(.*)$", runbook, re.M)}
    for block in re.split(r"^ *- (?=alert:|record:|name:)", (FILES / "rules.yaml").read_text(), flags=re.M):
        if not block.startswith("alert:"):
            continue
        name = block.split()[1]
        for part in ("for: ", "severity: ", "summary: ", "description: ", "runbook_url: "):
            if part not in block:
                yield f"alert {name}: no {part.strip(': ')}"
        anchor = re.search(r"runbook_url: \S+/deploy/runbook\.md#(\S+)", block)
        if not anchor or begins.get(anchor.group(1)) != "```console":
            yield f"alert {name}: the runbook has no section {anchor and anchor.group(1)} that begins with a command"
        if not re.search(rf"\b{name}\b", tests):
            yield f"alert {name}: no test"
    for name, expression in alert_expressions():
        yield from (f"{name}: {m} is a sum over workers" for m in summed(expression))


def check(prometheus):
    bad, queries, metrics = [], 0, set()
    for where, expression in dashboard_queries():
        queries += 1
        result, error = prometheus.query(expression)
        if not result:
            bad.append(f"{where}: no data: {expression} {error}")
        metrics.update((m, tuple(labels), where) for m, labels in selectors(expression))
    for name, expression in alert_expressions():
        queries += 1
        _, error = prometheus.query(expression)
        if error:
            bad.append(f"alert {name}: {error}")
        metrics.update((m, tuple(labels), f"alert {name}") for m, labels in selectors(expression))
    for metric, labels, where in sorted(metrics):
        matchers = ",".join(f'{label}!=""' for label in labels)
        result, error = prometheus.query(f"count({metric}{{{matchers}}})")
        if not result:
            bad.append(f"{where}: there is no {metric} with {', '.join(labels) or 'or without labels'} {error}")
    return bad, f"{queries} queries, {len({m for m, _, _ in metrics})} metrics, {len(bad)} without data"


def main():
    if wrong := [*read_alerts(), *read_dashboards()]:
        sys.exit("\n".join(wrong))
    work = tempfile.mkdtemp(prefix="wacast-prometheus.")
    subprocess.run(["go", "build", "-o", f"{work}/wacast", "./cmd/wacast"], cwd=ROOT, check=True)
    os.chdir(work)
    wacast, servers = f"{work}/wacast", Servers()
    sim, admin, hook, nats, redis, prom = (free_port() for _ in range(6))
    templates = str(ROOT / "deploy/examples/templates")
    env = {k: v for k, v in os.environ.items() if not k.startswith("WACAST_")} | {
        "WACAST_ACCOUNTS_DIR": f"{work}/accounts", "WACAST_APP_SECRET": "simulated",
        "WACAST_API_URL": f"http://127.0.0.1:{sim}", "WACAST_ADMIN_ADDR": f"127.0.0.1:{admin}", "WACAST_WEBHOOK_ADDR": f"127.0.0.1:{hook}",
        "WACAST_NATS_URL": f"nats://127.0.0.1:{nats}", "WACAST_REDIS_URL": f"redis://127.0.0.1:{redis}/0", "WACAST_DATA_DIR": f"{work}/data"}
    # An account that lists its number: the number's series exist before its first message.
    Path("accounts").mkdir()
    Path("secret").write_text("simulated")
    Path("accounts/clinic.yaml").write_text(f"""waba_id: "102290129340398"
numbers: ["{NUMBER}"]
access_token_file: {work}/secret
app_secret_files: [{work}/secret]
templates: {templates}
""")
    Path("prometheus.yml").write_text(f"""global: {{scrape_interval: 1s, evaluation_interval: 2s}}
rule_files: ["{FILES}/rules.yaml"]
scrape_configs:
  - job_name: wacast
    # As Kubernetes has it.
    static_configs: [{{targets: ["127.0.0.1:{admin}"], labels: {{namespace: messaging, pod: wacast-0}}}}]
""")
    try:
        servers.start("simulator", [wacast, "simulator", f"--addr=127.0.0.1:{sim}", f"--templates-dir={templates}",
                                    f"--webhook-url=http://127.0.0.1:{hook}/webhook"], env=env)
        await_url(f"http://127.0.0.1:{sim}/livez")
        token = {"access_token": "simulated", "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 30 * 86400))}
        fetch(f"http://127.0.0.1:{sim}/_sim/tokens", json.dumps(token).encode(), "POST")
        servers.start("wacast", [wacast, "all", "--embedded"], env=env)
        servers.start("prometheus", ["prometheus", "--config.file=prometheus.yml", f"--storage.tsdb.path={work}/tsdb",
                                     f"--web.listen-address=127.0.0.1:{prom}"])
        await_url(f"http://127.0.0.1:{admin}/readyz")
        await_url(f"http://127.0.0.1:{prom}/-/ready")
        prometheus = Prometheus(f"http://127.0.0.1:{prom}")
        send_campaigns(wacast, env, f"http://127.0.0.1:{sim}")
        # The accounts of a campaign are looked at now and then.
        for _ in range(20):
            bad, summary = check(prometheus)
            if not bad:
                break
            time.sleep(5)
        print(summary)
    finally:
        servers.stop()
    for line in bad:
        print(line)
    if bad:
        sys.exit(f"logs are in {work}")
    print("every query of the dashboards has data, and every alert has its metrics")


if __name__ == "__main__":
    main()
