//! The files of a commit on disk, as the hub's Python client writes them too
//! (`trees/COMMIT.json`).

use super::client::RemoteFile;
use super::is_hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const VERSION: u32 = 1;

#[derive(Deserialize, Serialize)]
struct Tree {
    format_version: u32,
    files: BTreeMap<String, Entry>,
}

#[derive(Deserialize, Serialize)]
struct Entry {
    size: u64,
    /// SHA-1 of its git blob: of a large file that of the pointer that git keeps.
    blob_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lfs_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lfs_size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    xet_hash: Option<String>,
}

/// As it was written before this was the layout of all clients.
#[derive(Deserialize)]
struct Former {
    path: String,
    size_bytes: u64,
    digest: String,
}

pub(super) fn to_json(files: &[RemoteFile]) -> String {
    let entry = |file: &RemoteFile| {
        let is_large = file.digest.len() == 64;
        let entry = Entry {
            size: file.size_bytes,
            blob_id: file.git_blob.clone(),
            lfs_sha256: is_large.then(|| file.digest.clone()),
            lfs_size: is_large.then_some(file.size_bytes),
            xet_hash: file.xet_hash.clone(),
        };
        (file.path.clone(), entry)
    };
    let tree = Tree { format_version: VERSION, files: files.iter().map(entry).collect() };
    serde_json::to_string(&tree).expect("strings and numbers are JSON")
}

/// The files that a list states; `None` if it is of another version, or no list.
pub(super) fn from_json(text: &str) -> Option<Vec<RemoteFile>> {
    let files: Vec<RemoteFile> = if let Ok(tree) = serde_json::from_str::<Tree>(text) {
        if tree.format_version != VERSION {
            return None;
        }
        let file = |(path, entry): (String, Entry)| RemoteFile {
            path,
            size_bytes: entry.lfs_size.unwrap_or(entry.size),
            digest: entry.lfs_sha256.unwrap_or_else(|| entry.blob_id.clone()),
            git_blob: entry.blob_id,
            xet_hash: entry.xet_hash,
        };
        tree.files.into_iter().map(file).collect()
    } else {
        let former: Vec<Former> = serde_json::from_str(text).ok()?;
        let file = |Former { path, size_bytes, digest }: Former| {
            let git_blob = if digest.len() == 40 { digest.clone() } else { String::new() };
            RemoteFile { path, size_bytes, digest, git_blob, xet_hash: None }
        };
        former.into_iter().map(file).collect()
    };
    files.iter().all(|file| is_hash(&file.digest)).then_some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_all_clients_are_read() {
        let (small, large) = ("a".repeat(40), "b".repeat(64));
        let files = vec![
            RemoteFile {
                path: "data/a.fits".into(),
                size_bytes: 12,
                digest: large.clone(),
                git_blob: small.clone(),
                xet_hash: Some("c".repeat(64)),
            },
            RemoteFile {
                path: "list".into(),
                size_bytes: 3,
                digest: small.clone(),
                git_blob: small.clone(),
                xet_hash: None,
            },
        ];
        assert_eq!(from_json(&to_json(&files)).as_ref(), Some(&files));
        // As huggingface_hub 1.33 wrote it, and as this crate did before.
        let theirs = format!(
            r#"{{"format_version": 1, "files": {{"list": {{"size": 3, "blob_id": "{small}"}},
            "data/a.fits": {{"size": 12, "blob_id": "{small}", "lfs_sha256": "{large}", "lfs_size": 12}}}}}}"#
        );
        let former = format!(
            r#"[{{"path": "data/a.fits", "size_bytes": 12, "digest": "{large}"}},
            {{"path": "list", "size_bytes": 3, "digest": "{small}"}}]"#
        );
        for text in [theirs, former] {
            let read = from_json(&text).unwrap();
            let brief = |files: &[RemoteFile]| -> Vec<(String, u64, String)> {
                files.iter().map(|f| (f.path.clone(), f.size_bytes, f.digest.clone())).collect()
            };
            assert_eq!(brief(&read), brief(&files));
        }
        assert_eq!(from_json(r#"{"format_version": 2, "files": {}}"#), None);
        assert_eq!(from_json(r#"[{"path": "x", "size_bytes": 1, "digest": "../../x"}]"#), None);
    }
}
