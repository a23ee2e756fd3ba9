"""
Every privacy and security setting of the templates: each holds, and each is missed when it is switched off.

A setting is what it takes (*holds*) and how somebody would undo it (*undo*); both are tried on what `make package`
wrote.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from at_work import AT_WORK
from template_parts import (
    Setting,
    Template,
    api,
    api_variables,
    face_of,
    functions,
    method_settings,
    of_type,
    properties,
    put,
)

from chalicelib.adapters.dynamodb_table import CONTENT, COUNTERS, REQUESTS, SHRED_KEYS, TTL
from chalicelib.local.aws.gateway import RESPONSES
from chalicelib.local.aws.package import FACES, PackageError, finish
from chalicelib.local.doctor import findings

DATA = (
    "Requests",
    "ShredKeys",
    "Counters",
    "Content",
    "OpeningKey",
    "OpeningKey2",
    "Pepper",
    "AuditSecret",
    "DoorbellSecret",
    "Overflow",
    "DeadLetters",
    "TrailAnchor",
)

COPYING = {"StreamSpecification", "ContributorInsightsSpecification", "SSESpecification"}

OFTEN = {"public": 200, "desk": 50}


def gateway_responses(template: Template) -> dict[str, dict[str, Any]]:
    """Give what the gateway answers by itself."""
    return api(template)["DefinitionBody"].get("x-amazon-apigateway-gateway-responses", {})


def proxied(template: Template) -> list[dict[str, Any]]:
    """Give every integration with our function."""
    integrations = [
        operation["x-amazon-apigateway-integration"]
        for operations in api(template)["DefinitionBody"]["paths"].values()
        for operation in operations.values()
    ]
    return [each for each in integrations if each["type"] == "aws_proxy"]


def a_problem(response: dict[str, Any]) -> bool:
    """Tell whether a gateway response is a constant problem document with the phone number."""
    (body,) = response["responseTemplates"].values()
    if "$" in body:
        return False
    document = json.loads(body)
    return (
        response["responseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        and response["responseParameters"]["gatewayresponse.header.Cache-Control"] == "'no-store'"
        and not any("context" in value or "request" in value for value in response["responseParameters"].values())
        and document["status"] == int(response["statusCode"])
        and document["helpline"]["phone"] == "0808 1000 900"
        and document["type"] == f"urn:quietline:problem:{document['code']}"
    )


def responses_are_problems(template: Template) -> bool:
    """Tell whether every gateway response there is has been replaced."""
    found = gateway_responses(template)
    return set(found) == set(RESPONSES) and all(a_problem(response) for response in found.values())


def logs_of(template: Template) -> set[str]:
    """Give the log groups that functions write to."""
    return {each.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref", "") for each in functions(template).values()}


def tells_nobody_else(template: Template) -> bool:
    """Tell whether nothing in the template is a thing that watches people or copies what they send."""
    watching = ("AWS::WAF", "AWS::XRay", "AWS::CloudTrail", "AWS::Logs::SubscriptionFilter", "AWS::KinesisFirehose")
    return not any(resource["Type"].startswith(watching) for resource in template["Resources"].values())


def key_statement(template: Template, sid: str) -> dict[str, Any]:
    """Give one statement of the opening key's policy."""
    statements = properties(template, "OpeningKey")["KeyPolicy"]["Statement"]
    return next((each for each in statements if each["Sid"] == sid), {})


KEY_STATEMENTS = ["LookAfterTheKey", "TheDeskOpensContent", "TheDeskReadsThePublicKey", "NobodyElseDoes"]
DESK_ROLE = {"Fn::GetAtt": ["ApiHandlerRole", "Arn"]}


def only_the_desk_derives(template: Template) -> bool:
    """Tell whether the desk's API is the only one who can use the private key, and everybody else is refused."""
    statements = properties(template, "OpeningKey")["KeyPolicy"]["Statement"]
    allowing = [each for each in statements if each["Effect"] == "Allow" and each["Principal"] != {"AWS": DESK_ROLE}]
    named = [action for each in allowing for action in each["Action"]]
    denied = key_statement(template, "NobodyElseDoes")
    derives = key_statement(template, "TheDeskOpensContent")
    return (
        [each["Sid"] for each in statements] == KEY_STATEMENTS
        and not any("*" in action or "Derive" in action or action == "kms:CreateGrant" for action in named)
        and derives.get("Action") == "kms:DeriveSharedSecret"
        and derives["Condition"] == {"StringEquals": {"kms:KeyAgreementAlgorithm": "ECDH"}}
        and denied.get("Effect") == "Deny"
        and denied["Action"] == "kms:DeriveSharedSecret"
        and denied["Principal"] == "*"
        and denied["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": DESK_ROLE}}
    )


