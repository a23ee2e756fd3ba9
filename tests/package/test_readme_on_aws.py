"""What the README tells people to type on AWS, typed where `aws` only notes what it was asked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from at_work import ALARMS
from template_parts import of_type

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
AWS = """#!{python}
import json, sys
with open({log!r}, "a") as log:
    print(json.dumps(sys.argv[1:]), file=log)
if sys.argv[-1] == "--parameter-overrides":
    sys.exit("aws: error: argument --parameter-overrides: expected at least one argument")
"""


def block(with_word):
    """Find the one block of commands that has a word in it."""
    (found,) = [each for each in BLOCKS if with_word in each]
    return found


@pytest.fixture
def typed(tmp_path):
    """Run commands with an `aws` that does nothing, and give what it was asked."""
    log, aws = tmp_path / "log", tmp_path / "aws"
    aws.write_text(AWS.format(python=sys.executable, log=str(log)))
    aws.chmod(0o755)

    def run(commands, **variables):
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **variables}
        ran = subprocess.run(["bash", "-ec", commands], env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return [json.loads(line) for line in log.read_text().splitlines()]

    return run


def test_a_face_is_deployed_again_without_parameters(typed):
    """An upgrade names none, and `aws` is not asked to override none."""
    deploy = re.search(r"deploy\(\) \{.*?\n\}\n", block("deploy()"), flags=re.DOTALL).group()
    _, asked = typed(f"{deploy}\ndeploy desk", BUCKET="code")
    assert asked[:2] == ["cloudformation", "deploy"]
    assert "--parameter-overrides" not in asked


def test_parameters_reach_aws_word_by_word(typed):
    """A list of recipients is one parameter, quotes, commas and spaces and all."""
    deploy = re.search(r"deploy\(\) \{.*?\n\}\n", block("deploy()"), flags=re.DOTALL).group()
    recipients = 'Recipients=[{"key_id": "kms-1", "kem": "DHKEM(P-256, HKDF-SHA256)"}]'
    _, asked = typed(f"{deploy}\ndeploy public '{recipients}' DomainName=ask.helpline.example", BUCKET="code")
    assert asked[-3:] == ["--parameter-overrides", recipients, "DomainName=ask.helpline.example"]


def test_a_restored_table_is_given_what_the_template_gave_the_first(typed, templates):
    """It has its old name, and what a restored table has not is switched on again: expiry, backups, protection."""
    asked = typed(re.sub(r"\$\(aws cloudformation .*?\)", "requests", block("restore-table-from-backup")), WHEN="now")
    table = templates["desk"]["Resources"]["Requests"]["Properties"]
    after = asked[[each[1] for each in asked].index("restore-table-from-backup") :]
    assert after[0][2:4] == ["--target-table-name", "requests"]
    said = {each[1]: each[2:] for each in after if each[2:4] == ["--table-name", "requests"]}
    ttl = table["TimeToLiveSpecification"]["AttributeName"]
    assert said["update-time-to-live"][-1] == f"Enabled=true,AttributeName={ttl}"
    assert said["update-continuous-backups"][-1] == "PointInTimeRecoveryEnabled=true"
    assert said["update-table"][-1] == "--deletion-protection-enabled"


def test_the_bill_counts_the_alarms_there_are(templates):
    """Alarms are paid for by the month, so the README says how many there are."""
    alarms = sum(len(of_type(each, "AWS::CloudWatch::Alarm")) for each in templates.values())
    assert alarms == sum(map(len, ALARMS.values())) == 12
    assert "twelve alarms" in README
