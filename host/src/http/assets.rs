//! Style sheets, scripts and the mark, compiled in and named by their content, so that browsers keep them for ever.

use std::sync::LazyLock;

use countersign_core::digest::Digest;

/// For a name that carries the content's digest.
pub const CACHE_FOR_EVER: &str = "public, max-age=31536000, immutable";

/// A file that pages link to.
#[derive(Debug)]
pub struct Asset {
    /// `countersign.<digest>.css`: below `/_countersign/assets/`.
    pub file_name: String,
    pub content_type: &'static str,
    pub bytes: &'static [u8],
}

static STYLE_SHEET: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../ui/assets/countersign.css");
    asset("countersign", "css", "text/css; charset=utf-8", bytes)
});

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    asset("console", "js", "text/javascript; charset=utf-8", include_bytes!("../../ui/assets/console.js"))
});

static MARK: LazyLock<Asset> =
    LazyLock::new(|| asset("mark", "svg", "image/svg+xml", include_bytes!("../../ui/assets/mark.svg")));

static MODULE: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../ui/assets/mlflow.js");
    asset("mlflow", "js", "text/javascript; charset=utf-8", bytes)
});

static MODULE_SHEET: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../ui/assets/mlflow.css");
    asset("mlflow", "css", "text/css; charset=utf-8", bytes)
});

#[must_use]
pub fn style_sheet() -> &'static Asset {
    &STYLE_SHEET
}

/// What pages do better with than without; none needs it.
#[must_use]
pub fn script() -> &'static Asset {
    &SCRIPT
}

/// The picture in the browser's tab.
#[must_use]
pub fn mark() -> &'static Asset {
    &MARK
}

/// What shows, in MLflow's own pages, where versions stand.
#[must_use]
pub fn module() -> &'static Asset {
    &MODULE
}

/// The style of what it draws.
#[must_use]
pub fn module_sheet() -> &'static Asset {
    &MODULE_SHEET
}

/// The asset of this name. A name with an old digest is not found, rather than answered with other content.
#[must_use]
pub fn find(file_name: &str) -> Option<&'static Asset> {
    all().into_iter().find(|asset| asset.file_name == file_name)
}

fn all() -> [&'static Asset; 5] {
    [style_sheet(), script(), mark(), module(), module_sheet()]
}

fn asset(stem: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { file_name: format!("{stem}.{}.{extension}", Digest::of(bytes).short()), content_type, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_found_by_their_digest_only() {
        for asset in all() {
            assert_eq!(find(&asset.file_name).map(|found| found.bytes.len()), Some(asset.bytes.len()));
            assert!(!asset.bytes.is_empty());
        }
        assert!(find("countersign.css").is_none());
        assert!(find("../countersign.css").is_none());
    }

    #[test]
    fn the_module_is_small_and_loads_no_other() {
        let module = std::str::from_utf8(module().bytes).unwrap();
        assert!(module.len() < 15 << 10, "{} bytes", module.len());
        for word in ["import ", "import(", "http://", "https://", "innerHTML", "eval("] {
            assert!(!module.contains(word), "it says `{word}`");
        }
    }

    #[test]
    fn the_style_sheets_fetch_nothing() {
        for sheet in [style_sheet(), module_sheet()] {
            let css = std::str::from_utf8(sheet.bytes).unwrap();
            assert!(!css.contains("url(") && !css.contains("@import"));
        }
    }

    #[test]
    fn the_script_makes_no_markup_of_text() {
        let script = std::str::from_utf8(script().bytes).unwrap();
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", ".style"] {
            assert!(!script.contains(way), "{way}");
        }
    }
}