def table(name: str) -> Callable[[Template], dict[str, Any]]:
    """Give a place: the properties of a table."""
    return lambda template: properties(template, name)


def recovery(name: str) -> Callable[[Template], dict[str, Any]]:
    """Give a place: whether a table is backed up."""
    return lambda template: properties(template, name)["PointInTimeRecoverySpecification"]


def variables(template: Template) -> dict[str, Any]:
    """Give the settings of every function, merged: what a face knows."""
    return {
        name: value for each in functions(template).values() for name, value in each["Environment"]["Variables"].items()
    }


SETTINGS = [
    Setting(
        name="no access log: it would hold addresses, agents and paths",
        holds=lambda t: "AccessLogSetting" not in api(t),
        undo=put(api, "AccessLogSetting", {"DestinationArn": "arn:aws:logs:x", "Format": "$context.identity.sourceIp"}),
    ),
    Setting(
        name="no execution log",
        holds=lambda t: method_settings(t)["LoggingLevel"] == "OFF",
        undo=put(method_settings, "LoggingLevel", "INFO"),
    ),
    Setting(
        name="no data trace: it writes whole requests to the log",
        holds=lambda t: method_settings(t)["DataTraceEnabled"] is False,
        undo=put(method_settings, "DataTraceEnabled", True),
    ),
    Setting(
        name="no cache at the gateway",
        holds=lambda t: method_settings(t)["CachingEnabled"] is False and "CacheClusterEnabled" not in api(t),
        undo=put(method_settings, "CachingEnabled", True),
    ),
    Setting(
        name="no X-Ray at the gateway",
        holds=lambda t: api(t)["TracingEnabled"] is False,
        undo=put(api, "TracingEnabled", True),
    ),
    Setting(
        name="no X-Ray in the functions",
        holds=lambda t: all(each["Tracing"] == "PassThrough" for each in functions(t).values()),
        undo=lambda t: properties(t, "APIHandler").__setitem__("Tracing", "Active"),
    ),
    Setting(
        name="nothing that watches or copies: no WAF sampling, no subscription, no trail",
        holds=tells_nobody_else,
        undo=lambda t: t["Resources"].__setitem__("Acl", {"Type": "AWS::WAFv2::WebACL"}),
    ),
    Setting(
        name="one stage, and the settings are its own",
        holds=lambda t: t.get("Globals") == {"Api": {"OpenApiVersion": "2.0"}},
        undo=lambda t: t.pop("Globals"),
    ),
    Setting(
        name="a regional endpoint: no edge elsewhere in the world",
        holds=lambda t: api(t)["EndpointConfiguration"] == "REGIONAL",
        undo=put(api, "EndpointConfiguration", "EDGE"),
    ),
    Setting(
        name="with a name of its own, the address that AWS gave answers no more",
        holds=lambda t: api(t)["DisableExecuteApiEndpoint"] == {"Fn::If": ["HasDomain", True, False]},
        undo=put(api, "DisableExecuteApiEndpoint", False),
    ),
    Setting(
        name="TLS 1.2 and later",
        holds=lambda t: properties(t, "Domain")["SecurityPolicy"] == "TLS_1_2",
        undo=lambda t: properties(t, "Domain").__setitem__("SecurityPolicy", "TLS_1_0"),
    ),
    Setting(
        name="every gateway response is a constant problem with the phone number",
        holds=responses_are_problems,
        undo=lambda t: next(iter(gateway_responses(t).values()))["responseTemplates"].__setitem__(
            "application/json", '{"message":$context.error.messageString}'
        ),
    ),
    Setting(
        name="no gateway response is left as AWS words it",
        holds=responses_are_problems,
        undo=lambda t: gateway_responses(t).pop("THROTTLED"),
    ),
    Setting(
        name="an unknown path is not found, not forbidden",
        holds=lambda t: gateway_responses(t)["MISSING_AUTHENTICATION_TOKEN"]["statusCode"] == "404",
        undo=lambda t: gateway_responses(t)["MISSING_AUTHENTICATION_TOKEN"].__setitem__("statusCode", "403"),
    ),
    Setting(
        name="requesters wait at most five seconds for an answer of any kind",
        holds=lambda t: {each["timeoutInMillis"] for each in proxied(t)} == {5_000},
        undo=lambda t: proxied(t)[0].__setitem__("timeoutInMillis", 29_000),
        faces=("public",),
    ),
    Setting(
        name="the gateway throttles",
        holds=lambda t: (
            0 < method_settings(t)["ThrottlingRateLimit"] <= OFTEN[face_of(t)]
            and method_settings(t)["ThrottlingBurstLimit"] == 2 * method_settings(t)["ThrottlingRateLimit"]
        ),
        undo=put(method_settings, "ThrottlingRateLimit", 10_000),
    ),
    Setting(
        name="every function writes to a log group of ours, kept for 30 days",
        holds=lambda t: (
            logs_of(t) == set(of_type(t, "AWS::Logs::LogGroup"))
            and all(each["RetentionInDays"] == 30 for each in of_type(t, "AWS::Logs::LogGroup").values())
        ),
        undo=lambda t: properties(t, "ApiHandlerLogGroup").__setitem__("RetentionInDays", 3653),
    ),
    Setting(
        name="no function writes to a log group that AWS makes for it, kept for ever",
        holds=lambda t: logs_of(t) == set(of_type(t, "AWS::Logs::LogGroup")),
        undo=lambda t: properties(t, "APIHandler").pop("LoggingConfig"),
    ),
    Setting(
        name="each function has a role and a policy of its own",
        holds=lambda t: (
            len({json.dumps(each["Role"]) for each in functions(t).values()}) == len(functions(t))
            and not any("ManagedPolicyArns" in role for role in of_type(t, "AWS::IAM::Role").values())
        ),
        undo=lambda t: next(iter(of_type(t, "AWS::IAM::Role").values())).__setitem__("ManagedPolicyArns", ["x"]),
    ),
    Setting(
        name="each face serves its own routes",
        holds=lambda t: api_variables(t)["QUIETLINE_FACES"] == face_of(t),
        undo=put(api_variables, "QUIETLINE_FACES", "public,desk"),
    ),
    Setting(
        name="the public face does not know who opens, and how",
        holds=lambda t: (
            not {"QUIETLINE_KMS_KEYS", "QUIETLINE_DOORBELL_SECRET"} & set(variables(t))
            and not any(name.startswith("QUIETLINE_OIDC_") for name in variables(t))
        ),
        undo=put(api_variables, "QUIETLINE_KMS_KEYS", "{}"),
        faces=("public",),
    ),
    Setting(
        name="the desk does not know the pepper that receipts are derived with",
        holds=lambda t: "QUIETLINE_PEPPER_SECRET" not in variables(t),
        undo=put(api_variables, "QUIETLINE_PEPPER_SECRET", "x"),
        faces=("desk",),
    ),
    Setting(
        name="the clock is the real one",
        holds=lambda t: "QUIETLINE_CLOCK" not in variables(t),
        undo=put(api_variables, "QUIETLINE_CLOCK", "2026-11-24T18:05:00Z"),
    ),
    Setting(
        name="no secret is in the template: they are made by Secrets Manager",
        holds=lambda t: all(
            set(each) == {"Description", "GenerateSecretString"}
            and each["GenerateSecretString"]["PasswordLength"] >= 64
            for each in of_type(t, "AWS::SecretsManager::Secret").values()
        ),
        undo=lambda t: properties(t, "Pepper").__setitem__("SecretString", "known"),
        faces=("desk",),
    ),
    *[
        Setting(
            name=f"{name} is backed up",
            holds=lambda t, name=name: recovery(name)(t)["PointInTimeRecoveryEnabled"] is True,
            undo=put(recovery(name), "PointInTimeRecoveryEnabled", False),
            faces=("desk",),
        )
        for name in ("Requests", "Content")
    ],
    Setting(
        name="shred keys are never backed up",
        holds=lambda t: (
            recovery("ShredKeys")(t)["PointInTimeRecoveryEnabled"] is False
            and not any(kind["Type"].startswith("AWS::Backup") for kind in t["Resources"].values())
        ),
        undo=put(recovery("ShredKeys"), "PointInTimeRecoveryEnabled", True),
        faces=("desk",),
    ),
    Setting(
        name="counters are never backed up",
        holds=lambda t: recovery("Counters")(t)["PointInTimeRecoveryEnabled"] is False,
        undo=put(recovery("Counters"), "PointInTimeRecoveryEnabled", True),
        faces=("desk",),
    ),
    *[
        Setting(
            name=f"{name} deletes what has expired",
            holds=lambda t, name=name: properties(t, name)["TimeToLiveSpecification"]["Enabled"] is True,
            undo=lambda t, name=name: properties(t, name)["TimeToLiveSpecification"].__setitem__("Enabled", False),
            faces=("desk",),
        )
        for name in ("Requests", "ShredKeys")
    ],
    *[
        Setting(
            name=f"{name} is not deleted by mistake",
            holds=lambda t, name=name: properties(t, name)["DeletionProtectionEnabled"] is True,
            undo=put(table(name), "DeletionProtectionEnabled", False),
            faces=("desk",),
        )
        for name in ("Requests", "ShredKeys", "Content", "Counters")
    ],
    *[
        Setting(
            name=f"{name} is copied nowhere, and under AWS's own key",
            holds=lambda t, name=name: not COPYING & set(properties(t, name)),
            undo=put(table(name), "StreamSpecification", {"StreamViewType": "NEW_IMAGE"}),
            faces=("desk",),
        )
        for name in ("Requests", "ShredKeys", "Content", "Counters")
    ],
    *[
        Setting(
            name=f"{name} outlives the stack",
            holds=lambda t, name=name: (
                t["Resources"][name]["DeletionPolicy"] == "Retain"
                and t["Resources"][name]["UpdateReplacePolicy"] == "Retain"
            ),
            undo=lambda t, name=name: t["Resources"][name].__setitem__("DeletionPolicy", "Delete"),
            faces=("desk",),
        )
        for name in DATA
    ],
    Setting(
        name="the opening key agrees on keys and nothing else",
        holds=lambda t: (
            (properties(t, "OpeningKey")["KeySpec"], properties(t, "OpeningKey")["KeyUsage"])
            == ("ECC_NIST_P256", "KEY_AGREEMENT")
        ),
        undo=lambda t: properties(t, "OpeningKey").__setitem__("KeyUsage", "SIGN_VERIFY"),
        faces=("desk",),
    ),
    Setting(
        name="the second generation of the key is guarded like the first",
        holds=lambda t: (
            {**properties(t, "OpeningKey2"), "Description": ""} == {**properties(t, "OpeningKey"), "Description": ""}
        ),
        undo=lambda t: properties(t, "OpeningKey2").__setitem__("KeyPolicy", {"Statement": []}),
        faces=("desk",),
    ),
    Setting(
        name="only the desk's API uses the private key",
        holds=only_the_desk_derives,
        undo=lambda t: key_statement(t, "LookAfterTheKey").__setitem__("Action", "kms:*"),
        faces=("desk",),
    ),
    Setting(
        name="nobody is given the private key beside them",
        holds=only_the_desk_derives,
        undo=lambda t: properties(t, "OpeningKey")["KeyPolicy"]["Statement"].append(
            {"Sid": "X", "Effect": "Allow", "Principal": {"AWS": "x"}, "Action": "kms:*", "Resource": "*"}
        ),
        faces=("desk",),
    ),
    Setting(
        name="everybody else is refused the private key, whatever else they are allowed",
        holds=only_the_desk_derives,
        undo=lambda t: key_statement(t, "NobodyElseDoes").__setitem__("Effect", "Allow"),
        faces=("desk",),
    ),
    *[
        Setting(
            name=f"{name} is encrypted at rest",
            holds=lambda t, name=name: properties(t, name)["SqsManagedSseEnabled"] is True,
            undo=lambda t, name=name: properties(t, name).__setitem__("SqsManagedSseEnabled", False),
            faces=("desk",),
        )
        for name in ("Overflow", "DeadLetters")
    ],
    Setting(
        name="queues speak TLS only",
        holds=lambda t: (
            properties(t, "QueuesByTlsOnly")["PolicyDocument"]["Statement"][0]["Condition"]
            == {"Bool": {"aws:SecureTransport": "false"}}
            and properties(t, "QueuesByTlsOnly")["Queues"] == [{"Ref": "Overflow"}, {"Ref": "DeadLetters"}]
        ),
        undo=lambda t: (
            properties(t, "QueuesByTlsOnly")["PolicyDocument"]["Statement"][0].pop("Condition")
            and properties(t, "QueuesByTlsOnly")["PolicyDocument"]["Statement"][0].setdefault("Condition", {})
        ),
        faces=("desk",),
    ),
    Setting(
        name="a request that cannot be stored is kept apart, for 14 days, and not dropped",
        holds=lambda t: (
            properties(t, "Overflow")["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}
            and {properties(t, name)["MessageRetentionPeriod"] for name in ("Overflow", "DeadLetters")}
            == {14 * 24 * 3600}
        ),
        undo=lambda t: properties(t, "DeadLetters").__setitem__("MessageRetentionPeriod", 345600),
        faces=("desk",),
    ),
    Setting(
        name="the doorbell is encrypted at rest",
        holds=lambda t: properties(t, "Doorbell")["KmsMasterKeyId"] == "alias/aws/sns",
        undo=lambda t: properties(t, "Doorbell").__setitem__("KmsMasterKeyId", ""),
        faces=("desk",),
    ),
    *[
        Setting(
            name=f"{name} tells somebody, also when its figure stops coming",
            holds=lambda t, name=name: (
                properties(t, name)["AlarmActions"] == [{"Ref": "AlarmTopic"}]
                and properties(t, name)["TreatMissingData"] == "breaching"
            ),
            undo=lambda t, name=name: properties(t, name).__setitem__("TreatMissingData", "notBreaching"),
            faces=("desk",),
        )
        for name in ("OldestWaitingAlarm", "OverdueAlarm", "ParkedAlarm", "TrailAlarm")
    ],
    *[
        Setting(
            name=f"{name} tells somebody",
            holds=lambda t, name=name: len(properties(t, name)["AlarmActions"]) == 1,
            undo=lambda t, name=name: properties(t, name).__setitem__("AlarmActions", []),
            faces=faces,
        )
        for name, faces in (
            ("DeadLettersAlarm", ("desk",)),
            ("OverflowAlarm", ("desk",)),
            ("TableThrottleAlarm", ("desk",)),
            ("PurgeErrorAlarm", ("desk",)),
            ("ServerErrorAlarm", ("public", "desk")),
            ("ThrottleAlarm", ("public", "desk")),
        )
    ],
    *AT_WORK,
]
CASES = [pytest.param(face, setting, id=f"{face}: {setting.name}") for setting in SETTINGS for face in setting.faces]


@pytest.mark.parametrize(("face", "setting"), CASES)
def test_the_setting_holds(templates, face, setting):
    """What must be so in the template is so."""
    assert setting.holds(templates[face])


@pytest.mark.parametrize(("face", "setting"), CASES)
def test_the_setting_cannot_be_switched_off_unnoticed(templates, face, setting):
    """The check above fails on a template in which somebody has undone the setting."""
    undone = copy.deepcopy(templates[face])
    setting.undo(undone)
    assert undone != templates[face]
    assert not setting.holds(undone)


@pytest.mark.parametrize("face", ["public", "desk"])
def test_cfn_lint_finds_nothing(packages, face):
    """Both templates are what CloudFormation takes, to the last warning."""
    ran = _cfn_lint(packages / face / "template.json")
    assert (ran.stdout, ran.returncode) == ("", 0)


def test_cfn_lint_would_find_something(templates, tmp_path):
    """A property that does not exist is found, so that finding none says something."""
    wrong = copy.deepcopy(templates["desk"])
    wrong["Resources"]["Requests"]["Properties"]["Encrypted"] = True
    (tmp_path / "template.json").write_text(json.dumps(wrong))
    assert "Encrypted" in _cfn_lint(tmp_path / "template.json").stdout


def _cfn_lint(path: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_public_face_owns_nothing_that_holds_data(templates):
    """Replacing the public stack can lose nothing: the desk's stack owns tables, key, secrets and queues."""
    kinds = {resource["Type"] for resource in templates["public"]["Resources"].values()}
    assert not {kind for kind in kinds if re.match(r"AWS::(DynamoDB|KMS|SecretsManager|SQS|SNS::Topic)", kind)}


def test_what_the_public_stack_imports_is_what_the_desk_exports(templates):
    """Every name that the public stack imports, the desk's stack exports."""
    imported = set(re.findall(r"\$\{DeskStack\}-(\w+)", json.dumps(templates["public"])))
    outputs = templates["desk"]["Outputs"].values()
    exported = {each["Export"]["Name"]["Fn::Sub"] for each in outputs if "Export" in each}
    assert {f"${{AWS::StackName}}-{name}" for name in imported} <= exported


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("Requests", REQUESTS), ("ShredKeys", SHRED_KEYS), ("Content", CONTENT), ("Counters", COUNTERS)],
)
def test_a_table_is_as_the_store_wants_it(templates, name, wanted):
    """Keys, index and billing of the template's tables are those that the adapter is tested on."""
    made = properties(templates["desk"], name)
    assert {key: made.get(key) for key in wanted} == wanted
    ends = {name: {"AttributeName": TTL, "Enabled": True} for name in ("Requests", "ShredKeys")}
    assert made.get("TimeToLiveSpecification") == ends.get(name)


