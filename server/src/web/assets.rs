//! Style sheet and scripts, each under a name with its digest, so that browsers may keep them for good.

use std::sync::{Arc, LazyLock};

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::tenant::Whose;
use crate::app::App;
use crate::error::Error;

struct Asset {
    name: String,
    media_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(name: &str, media_type: &'static str, content: &'static str) -> Self {
        let digest = hex::encode(Sha256::digest(content));
        Self {
            name: format!("{}-{name}", &digest[..16]),
            media_type,
            content,
        }
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "style.css",
        "text/css; charset=utf-8",
        include_str!("../../assets/style.css"),
    )
});
static PAGE: LazyLock<Asset> = LazyLock::new(|| Asset::new("page.js", SCRIPT, include_str!("../../assets/page.js")));
// The npm package htmx.org, as `assets/package.json` says; there is no crate of it that is kept up.
static HTMX: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("htmx.js", SCRIPT, include_str!("../../assets/htmx.min.js")));

pub(super) fn style() -> &'static str {
    &STYLE.name
}

pub(super) fn page() -> &'static str {
    &PAGE.name
}

pub(super) fn htmx() -> &'static str {
    &HTMX.name
}

pub(super) async fn asset(_: State<Arc<App>>, _: Whose, Path(file): Path<String>) -> Result<Response, Error> {
    let assets = [&*STYLE, &*PAGE, &*HTMX];
    let asset = assets.into_iter().find(|asset| asset.name == file);
    let asset = asset.ok_or_else(|| Error::UnknownPage {
        path: format!("/assets/{file}"),
    })?;
    let headers = [
        (CONTENT_TYPE, asset.media_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, asset.content).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn htmx_is_the_one_that_the_package_names() {
        let package: serde_json::Value = serde_json::from_str(include_str!("../../assets/package.json")).unwrap();
        let version = package["dependencies"]["htmx.org"].as_str().unwrap();
        assert!(HTMX.content.contains(&format!("version:\"{version}\"")), "{version}");
        let digest = hex::encode(Sha256::digest(HTMX.content));
        assert_eq!(package["htmx.min.js"]["sha256"], digest.as_str());
    }
}
