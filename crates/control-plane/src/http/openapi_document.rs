//! The API document (OpenAPI 3.1), made from the route table.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::info::{ContactBuilder, InfoBuilder, LicenseBuilder};
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
    Schema, ServerBuilder, Tag,
};

use super::table::{Access, Good, IfMatch, Operation, Shape};
use crate::problem::ProblemDocument;

const JSON: &str = "application/json";
const PROBLEM_JSON: &str = "application/problem+json";

/// Tags in the order of the document.
const TAGS: [(&str, &str); 8] = [
    (
        "proxies",
        "Proxies, their pools, targets, endpoints and sessions",
    ),
    ("databases", "Registered database servers"),
    (
        "secrets",
        "User names and passwords for databases; written, never read",
    ),
    ("iam", "Users, groups, roles, policies and access keys"),
    ("tags", "Tags of a resource, usable in policy conditions"),
    ("audit", "Every authentication decision, with its reason"),
    ("health", "Liveness and readiness"),
    ("document", "This document"),
];

/// Problems that an operation can answer with, beside those that every operation shares.
const PROBLEMS: [(&str, &str); 12] = [
    (
        "400",
        "A field, header, query parameter or the JSON itself is wrong; `errors` names each.",
    ),
    (
        "401",
        "The call is not signed, or its signature is not valid.",
    ),
    ("403", "No policy allows this action, or one denies it."),
    ("404", "There is no such resource."),
    (
        "409",
        "The name is taken, the resource is in use, a limit is reached, or a call with the same idempotency key is running.",
    ),
    (
        "412",
        "`If-Match` names an older state; `currentEtag` has the present one.",
    ),
    ("413", "The body is larger than 1 MiB."),
    ("415", "The body is not JSON."),
    ("422", "The idempotency key was used for another call."),
    ("428", "`If-Match` is required."),
    (
        "500",
        "An internal error; the log has it under the request id.",
    ),
    (
        "503",
        "The metadata store is away or the call took too long; try again after `Retry-After`.",
    ),
];

/// The document without operations.
pub(super) fn skeleton() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Tollgate")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A self-hosted proxy service for databases: proxies, targets, secrets and who may connect.\n\n\
             Calls are signed with AWS Signature Version 4 (service `tollgate`), or carry HTTP Basic with an \
             access key id and its secret, accepted over TLS or from a loopback address only. `If-Match` takes \
             an ETag or `*`. It is required to change or delete a resource, and optional where the change is \
             idempotent: secret values, attachments, members, tags, and deleting targets, endpoints and access \
             keys. `Idempotency-Key` makes a creation safe to repeat for 24 hours.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .contact(Some(ContactBuilder::new().name(Some("Tollgate")).build()))
        .build();
    let mut components = ComponentsBuilder::new()
        .security_scheme(
            "basic",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Basic).build()),
        )
        .security_scheme(
            "sigv4",
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
                "Authorization",
                "AWS Signature Version 4, service `tollgate`",
            ))),
        );
    let mut schemas = Vec::new();
    Shape::of::<ProblemDocument>().collect(&mut schemas);
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    for (status, description) in PROBLEMS {
        components = components.response(component_name(status), problem_response(description));
    }
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components.build()))
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .tags(Some(TAGS.map(|(name, description)| {
            let mut tag = Tag::new(name);
            tag.description = Some(description.to_owned());
            tag
        })))
        .build()
}

/// One operation's schemas and paths, as `utoipa-axum` takes them.
pub(super) fn describe(operation: &Operation) -> (Vec<(String, RefOr<Schema>)>, Paths) {
    let mut schemas = Vec::new();
    let shapes = operation.good.iter().filter_map(|good| good.shape.as_ref());
    for shape in shapes.chain(operation.request.as_ref()) {
        shape.collect(&mut schemas);
    }
    let mut builder = OperationBuilder::new()
        .operation_id(Some(operation.id))
        .tag(operation.tag)
        .summary(Some(operation.summary))
        .description(Some(describe_access(operation)));
    for parameter in parameters(operation) {
        builder = builder.parameter(parameter);
    }
    if let Some(shape) = &operation.request {
        let content = ContentBuilder::new()
            .schema(Some(schema_ref(shape)))
            .build();
        let body = RequestBodyBuilder::new()
            .content(JSON, content)
            .required(Some(Required::True));
        builder = builder.request_body(Some(body.build()));
    }
    for good in &operation.good {
        builder = builder.response(good.status.to_string(), good_response(good));
    }
    if operation.access == Access::Open {
        // An empty list says: no scheme of the document applies.
        builder = builder.securities(Some(Vec::new()));
    } else {
        for scheme in ["sigv4", "basic"] {
            builder = builder.security(SecurityRequirement::new(scheme, Vec::<String>::new()));
        }
        for status in problems(operation) {
            builder = builder.response(status, Ref::from_response_name(component_name(status)));
        }
    }
    let item = PathItem::new(method(operation), builder.build());
    let mut paths = Paths::new();
    paths.paths.insert(operation.path.to_owned(), item);
    (schemas, paths)
}

