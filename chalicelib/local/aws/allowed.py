"""
What a template may hold, as a closed list: whatever else somebody adds is looked at before it is deployed.

Most that AWS offers beside this watches people or copies what they send: layers, streams, function URLs, destinations,
policies of their own. A list of what must not be there would be out of date the day it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TRANSFORM = "AWS::Serverless-2016-10-31"
SECTIONS = frozenset(
    {"AWSTemplateFormatVersion", "Conditions", "Description", "Globals"}
    | {"Outputs", "Parameters", "Resources", "Transform"}
)
ATTRIBUTES = frozenset({"Condition", "DeletionPolicy", "DependsOn", "Properties", "Type", "UpdateReplacePolicy"})
RESOURCES: Mapping[str, frozenset[str]] = {
    kind: frozenset(properties.split())
    for kind, properties in {
        "AWS::ApiGateway::BasePathMapping": "DomainName RestApiId Stage",
        "AWS::ApiGateway::DomainName": "DomainName EndpointConfiguration RegionalCertificateArn SecurityPolicy",
        "AWS::CloudWatch::Alarm": "AlarmActions AlarmDescription ComparisonOperator Dimensions EvaluationPeriods"
        " MetricName Namespace Period Statistic Threshold TreatMissingData",
        "AWS::DynamoDB::Table": "AttributeDefinitions BillingMode DeletionProtectionEnabled GlobalSecondaryIndexes"
        " KeySchema PointInTimeRecoverySpecification TimeToLiveSpecification",
        "AWS::IAM::Role": "AssumeRolePolicyDocument Policies",
        "AWS::KMS::Key": "Description KeyPolicy KeySpec KeyUsage PendingWindowInDays",
        "AWS::Lambda::Permission": "Action FunctionName Principal SourceArn",
        "AWS::Logs::LogGroup": "LogGroupName RetentionInDays",
        "AWS::SNS::Subscription": "Endpoint Protocol TopicArn",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::SQS::Queue": "MessageRetentionPeriod RedrivePolicy SqsManagedSseEnabled VisibilityTimeout",
        "AWS::SQS::QueuePolicy": "PolicyDocument Queues",
        "AWS::SSM::Parameter": "Name Type Value",
        "AWS::SecretsManager::Secret": "Description GenerateSecretString",
        "AWS::Serverless::Api": "DefinitionBody DisableExecuteApiEndpoint EndpointConfiguration MethodSettings Name"
        " StageName TracingEnabled",
        "AWS::Serverless::Function": "Architectures CodeUri Environment Events Handler LoggingConfig MemorySize Role"
        " Runtime Tags Timeout Tracing",
    }.items()
}
"""The kinds of resources there may be, and the properties that each kind may have."""


def strangers(template: Mapping[str, Any]) -> Iterator[str]:
    """Name whatever *template* holds that is not on the list."""
    yield from sorted(set(template) - SECTIONS)
    if template["Transform"] != TRANSFORM:
        yield "another Transform"
    for name, resource in sorted(template["Resources"].items()):
        kind = resource["Type"]
        if kind not in RESOURCES:
            yield f"{name} ({kind})"
            continue
        found = (set(resource) - ATTRIBUTES) | (set(resource.get("Properties", {})) - RESOURCES[kind])
        yield from (f"{name}.{each}" for each in sorted(found))
