#!/usr/bin/env python3
"""Checks the dashboards and alert rules against a real Prometheus.

It starts wacast with everything in one process, the simulator of the Cloud API and a
Prometheus that scrapes them, sends two campaigns through, and asks Prometheus every
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


def dashboard_queries():
    for path in sorted((FILES / "dashboards").glob("*.json")):
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield f"{path.name}: {panel['title']}", re.sub(r"\$\w+", ".*", target["expr"])
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                metric, label = re.match(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
                yield f"{path.name}: variable {variable['name']}", f'count by ({label}) ({metric}{{{label}!=""}})'


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
    static_configs: [{{targets: ["127.0.0.1:{admin}"]}}]
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
