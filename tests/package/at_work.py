"""Settings of what works unseen: schedules, the drain, alarms and roles; and that nothing is there beside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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

from chalicelib.local.aws.allowed import strangers

POLICIES = Path(__file__).resolve().parents[2] / ".chalice" / "policies"
DESK, PUBLIC = ("desk",), ("public",)
TABLES = {"QUIETLINE_FACES", "QUIETLINE_STORE", "QUIETLINE_TABLE", "QUIETLINE_SHRED_TABLE"}
COUNTS = {"QUIETLINE_COUNTERS_TABLE"}
TRAIL = {"QUIETLINE_AUDIT_SECRET", "QUIETLINE_TRAIL_ANCHOR"}
CONTENT = "QUIETLINE_CONTENT_TABLE"
VARIABLES = {
    "public": {
        "APIHandler": {
            *TABLES, *COUNTS, CONTENT, "QUIETLINE_PEPPER_SECRET", "QUIETLINE_OVERFLOW_QUEUE", "QUIETLINE_RECIPIENTS",
            "QUIETLINE_URL",
        },
    },
    "desk": {
        "APIHandler": {
            *TABLES, *TRAIL, *COUNTS, CONTENT, "QUIETLINE_RECIPIENTS", "QUIETLINE_KMS_KEYS", "QUIETLINE_OIDC_ISSUER",
            "QUIETLINE_OIDC_AUDIENCE", "QUIETLINE_OIDC_ALGORITHM", "QUIETLINE_OIDC_ROLES_CLAIM",
            "QUIETLINE_OIDC_CLIENT_ID", "QUIETLINE_OIDC_SCOPE", "QUIETLINE_OIDC_BEARER", "QUIETLINE_MAIL",
        },
        "Purge": {*TABLES, *COUNTS, *TRAIL, CONTENT, "QUIETLINE_METRICS"},
        "Watch": {*TABLES, "QUIETLINE_METRICS"},
        "Ring": {
            *TABLES, "QUIETLINE_DOORBELL_TOPIC", "QUIETLINE_DOORBELL_WEBHOOK", "QUIETLINE_DOORBELL_SECRET",
        },
        "Drain": TABLES,
    },
}  # fmt: skip
"""Every variable of every function."""
EVENTS: dict[str, dict[str, Any]] = {
    "Purge": {"PurgeEvent": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 hour)"}}},
    "Watch": {"WatchEvent": {"Type": "Schedule", "Properties": {"Schedule": "rate(5 minutes)"}}},
    "Ring": {"RingEvent": {"Type": "Schedule", "Properties": {"Schedule": "cron(0/15 * * * ? *)"}}},
    "Drain": {
        "DrainSqsEventSource": {
            "Type": "SQS",
            "Properties": {
                "Queue": {"Fn::Sub": "${Overflow.Arn}"},
                "BatchSize": 10,
                "MaximumBatchingWindowInSeconds": 0,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            },
        }
    },
}
"""What sets each function of the desk going."""
OURS = {"Namespace": {"Fn::Sub": "Quietline/${AWS::StackName}"}, "TreatMissingData": "breaching"}


def theirs(service: str, **dimensions: Any) -> dict[str, Any]:
    """Give what an alarm says that hangs on a figure of AWS's."""
    return {
        "Namespace": f"AWS/{service}",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "TreatMissingData": "notBreaching",
    }


def alarm(metric: str, source: dict[str, Any], period: int, statistic: str = "Maximum", **more: Any) -> dict[str, Any]:
    """Give what an alarm must say, but for its text and whom it tells."""
    usual = {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0}
    return {"MetricName": metric, "Period": period, "Statistic": statistic, **source, **usual, **more}