POINT = "B" + "A" * 86
RESOLVED = {
    "QUIETLINE_URL": "https://ask.helpline.example",
    "QUIETLINE_TABLE": "requests",
    "QUIETLINE_SHRED_TABLE": "shred-keys",
    "QUIETLINE_COUNTERS_TABLE": "counters",
    "QUIETLINE_CONTENT_TABLE": "content",
    "QUIETLINE_KMS_KEYS": "kms-1=arn:aws:kms:eu-west-2:000000000000:key/1",
    "QUIETLINE_RECIPIENTS": json.dumps(
        [{"key_id": each, "kem": "DHKEM(P-256, HKDF-SHA256)", "public_key": POINT} for each in ("kms-1", "recovery-1")]
    ),
    "QUIETLINE_PEPPER_SECRET": "arn:aws:secretsmanager:eu-west-2:000000000000:secret:pepper",
    "QUIETLINE_AUDIT_SECRET": "arn:aws:secretsmanager:eu-west-2:000000000000:secret:audit",
    "QUIETLINE_OVERFLOW_QUEUE": "https://sqs.eu-west-2.amazonaws.com/000000000000/overflow",
    "QUIETLINE_TRAIL_ANCHOR": "anchor",
    "QUIETLINE_OIDC_ISSUER": "https://sign-in.example",
    "QUIETLINE_OIDC_AUDIENCE": "quietline",
    "QUIETLINE_OIDC_ALGORITHM": "RS256",
    "QUIETLINE_OIDC_ROLES_CLAIM": "roles",
    "QUIETLINE_OIDC_CLIENT_ID": "desk",
    "QUIETLINE_OIDC_SCOPE": "openid",
    "QUIETLINE_OIDC_BEARER": "id_token",
    "QUIETLINE_MAIL": "ses",
    "QUIETLINE_DOORBELL_TOPIC": "arn:aws:sns:eu-west-2:000000000000:doorbell",
    "QUIETLINE_DOORBELL_WEBHOOK": "https://pager.example",
    "QUIETLINE_DOORBELL_SECRET": "arn:aws:secretsmanager:eu-west-2:000000000000:secret:doorbell",
    "QUIETLINE_METRICS": "Quietline/quietline-desk",
}


