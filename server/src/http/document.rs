//! The OpenAPI document: what each handler says about itself, and what may be answered before a handler is reached.
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Content, ContentBuilder, OpenApi, PathItem, Ref, RefOr, Response, ResponseBuilder, Schema,
    schema::ObjectBuilder, schema::Type,
};

const PROBLEM: &str = "application/problem+json";
const PAGE: &str = "text/html";

/// Answers of every route.
const ANY: [(&str, &str); 3] = [
    ("429", "`rate_limited`: too often, or too much at once"),
    ("500", "`internal_error`"),
    ("503", "`unavailable`: the database, or this server's budgets"),
];
/// Answers of routes with a request body.
const BODY: [(&str, &str); 3] = [
    ("400", "`malformed_json`, or the body broke off"),
    ("408", "`request_timeout`: the body came too slowly"),
    ("413", "`body_too_large`"),
];
/// Answers of routes with a parameter in the path.
const PATH: [(&str, &str); 1] = [("404", "`unknown_route`")];

/// Adds what many routes have in common: a failure is described by a problem, unless its route says otherwise.
pub(super) fn complete(document: &mut OpenApi) {
    let scheme = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of `redis-checkout tokens create`, or one of `SERVICE_TOKENS`"));
    let components = document.components.get_or_insert_default();
    components
        .security_schemes
        .insert("service_token".to_owned(), SecurityScheme::Http(scheme.build()).into());
    for (path, item) in &mut document.paths.paths {
        let tells_persons = ["/buy/", "/p/", "/team/"].iter().any(|begin| path.starts_with(begin));
        for operation in operations(item) {
            for (status, answer) in &mut operation.responses.responses {
                if let (true, RefOr::T(answer)) = (status.as_str() >= "400", answer)
                    && answer.content.is_empty()
                {
                    answer.content.insert(PROBLEM.to_owned(), content(of_problem()).into());
                }
            }
            let body: &[_] = if operation.request_body.is_some() { &BODY } else { &[] };
            let of_path: &[_] = if path.contains('{') { &PATH } else { &[] };
            for (status, description) in ANY.iter().chain(body).chain(of_path) {
                let answers = &mut operation.responses.responses;
                answers.entry((*status).to_owned()).or_insert_with(|| problem(description).into());
            }
            if tells_persons {
                tell_persons(operation);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

/// Errors come as a page for people, and as a problem for programs.
fn tell_persons(operation: &mut Operation) {
    let failures = operation.responses.responses.iter_mut().filter(|(status, _)| status.as_str() >= "400");
    for (_, answer) in failures {
        let RefOr::T(answer) = answer else { continue };
        for (media_type, schema) in [(PAGE, text()), (PROBLEM, of_problem())] {
            answer.content.insert(media_type.to_owned(), content(schema).into());
        }
    }
}

fn problem(description: &str) -> Response {
    ResponseBuilder::new().description(description).content(PROBLEM, content(of_problem())).build()
}

fn content(schema: RefOr<Schema>) -> Content {
    ContentBuilder::new().schema(Some(schema)).build()
}

fn of_problem() -> RefOr<Schema> {
    Ref::from_schema_name("Problem").into()
}

fn text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}
