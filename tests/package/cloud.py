"""
Both stacks, deployed from `make package` on ministack: CloudFormation, API Gateway, Lambda and IAM that says no.

Every call that a function makes to AWS passes the `Recorder`, which notes who calls what, and can refuse. What differs
from the template: where the code is, where AWS and the sign-in are, and what time it is; ministack does not speak TLS,
so the policy that asks queues for it is left out; the doorbell's webhook is on this machine, where nobody answers; and
it asks for the right to send mail for all identities at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3

ENGINES = Path(__file__).resolve().parents[2] / ".engines"
ACCOUNT, REGION = "000000000000", "eu-west-2"
# boto3 is what the translator needs, in the version that ministack's botocore takes.
INSTALLED = ("ministack==1.5.33", "aws-sam-translator==1.115.0", "boto3==1.43.106", "cryptography>=47")
ROOT_KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}


def free_port() -> int:
    """Find a port that nobody listens on, below those that the system gives to whoever asks for any."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", random.SystemRandom().randrange(20_000, 32_000)))
            return probe.getsockname()[1]


def install() -> Path:
    """Install ministack with what expands SAM templates, in a virtual environment of its own; once."""
    folder = ENGINES / "ministack-stacks"
    if not (folder / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run([*pip, *INSTALLED], check=True)
        (folder / "installed").touch()
    return folder / "bin" / "python"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call to AWS as IAM sees it; *keys* are the partitions that it touches."""

    function: str
    action: str
    resource: str
    keys: frozenset[str] = frozenset()


class Recorder:
    """
    Stands between the functions and AWS: notes every call and passes it on.

    What *refuse* names is throttled instead; of what *lose* names the answer is lost after it was done.
    """

    def __init__(self, backend: int) -> None:
        self.backend = backend
        self.calls: list[Call] = []
        self.functions: dict[str, str] = {}
        self.refuse: Callable[[Call], bool] = lambda _call: False
        self.lose: Callable[[Call], bool] = lambda _call: False
        self.kms: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None
        self._server = serve(self._answer)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        access_key, service = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", headers["authorization"]).groups()
        noted = list(calls(self.functions[access_key], service, path, headers, body))
        self.calls += noted
        if any(map(self.refuse, noted)):
            refusal = {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}
            return 400, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(refusal).encode()
        if service == "kms":
            answer = self.kms(headers["x-amz-target"], json.loads(body))
            return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()
        done = forward(self.backend, method, path, headers, body)
        if any(map(self.lose, noted)):
            lost = {"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}
            return 500, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(lost).encode()
        return done

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def calls(function: str, service: str, path: str, headers: dict[str, str], body: bytes):
    """Tell what IAM decides about: one item for each action, resource and the partitions touched there."""
    target = headers.get("x-amz-target", "")
    operation = target.rpartition(".")[2]
    if service == "dynamodb":
        yield from _on_tables(function, operation, json.loads(body))
        return
    if target:
        asked = json.loads(body)
        named = asked.get("QueueUrl") or asked.get("SecretId") or asked.get("KeyId")
    else:
        asked = {name: value[0] for name, value in parse_qs(body.decode()).items()}
        operation = asked.get("Action") or {"/v2/email/outbound-emails": "SendEmail"}[path]
        named = asked.get("TopicArn") or "identity"
    if service == "ssm":
        named = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{asked['Name']}"
    if service == "sqs":
        named = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{named.rpartition('/')[2]}"
    yield Call(function=function, action=f"{service}:{operation}", resource=named)


def _on_tables(function: str, operation: str, asked: dict[str, Any]):
    def touched(action: str, table: str, keys: list[str], index: str | None = None) -> Call:
        resource = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}" + (f"/index/{index}" if index else "")
        return Call(function=function, action=f"dynamodb:{action}", resource=resource, keys=frozenset(keys))

    match operation:
        case "TransactWriteItems":
            for step in asked["TransactItems"]:
                ((kind, each),) = step.items()
                yield touched(f"{kind}Item", each["TableName"], [(each.get("Key") or each["Item"])["p"]["S"]])
        case "BatchGetItem":
            for table, each in asked["RequestItems"].items():
                yield touched(operation, table, [key["p"]["S"] for key in each["Keys"]])
        case "Query":
            (name,) = re.findall(r"\b[pq] = (:\w+)", asked["KeyConditionExpression"])
            keys = [asked["ExpressionAttributeValues"][name]["S"]]
            yield touched(operation, asked["TableName"], keys, asked.get("IndexName"))
        case "Scan":
            yield touched(operation, asked["TableName"], [])
        case _:
            yield touched(operation, asked["TableName"], [(asked.get("Key") or asked["Item"])["p"]["S"]])


def forward(port: int, method: str, path: str, headers: dict[str, str], body: bytes):
    """Hand a request on as it is, its host and signature included."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            if name not in ("content-length", "connection", "transfer-encoding"):
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        said = response.read()
        dropped = ("connection", "transfer-encoding", "content-length", "date", "server")
        return response.status, {n: v for n, v in response.getheaders() if n.lower() not in dropped}, said
    finally:
        connection.close()


def serve(
    answer: Callable[[str, str, dict[str, str], bytes], tuple[int, dict[str, str], bytes]],
) -> ThreadingHTTPServer:
    """Answer HTTP on a free port with a function of method, path, headers and body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            heard = {name.lower(): value for name, value in self.headers.items()}
            status, headers, said = answer(self.command, self.path, heard, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _do  # noqa: N815

        def log_message(self, *args) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def _mail_from_anywhere(policies: list[dict[str, Any]]) -> None:
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Action"] == ["ses:SendEmail"]:
                statement["Resource"] = "*"


@dataclass
class Cloud:
    """An account with both stacks in it."""

    packages: Path
    clock: str
    issuer: str
    port: int = field(default_factory=free_port)
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    done: set[object] = field(default_factory=set)

    def start(self) -> None:
        """Start ministack, with IAM's refusals on."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "QUIETLINE_"))},
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "ERROR",
            "MINISTACK_REGION": REGION,
        }
        self.process = subprocess.Popen([install(), "-m", "ministack"], env=environment, **QUIET)
        until = time.monotonic() + 120
        while True:
            with suppress(OSError, HTTPException):
                if forward(self.port, "GET", "/_ministack/health", {"host": "127.0.0.1"}, b"")[0] == 200:
                    break
            assert time.monotonic() < until
            assert self.process.poll() is None
            time.sleep(0.1)
        self.recorder = Recorder(self.port)

    def stop(self) -> None:
        """Stop what was started."""
        self.process.terminate()
        self.process.wait(60)
        self.recorder.stop()

    def client(self, service: str, function: str | None = None) -> Any:
        """Give a client of the account's owner, or of a function's role, past the recorder."""
        keys = ROOT_KEYS if function is None else self.keys[function]
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", region_name=REGION, **keys)

    def deploy(self, face: str, **parameters: str) -> None:
        """Put a face's code where CloudFormation finds it, and create its stack."""
        template = json.loads((self.packages / face / "template.json").read_text())
        s3, stacks = self.client("s3"), self.client("cloudformation")
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.upload_file(str(self.packages / face / "deployment.zip"), "code", f"{face}.zip")
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = f"s3://code/{face}.zip"
                settings = resource["Properties"]["Environment"]["Variables"]
                settings |= {"AWS_ENDPOINT_URL": self.recorder.url, "QUIETLINE_CLOCK": self.clock}
                if "QUIETLINE_DOORBELL_WEBHOOK" in settings:
                    settings["QUIETLINE_DOORBELL_WEBHOOK"] = f"http://127.0.0.1:{free_port()}"  # where nobody answers
                if "QUIETLINE_OIDC_ISSUER" in settings:
                    settings["QUIETLINE_OIDC_ISSUER"] = self.issuer
            if resource["Type"] == "AWS::IAM::Role":
                _mail_from_anywhere(resource["Properties"]["Policies"])
        template["Resources"].pop("QueuesByTlsOnly", None)
        s3.put_object(Bucket="code", Key=f"{face}.json", Body=json.dumps(template).encode())
        name = f"quietline-{face}"
        if face == "desk":
            parameters = {"DoorbellWebhook": "https://rota.example/bell", **parameters}
        stacks.create_stack(
            StackName=name,
            TemplateURL=f"http://127.0.0.1:{self.port}/code/{face}.json",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        until = time.monotonic() + 120
        while (status := stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]).endswith("IN_PROGRESS"):
            assert time.monotonic() < until
            time.sleep(0.1)
        said = [
            event.get("ResourceStatusReason")
            for event in stacks.describe_stack_events(StackName=name)["StackEvents"]
            if "FAILED" in event["ResourceStatus"]
        ]
        assert status == "CREATE_COMPLETE", said
        self._know_the_callers(name)

    def _know_the_callers(self, stack: str) -> None:
        lambdas = self.client("lambda")
        for logical, physical in self.resources(stack, "AWS::Lambda::Function").items():
            made = lambdas.get_function_configuration(FunctionName=physical)
            # How ministack names the temporary credentials of a function.
            digest = hashlib.sha256(f"{made['FunctionArn']}:{made['Role']}".encode()).hexdigest()
            function, access_key = f"{stack.removeprefix('quietline-')}:{logical}", f"ASIA{digest[:16].upper()}"
            self.recorder.functions[access_key] = function
            self.keys[function] = {
                "aws_access_key_id": access_key,
                "aws_secret_access_key": hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
                "aws_session_token": hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
            }

    def resources(self, stack: str, kind: str) -> dict[str, str]:
        """Give the physical ids of a stack's resources of a kind, by their names in the template."""
        listed = self.client("cloudformation").list_stack_resources(StackName=stack)["StackResourceSummaries"]
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed if each["ResourceType"] == kind
        }

    def outputs(self, stack: str) -> dict[str, str]:
        """Give what a stack says of itself."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}

    def policies(self) -> dict[str, list[dict[str, Any]]]:
        """Give the statements of each function's role, as they stand in the account."""
        iam, found = self.client("iam"), {}
        for face in ("public", "desk"):
            for logical, role in self.resources(f"quietline-{face}", "AWS::IAM::Role").items():
                statements: list[dict[str, Any]] = []
                for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                    statements += iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
                function = "APIHandler" if logical == "ApiHandlerRole" else logical.removesuffix("Role")
                found[f"{face}:{function}"] = statements
        return found

    def invoke(self, face: str, function: str, event: dict[str, Any] | None = None) -> Any:
        """Call a function as EventBridge does."""
        physical = self.resources(f"quietline-{face}", "AWS::Lambda::Function")[function]
        event = event or {
            "version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "account": ACCOUNT,
            "time": self.clock, "region": REGION, "resources": [], "detail": {},
        }  # fmt: skip
        answer = self.client("lambda").invoke(FunctionName=physical, Payload=json.dumps(event).encode())
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said

    @cached_property
    def front(self) -> ThreadingHTTPServer:
        """One address for both faces: what begins with `/v1/desk` or `/desk` is the desk's."""
        ids = {face: self.outputs(f"quietline-{face}")["RestAPIId"] for face in ("public", "desk")}

        def answer(method: str, path: str, headers: dict[str, str], body: bytes):
            face = "desk" if path.startswith(("/v1/desk", "/desk")) else "public"
            return forward(self.port, method, f"/restapis/{ids[face]}/live/_user_request_{path}", headers, body)

        return serve(answer)

    def physical(self) -> dict[str, str]:
        """Give the physical id of every resource of the desk's stack, by its name in the template."""
        listed = self.client("cloudformation").list_stack_resources(StackName="quietline-desk")
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed["StackResourceSummaries"]}

    def partition(self, table: str, partition: str) -> list[dict[str, Any]]:
        """Copy what is in a partition of one of the desk's tables."""
        name = self.resources("quietline-desk", "AWS::DynamoDB::Table")[table]
        items = self.client("dynamodb").scan(TableName=name, ConsistentRead=True)["Items"]
        return [item for item in items if item["p"]["S"] == partition]

    def put_back(self, table: str, items: list[dict[str, Any]]) -> None:
        """Put a copy of one partition in the place of what has become of it since."""
        client, name = self.client("dynamodb"), self.resources("quietline-desk", "AWS::DynamoDB::Table")[table]
        for item in self.partition(table, items[0]["p"]["S"]):
            client.delete_item(TableName=name, Key={"p": item["p"], "s": item["s"]})
        for item in items:
            client.put_item(TableName=name, Item=item)

    def items(self) -> dict[str, list[tuple[str, str]]]:
        """List the keys of everything in both tables."""
        client = self.client("dynamodb")
        return {
            name: [(item["p"]["S"], item["s"]["S"]) for item in client.scan(TableName=table)["Items"]]
            for name, table in self.resources("quietline-desk", "AWS::DynamoDB::Table").items()
        }

    @contextmanager
    def losing(self, function: str, *actions: str):
        """Lose the answer to the first write of each kind that a function makes; it starts cold."""
        lost: set[tuple[str, ...]] = set()

        def lose(call: Call) -> bool:
            kind = (call.action, call.resource, *(key.partition("#")[0] for key in call.keys))
            if call.function != function or call.action not in actions or kind in lost:
                return False
            lost.add(kind)
            return True

        face, _, name = function.partition(":")
        with self.at(face, name, self.clock):
            self.recorder.lose = lose
            try:
                yield lost
            finally:
                self.recorder.lose = lambda _call: False

    def logs(self) -> dict[str, list[str]]:
        """Read everything in every log group of both stacks."""
        client, found = self.client("logs"), {}
        for face in ("public", "desk"):
            for group in self.resources(f"quietline-{face}", "AWS::Logs::LogGroup").values():
                pages = client.get_paginator("filter_log_events").paginate(logGroupName=group)
                found[group] = [event["message"] for page in pages for event in page["events"]]
        return found

    @contextmanager
    def refusing(self, function: str, action: str):
        """Throttle what a function does."""
        self.recorder.refuse = lambda call: (call.function, call.action) == (function, action)
        try:
            yield
        finally:
            self.recorder.refuse = lambda _call: False

    def empty(self, *, besides: str = "-") -> None:
        """Empty both tables, all partitions but those that begin as *besides*, and forget where the trail ended."""
        (anchor,) = self.resources("quietline-desk", "AWS::SSM::Parameter").values()
        self.client("ssm").put_parameter(Name=anchor, Value="none", Overwrite=True)
        client, tables = self.client("dynamodb"), self.resources("quietline-desk", "AWS::DynamoDB::Table")
        for name, keys in self.items().items():
            for p, s in (each for each in keys if not each[0].startswith(besides)):
                client.delete_item(TableName=tables[name], Key={"p": {"S": p}, "s": {"S": s}})

    def at(self, face: str, function: str, clock: str):
        """Let a function run at another time."""
        return self.told(face, function, QUIETLINE_CLOCK=clock)

    @contextmanager
    def told(self, face: str, function: str, **settings: str):
        """Let a function run with other settings."""
        lambdas = self.client("lambda")
        name = self.resources(f"quietline-{face}", "AWS::Lambda::Function")[function]
        before = lambdas.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        lambdas.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**before, **settings, "STARTS": "COLD"}}
        )
        try:
            yield
        finally:
            lambdas.update_function_configuration(FunctionName=name, Environment={"Variables": before})