ON_BOTH = {
    "ServerErrorAlarm": alarm(
        "5XXError", theirs("ApiGateway", ApiName={"Ref": "AWS::StackName"}, Stage="live"), 300, "Sum"
    ),
    "ThrottleAlarm": alarm("Throttles", theirs("Lambda", FunctionName={"Ref": "APIHandler"}), 300, "Sum"),
}
ALARMS = {
    "public": ON_BOTH,
    "desk": {
        **ON_BOTH,
        "OldestWaitingAlarm": alarm("OldestWaitingMinutes", OURS, 900, Threshold={"Ref": "OldestWaitingMinutes"}),
        "OverdueAlarm": alarm("Overdue", OURS, 900),
        "ParkedAlarm": alarm("Parked", OURS, 900),
        "TrailAlarm": alarm("TrailBroken", OURS, 7200),
        "DeadLettersAlarm": alarm(
            "ApproximateNumberOfMessagesVisible",
            theirs("SQS", QueueName={"Fn::GetAtt": ["DeadLetters", "QueueName"]}),
            60,
        ),
        "OverflowAlarm": alarm(
            "ApproximateAgeOfOldestMessage",
            theirs("SQS", QueueName={"Fn::GetAtt": ["Overflow", "QueueName"]}),
            60,
            Threshold=900,
        ),
        "TableThrottleAlarm": alarm(
            "WriteThrottleEvents", theirs("DynamoDB", TableName={"Ref": "Requests"}), 300, "Sum"
        ),
        "PurgeErrorAlarm": alarm(
            "Errors", theirs("Lambda", FunctionName={"Ref": "Purge"}), 3600, "Sum", EvaluationPeriods=3
        ),
    },
}
TELLS = {
    "public": [{"Fn::ImportValue": {"Fn::Sub": "${DeskStack}-AlarmTopicArn"}}],
    "desk": [{"Ref": "AlarmTopic"}],
}
TLS_ONLY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": [{"Fn::GetAtt": ["Overflow", "Arn"]}, {"Fn::GetAtt": ["DeadLetters", "Arn"]}],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}
ANYBODY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*", "Resource": "*"}


def variables_are_those(template: Template) -> bool:
    """Tell whether each function has its variables, all of them and no other."""
    found = {name: set(each["Environment"]["Variables"]) for name, each in functions(template).items()}
    return found == VARIABLES[face_of(template)]


def alarms_are_those(template: Template) -> bool:
    """Tell whether each alarm hangs on its figure, at its threshold, and tells somebody."""
    found = of_type(template, "AWS::CloudWatch::Alarm")
    said = {
        name: {key: value for key, value in each.items() if key != "AlarmDescription"} for name, each in found.items()
    }
    tells = {"AlarmActions": TELLS[face_of(template)]}
    return said == {name: {**each, **tells} for name, each in ALARMS[face_of(template)].items()}


def roles_are_those(template: Template) -> bool:
    """Tell whether Lambda alone takes each role, and each allows what its file in `.chalice/policies` says."""
    roles = of_type(template, "AWS::IAM::Role")
    return len(roles) == len(functions(template)) and all(
        _by_lambda_alone(role) and _allowed(role) == [_policy(template, name)] for name, role in roles.items()
    )


def _by_lambda_alone(role: dict[str, Any]) -> bool:
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    said = {key: value for key, value in statement.items() if key != "Sid"}
    return said == {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}


def _allowed(role: dict[str, Any]) -> list[Any]:
    return [policy["PolicyDocument"]["Statement"] for policy in role["Policies"]]


def _policy(template: Template, role: str) -> list[Any]:
    function = {"ApiHandlerRole": "api"}.get(role, role.removesuffix("Role").lower())
    return json.loads((POLICIES / f"{face_of(template)}-{function}.json").read_text())["Statement"]


def source(template: Template) -> dict[str, Any]:
    """Give a place: how the drain gets its letters."""
    return properties(template, "Drain")["Events"]["DrainSqsEventSource"]["Properties"]


def schedule(function: str) -> Any:
    """Give a place: when a function runs."""
    return lambda template: properties(template, function)["Events"][f"{function}Event"]["Properties"]


def resource(name: str) -> Any:
    """Give a place: a resource's properties."""
    return lambda template: properties(template, name)


def purge_environment(template: Template) -> dict[str, Any]:
    """Give a place: the variables of the purge."""
    return properties(template, "Purge")["Environment"]["Variables"]


def events_are_those(template: Template) -> bool:
    """Tell whether each function is set going by what it should, as often as it should."""
    found = {name: each["Events"] for name, each in functions(template).items() if "Events" in each}
    return found == (EVENTS if face_of(template) == "desk" else {})