fn describe_access(operation: &Operation) -> String {
    match (operation.access, operation.also) {
        (Access::Open, _) => "Needs no credentials.".to_owned(),
        (Access::Action(action, _), None) => format!("Needs permission for `{action}`."),
        (Access::Action(action, _), Some(also)) => {
            format!("Needs permission for `{action}`, and for {also}.")
        }
    }
}

fn method(operation: &Operation) -> HttpMethod {
    match operation.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn problems(operation: &Operation) -> Vec<&'static str> {
    let has_body = operation.request.is_some();
    let names_resource = operation.path.contains('{');
    let writes = operation.method != http::Method::GET;
    PROBLEMS
        .iter()
        .map(|(status, _)| *status)
        .filter(|status| match *status {
            "404" => names_resource,
            "409" => writes,
            "412" => operation.if_match != IfMatch::Unused,
            "428" => operation.if_match == IfMatch::Required,
            "413" | "415" => has_body,
            "422" => operation.takes_idempotency_key(),
            _ => true,
        })
        .collect()
}

fn parameters(operation: &Operation) -> Vec<Parameter> {
    let mut found: Vec<Parameter> = path_parameters(operation.path)
        .map(|name| parameter(name, ParameterIn::Path, describe_path_parameter(name)))
        .collect();
    for query in &operation.queries {
        found.push(parameter(query.name, ParameterIn::Query, query.description));
    }
    match operation.if_match {
        IfMatch::Unused => {}
        IfMatch::Optional => found.push(parameter(
            "If-Match",
            ParameterIn::Header,
            "The resource's ETag, or `*`. May be absent: the change is idempotent.",
        )),
        IfMatch::Required => {
            let mut header = parameter(
                "If-Match",
                ParameterIn::Header,
                "The resource's ETag, or `*`.",
            );
            header.required = Required::True;
            found.push(header);
        }
    }
    if operation.takes_idempotency_key() {
        found.push(parameter(
            "Idempotency-Key",
            ParameterIn::Header,
            "Up to 255 visible characters; a repeat with the same key and body gets the stored answer.",
        ));
    }
    found
}

/// The names between braces.
pub(crate) fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn describe_path_parameter(name: &str) -> &'static str {
    match name {
        "key" => "The tag's key.",
        "accessKeyId" => "The access key's id.",
        "version" => "The policy version's number.",
        "policy" => "The policy's name or ARN.",
        "user" => "The user's name or ARN.",
        "target" => "The target's id, or the database's name.",
        "endpoint" => "The endpoint's name.",
        "id" => "The correlation id that the client was shown.",
        _ => "The resource's name, id or ARN.",
    }
}

fn parameter(name: &str, place: ParameterIn, description: &str) -> Parameter {
    let required = if place == ParameterIn::Path {
        Required::True
    } else {
        Required::False
    };
    let schema = match name {
        "pageSize" => ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(1_u32))
            .maximum(Some(1_000_u32)),
        "version" => ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(1_u32)),
        "Idempotency-Key" => ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .max_length(Some(255)),
        _ => ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(schema.build()))
        .build()
}

fn schema_ref(shape: &Shape) -> Ref {
    Ref::from_schema_name(&shape.name)
}

fn good_response(good: &Good) -> Response {
    let mut builder = ResponseBuilder::new().description(good.description).header(
        "X-Request-Id",
        HeaderBuilder::new()
            .description(Some("Names this call in the log."))
            .build(),
    );
    if let Some(shape) = &good.shape {
        let content = ContentBuilder::new()
            .schema(Some(schema_ref(shape)))
            .build();
        builder = builder.content(JSON, content);
    }
    if good.status == 201 {
        builder = builder.header(
            "Location",
            HeaderBuilder::new()
                .description(Some("Path of the new resource."))
                .build(),
        );
        builder = builder.header(
            "Idempotent-Replayed",
            HeaderBuilder::new()
                .description(Some(
                    "`true` on the stored answer of an earlier call with the same key.",
                ))
                .build(),
        );
    }
    builder.build()
}

fn problem_response(description: &str) -> Response {
    let schema = Ref::from_schema_name("Problem");
    ResponseBuilder::new()
        .description(description)
        .content(
            PROBLEM_JSON,
            ContentBuilder::new().schema(Some(schema)).build(),
        )
        .build()
}

fn component_name(status: &str) -> &'static str {
    match status {
        "400" => "BadRequest",
        "401" => "Unauthorized",
        "403" => "Forbidden",
        "404" => "NotFound",
        "409" => "Conflict",
        "412" => "PreconditionFailed",
        "413" => "BodyTooLarge",
        "415" => "UnsupportedMediaType",
        "422" => "IdempotencyKeyReused",
        "428" => "PreconditionRequired",
        "503" => "Unavailable",
        _ => "InternalError",
    }
}
