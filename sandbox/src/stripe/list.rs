//! Lists, a page at a time.
use serde_json::{Value, json};

use super::{error::ApiError, form::Params};

/// One page of a list, paginated as Stripe does it.
pub(crate) fn page<'a>(
    newest_first: impl Iterator<Item = (&'a str, i64, Value)>,
    params: &Params,
    url: &str,
) -> Result<Value, ApiError> {
    let limit = params.integer("limit")?.unwrap_or(10);
    if !(1..=100).contains(&limit) {
        let message = "Invalid integer: limit must be between 1 and 100".to_owned();
        return Err(ApiError::invalid("limit", message));
    }
    let bound = |name: &str| params.integer(&format!("created[{name}]"));
    let (gte, gt, lte, lt) = (bound("gte")?, bound("gt")?, bound("lte")?, bound("lt")?);
    let in_time = |created: i64| {
        gte.is_none_or(|bound| created >= bound)
            && gt.is_none_or(|bound| created > bound)
            && lte.is_none_or(|bound| created <= bound)
            && lt.is_none_or(|bound| created < bound)
    };
    let mut rows: Vec<_> = newest_first.filter(|(_, created, _)| in_time(*created)).collect();
    let place = |rows: &[(&str, i64, Value)], param: &str| match params.get(param) {
        None => Ok(None),
        Some(id) => match rows.iter().position(|(known, _, _)| *known == id) {
            Some(place) => Ok(Some(place)),
            None => Err(ApiError::missing("object", param, id)),
        },
    };
    let limit = usize::try_from(limit).unwrap_or(100);
    if let Some(end) = place(&rows, "ending_before")? {
        rows.truncate(end);
        let first = rows.len().saturating_sub(limit);
        let has_more = first > 0;
        let data: Vec<Value> = rows.into_iter().skip(first).map(|(_, _, json)| json).collect();
        return Ok(json!({ "object": "list", "url": url, "has_more": has_more, "data": data }));
    }
    let start = place(&rows, "starting_after")?.map_or(0, |place| place + 1);
    let has_more = rows.len() > start + limit;
    let data: Vec<Value> = rows.into_iter().skip(start).take(limit).map(|(_, _, json)| json).collect();
    Ok(json!({ "object": "list", "url": url, "has_more": has_more, "data": data }))
}