def patient(template: Template) -> bool:
    """Tell whether a letter is tried for hours before it is dead, and never by two drains at once."""
    queue, drain = properties(template, "Overflow"), properties(template, "Drain")
    tries, between = queue["RedrivePolicy"]["maxReceiveCount"], queue["VisibilityTimeout"]
    return between >= 6 * drain["Timeout"] and tries * between >= 10 * 3600 and tries <= 1000


def only_the_gateway_calls(template: Template) -> bool:
    """Tell whether nobody but this API may call the API's function."""
    (permission,) = of_type(template, "AWS::Lambda::Permission").values()
    (pattern, ids) = permission["SourceArn"]["Fn::Sub"]
    return (
        permission["Principal"] == "apigateway.amazonaws.com"
        and pattern.endswith(":${AWS::AccountId}:${RestAPIId}/*")
        and ids == {"RestAPIId": {"Ref": "RestAPI"}}
    )


def only_alarms_are_sent(template: Template) -> bool:
    """Tell whether nobody is subscribed by the template but who looks after the deployment, to alarms."""
    wanted = {"TopicArn": {"Ref": "AlarmTopic"}, "Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}}
    return list(of_type(template, "AWS::SNS::Subscription").values()) == [wanted]


def nothing_else(template: Template) -> bool:
    """Tell whether all is on the closed list."""
    return not list(strangers(template))


def _nothing_else(what: str, undo: Any, faces: tuple[str, ...] = DESK) -> Setting:
    return Setting(name=f"nothing beside what is listed: {what}", holds=nothing_else, undo=undo, faces=faces)


def _added(name: str, kind: str) -> Any:
    return lambda template: template["Resources"].__setitem__(name, {"Type": kind, "Properties": {}})


def _events(name: str, undo: Any) -> Setting:
    return Setting(name=name, holds=events_are_those, undo=undo, faces=DESK)


def _alarms(name: str, undo: Any, faces: tuple[str, ...] = DESK) -> Setting:
    return Setting(name=name, holds=alarms_are_those, undo=undo, faces=faces)


BOTH = ("public", "desk")
AT_WORK = [
    _events(
        "letters that fail come again, and not their whole batch is forgotten",
        lambda t: source(t).pop("FunctionResponseTypes"),
    ),
    _events("the drain runs", put(source, "Enabled", False)),
    _events("the drain reads the overflow queue", put(source, "Queue", {"Fn::Sub": "${DeadLetters.Arn}"})),
    _events("the purge has a schedule", lambda t: properties(t, "Purge").pop("Events")),
    _events("the purge runs every hour", put(schedule("Purge"), "Schedule", "rate(30 days)")),
    _events("the purge is not switched off", put(schedule("Purge"), "Enabled", False)),
    _events("the watch has a schedule", lambda t: properties(t, "Watch").pop("Events")),
    _events("the watch runs every five minutes", put(schedule("Watch"), "Schedule", "rate(1 day)")),
    _events("the watch is not switched off", put(schedule("Watch"), "State", "DISABLED")),
    _events(
        "the doorbell rings on the quarter, and not when a request comes",
        put(schedule("Ring"), "Schedule", "rate(1 minute)"),
    ),
    Setting(
        name="a letter is tried for hours before it is dead",
        holds=patient,
        undo=lambda t: properties(t, "Overflow")["RedrivePolicy"].__setitem__("maxReceiveCount", 1),
        faces=DESK,
    ),
    Setting(
        name="a letter is in one drain's hands",
        holds=patient,
        undo=put(resource("Overflow"), "VisibilityTimeout", 20),
        faces=DESK,
    ),
    *[
        Setting(
            name=f"each function has its variables and no other: {what}",
            holds=variables_are_those,
            undo=undo,
            faces=faces,
        )
        for what, undo, faces in (
            ("retention", put(api_variables, "QUIETLINE_RETENTION_DAYS", "3650"), BOTH),
            ("no wrapper", put(api_variables, "AWS_LAMBDA_EXEC_WRAPPER", "/opt/x"), BOTH),
            ("the overflow queue", lambda t: api_variables(t).pop("QUIETLINE_OVERFLOW_QUEUE"), PUBLIC),
            ("the anchor", lambda t: purge_environment(t).pop("QUIETLINE_TRAIL_ANCHOR"), DESK),
            ("the figures", lambda t: purge_environment(t).pop("QUIETLINE_METRICS"), DESK),
        )
    ],
    Setting(
        name="Lambda alone takes a role",
        holds=roles_are_those,
        undo=lambda t: properties(t, "ApiHandlerRole")["AssumeRolePolicyDocument"]["Statement"][0].__setitem__(
            "Principal", {"AWS": "*"}
        ),
    ),
    Setting(
        name="a role allows what its file says",
        holds=roles_are_those,
        undo=lambda t: properties(t, "ApiHandlerRole")["Policies"].append(
            {"PolicyName": "x", "PolicyDocument": {"Statement": [ANYBODY]}}
        ),
    ),
    Setting(
        name="nobody but the gateway calls the function",
        holds=only_the_gateway_calls,
        undo=put(resource("APIHandlerInvokePermission"), "Principal", "*"),
    ),
    Setting(
        name="the queues' policy allows nobody anything",
        holds=lambda t: properties(t, "QueuesByTlsOnly")["PolicyDocument"] == TLS_ONLY,
        undo=lambda t: properties(t, "QueuesByTlsOnly")["PolicyDocument"]["Statement"].append(ANYBODY),
        faces=DESK,
    ),
    Setting(
        name="the doorbell is heard by whom the helpline subscribes",
        holds=only_alarms_are_sent,
        undo=put(resource("AlarmSubscription"), "TopicArn", {"Ref": "Doorbell"}),
        faces=DESK,
    ),
    Setting(
        name="the gateway counts no single paths",
        holds=lambda t: method_settings(t)["MetricsEnabled"] is False,
        undo=put(method_settings, "MetricsEnabled", True),
    ),
    _alarms("alarms are switched on", put(resource("ServerErrorAlarm"), "ActionsEnabled", False), BOTH),
    _alarms("the dead letters' alarm rings for one", put(resource("DeadLettersAlarm"), "Threshold", 1000)),
    _alarms(
        "the dead letters' alarm looks at the dead letters",
        lambda t: properties(t, "DeadLettersAlarm").__setitem__(
            "Dimensions", properties(t, "OverflowAlarm")["Dimensions"]
        ),
    ),
    _alarms("no alarm is missing", lambda t: t["Resources"].pop("TrailAlarm")),
    _alarms("each alarm tells somebody", put(resource("ThrottleAlarm"), "AlarmActions", []), BOTH),
    _nothing_else("no layer", put(resource("APIHandler"), "Layers", ["arn:aws:lambda:x:1:layer:y:1"]), BOTH),
    _nothing_else(
        "no address past the gateway", put(resource("APIHandler"), "FunctionUrlConfig", {"AuthType": "NONE"}), BOTH
    ),
    _nothing_else(
        "no copy of events", put(resource("APIHandler"), "EventInvokeConfig", {"DestinationConfig": {}}), BOTH
    ),
    _nothing_else("no variables of the stage", put(api, "Variables", {"a": "b"}), BOTH),
    _nothing_else(
        "no stream of shred keys", put(resource("ShredKeys"), "KinesisStreamSpecification", {"StreamArn": "x"})
    ),
    _nothing_else("no policy of a table's own", put(resource("Requests"), "ResourcePolicy", {"PolicyDocument": {}})),
    _nothing_else("no alarm that is off", put(resource("ServerErrorAlarm"), "ActionsEnabled", False), BOTH),
    _nothing_else("no log of the gateway's", _added("Account", "AWS::ApiGateway::Account"), BOTH),
    _nothing_else("no stack in the stack", _added("Inner", "AWS::CloudFormation::Stack"), BOTH),
    _nothing_else("no macro", put(lambda t: t, "Transform", ["AWS::Serverless-2016-10-31", "Macro"]), BOTH),
    _nothing_else("no section", put(lambda t: t, "Rules", {}), BOTH),
]