@pytest.mark.parametrize("face", ["public", "desk"])
def test_the_doctor_finds_nothing_wrong_with_what_the_template_sets(templates, face):
    """Every setting of every function exists, has a value that is taken, and is that function's business."""
    for name, function in functions(templates[face]).items():
        said = function["Environment"]["Variables"]
        settings = {key: value if isinstance(value, str) else RESOLVED[key] for key, value in said.items()}
        assert findings(settings, handler=function["Handler"]) == (), name


def test_nothing_in_a_template_tells_of_the_machine_that_built_it(packages):
    """A template holds no path of the machine that it was built on."""
    for face in ("public", "desk"):
        assert str(Path(__file__).parents[2]) not in (packages / face / "template.json").read_text()


def test_a_template_that_holds_more_than_is_listed_is_not_packaged(templates):
    """`make package` stops, and says what it is that somebody added."""
    more = copy.deepcopy(templates["desk"])
    more["Resources"]["APIHandler"]["Properties"]["Layers"] = ["arn:aws:lambda:eu-west-2:000000000000:layer:x:1"]
    more["Resources"]["Account"] = {"Type": "AWS::ApiGateway::Account"}
    with pytest.raises(PackageError, match=r"Account \(AWS::ApiGateway::Account\)") as refused:
        finish(more, FACES["desk"])
    assert "APIHandler.Layers" in str(refused.value)
